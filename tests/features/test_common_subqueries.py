"""Fragments that many declarations contain: computed once a reading.

That nobody's number changes is shown for every declaration by test_every_feature.py: its evidence is computed from the whole text, its value by a pass.
"""

import duckdb
import pytest

from features.common_subqueries import _FRAGMENTS, Shared, once


@pytest.fixture
def con(monkeypatch: pytest.MonkeyPatch) -> duckdb.DuckDBPyConnection:
    monkeypatch.setattr("features.common_subqueries._FRAGMENTS", dict(_FRAGMENTS))
    con = duckdb.connect()
    con.execute("CREATE SCHEMA net; CREATE SCHEMA kept")
    con.execute(
        "CREATE TABLE net.t AS SELECT range AS x FROM range(5); CREATE TABLE kept.t AS SELECT range AS x FROM range(7)"
    )
    return con


def read(con: duckdb.DuckDBPyConnection, reading: str) -> None:
    con.execute(f"SET search_path='{reading},main'")


def test_a_fragment_is_computed_once_a_reading_and_says_the_same(con: duckdb.DuckDBPyConnection) -> None:
    doubled = once("test_doubled", "SELECT x, 2 * x AS y FROM t")
    summed = f"SELECT sum(y) FROM {once('test_large', f'SELECT y FROM {doubled} WHERE y > 2')}"
    shared = Shared(con)
    for reading, expected in (("net", 18), ("kept", 40)):
        read(con, reading)
        sql = shared.tables(summed, reading)
        assert "SELECT x" not in sql
        assert f"{reading}.shared_test_large" in sql
        assert con.execute(sql).fetchall() == con.execute(summed).fetchall() == [(expected,)]
    con.execute("DROP TABLE net.t")
    read(con, "net")
    assert con.execute(shared.tables(f"SELECT max(y) FROM {doubled}", "net")).fetchall() == [(8,)], "read again"


def test_two_fragments_cannot_have_one_name(con: duckdb.DuckDBPyConnection) -> None:
    once("test_name", "SELECT 1")
    with pytest.raises(ValueError, match="test_name"):
        once("test_name", "SELECT 2")


def test_a_fragment_names_no_entity() -> None:
    with pytest.raises(ValueError, match="test_entity"):
        once("test_entity", "SELECT $entity AS entity_id FROM stays")
