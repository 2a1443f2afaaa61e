"""Graph scorers behind the one contract: cash-out residuals, nearness to confirmed cases (rings: models/ring_risk.py).

The graphs themselves are made in features/networks; these turn numbers into risk, each additive in its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp

from claims.errors import UserError
from features.networks.scores.pagerank import factorise
from features.networks.scores.residuals import fit_line
from models.scorer import BASE, Scorer, State, aligned


class Residual(Scorer):
    """OddBall-type: how far log(`high`) lies above its usual line on log(`size`), in robust deviations (cash-out: amount against cards).

    Rows where either is missing or not positive get no contribution and the neutral risk.
    """

    name = "residual"

    def __init__(self, size: str = "cards", high: str = "amount") -> None:
        self.size = size
        self.high = high

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series | None = None,
        *,
        weight: pd.Series | None = None,
        groups: pd.Series | None = None,
    ) -> Self:
        if self.size not in X.columns or self.high not in X.columns:
            raise UserError(f"the residual scorer needs the columns {self.size} and {self.high}")
        self.columns_ = list(X.columns)
        a, b = X[self.size].to_numpy(dtype=np.float64), X[self.high].to_numpy(dtype=np.float64)
        slope, level = fit_line(a, b)
        good = (a > 0) & (b > 0)
        rest = np.log(b[good]) - slope * np.log(a[good]) - level
        spread = 1.4826 * float(np.median(np.abs(rest - np.median(rest)))) if good.any() else 0.0
        self.slope_, self.level_, self.spread_ = slope, level, spread if spread > 0 else 1.0
        self.middle_ = float(np.median(np.log(a[good]))) if good.any() else 0.0
        return self

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        a, b = (aligned(X, [c])[:, 0] for c in (self.size, self.high))
        good = (a > 0) & (b > 0)
        out = pd.DataFrame(0.0, index=X.index, columns=self.columns_)
        usual = self.level_ + self.slope_ * self.middle_
        out.loc[good, self.high] = (np.log(b[good]) - usual) / self.spread_
        out.loc[good, self.size] = -self.slope_ * (np.log(a[good]) - self.middle_) / self.spread_
        return out.assign(**{BASE: 0.0})

    def state(self) -> State:
        values = {
            "columns": self.columns_,
            "size": self.size,
            "high": self.high,
            "slope": self.slope_,
            "level": self.level_,
        }
        return values | {"spread": self.spread_, "middle": self.middle_}, {}

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        made = cls(size=values["size"], high=values["high"])
        made.columns_ = list(values["columns"])
        made.slope_, made.level_ = float(values["slope"]), float(values["level"])
        made.spread_, made.middle_ = float(values["spread"]), float(values["middle"])
        return made


class NearCases(Scorer):
    """Personalised PageRank from confirmed cases, exact: X holds visits (rows = cards, columns = institutions or rings), y = 1 for a confirmed case.

    A card's raw risk is what reaches it through its institutions, in units of the average card; contributions name the institutions. Mass that starts at a card
    and comes back to it counts here: where the score of a case itself is asked for (training rows), use the leave-one-out columns of features/networks/scores/network_scores.py.
    Without any confirmed case every card scores 0.
    """

    name = "near_cases"

    def __init__(self, alpha: float = 0.85) -> None:
        self.alpha = alpha

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series | None = None,
        *,
        weight: pd.Series | None = None,
        groups: pd.Series | None = None,
    ) -> Self:
        self.columns_ = list(X.columns)
        visits = np.nan_to_num(X.to_numpy(dtype=np.float64))
        if (visits < 0).any():
            raise UserError("visits cannot be negative: nearness to cases needs counts of visits per institution")
        self.pull_ = np.zeros(len(self.columns_))
        seeds = np.zeros(len(X)) if y is None else np.nan_to_num(y.reindex(X.index).to_numpy(dtype=np.float64))
        if seeds.sum() > 0 and len(self.columns_):
            solver = factorise(sp.csr_matrix(visits), self.alpha)
            _, institutions = solver.solve(seeds)
            busy = solver.degree > 0
            self.pull_[busy] = self.alpha * len(X) * institutions[busy, 0] / solver.degree[busy]
        return self

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        parts = np.nan_to_num(aligned(X, self.columns_)) * self.pull_
        return pd.DataFrame(parts, index=X.index, columns=self.columns_).assign(**{BASE: 0.0})

    def squash(self, raw: np.ndarray) -> np.ndarray:
        return np.asarray(raw / (1.0 + raw))

    def state(self) -> State:
        return {"columns": self.columns_, "alpha": self.alpha}, {"pull": self.pull_}

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        made = cls(alpha=float(values["alpha"]))
        made.columns_, made.pull_ = list(values["columns"]), np.asarray(arrays["pull"], dtype=np.float64)
        return made
