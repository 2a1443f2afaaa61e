"""What was known at a moment T of any table, by the knowledge its declaration gives (claims/schema/knowledge.py).
Nothing else decides it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from claims.schema.knowledge import Dated, Derived, Dimension, Ledger
from claims.schema.table import Table
from claims.store.claim_store import ClaimStore
from claims.store.sql import day, quote, timestamp


def scan(store: ClaimStore, table: str, layout: str, bucket: int | None) -> str | None:
    """The rows of one bucket of a table (all buckets if None); None where it holds no row."""
    return store.relation(table, layout, bucket if layout != "all" else None)


def place_of(table: Table, layout: str, bucket: int | None) -> tuple[str, int | None]:
    """The layout and bucket to read a table from where `layout` and `bucket` are opened: its own where it does not lie
    in that layout, then all of it."""
    return (layout, bucket) if layout in table.layouts else (table.layouts[0], None)


def shown_columns(table: Table) -> dict[str, str]:
    """Column → DuckDB type of what is ever shown of a table: no current state; clocks only of what has a moment of its
    own."""
    hidden: set[str] = set()
    if isinstance(table.knowledge, Dimension):
        hidden |= {table[c].canonical for c in table.knowledge.current}
    if isinstance(table.knowledge, Dimension | Dated):
        hidden |= {"known_at", "version_no"}
    return {name: kind for name, kind in table.canonical_columns.items() if name not in hidden}


def stored_columns(store: ClaimStore, table: Table) -> list[str]:
    """Shown columns that hold a value, in order of declaration."""
    filled = {*store.columns(table.name), *table.key, "known_at", "version_no"}
    return [c for c in shown_columns(table) if c in filled]


def known_sql(
    store: ClaimStore,
    table: Table,
    t: datetime,
    layout: str = "all",
    bucket: int | None = None,
    columns: Iterable[str] | None = None,
    where: Iterable[str] = (),
) -> str | None:
    """SELECT of the rows known at `t`, of each key its last word then, with what was not known yet hidden; None where
    the table holds no row.

    `columns` (of the stored ones; all by default) and `where` (conditions on the relation `f`) narrow it.
    """
    knowledge = table.knowledge
    layout, bucket = place_of(table, layout, bucket)
    source = scan(store, table.name, layout, bucket)
    if source is None or isinstance(knowledge, Ledger):
        return None
    stored = stored_columns(store, table)
    later = _later(table, t, stored)
    cells = [later.get(c, f'f."{c}"') for c in (stored if columns is None else columns)]
    conditions = [f"f.known_at <= {timestamp(t)}"] if table.versioned else []
    if isinstance(knowledge, Dated | Derived):
        first = knowledge.begin if isinstance(knowledge, Dated) else knowledge.day
        if first in stored:
            conditions.append(f"""(f."{first}" > {day(t.date())}) IS NOT TRUE""")
    lines = [
        f"SELECT {'DISTINCT ' if isinstance(knowledge, Derived) else ''}{', '.join(cells)}",
        f"FROM {source} f",
        _anti_superseded(store, table, t, layout, bucket),
        *(f"{'AND' if i else 'WHERE'} {c}" for i, c in enumerate([*conditions, *where])),
    ]
    return "\n".join(filter(None, lines))


def turning_points(store: ClaimStore, table: Table) -> str | None:
    """SELECT of the moments between any two of which the same is known of a table; None where it holds no row."""
    layout, bucket = place_of(table, "all", None)
    source, stored = scan(store, table.name, layout, bucket), stored_columns(store, table)
    if source is None:
        return None
    knowledge = table.knowledge
    dates = [date for date, *_ in _dated(table, stored)] + (["known_at"] if table.versioned else [])
    if isinstance(knowledge, Dated | Derived):
        first = knowledge.begin if isinstance(knowledge, Dated) else knowledge.day
        dates += [first] if first in stored else []
    # A day is held against the day of the moment, so what lies within one turns at its end.
    parts = [
        f'SELECT unnest([f."{c}"::TIMESTAMP, (f."{c}"::DATE + 1)::TIMESTAMP]) AS moment FROM {source} f' for c in dates
    ]
    superseded = scan(store, "superseded", layout, bucket) if table.versioned else None
    if superseded is not None:
        parts.append(f"SELECT superseded_at AS moment FROM {superseded} WHERE table_name = {quote(table.name)}")
    return " UNION ".join(parts) or "SELECT NULL::TIMESTAMP AS moment WHERE false"


def _dated(table: Table, stored: Collection[str]) -> list[tuple[str, ...]]:
    """Stored dates that are hidden as long as they are to come, each with the columns it dates."""
    knowledge = table.knowledge
    groups: tuple[tuple[str, ...], ...] = ()
    if isinstance(knowledge, Dimension):
        groups = knowledge.dated
    elif isinstance(knowledge, Dated) and knowledge.end:
        groups = ((knowledge.end,),)
    return [group for group in groups if group[0] in stored]


def _later(table: Table, t: datetime, stored: Collection[str]) -> dict[str, str]:
    """Column → SQL of the cells that hide a date which at `t` was still to come, or what such a date dates."""
    cells = {}
    for date, *beside in _dated(table, stored):
        limit = day(t.date()) if table[date].kind == "date" else timestamp(t)
        for column in (table[c].canonical for c in (date, *beside)):
            cells[column] = f"""CASE WHEN (f."{date}" > {limit}) IS NOT TRUE THEN f."{column}" END AS "{column}\""""
    return cells


def _anti_superseded(store: ClaimStore, table: Table, t: datetime, layout: str, bucket: int | None) -> str:
    """The join that leaves out the versions which a later one known at `t` supersedes."""
    superseded = scan(store, "superseded", layout, bucket) if table.versioned else None
    if superseded is None:
        return ""
    return f"""ANTI JOIN (
    SELECT key, version_no
    FROM {superseded}
    WHERE table_name = {quote(table.name)} AND superseded_at <= {timestamp(t)}
) x ON x.key = {table.key_sql("f")} AND x.version_no = f.version_no"""
