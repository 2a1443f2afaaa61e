"""Lists held against what inspectors found later. Only the random draw is unbiased; below 20 decided cases the answer is "cannot say yet"."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from claims.store.findings import read_versions
from claims.store.warehouse import Warehouse
from features.grains import Grain
from features.intervals import wilson
from inspection.estimate import rate
from models.settings import SETTINGS
from training.evaluation.baselines import Dated
from training.labels import load_labels
from training.metrics import MIN_CASES, Figure, auc, best, cannot_say


def outcomes_after(store: Warehouse, grain: Grain, day: date, last: date) -> pd.DataFrame:
    """Hard confirmed and refuted findings of a grain that became known after `day` and by the end of `last`."""
    labels = load_labels(read_versions(store, "inspections"), read_versions(store, "presence_checks"), None, last)
    known = labels["known_at"] >= pd.Timestamp(day + timedelta(days=1))
    rows = labels[(labels["grain"] == grain) & known & labels["outcome"].isin(["confirmed", "refuted"])]
    return rows.assign(y=(rows["outcome"] == "confirmed").astype(float))


def against_later(grain: str, made: Dated, later: pd.DataFrame) -> dict[str, Any]:
    """The list of one date against findings that came later, for entities that were in it.

    Figures over all findings describe what inspectors looked at; only `random_*` are unbiased for the county.
    """
    inside = later[later["entity_id"].isin(made.matrix.X.index)].drop_duplicates("entity_id").set_index("entity_id")
    drawn = inside[inside["lead_source"] == "random"]
    out: dict[str, Any] = {
        "later": len(later),
        "in_list": len(inside),
        "confirmed": int(inside["y"].sum()),
        "ranker": made.ranker,
    }
    out["random_drawn"], out["random_confirmed"] = len(drawn), int(drawn["y"].sum())
    out["random_rate"] = _rate(drawn).to_json()
    table = []
    for name, scores in made.scores.items():
        row: dict[str, Any] = {"scorer": name}
        for label, part in (("all", inside), ("random", drawn)):
            row[f"auc_{label}"] = auc_figure(part["y"], scores.reindex(part.index)).to_json()
        for k in SETTINGS[grain].sizes:
            row[f"precision_{k}"] = judged(scores, inside["y"], k).to_json()
        table.append(row)
    return {**out, "table": table}


def _rate(drawn: pd.DataFrame) -> Figure:
    if len(drawn) < MIN_CASES:
        return cannot_say(len(drawn))
    chance = drawn["selection_prob"].to_numpy(dtype=float)
    if np.isfinite(chance).all() and (chance > 0).all():
        found = rate(drawn["y"].to_numpy(), chance, round(float((1 / chance).sum())))
        return Figure(found.value, found.low, found.high, len(drawn), "按抽中概率加权")
    low, high = wilson(float(drawn["y"].sum()), len(drawn))
    return Figure(float(drawn["y"].mean()), low, high, len(drawn), "抽中概率未记录，按等概率计")


def judged(scores: pd.Series, y: pd.Series, k: int) -> Figure:
    """Precision among the listed that were inspected at all; the others are unknown, not wrong."""
    top = best(scores, k)
    seen = y[y.index.isin(top)]
    if len(seen) < MIN_CASES:
        return cannot_say(len(seen), f"前{k}名中仅{len(seen)}个有结论")
    low, high = wilson(float(seen.sum()), len(seen))
    return Figure(float(seen.mean()), low, high, len(seen))


def auc_figure(y: pd.Series, s: pd.Series) -> Figure:
    """AUC with Hanley and McNeil's (1982) interval; cannot say below 5 of either class or 20 in all."""
    positives = int(y.sum())
    if positives < 5 or len(y) - positives < 5 or len(y) < MIN_CASES:
        return cannot_say(len(y), f"查实{positives}例、排除{len(y) - positives}例")
    a = auc(y.to_numpy(), s.to_numpy())
    q1, q2, n1, n0 = a / (2 - a), 2 * a * a / (1 + a), positives, len(y) - positives
    error = np.sqrt((a * (1 - a) + (n1 - 1) * (q1 - a**2) + (n0 - 1) * (q2 - a**2)) / (n1 * n0))
    return Figure(a, max(0.0, a - 1.96 * error), min(1.0, a + 1.96 * error), len(y))
