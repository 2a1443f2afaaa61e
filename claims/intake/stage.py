"""The end of an intake: the count equation checked, new rows staged in every layout and bucket, and all of it
published at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from claims.errors import UserError
from claims.intake import quarantine
from claims.intake.batch import EMPTY, Batch, Counts, IntakeSummary, columns_of, count, fingerprint, has
from claims.intake.control_totals import compare
from claims.intake.quality_facts import gather
from claims.schema.table import Table
from claims.schema.tables import CANONICAL, FACTS, LAYOUT_KEY, SOURCE
from claims.settings import settings
from claims.store.publish import describe, publish
from claims.store.sql import bucket_sql, name, quote

#: Half as large again as zstd, but a quarter less work to write and less to read; numbers of visits get no
#: dictionary, they would fill it in vain.
PARQUET = "FORMAT parquet, COMPRESSION lz4_raw, DICTIONARY_SIZE_LIMIT 4000, ROW_GROUP_SIZE 122880"

#: Which supersessions lie in which layout: where the versions do that they speak of.
OF_LAYOUT = {"person": "psn_no IS NOT NULL", "institution": "fixmedins_code IS NOT NULL", "all": "psn_no IS NULL"}

#: Rows from which a table refused whole is a fault of its reading; a few may well all be wrong.
WHOLE = 20


def publish_batch(batch: Batch, label: str, check: Callable[[str], None], started: datetime) -> IntakeSummary:
    con, old = batch.con, batch.house.manifest
    for row in batch.rejected:
        count(batch, row.table, Counts(quarantined=1))
    reasons: dict[str, dict[str, int]] = {}
    for row in batch.rejected:
        reasons.setdefault(row.table, {})[row.code] = reasons.setdefault(row.table, {}).get(row.code, 0) + 1
    for table, c in batch.counts.items():
        if c.rows_in != c.accepted + c.quarantined + c.duplicates:
            raise AssertionError(
                f"{table}: {c.rows_in} rows in, but {c.accepted} + {c.quarantined} + {c.duplicates} accounted for"
            )
    _refuse_whole_table(batch, reasons)
    compare(batch)
    outs = [
        t for t in CANONICAL if has(batch, f"out_{t}") and con.execute(f"SELECT count(*) FROM out_{t}").fetchall()[0][0]
    ]
    resolved = [i for ids in batch.retry_ids.values() for i in ids]
    totals = batch.measured.get("totals", {})
    elapsed = (datetime.now() - started).total_seconds()
    if not outs and not batch.rejected and not resolved:
        return IntakeSummary(
            "", batch.house.version, False, batch.counts, {}, reasons, batch.notes, batch.ignored, totals, elapsed
        )
    gather(batch)
    manifest = json.loads(json.dumps(old))
    version = int(old["version"]) + 1
    parent = f"{int(old['version']):08d}" if old["version"] else None
    manifest |= {"version": version, "content": version, "parent": parent}
    files: list[str] = []
    superseded = " UNION ALL ".join(f"SELECT * FROM old_{t}" for t in outs if has(batch, f"old_{t}"))
    if superseded:
        con.execute(f"CREATE TABLE out_superseded AS SELECT * FROM ({superseded})")
        if con.execute("SELECT count(*) FROM out_superseded").fetchall()[0][0]:
            outs.append("superseded")
    if has(batch, "out_clock_collapsed") and con.execute("SELECT count(*) FROM out_clock_collapsed").fetchall()[0][0]:
        outs.append("clock_collapsed")
    # One writer: two cut the sorted rows at moments of their own, and the dictionaries of a page differ in their bytes.
    con.execute("SET threads = 1")
    for table in dict.fromkeys(outs):
        files += _write(batch, table, manifest)
        if has(batch, f"new_{table}"):
            con.execute(f"DROP VIEW out_{table}; DROP TABLE new_{table}")
    for kind, frame in (
        ("rows", quarantine.frame(batch.rejected, batch.name, fingerprint(batch.mapping))),
        ("resolved", pd.DataFrame({"row_id": sorted(resolved)}, dtype="str")),
    ):
        if len(frame):
            final = f"quarantine/{batch.name}.{kind}.parquet"
            (batch.staging / "quarantine").mkdir(exist_ok=True)
            frame.to_parquet(batch.staging / final, index=False)
            manifest["quarantine"].append({**describe(batch.staging / final, final, len(frame)), "kind": kind})
            files.append(final)
    facts = {k: v for k, v in batch.facts.items() if not k.startswith("_")}
    manifest["facts"] = {**manifest.get("facts", {}), **facts}
    manifest["files"] = [*old.get("files", []), *[f for f in batch.files if f["sha256"]]]
    manifest["extracts"] = {**old.get("extracts", {}), **batch.extracts}
    readmitted = {t: len(ids) for t, ids in batch.retry_ids.items() if ids}
    manifest["batches"].append(
        {
            "batch": batch.name,
            "onto": int(old["version"]),
            "source": _without_secret(label),
            "loaded_at": started.isoformat(timespec="seconds"),
            "mapping": batch.mapping.name,
            "mapping_id": fingerprint(batch.mapping),
            "mapping_text": batch.mapping.text,
            "extract_end": batch.end.isoformat(),
            "counts": {t: asdict(c) for t, c in batch.counts.items()},
            "readmitted": readmitted,
        }
    )
    published = publish(batch.root, batch.staging, files, manifest, check)
    return IntakeSummary(
        batch.name, published, True, batch.counts, readmitted, reasons, batch.notes, batch.ignored, totals, elapsed
    )


def _refuse_whole_table(batch: Batch, reasons: dict[str, dict[str, int]]) -> None:
    """UserError where every row of a table that must be there was set aside: its mapping is wrong, not its rows."""
    for table, counts in batch.counts.items():
        codes = reasons.get(table, {})
        if (
            SOURCE[table].required
            and counts.rows_in >= settings().limits.whole
            and counts.quarantined == counts.rows_in
            and not set(codes) & set(quarantine.RETRIED)
        ):
            worst = max(codes, key=lambda c: codes[c])
            column = next(r.column for r in batch.rejected if r.table == table and r.code == worst)
            why = f"{worst} {quarantine.REASONS[worst][1]}{f' ({column})' if column else ''}"
            raise UserError(
                f"none of the {counts.rows_in:,} rows of {table} can be taken in: {why} in {codes[worst]:,} of them; "
                "nothing was published. Mend the mapping, or let `xiezhi mapping suggest` draft one"
            )


def _without_secret(label: str) -> str:
    head, sep, tail = label.partition("://")
    return f"{head}://{tail.rpartition('@')[2].partition('?')[0]}" if sep else Path(label).name


def sort_columns(table: Table, layout: str) -> list[str]:
    """Canonical columns by which the rows of a file are sorted."""
    columns = list(table.canonical_columns)
    key = LAYOUT_KEY.get(layout)
    order = [
        *([key] if key else []),
        *(["happened_at"] if "happened_at" in columns else []),
        *(table[k].canonical for k in table.key),
        *(["version_no"] if "version_no" in columns else []),
        *columns,
    ]
    return list(dict.fromkeys(order))[:6]


def _write(batch: Batch, table: str, manifest: dict[str, Any]) -> list[str]:
    """Stage the new rows of a table in all its layouts and buckets; enter them in the manifest."""
    con, declared, root = batch.con, CANONICAL[table], batch.staging
    columns = list(declared.canonical_columns)
    rows_of = f"new_{table}" if has(batch, f"new_{table}") else f"out_{table}"
    there = columns_of(batch, rows_of)
    moment = declared.happened.canonical if declared.happened else ""
    written = []
    for layout in declared.layouts:
        key = LAYOUT_KEY.get(layout)
        where = OF_LAYOUT[layout] if table == "superseded" else "true"
        count = batch.house.buckets if key else 1
        bucket_of_row = "0"
        if key and count > 1:
            bucket_of_row = f"_{layout}" if table in FACTS else bucket_sql(key, count)
        present = [
            r[0]
            for r in con.execute(f"""
                SELECT DISTINCT {bucket_of_row}
                FROM {rows_of}
                WHERE {where}
                ORDER BY 1
            """).fetchall()
        ]
        sorting = [moment if c == "happened_at" else c for c in sort_columns(declared, layout)]
        sorting = [c for c in dict.fromkeys(sorting) if c in there]
        held = [c for c in columns if c in there]
        # columns nobody sent are added behind the sort, so that they cost little
        shown = ", ".join(
            f"CAST({name(moment)} AS TIMESTAMP) AS happened_at"
            if c == "happened_at" and c not in there
            else name(c)
            if c in there
            else f"NULL::{EMPTY if kind == 'VARCHAR' else kind} AS {name(c)}"
            for c, kind in declared.canonical_columns.items()
        )
        for bucket in present:
            final = f"tables/{table}/{layout}/b{bucket:03d}/{batch.name}.parquet"
            path = root / final
            path.parent.mkdir(parents=True, exist_ok=True)
            only = f"{bucket_of_row} = {bucket}" if bucket_of_row != "0" else "true"
            con.execute(
                f"""
                    COPY (
                        SELECT {shown}
                        FROM (
                            SELECT {", ".join(map(name, held))}
                            FROM {rows_of}
                            WHERE {where} AND {only}
                            ORDER BY {", ".join(map(name, sorting))}
                        )
                    ) TO {quote(str(path))} ({PARQUET})
                """
            )
            rows = con.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata({quote(str(path))})").fetchall()[0][0]
            manifest["tables"].setdefault(table, {}).setdefault(layout, {}).setdefault(str(bucket), []).append(
                describe(path, final, rows)
            )
            written.append(final)
    counted = ", ".join(f"count({name(c)})" if c in there or c == "happened_at" else "0" for c in columns)
    have = con.execute(f"SELECT {counted} FROM out_{table}").fetchall()[0]
    before = manifest["columns"].get(table, [])
    manifest["columns"][table] = [c for c, n in zip(columns, have, strict=True) if n or c in before]
    if table in FACTS:
        low, high, known = con.execute(
            f"SELECT min(happened_at), max(happened_at), max(known_at) FROM out_{table}"
        ).fetchall()[0]
        span = [t.isoformat() for t in (low, high, known)]
        if earlier := manifest["spans"].get(table):
            span = [min(span[0], earlier[0]), max(span[1], earlier[1]), max(span[2], earlier[2])]
        manifest["spans"][table] = span
    return written
