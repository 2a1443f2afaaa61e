"""What became of those that earlier published lists named: read from the runs on disk, by the clock of the list that asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from claims.errors import Damaged
from claims.schema.outcomes import conclusions
from claims.store.findings import read_findings
from claims.store.publish import Published
from claims.store.warehouse import Warehouse
from features.asof import moment_of

COLUMNS: Final = ("entity_id", "stratum", "probability", "confirmed")
"""Of those listed before who have a conclusive finding since; probability as their list said it (NaN = it said none)."""
REMEDY: Final = "publish again with `xiezhi week`"


def nobody() -> pd.DataFrame:
    """No earlier list."""
    return pd.DataFrame({c: pd.Series(dtype=object) for c in COLUMNS})


def listed_before(warehouse: Path, as_of: date | datetime, grain: str) -> tuple[pd.DataFrame, list[str]]:
    """(`COLUMNS` of those ranked on a list published for a day before `as_of` who were inspected after that day, with a conclusion known by `as_of`; of each the
    first such list counts, whoever came back after a finding does not. Names of runs that are damaged and were left out)."""
    moment = moment_of(as_of)
    first: dict[str, Mapping[str, Any]] = {}
    damaged: list[str] = []
    for root in sorted(p for p in (warehouse / "lists").glob("????-??-??/*") if p.is_dir()):
        if root.parent.name >= f"{moment:%Y-%m-%d}":
            continue
        try:
            run = Published.open(root, REMEDY)
            name = f"lists/{grain}.json"
            rows = json.loads(run.file(name).read_bytes())["rows"] if name in run.manifest["files"] else []
        except Damaged:
            damaged.append(f"{root.parent.name}/{root.name}")
            continue
        for row in rows:
            if row["slot"] == "ranked" and not row.get("returning"):
                first.setdefault(str(row["entity_id"]), row)
    if not first:
        return nobody(), damaged
    held = conclusions(read_findings(Warehouse.open(warehouse), moment), grain)
    kept = []
    for entity, finding in held.loc[held.index.isin(list(first))].iterrows():
        row = first[str(entity)]
        if finding["inspected_at"] >= pd.Timestamp(row["as_of"]) + pd.Timedelta(days=1):
            said = row.get("probability")
            chance = float("nan") if said is None else float(said)
            kept.append((str(entity), row.get("stratum") or "", chance, finding["outcome"] == "confirmed"))
    return pd.DataFrame(kept, columns=list(COLUMNS)) if kept else nobody(), damaged
