"""How a population of today differs from the one a model was fitted on: the population stability index over training deciles.

PSI = Σ (now − then) · ln(now / then) over bins that each held a tenth of the training population (Siddiqi, Credit Risk Scorecards, 2006), what is missing being a bin of its own.
Below 0.1 "stable" and above 0.25 "shifted" are the convention of credit scoring, not a test: two samples of the same population differ by
(1/n + 1/m) · χ² with one degree of freedom less than bins (Yurdakul and Naranjo, Journal of Risk Model Validation 14, 2020), which at two hundred hospitals is above 0.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import chi2

from models.scorer import MatrixLike

LOOK: Final = 0.1
SHIFTED: Final = 0.25
USED: Final = 10
"""Columns of a grain that are kept: those that move raw risk most."""
DECILES: Final = np.arange(1, 10) / 10

Spread = Mapping[str, Any]


def spread_of(values: pd.Series | np.ndarray) -> dict[str, Any]:
    """Where a population stands, as a bundle keeps it: `edges` between its deciles (fewer where many share a value), the share in each bin, what is missing last; and n."""
    told = np.asarray(values, dtype=np.float64)
    known = told[~np.isnan(told)]
    edges = [round(float(e), 9) for e in np.unique(np.quantile(known, DECILES))] if len(known) else []
    return {"n": len(told), "edges": edges, "shares": [round(c / len(told), 6) for c in _counts(edges, told)] if len(told) else []}  # fmt: skip


def _counts(edges: Sequence[float], values: np.ndarray) -> list[int]:
    known = np.round(values[~np.isnan(values)], 9)
    inside = np.bincount(np.searchsorted(np.asarray(edges), known, side="left"), minlength=len(edges) + 1)
    return [*(int(n) for n in inside), len(values) - len(known)]


def index_of(then: Spread, values: pd.Series | np.ndarray) -> dict[str, Any]:
    """`psi` of a population against a spread, `chance` (what two samples of one population exceed once in twenty), the shares missing `then` and `now`.

    Half an entity is added to each bin, so that an empty one does not make it infinite. None of both where either population is empty.
    """
    told = np.asarray(values, dtype=np.float64)
    n, m = int(then["n"]), len(told)
    missing = {"missing_then": float(then["shares"][-1]) if n else None, "missing_now": float(np.isnan(told).mean()) if m else None}  # fmt: skip
    if not n or not m:
        return {"psi": None, "chance": None, **missing}
    before = np.asarray(then["shares"]) * n
    after = np.asarray(_counts(then["edges"], told), dtype=np.float64)
    seen = (before + after) > 0
    p, q = ((c[seen] + 0.5) / (c.sum() + seen.sum() / 2) for c in (before, after))
    psi = float(np.sum((q - p) * np.log(q / p)))
    bins = int(seen.sum())
    chance = float(chi2.ppf(0.95, bins - 1) * (1 / n + 1 / m)) if bins > 1 else 0.0
    return {"psi": round(psi, 4), "chance": round(chance, 4), **missing}


def said_of(psi: float | None, chance: float | None) -> str:
    """stable, moved, shifted, few (above the convention, but no more than chance would make of so few) or '' (unknown)."""
    if psi is None or chance is None:
        return ""
    if psi < LOOK:
        return "stable"
    if psi <= chance:
        return "few"
    return "shifted" if psi > SHIFTED else "moved"


def spreads(matrix: MatrixLike, raw: pd.Series, contributions: pd.DataFrame) -> dict[str, Any]:
    """What a fit keeps of a grain: spread of raw risk, of the columns that move it most, and of each rule the share of entities it could not judge.

    matrix, raw: of everybody who may stand on a list; contributions: of some of them, by which the columns are chosen.
    """
    own = contributions.reindex(columns=matrix.X.columns).abs().mean().sort_values(ascending=False, kind="stable")
    used = [str(c) for c in own.index[:USED] if own[c] > 0]
    return {
        "raw": spread_of(raw),
        "columns": {c: spread_of(matrix.X[c]) for c in used},
        "unjudged": unjudged(matrix),
    }


def unjudged(matrix: MatrixLike) -> dict[str, float]:
    """Share of entities each rule could not judge: every one of its hit columns is missing."""
    by_rule: dict[str, list[str]] = {}
    for name, column in matrix.columns.items():
        if column.hit and column.feature.rule and name in matrix.X:
            by_rule.setdefault(column.feature.rule, []).append(name)
    if not len(matrix.X):
        return {}
    return {r: round(float(matrix.X[names].isna().all(axis=1).mean()), 6) for r, names in sorted(by_rule.items())}
