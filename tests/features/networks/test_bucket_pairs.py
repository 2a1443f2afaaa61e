"""Pairs counted per institution bucket over an executor give the rings of one search, whatever the number of buckets or the machines."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.store.executor import LocalExecutor
from claims.store.warehouse import Warehouse
from features.build import build
from features.networks.pairs.bucket_pairs import bucket_pairs
from features.partition import Partition
from features.ring_graph import ring_graph
from simulator import simulate
from tests.features.county import read_tables, write_tables

PLACES = 6


def plant_ring(claims: Path, folder: Path, members: int = 6, days: int = 6) -> tuple[Path, list[str]]:
    """The county with a ring in it: the first swipes of six persons, moved to the six busiest places in turn, together within minutes."""
    tables = read_tables(claims)
    paid = tables["settlements"].reset_index(drop=True)
    times = [c for c in paid if str(paid[c].dtype).startswith("datetime")]
    swipes = paid[~paid["med_type"].astype(str).str.startswith("2") & (paid["refd_setl_flag"].astype(str) == "0")]
    shops = (
        swipes["fixmedins_code"]
        .value_counts()
        .sort_index(kind="stable")
        .sort_values(ascending=False, kind="stable")
        .index[:PLACES]
    )
    who = swipes["psn_no"].value_counts().sort_index(kind="stable")
    who = who[who >= days].index[:members]
    middle = paid["begntime"].quantile(0.3).normalize()
    for m, name in enumerate(who):
        rows = swipes.index[swipes["psn_no"] == name][:days]
        at = middle + pd.to_timedelta(np.arange(days) * 7, unit="D") + pd.Timedelta(minutes=615 + 2 * m)
        for column in times:
            paid.loc[rows, column] = at.to_numpy()
        paid.loc[rows, "fixmedins_code"] = [shops[d % len(shops)] for d in range(days)]
    return write_tables(tables | {"settlements": paid}, folder / "claims"), [str(n) for n in who]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], date]:
    folder = tmp_path_factory.mktemp("ring")
    simulate(folder / "county", 500, 6, 5)
    claims, members = plant_ring(folder / "county" / "claims", folder)
    house = folder / "house"
    intake(claims, house, buckets=1)
    return claims, members, Warehouse.open(house).span()[2].date()


def rings_of(house: Path, as_of: date, **how: object) -> tuple[Partition, pd.DataFrame]:
    partition = build(house, as_of, "ring", **how)  # type: ignore[arg-type]
    return partition, partition.entities()[["members", "begin_at", "total_fen", "explanation"]]


class Far(LocalExecutor):
    """This machine, taken for others."""

    remote = True


@pytest.mark.parametrize("buckets", [1, 4, 8])
def test_buckets_and_executors_find_the_rings_of_one_search(
    planted: tuple[Path, list[str], date], tmp_path: Path, buckets: int
) -> None:
    claims, members, as_of = planted
    one, many = tmp_path / "one", tmp_path / "many"
    for house in (one, many):
        intake(claims, house, buckets=buckets)
    here, rings = rings_of(one, as_of)
    there, same = rings_of(many, as_of, executor=Far())
    assert any(set(members) <= set(names.split(";")) for names in rings["members"])
    pd.testing.assert_frame_equal(rings, same)
    for name in ("values", "rows", "bonds_person", "bonds_meetings"):
        pd.testing.assert_frame_equal(
            *(pd.read_parquet(p.path / f"{name}.parquet") for p in (here, there)), check_dtype=False
        )


def test_a_ring_comes_out_of_the_warehouse_as_a_networkx_graph(
    planted: tuple[Path, list[str], date], tmp_path: Path
) -> None:
    claims, members, as_of = planted
    intake(claims, tmp_path / "house", buckets=1)
    names = build(tmp_path / "house", as_of, "ring").entities()["members"].str.split(";")
    ring_id = next(str(name) for name, who in names.items() if set(members) <= set(who))
    graph = ring_graph(tmp_path / "house", as_of, ring_id)
    assert set(graph) == set(names[ring_id])
    assert all({"age", "fen", "meetings"} <= set(data) for _, data in graph.nodes(data=True))
    assert all(d["z"] >= 6 and d["days"] >= 2 for _, _, d in graph.edges(data=True))
    assert graph.number_of_edges() >= len(graph)
    with pytest.raises(UserError, match="no ring nobody"):
        ring_graph(tmp_path / "house", as_of, "nobody")


def test_two_threads_count_what_a_loop_counts(planted: tuple[Path, list[str], date], tmp_path: Path) -> None:
    claims, _, as_of = planted
    intake(claims, tmp_path / "house", buckets=2)
    warehouse = Warehouse.open(tmp_path / "house")
    loop, threads = (bucket_pairs(warehouse, as_of, 180, LocalExecutor(workers), bits=12) for workers in (1, 2))
    pd.testing.assert_frame_equal(loop, threads)
    assert len(loop) >= 15
