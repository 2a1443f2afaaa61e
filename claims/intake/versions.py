"""Duplicates, versions and the knowledge clock of one table's new rows (contract.md §1.2, §5; docs/design.md §3).

`new` is SQL that gives the batch's rows with ``_row`` (file order), ``_key``, its hash ``_k``, ``_h`` (hash of the
content), ``_nat`` (natural moment of a first version) and ``_full`` (moment at which all the row says was known).
`stored` gives ``_key, _k, _h, version_no, known_at`` of the warehouse. Only keys seen twice are examined closely; all
other rows are the first versions they were made as.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from claims.schema.table import Table
from claims.schema.tables import moments_of
from claims.store.sql import timestamp


@dataclass(frozen=True)
class Clock:
    """The extract's own end, and the end of the last extract that held this table (None for the first)."""

    end: datetime
    previous: datetime | None

    def sql(self, natural: str) -> str:
        """When a row of that natural moment was known: never after its extract's end, and not before it if an earlier
        extract should have held the row."""
        end = timestamp(self.end)
        capped = f"least({natural}, {end})"
        if self.previous is None:
            return capped
        return f"CASE WHEN {natural} <= {timestamp(self.previous)} THEN {end} ELSE {capped} END"


def natural_moment(table: Table, lag: str, alias: str = "") -> str:
    """SQL of when a row could be known: as its source says itself, else a lag after its first filled moment; NULL
    where it has none."""
    told = [f"CAST({alias}{moment} AS TIMESTAMP) + {lag}" for moment in moments_of(table)]
    return f"coalesce({', '.join([f'{alias}_known', *told])})"


def resolve(
    con: duckdb.DuckDBPyConnection,
    part: str,
    key: str,
    new: str,
    stored: str | None,
    clock: Clock,
    lasting: bool = False,
) -> str | None:
    """Set right what in `new_PART` is no plain first version: duplicates go, later versions get their number and clock.

    `key` is SQL of a key's hash (``_k``) over the columns of `new_PART`, `new` SQL giving the batch's rows, evaluated
    for keys that are not alone. A row is a duplicate if its key and content equal a stored version or an earlier row.
    Versions of one key are ordered by (_full, _row); a later version is known when all it says was known, never before
    the version it replaces. `lasting` rows describe something that is there: all that the first delivery says of a key
    counts from its natural moment on, the last row of several; and since such a thing may become again what it was,
    only a row that repeats the word before it is a duplicate. Returns the name of a table of what is superseded (_key,
    version_no, superseded_at, _row of the version that supersedes it), None if nothing is.
    """
    fix, old, keys, held, close = (f"{part}_{x}" for x in ("fix", "old", "keys", "stored", "close"))
    hashes = f"SELECT {key} AS h FROM new_{part}"
    con.execute(f"""
        CREATE TEMP TABLE {keys} AS
        SELECT h
        FROM ({hashes})
        GROUP BY h
        HAVING count(*) > 1
    """)
    empty = """
        SELECT '' AS _key, 0::UBIGINT AS _k, 0::UBIGINT AS _h, 0 AS version_no, TIMESTAMP '1900-01-01' AS known_at
        WHERE false
    """
    con.execute(f"""
        CREATE TEMP TABLE {held} AS
        SELECT * FROM ({stored or empty}) WHERE _k IN ({hashes})
    """)
    con.execute(f"INSERT INTO {keys} SELECT DISTINCT _k FROM {held}")
    if not con.execute(f"SELECT count(*) FROM {keys}").fetchall()[0][0]:
        con.execute(f"DROP TABLE {keys}; DROP TABLE {held}")
        return None
    con.execute(
        f"""
            CREATE TEMP TABLE {close} AS
            SELECT _row, _key, _h, _nat, _full
            FROM ({new})
            WHERE _k IN (FROM {keys})
        """
    )
    in_order = "OVER (PARTITION BY c._key ORDER BY c._full, c._row)"
    if lasting:
        repeats = f"c._h = coalesce(lag(c._h) {in_order}, l._h)"
        is_first = "l._key IS NULL"
    else:
        repeats = f"""
            row_number() OVER (PARTITION BY c._key, c._h ORDER BY c._row) > 1
            OR EXISTS (SELECT 1 FROM {held} s WHERE s._key = c._key AND s._h = c._h)
        """
        is_first = f"l._key IS NULL AND row_number() {in_order} = 1"
    con.execute(
        f"""
            CREATE TEMP TABLE {fix} AS
            WITH last AS (
                SELECT _key, max(version_no) AS version_no, max(known_at) AS known_at, arg_max(_h, version_no) AS _h
                FROM {held}
                GROUP BY 1
            ),
            marked AS (
                SELECT c.*, coalesce({repeats}, false) AS dup
                FROM {close} c
                LEFT JOIN last l USING (_key)
            ),
            ranked AS (
                SELECT
                    c._row, c._key,
                    coalesce(l.version_no, 0) + row_number() {in_order} AS version_no,
                    CASE WHEN {is_first} THEN {clock.sql("c._nat")} ELSE {clock.sql("c._full")} END AS known,
                    l.known_at AS before
                FROM marked c
                LEFT JOIN last l USING (_key)
                WHERE NOT c.dup
            )
            SELECT _row, _key, true AS dup, NULL::INTEGER AS version_no, NULL::TIMESTAMP AS known_at
            FROM marked
            WHERE dup
            UNION ALL
            SELECT
                _row, _key, false, CAST(version_no AS INTEGER),
                greatest(max(known) OVER (PARTITION BY _key ORDER BY version_no), coalesce(before, known))
            FROM ranked
        """
    )
    con.execute(f"DELETE FROM new_{part} WHERE _row IN (SELECT _row FROM {fix} WHERE dup)")
    con.execute(
        f"""UPDATE new_{part} SET known_at = f.known_at, version_no = f.version_no
        FROM {fix} f
        WHERE f._row = new_{part}._row AND NOT f.dup"""
    )
    con.execute(
        f"""
            CREATE TEMP TABLE {old} AS
            SELECT f._key, f.version_no - 1 AS version_no, f.known_at AS superseded_at, f._row
            FROM {fix} f
            WHERE NOT f.dup AND f.version_no > 1
        """
    )
    for made in (keys, held, close, fix):
        con.execute(f"DROP TABLE {made}")
    return old if con.execute(f"SELECT count(*) FROM {old}").fetchall()[0][0] else None
