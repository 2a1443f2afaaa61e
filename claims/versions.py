"""Duplicates, versions and the knowledge clock of one table's new rows (tables.md §1.2, §5; docs/design.md §3).

`new` is SQL that gives the batch's rows with ``_row`` (file order), ``_key``, ``_h`` (hash of the content), ``_nat`` (natural moment of a
first version) and ``_full`` (moment at which all the row says was known). `stored` gives ``_key, _h, version_no, known_at`` of the warehouse.
Only keys seen twice are examined closely; all other rows are first versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb


@dataclass(frozen=True)
class Clock:
    """The extract's own end, and the end of the last extract that held this table (None for the first)."""

    end: datetime
    previous: datetime | None

    def sql(self, natural: str) -> str:
        """When a row of that natural moment was known: never after its extract's end, and not before it if an earlier extract should have held the row."""
        capped = f"least({natural}, TIMESTAMP '{self.end}')"
        if self.previous is None:
            return capped
        return f"CASE WHEN {natural} <= TIMESTAMP '{self.previous}' THEN TIMESTAMP '{self.end}' ELSE {capped} END"


def resolve(con: duckdb.DuckDBPyConnection, part: str, new: str, stored: str | None, clock: Clock) -> tuple[str, str]:
    """Make tables `PART_fix` (_row, dup, version_no, known_at: rows that are not plain first versions) and `PART_old` (_key, version_no, superseded_at).

    `new` is SQL giving the batch's rows, evaluated twice: once for the hashes of all keys, once for the rows whose key is not alone.
    A row is a duplicate if its key and content equal a stored version or an earlier row. Versions of one key are ordered by (_full, _row);
    a later version is known when all it says was known, never before the version it replaces.
    """
    fix, old, keys, held, close = (f"{part}_{x}" for x in ("fix", "old", "keys", "stored", "close"))
    con.execute(
        f"CREATE TEMP TABLE {keys} AS SELECT hash(_key) AS h, CAST(least(count(*), 2) AS TINYINT) AS n FROM ({new}) GROUP BY 1"
    )
    empty = "SELECT '' AS _key, 0::UBIGINT AS _h, 0 AS version_no, TIMESTAMP '1900-01-01' AS known_at WHERE false"
    con.execute(
        f"CREATE TEMP TABLE {held} AS SELECT * FROM ({stored or empty}) WHERE hash(_key) IN (SELECT h FROM {keys})"
    )
    con.execute(f"DELETE FROM {keys} WHERE n < 2")
    con.execute(f"INSERT INTO {keys} SELECT DISTINCT hash(_key), 2 FROM {held}")
    alone = con.execute(f"SELECT count(*) = 0 FROM {keys}").fetchall()[0][0]
    con.execute(
        f"CREATE TEMP TABLE {close} AS SELECT _row, _key, _h, _nat, _full FROM ({new}) WHERE "
        + ("false" if alone else f"hash(_key) IN (SELECT h FROM {keys})")
    )
    con.execute(
        f"""CREATE TEMP TABLE {fix} AS
        WITH marked AS (
            SELECT c.*, row_number() OVER (PARTITION BY _key, _h ORDER BY _row) > 1
                OR EXISTS (SELECT 1 FROM {held} s WHERE s._key = c._key AND s._h = c._h) AS dup FROM {close} c),
        last AS (SELECT _key, max(version_no) AS version_no, max(known_at) AS known_at FROM {held} GROUP BY 1),
        ranked AS (
            SELECT m._row, m._key, coalesce(l.version_no, 0) + row_number() OVER (PARTITION BY m._key ORDER BY m._full, m._row) AS version_no,
                CASE WHEN l._key IS NULL AND row_number() OVER (PARTITION BY m._key ORDER BY m._full, m._row) = 1
                    THEN {clock.sql("m._nat")} ELSE {clock.sql("m._full")} END AS known, l.known_at AS before
            FROM marked m LEFT JOIN last l USING (_key) WHERE NOT dup)
        SELECT _row, _key, true AS dup, NULL::INTEGER AS version_no, NULL::TIMESTAMP AS known_at FROM marked WHERE dup
        UNION ALL
        SELECT _row, _key, false, CAST(version_no AS INTEGER),
            greatest(max(known) OVER (PARTITION BY _key ORDER BY version_no), coalesce(before, known)) FROM ranked"""
    )
    con.execute(
        f"""CREATE TEMP TABLE {old} AS SELECT f._key, f.version_no - 1 AS version_no, f.known_at AS superseded_at, f._row
        FROM {fix} f WHERE NOT f.dup AND f.version_no > 1"""
    )
    for made in (keys, held, close):
        con.execute(f"DROP TABLE {made}")
    return fix, old
