"""The running state of one intake, and the few questions every step asks of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from claims.intake.normalize import MACROS
from claims.intake.quarantine import Rejected
from claims.intake.versions import Clock
from claims.schema.mapping import Mapping
from claims.settings import settings
from claims.sources.source import Ignored, Loaded, Source
from claims.store.sql import bucket_sql, parquet, quote
from claims.store.warehouse import Warehouse

EMPTY = "empty_text"  # the type of text columns nobody sent: writing them costs a third of what VARCHAR costs


Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Counts:
    """The count equation of one source table: rows_in = accepted + quarantined + duplicates."""

    rows_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(asdict(self).values(), asdict(other).values(), strict=True)))


@dataclass(frozen=True)
class IntakeSummary:
    """What one intake did."""

    batch: str
    version: str
    published: bool
    tables: dict[str, Counts]
    readmitted: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)  # table → reason code → rows
    notes: list[str] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)  # what was not read, and why
    totals: dict[str, dict[str, Any]] = field(default_factory=dict)  # what came: claims/intake/control_totals.py
    seconds: float = 0.0


@dataclass
class Batch:
    """The running state of one intake (internal)."""

    con: duckdb.DuckDBPyConnection
    root: Path
    staging: Path
    house: Warehouse
    mapping: Mapping
    name: str
    rejected: list[Rejected] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    parts: dict[str, list[tuple[Source, Loaded, int]]] = field(
        default_factory=dict
    )  # table → (source, loaded, first _row)
    retry_ids: dict[str, list[str]] = field(default_factory=dict)
    extracts: dict[str, str] = field(default_factory=dict)
    end: datetime = datetime.min
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    ignored: list[Ignored] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)  # facts of this batch found on the way
    files: list[dict[str, Any]] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)  # what total lines of files say (claims/intake/control_totals.py)
    skipped: set[str] = field(default_factory=set)  # tables of which a file was taken in before


def connect(staging: Path, memory: str | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that spills into the staging folder, with a memory limit and the parse macros."""
    con = duckdb.connect(":memory:")
    con.execute(f"SET memory_limit = {quote(memory or settings().memory)}")
    con.execute(f"SET temp_directory = {quote(str(staging / 'spill'))}")
    con.execute("SET threads = 2")
    con.execute("SET enable_progress_bar = false")
    con.execute("SET TimeZone = 'Asia/Shanghai'")  # an instant becomes wall time there, on any machine
    con.execute(f"CREATE TYPE {EMPTY} AS ENUM ('')")
    for macro in MACROS:
        con.execute("CREATE " + macro)
    return con


def fingerprint(mapping: Mapping) -> str:
    """What makes a second delivery of the same bytes the same delivery: the text of its mapping."""
    return hashlib.sha256(mapping.text.encode()).hexdigest()[:16]


def count(batch: Batch, table: str, counts: Counts) -> None:
    batch.counts[table] = batch.counts.get(table, Counts()) + counts


def has(batch: Batch, relation: str) -> bool:
    """Whether a table or view is there. The catalogue's own functions take a hundred times as long."""
    try:
        batch.con.execute(f"SELECT 1 FROM {relation} LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True


def types_of(batch: Batch, relation: str) -> dict[str, str]:
    """Column → DuckDB type of a table, view or SELECT."""
    return {row[0]: row[1] for row in batch.con.execute(f"DESCRIBE {relation}").fetchall()}


def columns_of(batch: Batch, relation: str) -> set[str]:
    return set(types_of(batch, relation))


def table_clock(batch: Batch, table: str) -> Clock:
    previous = batch.house.manifest.get("extracts", {}).get(table)
    batch.extracts[table] = max(batch.end.isoformat(), previous or "")
    return Clock(batch.end, datetime.fromisoformat(previous) if previous else None)


def stored_sql(batch: Batch, table: str, layout: str | None = None) -> str | None:
    files = batch.house.files(table, layout)
    return parquet(files) if files else None


def content_hash(columns: list[str]) -> str:
    return "hash(row(" + ", ".join(columns) + "))"


def spread(batch: Batch, person: str, unit: str) -> tuple[str, str]:
    """SQL of a row's bucket by person and by institution."""
    count = batch.house.buckets
    return (bucket_sql(person, count), bucket_sql(unit, count)) if count > 1 else ("0", "0")
