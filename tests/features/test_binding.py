"""Every declaration's SQL binds against the views of an empty warehouse: a misspelt column fails under its feature's
name (`pytest -k NAME`)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from claims.store.warehouse import Warehouse, empty_manifest
from features.asof import open_views, read_as
from features.assemble import numbers, wide_features
from features.bucket import focus, rows_sql
from features.declarations import load_catalog
from features.declare import REGISTRY, CountyGraph, Feature, GraphMeasure, PeerTest
from features.evidence import cross, gathered
from features.grains import GRAINS
from features.networks.rings.partition import RING_COLUMNS, ROW_COLUMNS
from features.networks.scores.network_scores import DOCTOR, INSTITUTION, MEETINGS, PERSON

load_catalog()
FEATURES = list(REGISTRY.values())
T = date(2025, 6, 30)
#: What the ring search writes of each grain.
COUNTY = {"person": PERSON, "institution": INSTITUTION, "doctor": DOCTOR, "ring": RING_COLUMNS}


class Binder:
    """The views of an empty warehouse; the rows of a declaration are bound once for all that share them."""

    def __init__(self) -> None:
        self.con = open_views(Warehouse(Path("."), empty_manifest(1)), T, "person", 0, threads=1)
        focus(self.con, "admission", 1)
        stays = wide_features(REGISTRY.of("admission"))
        held = "".join(f", NULL::DOUBLE AS {column}" for f in stays for column in numbers(f))
        self.con.execute(f"CREATE TABLE main.judged AS SELECT *{held} FROM ({GRAINS['admission'].entities_sql(1)})")
        for name, columns in (("meetings", MEETINGS), ("ring_meetings", ROW_COLUMNS)):
            kinds = {"fen": "BIGINT", "happened_at": "TIMESTAMP"}
            typed = ", ".join(f"{c} {kinds.get(c, 'VARCHAR')}" for c in columns)
            self.con.execute(f"CREATE TABLE main.{name} ({typed})")
        self._tables: dict[tuple[str, str], str] = {}

    def rows(self, feature: Feature) -> str:
        """An empty table of its evidence rows. Raises duckdb.Error where they do not bind."""
        key = (feature.reversed, rows_sql(feature))
        if key not in self._tables:
            read_as(self.con, feature.reversed)
            name = f"main.rows_{len(self._tables)}"
            self.con.execute(f"CREATE TABLE {name} AS SELECT * FROM ({key[1]}) LIMIT 0")
            self._tables[key] = name
        return self._tables[key]

    def bind(self, feature: Feature) -> set[str]:
        """Bind all of it; returns the columns of its evidence rows."""
        table = self.rows(feature)
        told = [feature.measure, feature.amount, feature.peers.statistic if feature.peers else None]
        for sql in told:
            if isinstance(sql, str):
                self.con.execute(f"DESCRIBE SELECT ({sql})::DOUBLE FROM {table} GROUP BY entity_id")
            elif isinstance(sql, CountyGraph):
                assert sql.column in COUNTY[feature.grain]
            elif isinstance(sql, GraphMeasure):
                assert sql.column in sql.function(self.con.execute(f"FROM {table}").df())
        return {row[0] for row in self.con.execute(f"DESCRIBE {table}").fetchall()}


@pytest.fixture(scope="module")
def binder() -> Iterator[Binder]:
    made = Binder()
    yield made
    made.con.close()


@pytest.mark.parametrize("feature", FEATURES, ids=lambda f: f.name)
def test_its_sql_binds(feature: Feature, binder: Binder) -> None:
    assert {"entity_id", "happened_at", "row_table", "row_id"} <= binder.bind(feature)


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.across is not None], ids=lambda f: f.name)
def test_what_it_makes_of_all_buckets_binds_as_evidence_too(feature: Feature, binder: Binder) -> None:
    read_as(binder.con, feature.reversed)
    rows = cross(gathered(binder.con, feature), feature, T)
    assert {"entity_id", "happened_at", "row_table", "row_id"} <= set(rows.columns)


def test_whatever_the_ring_search_writes_is_declared() -> None:
    for grain, columns in COUNTY.items():
        told = [f.measure.column for f in FEATURES if f.grain == grain and isinstance(f.measure, CountyGraph)]
        assert told == list(columns), f"of a {grain}"


@pytest.mark.parametrize("field", ["rows", "measure", "amount", "across", "peers"])
def test_a_misspelt_column_does_not_bind(field: str, binder: Binder) -> None:
    good = Feature(
        name="misspelt",
        grain="person",
        by="person",
        rows="SELECT psn_no AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id FROM swipes",
        measure="count(*)",
        windows=(90,),
    )
    binder.bind(good)
    wrong = {
        "rows": good.rows.replace("setl_id", "setl_ip"),
        "measure": "sum(fun)",
        "amount": "sum(fun)",
        "across": "SELECT *, fun FROM gathered",
        "peers": PeerTest(statistic="sum(fun)", side="high", z=3.0),
    }
    with pytest.raises(duckdb.BinderException):
        binder.bind(replace(good, **{field: wrong[field]}))
