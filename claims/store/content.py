"""What of a warehouse was known at a moment, as one hash: the same before and after a delivery that tells of later.

Events are told by their files: a file whose first row became known after T says nothing of T. What lasts (Dated,
Dimension) is told by its rows known at T, because of a key that comes for the first time the first word counts as
always known; of people, units and doctors only those with a claim known at T count. So whoever is first delivered
after T without any claim until then does not make T another past.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from pyarrow import ArrowException

from claims.schema.knowledge import Dated, Derived, Dimension, Ledger
from claims.schema.table import Table
from claims.schema.tables import CANONICAL, FACTS
from claims.store.known import known_sql, shown_columns, stored_columns
from claims.store.sql import parquet, timestamp
from claims.store.warehouse import Warehouse

#: Columns of facts that name whom a lasting row is about.
NAMED = {
    "psn_no": ("psn_no",),
    "fixmedins_code": ("fixmedins_code",),
    "dr_codg": ("atddr_no", "bilg_dr_codg"),
}


def known_content(warehouse: Warehouse, t: datetime) -> str:
    """SHA-256 of what was known at `t`. Reads the footers of all files and the rows of what lasts, verified."""
    return _known_content(warehouse.root, warehouse.content, warehouse.version, t)


@functools.lru_cache(maxsize=64)
def _known_content(root: Path, content: str, version: str, t: datetime) -> str:
    warehouse = Warehouse.open(root)
    told = hashlib.sha256()
    with duckdb.connect() as con:
        con.execute("SET TimeZone='Asia/Shanghai'; SET threads=1")
        for line in sorted([*_events(warehouse, t), *_lasting(con, warehouse, t)]):
            told.update(f"{line}\n".encode())
    return told.hexdigest()


def _events(warehouse: Warehouse, t: datetime) -> Iterator[str]:
    """The files of events, of what intake found and of its books that hold a row known at `t`."""
    for name, table in CANONICAL.items():
        if isinstance(table.knowledge, Dated | Dimension):
            continue
        layouts = table.layouts if isinstance(table.knowledge, Ledger) else table.layouts[:1]
        for layout in layouts:
            for entry in warehouse.entries(name, layout):
                if since(warehouse.root / entry["path"], clock_of(table)) <= t:
                    yield f"{name} {layout} {entry['sha256']}"


def clock_of(table: Table) -> str:
    """The column that says from when on a row of a table counts."""
    match table.knowledge:
        case Ledger(since=column) | Derived(day=column):
            return column
        case _:
            return "known_at"


@functools.lru_cache(maxsize=4096)
def since(path: Path, column: str) -> datetime:
    """The first moment in a column of a Parquet file by its footer; the beginning of time where it does not say."""
    try:
        footer = pq.read_metadata(path)
        groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
        firsts = [
            _first(g.column(j).statistics)
            for g in groups
            for j in range(g.num_columns)
            if g.column(j).path_in_schema == column
        ]
    except (OSError, ArrowException):
        return datetime.min  # whoever reads the file says that it is damaged
    return min(firsts) if firsts else datetime.min


def _first(told: pq.Statistics | None) -> datetime:
    if told is None or not told.has_min_max:
        return datetime.min
    least = told.min
    if isinstance(least, datetime):
        return least.replace(tzinfo=None)
    return datetime.combine(least, time.min) if isinstance(least, date) else datetime.min


def _lasting(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, t: datetime) -> Iterator[str]:
    """Number and hash of the rows known at `t` of each table that lasts."""
    asked: dict[str, str] = {}
    for name, table in CANONICAL.items():
        if not isinstance(table.knowledge, Dated | Dimension) or name not in warehouse.tables():
            continue
        rows = known_sql(warehouse, table, t, table.layouts[0])
        if rows is None:
            continue
        about = next((c for c in ("dr_codg", "psn_no", "fixmedins_code") if c in table.key), None)
        if about is not None and about not in asked:
            asked[about] = f"main.{about}s"
            con.execute(f"CREATE TABLE {asked[about]} AS {_with_claims(warehouse, about, t)}")
        here = f" SEMI JOIN {asked[about]} USING ({about})" if about is not None else ""
        # every declared column, so that one filled for the first time after T changes nothing
        stored = stored_columns(warehouse, table)
        cells = [f'"{c}"' if c in stored else f"NULL::{kind}" for c, kind in shown_columns(table).items()]
        found = con.execute(
            f"SELECT count(*), bit_xor(hash({', '.join(cells)})) FROM (SELECT * FROM ({rows}){here})"
        ).fetchone()
        assert found is not None
        yield f"{name} {found[0]} {found[1]}"


def _with_claims(warehouse: Warehouse, about: str, t: datetime) -> str:
    """SELECT of everybody a claim known at `t` names."""
    parts = []
    for name in FACTS:
        paths = warehouse.files(name, CANONICAL[name].layouts[0]) if name in warehouse.tables() else []
        stored = set(warehouse.columns(name)) & set(NAMED[about])
        parts += [
            f'SELECT "{c}" AS {about} FROM {parquet(paths)} WHERE known_at <= {timestamp(t)}'
            for c in sorted(stored)
            if paths
        ]
    return (
        "SELECT DISTINCT * FROM (" + (" UNION ALL ".join(parts) or f"SELECT NULL::VARCHAR AS {about} WHERE false") + ")"
    )
