"""What findings taught: a ridge logistic on ranks, and trees that begin where it ends.

raw = linear(x) + trees(x), in log odds. The linear part is what few cases can teach (models/rank_logit.py). The trees are boosted from its log odds and
take n / (n + `HALFWAY`) of the usual step with n confirmed cases: with 5 to 36 cases trees alone find less than the line, with hundreds more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from models.rank_logit import RankLogit
from models.ranker import Ranker
from models.scorer import BASE, Scorer, State
from models.weights import HALFWAY

RATE: Final = 0.04


class Taught(Scorer):
    """Line and trees. `fit`: weights in cases, those of the confirmed adding up to their number; reference: see RankLogit."""

    name = "taught"

    def __init__(
        self,
        seed: int = 0,
        threads: int = 2,
        ridge: float = 30.0,
        trees: int = 150,
        leaves: int = 7,
        rate: float = RATE,
        min_leaf: int = 20,
        l2: float = 5.0,
        columns_share: float = 0.3,
        worth: float = HALFWAY,
    ) -> None:
        """ridge: of the line. trees, leaves, rate, min_leaf, l2, columns_share: of the trees (models/ranker.py), rate the whole step.
        worth: confirmed cases at which they take half of it (very many = the line alone)."""
        self.seed = seed
        self.threads = threads
        self.ridge = ridge
        self.trees = trees
        self.leaves = leaves
        self.rate = rate
        self.min_leaf = min_leaf
        self.l2 = l2
        self.columns_share = columns_share
        self.worth = worth

    def settings(self) -> dict[str, float]:
        """What was set, without seed and threads."""
        return {k: v for k, v in self.get_params().items() if k not in ("seed", "threads")}

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
        X, reference = steady(X), None if reference is None else steady(reference)
        self.linear_ = RankLogit(self.ridge).fit(X, y, weight=weight, reference=reference)
        assert y is not None  # the line has refused otherwise
        cases = float(y.sum() if weight is None else weight[y > 0].sum())
        self.trees_ = Ranker(
            trees=self.trees,
            leaves=self.leaves,
            rate=self.rate * cases / (cases + self.worth),
            min_leaf=self.min_leaf,
            l2=self.l2,
            columns_share=self.columns_share,
            seed=self.seed,
            threads=self.threads,
        ).fit(X, y, weight=weight, offset=self.linear_.raw(X))
        return self

    @property
    def columns_(self) -> list[str]:
        """The columns it was fitted on, sorted."""
        return self.linear_.columns_

    def raw(self, X: pd.DataFrame) -> pd.Series:
        X = steady(X)
        return (self.linear_.raw(X) + self.trees_.raw(X)).rename("raw")

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        X = steady(X)
        line, trees = self.linear_.contributions(X), self.trees_.contributions(X)
        return pd.DataFrame(
            line.to_numpy() + trees.to_numpy(dtype=np.float64), index=X.index, columns=[*X.columns, BASE]
        )

    def state(self) -> State:
        values, arrays = self.linear_.state()
        return {**values, "text": self.trees_.state()[0]["text"]}, arrays

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        made = cls()
        made.linear_ = RankLogit.restore(values, arrays)
        made.trees_ = Ranker.restore(values, {})
        return made


def steady(X: pd.DataFrame) -> pd.DataFrame:
    """Numbers to seven digits: sums of fractions may differ in the last bits with the order of rows, and every column's cuts are kept in the model."""
    return X.astype("float32").astype("float64")
