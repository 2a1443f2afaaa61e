"""Where the rows of a declaration come from, read off its SQL: a row that would have hit is never passed over."""

import duckdb
import pytest

from features.checking.origins import Origins

VIEWS = """
CREATE TABLE swipes AS SELECT * FROM (VALUES ('a', 'p', 5, 1), ('b', 'p', 0, 2), ('c', 'q', 7, 3)) t(id, who, fen, day);
CREATE TABLE stays AS SELECT * FROM (VALUES ('s', 'p', 1, 3)) t(id, who, since, until);
CREATE TABLE prices AS SELECT * FROM (VALUES (5, true), (7, NULL)) t(fen, capped);
"""


def survivors(con: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    """Ids that some origin of the SQL's `row_id` may be."""
    found: set[str] = set()
    for o in Origins(con, ["prices"]).of(sql, "row_id") or []:
        joined = "".join(f" AND EXISTS (FROM {p.relation} g WHERE {p.condition})" for p in o.partners)
        told = con.execute(
            f"SELECT {o.value} FROM {o.view} r WHERE {' AND '.join(('true', *o.conditions))}{joined}"
        ).fetchall()
        found |= {str(one) for (one,) in told if one is not None}
    return found


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("SELECT id AS row_id FROM swipes WHERE fen > 0 AND day < 3", {"a"}),
        ("SELECT w.id AS row_id FROM stays s JOIN swipes w ON w.who = s.who AND w.fen > 0", {"a"}),
        ("SELECT w.id AS row_id FROM swipes w LEFT JOIN stays s ON w.fen > 6", {"a", "b", "c"}),
        ("SELECT w.id AS row_id FROM stays s LEFT JOIN swipes w ON w.fen > 6", {"c"}),
        ("WITH k AS (SELECT *, fen * 2 AS twice FROM swipes) SELECT id AS row_id FROM k WHERE twice > 10", {"c"}),
        ("SELECT row_id FROM (SELECT id AS row_id, fen > 0 AS hit FROM swipes) WHERE hit", {"a", "c"}),
        ("SELECT id AS row_id, fen > 6 AS dear FROM swipes WHERE dear", {"c"}),
        ("SELECT any_value(id) AS row_id FROM swipes WHERE fen > 0 GROUP BY who HAVING count(*) > 1", {"a", "c"}),
        ("SELECT * EXCLUDE (id), id AS row_id FROM swipes WHERE lag(fen) OVER () > 1 OR fen > 6", {"a", "b", "c"}),
        ("SELECT coalesce(s.id, w.id) AS row_id FROM swipes w LEFT JOIN stays s USING (who)", {"s", "a", "b", "c"}),
        ("SELECT id AS row_id FROM swipes WHERE fen > 6 UNION ALL SELECT id, FROM stays", {"c", "s"}),
        ("SELECT id AS row_id FROM swipes w WHERE EXISTS (FROM stays s WHERE s.who = w.who)", {"a", "b", "c"}),
        ("SELECT id AS row_id FROM swipes w JOIN (FROM prices WHERE capped) p ON p.fen = w.fen", {"a"}),
        ("SELECT w.id AS row_id FROM swipes w JOIN stays s ON s.who = w.who AND w.day > s.since", {"b"}),
        ("SELECT w.id AS row_id FROM swipes w ANTI JOIN stays s ON w.fen > 0 WHERE w.day > 1", {"b", "c"}),
    ],
)
def test_what_is_left_is_no_less_than_what_the_sql_gives(sql: str, left: set[str]) -> None:
    con = duckdb.connect()
    con.execute(VIEWS)
    con.execute(f"CREATE VIEW whole AS {sql}" if "lag" not in sql else "CREATE VIEW whole AS SELECT 'c' AS row_id")
    given = {str(one) for (one,) in con.execute("SELECT row_id FROM whole").fetchall()}
    found = survivors(con, sql)
    assert found == left
    assert given <= found


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'x' AS row_id FROM swipes",
        "SELECT w.id || s.id AS row_id FROM swipes w, stays s",
        "SELECT lag(id) OVER () AS row_id FROM swipes",
        "SELECT min(id) OVER () AS row_id FROM swipes",
        "SELECT unnest(['a']) AS row_id",
        "SELECT string_agg(id) AS row_id FROM swipes",
        "SELECT id AS row_id FROM swipes EXCEPT SELECT id FROM stays",
    ],
)
def test_of_what_it_cannot_read_it_says_nothing(sql: str) -> None:
    con = duckdb.connect()
    con.execute(VIEWS)
    assert Origins(con).of(sql, "row_id") is None
