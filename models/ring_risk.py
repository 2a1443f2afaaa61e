"""How bad a ring is: declared weights over its numbers, behind the one contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd

from models.scorer import BASE, Scorer, State, aligned

#: column → (weight, form): what makes a ring worse. Ranking by the sum of surprises puts dialysis and villages first (measured), so size, repetition, money
#: and tightness share the score, and an honest explanation takes a ring below every unexplained one of like size.
RING_WEIGHTS: dict[str, tuple[float, str]] = {
    "ring_members": (1.0, "log"),
    "ring_days": (1.0, "log"),
    "ring_surprise": (0.02, "plain"),
    "ring_density": (1.0, "plain"),
    "ring_attendance": (1.0, "plain"),
    "ring_fen": (0.3, "log"),
    "ring_amount_share": (1.0, "plain"),
    "ring_resale_share": (2.0, "plain"),
    "ring_same_bag": (0.5, "plain"),
    "ring_width": (-0.2, "log"),
    "ring_explained": (-8.0, "plain"),
}


class RingRisk(Scorer):
    """Declared weights over ring features, centred on the median ring of the fit; missing values say nothing."""

    name, label, shown = "rings", "团伙权重", "graph"
    grains = ("ring",)

    def __init__(self, midpoint: float = 0.0) -> None:
        self.midpoint = midpoint

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series | None = None,
        *,
        weight: pd.Series | None = None,
        groups: pd.Series | None = None,
    ) -> Self:
        self.columns_ = list(X.columns)
        values = _weigh(X, self.columns_)
        open_ring = (
            ~(X["ring_explained"] > 0).to_numpy() if "ring_explained" in X.columns else np.ones(len(X), dtype=bool)
        )
        known = values[open_ring] if open_ring.any() else values
        self.centre_ = np.nan_to_num(np.array([np.nanmedian(c) if np.isfinite(c).any() else 0.0 for c in known.T]))
        return self

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        values = _weigh(X, self.columns_)
        parts = np.where(np.isfinite(values), values - self.centre_, 0.0)
        out = pd.DataFrame(parts, index=X.index, columns=self.columns_)
        return out.assign(**{BASE: -float(self.midpoint)})

    def state(self) -> State:
        return {"columns": self.columns_, "midpoint": self.midpoint}, {"centre": self.centre_}

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        made = cls(midpoint=float(values["midpoint"]))
        made.columns_, made.centre_ = list(values["columns"]), np.asarray(arrays["centre"], dtype=np.float64)
        return made


def _weigh(X: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Weighted, transformed values [rows, columns]; NaN where missing, 0 for columns that carry no weight."""
    values = aligned(X, columns)
    out = np.zeros_like(values)
    for j, column in enumerate(columns):
        weight, form = RING_WEIGHTS.get(column, (0.0, "plain"))
        if weight:
            out[:, j] = weight * (np.log1p(np.maximum(values[:, j], 0.0)) if form == "log" else values[:, j])
    return out
