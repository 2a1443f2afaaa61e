"""What was known at a moment T, as tables a feature's SQL may name (docs/design.md §4).

Which rows those are follows from each table's declared knowledge, the same way for all of them
(claims/store/known.py). A line shows its settlement only once that settlement is known. A refund that arrives after T
does not exist at T.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from pathlib import Path

import duckdb

from claims.schema.knowledge import Ledger
from claims.schema.table import Table
from claims.schema.tables import CANONICAL, FACTS, LAYOUT_KEY
from claims.store.claim_store import ClaimStore
from claims.store.known import known_sql, place_of, shown_columns, stored_columns
from claims.store.sql import quote
from features.dimensions import VIEWS
from features.grains import Layout, Reversed
from features.long_term_care import CARE, make_care, medical_only
from features.reversal_modes import HERE, JOINED, RECENT, absent_columns, fact_filter, make_readings, unread

#: So many layout keys are named in the SQL itself; more are joined.
FEW_KEYS = 100


def moment_of(as_of: date | datetime) -> datetime:
    """A day means its end; a moment means itself."""
    if isinstance(as_of, datetime):
        return as_of
    return datetime.combine(as_of, time(23, 59, 59, 999999))


def tag_of(as_of: date | datetime) -> str:
    """Folder name of an as-of: 2025-09-28, or 2025-09-28T2000 for a moment."""
    return as_of.strftime("%Y-%m-%dT%H%M") if isinstance(as_of, datetime) else as_of.isoformat()


def open_views(
    store: ClaimStore,
    as_of: date | datetime,
    layout: Layout,
    bucket: int,
    *,
    temp: Path | None = None,
    memory: str = "2GB",
    threads: int = 2,
    lines: bool = True,
    words: frozenset[str] | None = None,
    keys: Sequence[str] | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection whose schemas `net`, `kept` and `pairs` hold the as-of views of one bucket. Use `read_as` to choose.

    `keys` (if given) keeps only the entities of those layout keys: all rows of an entity share its key, so nothing
    about them changes. `words` (if given) prunes fee-line columns and tables nobody names; `lines=False` leaves fee
    lines out, as do words without them.
    """
    con = connection(threads, memory, temp)
    make_views(con, store, as_of, layout, bucket, lines=lines, words=words, keys=keys)
    return con


def connection(threads: int, memory: str, temp: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A connection on which as-of views may be made."""
    con = duckdb.connect()
    con.execute(f"SET threads={threads}; SET memory_limit={quote(memory)}; SET preserve_insertion_order=false")
    con.execute("SET enable_progress_bar=false; SET TimeZone='Asia/Shanghai'")
    if temp is not None:
        con.execute(f"SET temp_directory={quote(temp)}")
    return con


def make_views(
    con: duckdb.DuckDBPyConnection,
    store: ClaimStore,
    as_of: date | datetime,
    layout: Layout,
    bucket: int,
    *,
    lines: bool = True,
    words: frozenset[str] | None = None,
    keys: Sequence[str] | None = None,
    standing: Collection[str] = (),
) -> None:
    """The views of `open_views` on a connection that has none; tables beside the facts that are `standing` there
    already are left as they are."""
    t = moment_of(as_of)
    for schema in ("base", "net", "kept", "pairs"):
        con.execute(f"CREATE SCHEMA {schema}")
    con.execute("CREATE TABLE main.asof AS SELECT ?::TIMESTAMP AS t, ?::TIMESTAMP::DATE AS d", [t, t])
    if keys is not None:
        con.execute("CREATE TABLE main.keys AS SELECT unnest(?::VARCHAR[]) AS key", [sorted(set(keys))])
    left_out = unread(words, lines)
    for name in FACTS:
        _fact(con, None if name in left_out else store, CANONICAL[name], layout, bucket, t, keys)
    for name, table in CANONICAL.items():
        if name in beside_facts() and name not in standing:
            read = words is None or name in words or name in JOINED
            make_beside(con, store if read else None, table, layout, bucket, t)
    make_care(con, store if words is None or CARE in words else None, layout, bucket, t)
    make_readings(con, words)
    read_as(con, "net")


def beside_facts() -> list[str]:
    """Tables that lie beside the facts."""
    return [n for n, table in CANONICAL.items() if n not in FACTS and not isinstance(table.knowledge, Ledger)]


def read_as(con: duckdb.DuckDBPyConnection, mode: Reversed) -> None:
    """Let unqualified table names mean the given reading of reversals."""
    con.execute(f"SET search_path={quote(f'{mode},main')}")


def _fact(
    con: duckdb.DuckDBPyConnection,
    store: ClaimStore | None,
    table: Table,
    layout: Layout,
    bucket: int,
    t: datetime,
    keys: Sequence[str] | None,
) -> None:
    """`base.TABLE`: the versions of a fact in force at T, every declared column there; empty without a store."""
    # The readings give each fact its own happened_at.
    declared = {n: k for n, k in shown_columns(table).items() if n != "happened_at"}
    stored = [] if store is None else [c for c in stored_columns(store, table) if c in declared]
    where = fact_filter(table.name, t)
    where += medical_only(table.name, stored)
    if keys is not None:
        # A few keys by name let the reader leave out what their columns' pages and row groups cannot hold.
        few = 0 < len(keys) <= FEW_KEYS
        told = ", ".join(quote(k) for k in sorted(set(keys))) if few else "SELECT key FROM main.keys"
        where.append(f"f.{LAYOUT_KEY[layout]} IN ({told})")
    rows = None if store is None else known_sql(store, table, t, layout, bucket, stored, where)
    kind = "VIEW" if rows is not None and table.name in RECENT else "TABLE"
    if rows is None:
        rows, stored = _empty(declared), list(declared)
    con.execute(f"CREATE {kind} base.{table.name}_stored AS {rows}")
    con.execute(
        f"CREATE VIEW base.{table.name} AS SELECT *{absent_columns(declared, stored)} FROM base.{table.name}_stored"
    )


def make_beside(
    con: duckdb.DuckDBPyConnection, store: ClaimStore | None, table: Table, layout: Layout, bucket: int, t: datetime
) -> None:
    """`main.TABLE`: what was known at T of a table that lies beside the facts, every shown column there; empty without
    a store."""
    declared = shown_columns(table)
    own = place_of(table, layout, bucket)[0]
    # Of a table laid out by another key than the bucket's, whoever has no row here is of no use.
    here = own in LAYOUT_KEY and own != layout
    where = [f"f.{LAYOUT_KEY[own]} IN (SELECT {LAYOUT_KEY[own]} FROM {HERE})"] if here else []
    rows = None if store is None else known_sql(store, table, t, layout, bucket, where=where)
    known = f"({_empty(declared)})"
    if store is not None and rows is not None:
        stored = stored_columns(store, table)
        cells = [f'"{name}"' if name in stored else f'NULL::{kind} AS "{name}"' for name, kind in declared.items()]
        known = f"(SELECT {', '.join(cells)} FROM ({rows}))"
    view = VIEWS.get(table.name, "FROM {known}").format(known=known)
    con.execute(f"CREATE TABLE main.{table.name} AS {view}")


def _empty(declared: dict[str, str]) -> str:
    cells = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in declared.items())
    return f"SELECT {cells} WHERE false"
