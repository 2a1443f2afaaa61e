"""The graph scorers' columns in the matrices the rankers read: joined, explained, with claim rows, and blind to what was not yet known."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from features.declare import REGISTRY
from features.evidence import gather_evidence
from features.matrix import load_matrix
from features.peers import Standing
from models.ensemble import ranker_input, unlabelled
from models.parity import strata_of
from serving.lists.reasons import sentence
from simulator import simulate
from tests.features.county import read_tables, write_tables
from tests.features.networks.test_bucket_pairs import plant_ring


def declared(grain: str) -> set[str]:
    return {f.name for f in REGISTRY.by_graph(grain)}  # type: ignore[arg-type]


CASE, LATER = 0, 1  # the member confirmed a month before the last day, and the one confirmed five days before it


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], date]:
    folder = tmp_path_factory.mktemp("bonds")
    simulate(folder / "county", 500, 6, 5)
    claims, members = plant_ring(folder / "county" / "claims", folder / "planted")
    tables = read_tables(claims)
    found = tables["inspections"]
    last = tables["settlements"]["begntime"].max().normalize()
    mine = found[found["outcome_code"] == "O1_FRAUD"].head(1)
    rows = [
        mine.assign(
            insp_id=f"X{m}", entity_type="person", entity_id=members[m], insp_time=last - pd.Timedelta(days=ago + 5), conclude_time=last - pd.Timedelta(days=ago)
        )
        for m, ago in ((CASE, 30), (LATER, 5))
    ]  # fmt: skip
    tables["inspections"] = pd.concat([found, *rows], ignore_index=True)
    intake(write_tables(tables, folder / "claims"), folder / "house", buckets=1)
    return folder / "house", members, Warehouse.open(folder / "house").span()[2].date()


def test_persons_see_their_ring_and_the_rankers_see_the_columns(house: tuple[Path, list[str], date]) -> None:
    root, members, as_of = house
    matrix = load_matrix(root, as_of, "person")
    inside = [m for m in members if m in matrix.X.index]
    assert declared("person") <= set(matrix.X.columns)
    assert (matrix.X.loc[inside, "bond_ring_members"] >= 6).all()
    assert (matrix.X.drop(index=inside)["bond_ring_members"] > 0).mean() < 0.05
    assert declared("person") <= set(ranker_input(matrix).columns)
    graph = unlabelled(matrix).scorers["graph"]
    assert declared("person") <= set(graph.columns_)
    text = sentence(matrix.columns["bond_ring_members"], Standing(6.0, 100, 0.0, below=99.0, above=0.0))
    assert text == "所在结伴刷卡群组6人（同类中位0人，高于99%的同类）"
    rows = gather_evidence(root, as_of, "person", [("bond_ring_members", inside[0])])["bond_ring_members", inside[0]]
    assert len(rows) >= 3
    assert rows["happened_at"].is_monotonic_increasing


def test_nearness_knows_only_the_cases_of_its_day_and_never_ones_own(house: tuple[Path, list[str], date]) -> None:
    root, members, as_of = house
    early, between, late = (
        load_matrix(root, as_of - timedelta(days=ago), "person").X["bond_cases"] for ago in (45, 15, 0)
    )
    assert (early.reindex(members).dropna() == 0).all()
    others = [m for i, m in enumerate(members) if i != CASE and m in between.index]
    assert (between[others] > 0).all()
    assert between.get(members[CASE], 0.0) == 0, "its own case is the only one"
    if members[CASE] in late.index:
        assert late[members[CASE]] > 0, "by now another member's case is known"


def test_stays_units_and_doctors_carry_theirs(house: tuple[Path, list[str], date]) -> None:
    root, _, as_of = house
    stays = load_matrix(root, as_of, "admission")
    assert {"person__bond_cases", "inst__bond_share", "inst__bond_near"} <= set(stays.X.columns)
    places = load_matrix(root, as_of, "institution").X
    assert (places["bond_visitors"] >= 6).sum() >= 3
    assert declared("doctor") <= set(load_matrix(root, as_of, "doctor").X.columns)


def test_a_stay_knows_its_patients_group(house: tuple[Path, list[str], date]) -> None:
    root, _, as_of = house
    stays, persons = load_matrix(root, as_of, "admission").entities, load_matrix(root, as_of, "person").entities
    assert len(stays)
    for column in ("age_band", "chronic"):
        expected = persons[column].reindex(stays["psn_no"]).to_numpy()
        assert list(stays[column].fillna("")) == list(pd.Series(expected).fillna(""))
    assert stays["age_band"].notna().mean() > 0.9
    assert strata_of(stays).str.contains("60岁").all()
