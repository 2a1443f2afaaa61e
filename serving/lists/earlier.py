"""What earlier published lists named and what became of it: read from the runs on disk, by the clock of the list that asks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
TOLD: Final = (*COLUMNS, "inspected_at", "lead_source")
"""And of the finding: when, and from which source the case came."""
DRAWN: Final = ("draw", "control")
"""Slots of those who stood on a list by chance."""
REMEDY: Final = "publish again with `xiezhi week`"

Row = Mapping[str, Any]


def nobody() -> pd.DataFrame:
    """No earlier list."""
    return pd.DataFrame({c: pd.Series(dtype=object) for c in TOLD})


def rows_before(warehouse: Path, as_of: date | datetime, name: str) -> tuple[list[tuple[str, Row]], list[str]]:
    """((AS_OF/RUN, row) of every row of a list in the runs of days before `as_of`, the oldest first; the runs that are damaged and left out)."""
    day, found, damaged = f"{moment_of(as_of):%Y-%m-%d}", [], []
    for root in sorted(p for p in (warehouse / "lists").glob("????-??-??/*") if p.is_dir() and p.parent.name < day):
        run = f"{root.parent.name}/{root.name}"
        try:
            folder, file = Published.open(root, REMEDY), f"lists/{name}.json"
            rows = json.loads(folder.file(file).read_bytes())["rows"] if file in folder.manifest["files"] else []
        except Damaged:
            damaged.append(run)
            continue
        found += [(run, row) for row in rows]
    return found, damaged


def concluded(warehouse: Path, as_of: date | datetime, grain: str) -> pd.DataFrame:
    """The conclusion on each entity of a grain as known by `as_of`."""
    return conclusions(read_findings(Warehouse.open(warehouse), moment_of(as_of)), grain)


def since_listed(held: pd.DataFrame, days: Mapping[str, str]) -> pd.DataFrame:
    """Of conclusions those on entities inspected after the day (ISO) they were listed for."""
    mine = held[held.index.isin(list(days))]
    listed = pd.Series([pd.Timestamp(days[str(e)]) for e in mine.index], mine.index, dtype="datetime64[ns]")
    return mine[(mine["inspected_at"] >= listed + pd.Timedelta(days=1)).to_numpy()]


def listed_before(
    warehouse: Path, as_of: date | datetime, grain: str, slots: Sequence[str] = ("ranked",)
) -> tuple[pd.DataFrame, list[str]]:
    """(`TOLD` of those who stood in one of `slots` on a list published for a day before `as_of` who were inspected after that day, with a conclusion known by `as_of`; of each the
    first such list counts, whoever came back after a finding does not. Names of runs that are damaged and were left out)."""
    rows, damaged = rows_before(warehouse, as_of, grain)
    first: dict[str, Row] = {}
    for _, row in rows:
        if row["slot"] in slots and not row.get("returning"):
            first.setdefault(str(row["entity_id"]), row)
    if not first:
        return nobody(), damaged
    kept = []
    found = since_listed(concluded(warehouse, as_of, grain), {e: str(row["as_of"]) for e, row in first.items()})
    for entity, finding in found.iterrows():
        row = first[str(entity)]
        said = row.get("probability")
        chance = float("nan") if said is None else float(said)
        told = (finding["outcome"] == "confirmed", finding["inspected_at"], finding.get("lead_source"))
        kept.append((str(entity), row.get("stratum") or "", chance, *told))
    return pd.DataFrame(kept, columns=list(TOLD)) if kept else nobody(), damaged


def drawn_and_ranked_before(warehouse: Path, as_of: date | datetime, grain: str) -> pd.DataFrame:
    """Those drawn and those ranked (`TOLD`, and by_chance: whether they stood there by chance); whoever was both, by what the first list of each kind said."""
    parts = [(listed_before(warehouse, as_of, grain, slots)[0], chance) for slots, chance in ((DRAWN, True), (("ranked",), False))]  # fmt: skip
    return pd.concat([told.assign(by_chance=chance) for told, chance in parts if len(told)] or [nobody().assign(by_chance=False)], ignore_index=True)  # fmt: skip
