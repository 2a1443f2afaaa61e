"""The warehouse laid out anew: one file a bucket, and as many buckets as its rows ask for.

Every delivery adds a file to each bucket, and the number of buckets was chosen by the first. A year of deliveries is
therefore written again as one would be: the same rows in the same order, their contents proved equal by hash before
they are published. The files of the states since the layout before stay, so that readers at work are not disturbed and
batches can still be taken back; older ones are swept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from claims.intake.batch import EMPTY, connect
from claims.intake.stage import PARQUET, sort_columns
from claims.schema.table import Table
from claims.schema.tables import CANONICAL, LAYOUT_KEY
from claims.store.publish import describe, publish, writing
from claims.store.sql import bucket_sql, name, parquet, quote
from claims.store.warehouse import Warehouse

#: Two buckets of this size run at a time in 1.5 GB each; planning a bucket's queries costs about as much as 200,000
#: lines.
LINES_A_BUCKET = 1_500_000
MOST_BUCKETS = 256
#: Files a bucket from which an intake lays the warehouse out anew before it adds its own.
MOST_FILES = 16


@dataclass(frozen=True)
class Layout:
    """How a warehouse lay before and after: its buckets and files; and how many files of older states went."""

    buckets: tuple[int, int]
    files: tuple[int, int]
    swept: int = 0


def buckets_for(lines: int) -> int:
    """How many buckets so many fee lines ask for."""
    return min(MOST_BUCKETS, max(1, math.ceil(lines / LINES_A_BUCKET)))


def crowded(house: Warehouse) -> bool:
    """Whether the layout no longer fits: half as many buckets as there should be, or many files in one."""
    most = max((len(f) for t in house.manifest["tables"].values() for b in t.values() for f in b.values()), default=0)
    return most >= MOST_FILES or buckets_for(house.rows("fee_details")) >= 2 * house.buckets


def compact(warehouse: Path | str, *, buckets: int | None = None, sweep: bool = False) -> Layout:
    """Lay a warehouse out anew. `buckets`: how many, else as its rows ask for. `sweep`: no file of an earlier state is
    kept; nobody may be reading one, and no batch can be taken back. UserError where a file is damaged."""
    with writing(Path(warehouse)) as staging:
        return lay_out(Warehouse.open(warehouse), staging, buckets, sweep)


def lay_out(house: Warehouse, staging: Path, buckets: int | None = None, sweep: bool = False) -> Layout:
    """`compact`, for who holds the lock already."""
    count = buckets or buckets_for(house.rows("fee_details"))
    manifest: dict[str, Any] = json.loads(json.dumps(house.manifest))
    before = _files(house)
    if count != house.buckets or any(
        len(f) > 1 for t in manifest["tables"].values() for b in t.values() for f in b.values()
    ):
        version = int(manifest["version"]) + 1
        written: list[str] = []
        con = connect(staging)
        con.execute("SET threads = 1")
        try:
            for table, layouts in manifest["tables"].items():
                for layout in layouts:
                    layouts[layout] = _write(con, house, CANONICAL[table], layout, count, staging, version)
                    written += [e["path"] for entries in layouts[layout].values() for e in entries]
        finally:
            con.close()
        kept_since = int(manifest.get("laid_out", 0))
        manifest |= {"version": version, "parent": house.version, "buckets": count, "laid_out": version}
        publish(house.root, staging, written, manifest)
        house_now = Warehouse.open(house.root)
    else:
        house_now, kept_since = house, 0
    swept = 0
    if sweep or kept_since:
        swept = _sweep(house_now, int(house_now.manifest["version"]) if sweep else kept_since)
    return Layout((house.buckets, count), (before, _files(house_now)), swept)


def _files(house: Warehouse) -> int:
    return sum(len(f) for t in house.manifest["tables"].values() for b in t.values() for f in b.values())


def _write(
    con: duckdb.DuckDBPyConnection,
    house: Warehouse,
    table: Table,
    layout: str,
    count: int,
    staging: Path,
    version: int,
) -> dict[str, list[dict[str, Any]]]:
    """One layout of a table as one file a bucket. AssertionError if what was written is not what was read."""
    key = LAYOUT_KEY.get(layout)
    old, new = (house.buckets, count) if key else (1, 1)
    filled = house.columns(table.name)
    held = [c for c in table.canonical_columns if c in filled]
    shown = ", ".join(
        name(c) if c in held else f"NULL::{EMPTY if kind == 'VARCHAR' else kind} AS {name(c)}"
        for c, kind in table.canonical_columns.items()
    )
    sorting = ", ".join(name(c) for c in sort_columns(table, layout) if c in held)
    common = math.gcd(old, new)
    made: dict[str, list[dict[str, Any]]] = {}
    for bucket in range(new):
        # a key's hash modulo both counts: only these buckets can hold its rows
        paths = [
            path for b in range(old) if b % common == bucket % common for path in house.files(table.name, layout, b)
        ]
        if not paths:
            continue
        final = f"tables/{table.name}/{layout}/b{bucket:03d}/c{version:08d}.parquet"
        path = staging / final
        path.parent.mkdir(parents=True, exist_ok=True)
        only = f"WHERE {bucket_sql(name(key), new)} = {bucket}" if key and new > 1 else ""
        rows = f"SELECT {', '.join(map(name, held))} FROM {parquet(paths)} {only} ORDER BY {sorting}"
        con.execute(f"COPY (SELECT {shown} FROM ({rows})) TO {quote(path)} ({PARQUET})")
        written = con.execute(f"SELECT count(*) FROM {parquet([path])}").fetchall()[0][0]
        if written:
            made[str(bucket)] = [describe(path, final, written)]
    new_paths = [staging / e["path"] for entries in made.values() for e in entries]
    if contents(con, held, house.files(table.name, layout)) != contents(con, held, new_paths):
        raise AssertionError(
            f"{table.name}, layout {layout}: laid out anew it would hold other rows; nothing was changed"
        )
    return made


def contents(con: duckdb.DuckDBPyConnection, columns: Sequence[str], paths: Sequence[Path]) -> tuple[int, int]:
    """How many rows files hold, and a sum over the hashes of these columns' cells: equal for equal rows in any order
    and any files."""
    if not paths:
        return 0, 0
    cells = f"hash({', '.join(map(name, columns))})"
    rows, total = con.execute(
        f"SELECT count(*), coalesce(sum(CAST({cells} AS HUGEINT)), 0) FROM {parquet(paths)}"
    ).fetchall()[0]
    return int(rows), int(total)


def contents_of(house: Warehouse) -> dict[str, tuple[int, int]]:
    """`contents` of every table of a warehouse, layout by layout."""
    with duckdb.connect() as con:
        return {
            f"{table}/{layout}": contents(con, list(CANONICAL[table].canonical_columns), house.files(table, layout))
            for table, layouts in house.manifest["tables"].items()
            for layout in layouts
        }


def _sweep(house: Warehouse, since: int) -> int:
    """Remove the files that no state from manifest `since` on holds; returns how many."""
    kept = set(house.paths())
    for path in sorted((house.root / "manifests").glob("*.json")):
        if since <= int(path.stem) < int(house.manifest["version"]):
            kept.update(house.at(path.stem).paths())
    gone = [p for room in ("tables", "quarantine") for p in (house.root / room).rglob("*.parquet") if p not in kept]
    for path in gone:
        path.unlink()
    return len(gone)
