"""Quarantined rows, mended by hand or read with a mended mapping, tried again as a batch of their own."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from claims.errors import UserError
from claims.intake import quarantine
from claims.intake.batch import Batch, IntakeSummary, connect
from claims.intake.pipeline import finish
from claims.intake.reject import admit
from claims.intake.typed_rows import take
from claims.schema.mapping import Mapping, load_mapping
from claims.schema.tables import SOURCE
from claims.sources.excel import read_sheets
from claims.store.publish import writing
from claims.store.warehouse import Warehouse


def readmit(
    warehouse: Path | str,
    source: Path | str | None = None,
    *,
    row_ids: list[str] | None = None,
    mapping: str | Path | None = None,
) -> IntakeSummary:
    """Try quarantined rows again: those of a mended .xlsx (`export_quarantine` writes it), the named ones, or all.

    `source`: the workbook; its cells replace what the rows said. `mapping`: read them with a mended mapping instead of
    the one they came with. Rows that pass join the warehouse as a batch and leave the quarantine; the others stay as
    they are. Broken lines (Q06, kept as text) have no cells to mend: mend the file and take it in again. UserError if
    a row is not in quarantine or there is nothing to try.
    """
    root = Path(warehouse)
    started = datetime.now()
    house = Warehouse.open(root)
    rows = quarantine.pending(house)
    if rows.empty:
        raise UserError(f"the quarantine of {root} is empty; there is nothing to readmit")
    cells = mended_rows(Path(source)) if source is not None else {}
    wanted = list(cells) if source is not None else row_ids
    if wanted is not None:
        if unknown := sorted(set(wanted) - set(rows["row_id"])):
            raise UserError(f"no quarantined row {unknown[0]}; `xiezhi quarantine list` shows what is there")
        rows = rows[rows["row_id"].isin(wanted)]
        if rows.empty:
            raise UserError(f"{source or 'the selection'} names no row to readmit")
    if cells:
        rows = rows.assign(raw=[merged(held, cells[i]) for i, held in zip(rows["row_id"], rows["raw"], strict=True)])
    mended = load_mapping(mapping) if mapping is not None else None
    with writing(root) as staging:
        batch = Batch(connect(staging), root, staging, house, mended or Mapping(), house.next_batch)
        try:
            readings = admit(batch, rows, mended)
            for table in SOURCE:
                take(batch, [reading for reading in readings if reading.source.table == table])
            batch.end = max(datetime.fromisoformat(e) for e in house.manifest["extracts"].values())
            return finish(batch, "readmit", lambda label, done, total: None, 1, 1, lambda point: None, started)
        finally:
            batch.con.close()


def merged(held: str, cells: dict[str, Any]) -> str:
    """The row as it was sent, with the cells of the mended sheet in their place."""
    if not held.startswith("{"):
        return held
    return json.dumps({**json.loads(held), **cells}, ensure_ascii=False)


def mended_rows(path: Path) -> dict[str, dict[str, Any]]:
    """Row number → cells of every sheet that has a row number and is not the overview. UserError if the workbook has
    none."""
    found: dict[str, dict[str, Any]] = {}
    for title, frame in read_sheets(path).items():
        if title == quarantine.OVERVIEW or quarantine.ROW_ID not in frame.columns:
            continue
        for record in frame.to_dict("records"):
            row_id = record.pop(quarantine.ROW_ID)
            if row_id is not None and not pd.isna(row_id):
                shown = {str(k): None if v is None or v == "" else str(v) for k, v in record.items()}
                found[str(row_id)] = {k: v for k, v in shown.items() if k not in quarantine.ADDED}
    if not found:
        raise UserError(
            f"{path.name} holds no mended row: expected the workbook of `xiezhi quarantine export`, one sheet a "
            f"table with the column {quarantine.ROW_ID}"
        )
    return found
