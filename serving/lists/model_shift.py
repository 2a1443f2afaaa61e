"""What the model page tells of drift, made when lists are published: how the people of this week differ from those the model was fitted on, what cannot be judged, and
whether drawn cases were confirmed as often as their lists had promised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from claims.errors import Damaged
from claims.store.publish import Published
from features.grains import GRAINS
from features.matrix import Matrix
from inspection.ledger import promises_kept
from models.in_force import load_active
from models.score import Scored
from models.shift import index_of, said_of, unjudged
from serving.lists.earlier import REMEDY, drawn_and_ranked_before

WEEKS: Final = 8
"""Earlier lists that are named beside this one."""
PERIOD: Final = 28
"""Days of a row of drawn cases: a week of them is too few to read."""
PERIODS: Final = 4


def facts_in_force(warehouse: Path, grain: str) -> Mapping[str, Any] | None:
    """What the model in force of a grain keeps of its fit; None where there is none."""
    bundle = load_active(warehouse)
    model = bundle.grains.get(grain) if bundle is not None else None
    return None if model is None else model.facts


def shift_of(facts: Mapping[str, Any] | None, matrix: Matrix, scored: Scored) -> dict[str, Any]:
    """Everybody ranked this week against everybody of the day the model of this grain was fitted: `score`, `columns`, `unjudged`; `why` where they cannot be compared: `no model`, or `no spread` (it was fitted before spreads were kept)."""
    now = unjudged(matrix)
    if facts is None or not (spread := facts.get("spread")):
        return {"why": "no model" if facts is None else "no spread", "unjudged": _rules({}, now)}
    columns = [
        {"label": _label(matrix, c), **_told(then, matrix.X[c])}
        for c, then in spread["columns"].items()
        if c in matrix.X
    ]
    score = _told(spread["raw"], scored.frame["raw"])
    counts = {"then": spread["raw"]["n"], "now": len(scored.frame)}
    return {"as_of": spread["as_of"], "n": counts, "score": score, "columns": columns, "unjudged": _rules(spread["unjudged"], now)}  # fmt: skip


def _label(matrix: Matrix, column: str) -> str:
    told = matrix.columns[column]
    return f"所属{GRAINS[told.about].label}：{told.label}" if told.parent else told.label


def _told(then: Mapping[str, Any], values: pd.Series) -> dict[str, Any]:
    found = index_of(then, values)
    return found | {"said": said_of(found["psi"], found["chance"])}


def _rules(then: Mapping[str, float], now: Mapping[str, float]) -> dict[str, Any]:
    """Share of (entity, rule) pairs that could not be judged, then and now; rules that can judge nobody now; those of which ten in a hundred more cannot be judged."""
    return {
        "then": float(np.mean(list(then.values()))) if then else None,
        "now": float(np.mean(list(now.values()))) if now else None,
        "nobody": [r for r, share in now.items() if share >= 1],
        "more": [r for r, share in now.items() if r in then and share - then[r] >= 0.1],
    }


def promises_of(warehouse: Path, as_of: date, grain: str) -> dict[str, Any]:
    """Drawn cases with a conclusion: `periods` of four weeks by the day of inspection, the newest first (from, to, n, promised, confirmed; promised None where a list gave no chance),
    and the year's alarm over drawn and ranked (inspection/drift.py)."""
    told = drawn_and_ranked_before(warehouse, as_of, grain)
    listed = told[told["by_chance"].astype(bool) & (told["lead_source"] == "random")]
    periods = []
    for k in range(PERIODS):
        last = pd.Timestamp(as_of) - pd.Timedelta(days=PERIOD * k)
        first = last - pd.Timedelta(days=PERIOD - 1)
        day = pd.to_datetime(listed["inspected_at"]).dt.normalize()
        mine = listed[(day >= first) & (day <= last)]
        chance = mine["probability"].astype("float64")
        periods.append(
            {
                "from": f"{first:%Y-%m-%d}", "to": f"{last:%Y-%m-%d}", "n": len(mine), "confirmed": int(mine["confirmed"].astype(bool).sum()),
                "promised": round(float(chance.sum()), 2) if len(chance) and chance.notna().all() else None,
            }
        )  # fmt: skip
    return {"periods": periods, "alarm": promises_kept(told, as_of)}


def shifts_before(warehouse: Path, as_of: date, names: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Per list what the runs of days before said (the latest run of a day, the newest `WEEKS` days, the newest first): as_of, psi, said, unjudged."""
    found: dict[str, list[dict[str, Any]]] = {n: [] for n in names}
    days = sorted(
        {p.name for p in (warehouse / "lists").glob("????-??-??") if p.name < as_of.isoformat()}, reverse=True
    )
    for day in days[:WEEKS]:
        lists = _lists_of(warehouse / "lists" / day)
        for name in names:
            told = lists.get(name, {}).get("shift") or {}
            score = told.get("score") or {}
            if told:
                row = {
                    "as_of": day,
                    "fitted": told.get("as_of", ""),
                    "psi": score.get("psi"),
                    "said": score.get("said", ""),
                }
                found[name].append(row | {"unjudged": told["unjudged"]["now"]})
    return found


def _lists_of(day: Path) -> dict[str, Any]:
    """What the latest sound run of a day told of its lists."""
    runs = sorted((p for p in day.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    for root in runs:
        try:
            folder = Published.open(root, REMEDY)
            if "model.json" in folder.manifest["files"]:
                lists: dict[str, Any] = json.loads(folder.file("model.json").read_bytes())["lists"]
                return lists
        except Damaged:
            continue
    return {}
