"""Champion and challenger on the same list dates, judged by what neither had seen when it was fitted."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from claims.store.warehouse import Warehouse
from features.grains import Grain
from features.intervals import wilson
from features.matrix import load_matrix
from models.bundle import Bundle
from models.decided import closed_at, without
from models.score import Order, places, score
from models.settings import SETTINGS
from models.worst_stays import with_worst_stays
from training.evaluation.prospective import auc_figure, judged, outcomes_after
from training.evaluation.truth import Truth
from training.metrics import best


def figures(
    root: Path,
    champion: Bundle,
    challenger: Bundle,
    grain: Grain,
    as_of: date,
    *,
    order: Order = "probability",
    truth: Truth | None = None,
) -> list[dict[str, Any]]:
    """One record per list date: {"day", "unseen", "champion": {...}, "challenger": {...}}; every figure with n, and None where it cannot be said.

    The list date is the later of the two models' own; outcomes known after it and by `as_of` are unseen by both. With a truth (a simulated county)
    `as_of` is a second list date, and precision over all on the list is given too.
    """
    first = max(date.fromisoformat(b.as_of) for b in (champion, challenger) if b.as_of)
    days = [d for d in (first, as_of) if d < as_of or truth is not None]
    days = list(dict.fromkeys(days))
    if not days:
        return []
    store = Warehouse.open(root)
    out = []
    for day in days:
        matrix = load_matrix(root, day, grain)
        matrix = without(matrix, closed_at(root, day, grain, matrix.entities))
        later = outcomes_after(store, grain, day, as_of)
        later = later[later["entity_id"].isin(matrix.X.index)].drop_duplicates("entity_id").set_index("entity_id")
        record: dict[str, Any] = {"day": f"{day}", "unseen": len(later), "confirmed": int(later["y"].sum())}
        for name, bundle in (("champion", champion), ("challenger", challenger)):
            risk = places(score(with_worst_stays(matrix, root, bundle), bundle, order=order).frame)
            record[name] = {"auc": auc_figure(later["y"], risk.reindex(later.index)).to_json()}
            for k in SETTINGS[grain].sizes:
                record[name][f"precision_{k}"] = judged(risk, later["y"], k).to_json()
                if truth is not None:
                    record[name][f"true_precision_{k}"] = _true_precision(risk, truth.schemes(grain), k)
        out.append(record)
    return out


def _true_precision(risk: pd.Series, guilty: pd.Series, k: int) -> dict[str, Any]:
    top = best(risk, k)
    hits = int(top.isin(guilty.index).sum())
    low, high = wilson(hits, len(top))
    return {"value": hits / max(len(top), 1), "low": low, "high": high, "n": len(top), "note": "对照模拟真值"}
