"""Rows set aside while a batch is checked, and rows of earlier batches tried again."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from claims.intake import quarantine
from claims.intake.batch import Batch
from claims.intake.quarantine import Rejected
from claims.intake.reading import Reading, read
from claims.schema.mapping import Mapping, parse_mapping
from claims.sources.source import Loaded, Source
from claims.store.sql import name, quote


def reject(batch: Batch, table: str, rows: str, code: str | None = None, column: str = "") -> None:
    """Quarantine rows of `parsed_TABLE`: `rows` is SQL giving `_row` and, without `code`, `_err` (``Q02:begntime``)."""
    found = batch.con.execute(
        f"""
            SELECT DISTINCT ON (_row) _row, {"_err" if code is None else quote(code + ":" + column)}
            FROM ({rows})
            ORDER BY _row
        """
    ).fetchall()
    if not found:
        return
    for source, loaded, start in batch.parts.get(table, []):
        mine = {row - start: err for row, err in found if start <= row < start + loaded.rows}
        if not mine or source.kind == "pending":
            continue
        batch.con.execute("CREATE OR REPLACE TEMP TABLE wanted (_row BIGINT)")
        _bulk(batch, "wanted", sorted(mine))
        columns = ", ".join(f"{name(c)} := CAST({name(c)} AS VARCHAR)" for c in loaded.types)
        raws = batch.con.execute(
            f"""
                SELECT _row, CAST(to_json(struct_pack({columns})) AS VARCHAR)
                FROM {loaded.relation}
                WHERE _row IN (SELECT _row FROM wanted)
                ORDER BY _row
            """
        ).fetchall()
        for row, raw in raws:
            reason, _, where = mine[row].partition(":")
            batch.rejected.append(Rejected(table, source.label, loaded.line(row), where, reason, raw))
    keys = [row for row, _ in found]
    batch.con.execute("CREATE OR REPLACE TEMP TABLE wanted (_row BIGINT)")
    _bulk(batch, "wanted", keys)
    batch.con.execute(f"DELETE FROM parsed_{table} WHERE _row IN (SELECT _row FROM wanted)")


def _bulk(batch: Batch, table: str, rows: list[int]) -> None:
    arrow = pa.table({"_row": pa.array(rows, pa.int64())})
    batch.con.register("bulk", arrow)
    batch.con.execute(f"INSERT INTO {table} SELECT _row FROM bulk")
    batch.con.unregister("bulk")


def pending(batch: Batch) -> list[Reading]:
    """The waiting refunds and lines (Q08, Q09), to be tried again with the mapping they came with."""
    if not batch.house.manifest.get("quarantine"):
        return []
    return admit(batch, quarantine.pending(batch.house, quarantine.RETRIED))


def admit(batch: Batch, rows: Any, mended: Mapping | None = None) -> list[Reading]:
    """Quarantined rows as one more source a table and mapping."""
    readings: list[Reading] = []
    if rows.empty:
        return readings
    texts = {b["mapping_id"]: b["mapping_text"] for b in batch.house.manifest["batches"]}
    mappings = {i: mended or parse_mapping(texts[i], i) for i in sorted(set(rows["mapping"]))}
    by_file = [
        file if mappings[m].rule(t).by_file else ""
        for t, m, file in zip(rows["table"], rows["mapping"], rows["file"], strict=True)
    ]
    parts = rows.assign(_file=by_file).groupby(["table", "mapping", "_file"], sort=True)
    for n, ((table, mapping_id, file), group) in enumerate(parts):
        held = [(i, r) for i, r in zip(group["row_id"], group["raw"], strict=True) if r.startswith("{")]
        if not held:
            continue
        records = [json.loads(raw) for _, raw in held]
        columns = sorted({c for record in records for c in record})
        relation = f"pending_{n}_{table}"
        arrow = pa.table(
            {c: pa.array([r.get(c) for r in records], pa.string()) for c in columns}
            | {"_row": pa.array(range(len(records)), pa.int64())}
        )
        batch.con.register("bulk", arrow)
        batch.con.execute(f"CREATE TABLE {name(relation)} AS SELECT * FROM bulk")
        batch.con.unregister("bulk")
        loaded = Loaded(name(relation), dict.fromkeys(columns, "VARCHAR"), len(records))
        batch.retry_ids.setdefault(table, [])
        source = Source(table, f"{mapping_id}/{file}", kind="pending")
        readings.append(read(batch, source, loaded, mappings[mapping_id]))
        batch.facts.setdefault("_pending", {})[source.table, source.label] = [i for i, _ in held]
    return readings
