"""What few findings can teach: a ridge logistic regression on ranks.

A column enters twice, by its percentile p among the people of the county and by its tail −ln(1 − p), so that neither units nor one absurd value
matter, and the extreme still counts more than the merely high. A dozen confirmed cases cannot choose among a thousand columns; shrunk hard, all columns
vote, each by how far the confirmed stand from the others on it (why, and on what it was chosen: docs/design.md §14).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from models.reference_distribution import Tail, tail_of
from models.scorer import BASE, Scorer, State, aligned

GRID: Final = 64
"""Points kept of a column's reference distribution."""
TAIL_SCALE: Final = 0.5
"""Brings the tail (variance 1) near the percentile (variance 1/12), so that one ridge suits both."""


class RankLogit(Scorer):
    """Log odds = intercept + Σ_columns a · (p − ½) + b · (t − 1) / 2; a missing value adds nothing.

    ridge: penalty on each coefficient beside weights that count cases. `reference` of `fit` holds rows of the whole population, X where it is not given.
    """

    name = "rank_logit"

    def __init__(self, ridge: float = 30.0) -> None:
        self.ridge = ridge

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series | None = None,
        *,
        weight: pd.Series | None = None,
        groups: pd.Series | None = None,
        reference: pd.DataFrame | None = None,
    ) -> Self:
        """Fit on y in {0, 1}. Raises ValueError when y is absent or of one class."""
        if y is None or y.nunique() < 2:
            raise ValueError("a ranker needs confirmed cases and others")
        self.columns_ = sorted(X.columns)
        population = aligned(X if reference is None else reference, self.columns_)
        self.tails_ = [tail_of(column[~np.isnan(column)], GRID) for column in population.T]
        order = np.lexsort((y.to_numpy(), X.index.astype(str).to_numpy()))
        design = self._design(aligned(X, self.columns_)[order])
        outcome = y.to_numpy(dtype=np.float64)[order]
        mass = np.ones(len(y)) if weight is None else weight.to_numpy(dtype=np.float64)[order]

        def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
            raw = design @ beta[:-1] + beta[-1]
            slope = mass * (1.0 / (1.0 + np.exp(-np.clip(raw, -40, 40))) - outcome)
            value = (mass * (np.logaddexp(0.0, raw) - outcome * raw)).sum() + self.ridge / 2 * (beta[:-1] ** 2).sum()
            return float(value), np.append(design.T @ slope + self.ridge * beta[:-1], slope.sum())

        start = np.zeros(design.shape[1] + 1)
        options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
        # rounded: BLAS sums may differ in the last bits between machines, the bundle's bytes may not
        beta = np.round(minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x, 5)
        self.beta_, self.intercept_ = beta[:-1].reshape(2, -1), float(beta[-1])
        return self

    def _design(self, values: np.ndarray) -> np.ndarray:
        """Percentiles less their middle, then tails less their mean; missing = 0."""
        if not values.size:
            return np.zeros((len(values), 2 * values.shape[1]))
        t = np.column_stack([tail.at(column) for tail, column in zip(self.tails_, values.T, strict=True)])
        both = np.hstack([0.5 - np.exp(-t), TAIL_SCALE * (t - 1.0)])
        return np.where(np.isnan(np.hstack([values, values])), 0.0, both)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        design = self._design(aligned(X, self.columns_))
        width = len(self.columns_)
        parts = design[:, :width] * self.beta_[0] + design[:, width:] * self.beta_[1]
        frame = pd.DataFrame(parts, index=X.index, columns=self.columns_).assign(**{BASE: self.intercept_})
        return frame.reindex(columns=[*X.columns, BASE], fill_value=0.0)

    def state(self) -> State:
        sizes = np.array([len(tail.x) for tail in self.tails_], dtype=np.int64)
        knots = {k: np.concatenate([getattr(tail, k) for tail in self.tails_] or [np.empty(0)]) for k in ("x", "t")}
        return {"columns": self.columns_, "intercept": self.intercept_}, {"beta": self.beta_, "sizes": sizes, **knots}

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        made = cls()
        made.columns_, made.intercept_ = list(values["columns"]), float(values["intercept"])
        made.beta_ = np.asarray(arrays["beta"], dtype=np.float64)
        ends = np.cumsum(arrays["sizes"])[:-1]
        xs, ts = np.split(arrays["x"], ends), np.split(arrays["t"], ends)
        made.tails_ = [Tail(x, t) for x, t in zip(xs, ts, strict=True)]
        return made
