"""How bad a ring is: declared weights over its numbers, behind the one contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd

from features.columns import Column
from features.declare import CountyGraph
from models.scorer import BASE, Population, Scorer, State, aligned

Weights = Mapping[str, tuple[float, bool]]
"""Column → (weight, whether of ln(1 + x))."""


def ring_weights(columns: Mapping[str, Column]) -> dict[str, tuple[float, bool]]:
    """The weights that the ring's own numbers declare (features/catalog/rings.py)."""
    declared = {n: c.feature.measure for n, c in columns.items() if not c.parent}
    return {n: (m.weight, m.log) for n, m in declared.items() if isinstance(m, CountyGraph) and m.weight}


class RingRisk(Scorer):
    """Declared weights over ring features, centred on the median ring of the fit; missing values say nothing."""

    name, label, shown = "rings", "团伙权重", "graph"
    grains = ("ring",)

    def __init__(self, weights: Weights | None = None, midpoint: float = 0.0) -> None:
        self.weights = weights
        self.midpoint = midpoint

    @classmethod
    def of(cls, population: Population) -> Self:
        return cls(ring_weights(population.matrix.columns))

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series | None = None,
        *,
        weight: pd.Series | None = None,
        groups: pd.Series | None = None,
    ) -> Self:
        self.columns_ = list(X.columns)
        values = _weigh(X, self.columns_, self.weights or {})
        open_ring = (
            ~(X["ring_explained"] > 0).to_numpy() if "ring_explained" in X.columns else np.ones(len(X), dtype=bool)
        )
        known = values[open_ring] if open_ring.any() else values
        self.centre_ = np.nan_to_num(np.array([np.nanmedian(c) if np.isfinite(c).any() else 0.0 for c in known.T]))
        return self

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        values = _weigh(X, self.columns_, self.weights or {})
        parts = np.where(np.isfinite(values), values - self.centre_, 0.0)
        out = pd.DataFrame(parts, index=X.index, columns=self.columns_)
        return out.assign(**{BASE: -float(self.midpoint)})

    def state(self) -> State:
        weights = {n: [w, log] for n, (w, log) in (self.weights or {}).items()}
        return {"columns": self.columns_, "weights": weights, "midpoint": self.midpoint}, {"centre": self.centre_}

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        weights = {n: (float(w), bool(log)) for n, (w, log) in values["weights"].items()}
        made = cls(weights, midpoint=float(values["midpoint"]))
        made.columns_, made.centre_ = list(values["columns"]), np.asarray(arrays["centre"], dtype=np.float64)
        return made


def _weigh(X: pd.DataFrame, columns: list[str], weights: Weights) -> np.ndarray:
    """Weighted, transformed values [rows, columns]; NaN where missing, 0 for columns that carry no weight."""
    values = aligned(X, columns)
    out = np.zeros_like(values)
    for j, column in enumerate(columns):
        weight, log = weights.get(column, (0.0, False))
        if weight:
            out[:, j] = weight * (np.log1p(np.maximum(values[:, j], 0.0)) if log else values[:, j])
    return out
