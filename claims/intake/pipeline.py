"""What a bureau sends becomes canonical tables: every row is accepted, quarantined or a duplicate, and none is lost.

One intake is one batch: load (`sources`) → parse (`reading`, `typed_rows`) → check and link refunds (`settlements`,
`fee_lines`, `supporting_tables`) → versions and clocks (`canonical_tables`, `versions`) → stage and publish (`stage`).
All heavy work is DuckDB SQL under a memory limit with spill, so a file may be larger than memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from claims.errors import UserError
from claims.intake.batch import Batch, Counts, IntakeSummary, Progress, connect, count, fingerprint, has
from claims.intake.fee_lines import lines
from claims.intake.layout import buckets_for, crowded, lay_out
from claims.intake.money_scale import lines_against_settlements
from claims.intake.reading import Reading, Unmatched, fits, read, unfilled
from claims.intake.reject import pending
from claims.intake.settlements import settlements
from claims.intake.stage import publish_batch
from claims.intake.supporting_tables import derive, plain
from claims.intake.typed_rows import take
from claims.schema.mapping import load_mapping
from claims.schema.tables import SOURCE, moments_of
from claims.sources.discover import find_sources, refuse_unread
from claims.sources.excel import ROW_LIMITS
from claims.sources.load import digest, load
from claims.sources.source import Ignored, Loaded, Source
from claims.store.executor import Executor
from claims.store.publish import writing
from claims.store.sql import name, quote, timestamp
from claims.store.warehouse import Warehouse, empty_manifest

BYTES_A_LINE = 120
CLAIMS = ("settlements", "fee_details")
#: One row in so many may stand so many days behind all others, in a table of so many rows, before it is no stray.
STRAYS, HALF_A_YEAR, FEWEST = 1000, 183, 20


def intake(
    source: Path | str,
    warehouse: Path | str,
    mapping: str | Path | None = None,
    known_at: date | None = None,
    progress: Progress | None = None,
    allow_ignored: Sequence[str] = (),
    *,
    buckets: int | None = None,
    check: Callable[[str], None] = lambda point: None,
) -> IntakeSummary:
    """Take one delivery into a warehouse.

    `source`: a file, a folder with one file or folder of files a table, a zip, or a SQLAlchemy URL. `mapping`: a
    shipped name or a TOML path. `known_at`: the extract's own end (end of that day), where the mapping does not say
    it. `allow_ignored`: names or patterns of data that may go unread. `buckets` only counts for a new
    warehouse. UserError if a file cannot be read; then nothing is published.
    """
    rules = load_mapping(mapping)
    root = Path(warehouse)
    started = datetime.now()
    say = progress or (lambda label, done, total: None)
    if "://" not in str(source) and not Path(source).exists():
        raise UserError(f"there is no file or folder {source}")
    with writing(root) as staging:
        house = Warehouse.open(root) if (root / "CURRENT").exists() else None
        unread: list[Ignored] = []
        sources = find_sources(source, rules, staging, unread)
        refuse_unread(unread, tuple(allow_ignored))
        if house is None or not house.tables():  # new, or all of it was taken back
            count = buckets or _bucket_count(sources)
            house = Warehouse(root, {**(house.manifest if house else empty_manifest(count)), "buckets": count})
        elif crowded(house):
            say("整理仓库", 0, 1)
            lay_out(house, staging)
            house = Warehouse.open(root)
        batch = Batch(connect(staging), root, staging, house, rules, house.next_batch)
        batch.ignored += unread
        try:
            return _run(batch, str(source), sources, known_at, say, check, started)
        except duckdb.OutOfMemoryException as error:
            raise UserError(
                f"not enough memory or disk for this intake: {str(error).splitlines()[0]}; nothing was published"
            ) from None
        except duckdb.IOException as error:
            raise UserError(f"reading or writing failed: {str(error).splitlines()[0]}; nothing was published") from None
        finally:
            batch.con.close()


def _bucket_count(sources: list[Source]) -> int:
    return buckets_for(sum(_line_count(s) for s in sources if s.path and s.table == "fee_details"))


def _line_count(source: Source) -> int:
    """Rows of a file: as Parquet says, of text by its size. A damaged file counts nothing: reading it says what is
    wrong."""
    assert source.path is not None
    if source.kind != "parquet":
        return source.path.stat().st_size // BYTES_A_LINE
    try:
        return int(pq.read_metadata(source.path).num_rows)
    except (OSError, pa.ArrowException):
        return 0


def intake_on(
    executor: Executor,
    source: Path | str,
    warehouse: Path | str,
    mapping: str | Path | None = None,
    known_at: date | None = None,
    progress: Progress | None = None,
    allow_ignored: Sequence[str] = (),
) -> IntakeSummary:
    """`intake` done by an executor: one job, as its tables are checked against each other. A remote one must reach
    source and warehouse by these paths."""
    job = partial(
        _intake_job, source, warehouse, mapping, known_at, None if executor.remote else progress, allow_ignored
    )
    found: IntakeSummary = next(iter(executor.map(job, [0])))
    return found


def _intake_job(
    source: Path | str,
    warehouse: Path | str,
    mapping: str | Path | None,
    known_at: date | None,
    progress: Progress | None,
    allow_ignored: Sequence[str],
    _: int,
) -> IntakeSummary:
    return intake(source, warehouse, mapping, known_at, progress, allow_ignored)


def _run(
    batch: Batch,
    label: str,
    sources: list[Source],
    known_at: date | None,
    say: Progress,
    check: Callable[[str], None],
    started: datetime,
) -> IntakeSummary:
    old = batch.house.manifest
    seen = {(f["table"], f["sha256"], f["mapping"]): f for f in old.get("files", []) if f["sha256"]}
    mapped = fingerprint(batch.mapping)
    steps = len(sources) + 6
    done = 0
    readings: list[Reading] = []
    wrong: list[str] = []
    for source in sources:
        say(f"读取 {source.label}", done, steps)
        done += 1
        sha = digest(source)
        if (source.table, sha, mapped) in seen:
            rows = seen[(source.table, sha, mapped)]["rows_in"]
            count(batch, source.table, Counts(rows_in=rows, duplicates=rows))
            batch.skipped.add(source.table)
            continue
        seen[(source.table, sha, mapped)] = entry = {
            "table": source.table,
            "name": source.label,
            "sha256": sha,
            "mapping": mapped,
            "rows_in": 0,
        }
        named = partial(fits, source, batch.mapping)
        loaded = load(batch.con, source, done, batch.staging, batch.mapping.int96, named=named)
        if loaded.above:
            batch.ignored.append(Ignored(f"{source.label}: {loaded.above} lines above the header", "a title"))
        entry["rows_in"] = loaded.rows + len(loaded.faults)
        if last := _last_row_of_a_sheet(source, loaded):
            batch.measured.setdefault("row_limit", []).append(source.label)
            batch.notes.append(
                f"{source.label} ends at the last row a sheet can hold ({last:,}): rows may be lost; export it as CSV "
                "or in parts"
            )
        batch.files.append(entry)
        try:
            readings.append(read(batch, source, loaded, batch.mapping))
        except Unmatched as error:  # what is wrong with the others is said in the same breath
            wrong += error.what
    if wrong:
        raise Unmatched(wrong)
    batch.notes += unfilled(readings)
    say("解析", done, steps)
    readings += pending(batch)
    for table in SOURCE:
        take(batch, [reading for reading in readings if reading.source.table == table])
    _impossible_times(batch)
    _clock(batch, known_at)
    return finish(batch, label, say, done, steps, check, started)


def _last_row_of_a_sheet(source: Source, loaded: Loaded) -> int:
    """The limit at which a sheet, or text that was saved from one, ends; 0 if at none. What became no row counts, and
    of text both its lines and its records, of which one may span several lines."""
    if source.kind not in ("csv", "xlsx"):
        return 0
    last = max((fault.line for fault in loaded.faults), default=0)
    last = max(last, loaded.line(loaded.rows - 1) if loaded.rows else 0)
    return next((n for n in ROW_LIMITS if n in (last, loaded.rows + len(loaded.faults) + 1)), 0)


def finish(
    batch: Batch, label: str, say: Progress, done: int, steps: int, check: Callable[[str], None], started: datetime
) -> IntakeSummary:
    say("核对结算", done, steps)
    lines_against_settlements(batch)
    settlements(batch)
    say("核对明细", done + 1, steps)
    lines(batch)
    say("核对其余各表", done + 2, steps)
    for table in SOURCE:
        if table not in ("settlements", "fee_details"):
            plain(batch, table)
    derive(batch)
    say("写入", done + 3, steps)
    summary = publish_batch(batch, label, check, started)
    say("完成", steps, steps)
    return summary


def _impossible_times(batch: Batch) -> None:
    """Set aside what happened after today, and the few claims that stand half a year and more behind all others: a
    year typed wrong would move the clock of the whole extract. An inspection may well follow half a year later."""
    tomorrow = timestamp(datetime.now().replace(microsecond=0) + timedelta(days=1))
    for table, declared in SOURCE.items():
        src = f"parsed_{table}"
        if not has(batch, src) or not (moments := moments_of(declared)):
            continue
        for moment in moments:
            at = f"CAST({name(moment)} AS TIMESTAMP)"
            late = f"{at} > {tomorrow}"
            if table in CLAIMS and (last := _last_but_strays(batch, src, at)):
                late += f" OR {at} >= {timestamp(last)}"
            batch.con.execute(f"UPDATE {src} SET _err = {quote('Q07:' + moment)} WHERE _err IS NULL AND ({late})")


def _last_but_strays(batch: Batch, src: str, at: str) -> datetime | None:
    """The moment of the first stray of a table: at most one row in a thousand, at least half a year behind the rest;
    None where there is none."""
    days = batch.con.execute(
        f"""
            SELECT CAST({at} AS DATE) AS day, count(*) AS rows
            FROM {src}
            WHERE _err IS NULL AND {at} IS NOT NULL
            GROUP BY 1
            ORDER BY 1 DESC
        """
    ).fetchall()
    total, above = sum(n for _, n in days), 0
    for (later, n), (day, _) in pairwise(days):
        above += n
        if above > max(1, total // STRAYS):
            return None
        if total >= FEWEST and later - day >= timedelta(days=HALF_A_YEAR):
            return datetime(later.year, later.month, later.day)
    return None


def _clock(batch: Batch, known_at: date | None) -> None:
    """The extract's own end: as told, else as the mapping says, else the last natural moment it speaks of."""
    if known_at is not None:
        batch.end = datetime(known_at.year, known_at.month, known_at.day, 23, 59, 59)
        return
    if batch.mapping.extract_end is not None:
        batch.end = batch.mapping.extract_end
        return
    last = [datetime(1900, 1, 1)]
    for table, declared in SOURCE.items():
        moments = (*moments_of(declared), "_known")  # an extract holds nothing that was known after it
        if has(batch, f"parsed_{table}"):
            latest = ", ".join(f"max(CAST({name(m)} AS TIMESTAMP))" for m in moments)
            found = batch.con.execute(f"SELECT {latest} FROM parsed_{table} WHERE _err IS NULL").fetchall()[0]
            last += [moment for moment in found if moment]
    ends = [datetime.fromisoformat(e) for e in batch.house.manifest.get("extracts", {}).values()]
    batch.end = max(last) if max(last) > datetime(1900, 1, 1) else max(ends, default=datetime(1900, 1, 1))


__all__ = ["Counts", "IntakeSummary", "intake"]
