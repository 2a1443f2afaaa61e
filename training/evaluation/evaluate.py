"""Is the list worth anybody's evening? Rules, isolation forest, graph, plain LightGBM and the full model side by side, with intervals.

With truth (a simulated county) every entity counts. Without, a list made as of an earlier date is held against what was found later; only
random-draw outcomes give unbiased figures, and below 20 decided cases the answer is "cannot say yet".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from claims.errors import UserError
from claims.store.findings import read_versions
from claims.store.warehouse import Warehouse
from features.grains import Grain
from features.matrix import load_matrix
from models.decided import closed_at, without
from models.score import Order
from training.evaluation.against_truth import against_truth, rings_against_truth
from training.evaluation.baselines import dated
from training.evaluation.leakage import future_blind, permuted
from training.evaluation.prospective import against_later, outcomes_after
from training.evaluation.truth import load_truth

Progress = Callable[[str, float], None]


def evaluate(
    warehouse: Path | str,
    truth: Path | str | None = None,
    *,
    as_of: date | None = None,
    dates: int = 1,
    step: int = 30,
    grains: Sequence[Grain] = ("admission", "person", "institution", "doctor", "ring"),
    seed: int = 0,
    order: Order = "probability",
    refit: bool = True,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Side-by-side figures per grain.

    With truth: lists as of `as_of`, `as_of` − step, … (`dates` of them; default: the last date the claims reach), each by a model fitted only
    on what was known by that date (`refit`; else the bundle in force), of those without a conclusive finding by then (models/decided.py). Without: lists as of `as_of` (default: 120 days before the last claim)
    against outcomes that became known later. Rings are only held against a truth. Returns plain values (for --json):
    {"mode", "dates", "order", "grains": {grain: {...}}, "future_blind"}.
    """
    root = Path(warehouse)
    store = Warehouse.open(root)
    last = store.span()[1].date()
    facts = load_truth(truth) if truth is not None else None
    start = as_of or (last if facts is not None else last - timedelta(days=120))
    days = [start - timedelta(days=step * i) for i in range(dates)]
    days = [d for d in days if d >= store.span()[0].date() + timedelta(days=60)]
    if not days:
        raise UserError(f"数据只到 {last}，没有足够的历史可供评估；请导入更长时间的数据，或指定更晚的 --as-of。")
    grains = [g for g in grains if g != "ring" or (facts is not None and len(facts.rings))]
    out: dict[str, Any] = {
        "mode": "truth" if facts is not None else "later",
        "dates": [f"{d}" for d in days],
        "order": order,
        "grains": {},
    }
    for i, grain in enumerate(grains):
        if progress is not None:
            progress(f"评估 {grain}", i / len(grains))
        if grain == "ring":
            rings = load_matrix(root, days[0], "ring")
            rings = without(rings, closed_at(root, days[0], "ring", rings.entities))
            out["grains"][grain] = rings_against_truth(rings.entities, facts)
            continue
        lists = [dated(root, day, grain, seed=seed, order=order, refit=refit) for day in days]
        if facts is not None:
            out["grains"][grain] = against_truth(grain, lists, facts, seed=seed)
        else:
            later = outcomes_after(store, grain, days[0], last)
            out["grains"][grain] = against_later(grain, lists[0], later)
        made = lists[0]
        if made.ranker and made.rows is not None:
            out["grains"][grain]["permuted"] = permuted(made.rows, seed=seed)
    out["future_blind"] = future_blind(
        read_versions(store, "inspections"), read_versions(store, "presence_checks"), days[0], seed=seed
    )
    return out
