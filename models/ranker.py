"""LightGBM with contributions that add up.

raw = trees(x), in log odds, boosted from an offset where one is given; `raw` and `contributions` leave the offset out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import pandas as pd

from models.scorer import BASE, Scorer, State, aligned

SMALL = 20_000
"""Below this many rows one thread is faster: LightGBM's threads meet at a barrier for every split, and on shared cores they wait there."""


class Ranker(Scorer):
    """LightGBM, deterministic for any thread count and row order.

    trees ≤ 300, leaves small: two cores and few labels. `fit(..., offset=)` is the init score per row.
    """

    name = "ranker"

    def __init__(
        self,
        trees: int = 200,
        leaves: int = 7,
        rate: float = 0.05,
        min_leaf: int = 10,
        l2: float = 5.0,
        columns_share: float = 0.5,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.trees = trees
        self.leaves = leaves
        self.rate = rate
        self.min_leaf = min_leaf
        self.l2 = l2
        self.columns_share = columns_share
        self.seed = seed
        self.threads = threads

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series | None = None,
        *,
        weight: pd.Series | None = None,
        groups: pd.Series | None = None,
        offset: pd.Series | None = None,
    ) -> Self:
        """Fit on y in {0, 1}. Raises ValueError when y is absent or of one class: the caller decides what to do instead."""
        if y is None or y.nunique() < 2:
            raise ValueError("a ranker needs both confirmed and refuted cases")
        # sorted rows and columns: LightGBM draws bags by position, and equal data must give equal bytes
        self.columns_ = sorted(X.columns)
        order = np.lexsort(
            (*X[self.columns_].fillna(0).to_numpy()[:, :8].T, y.to_numpy(), X.index.astype(str).to_numpy())
        )
        matrix = X[self.columns_].to_numpy(dtype=np.float64)[order]
        threads = self._threads(len(matrix))
        data = lgb.Dataset(
            matrix,
            label=y.to_numpy(dtype=np.float64)[order],
            weight=None if weight is None else weight.to_numpy(dtype=np.float64)[order],
            init_score=None if offset is None else offset.to_numpy(dtype=np.float64)[order],
            params={
                "verbose": -1,
                "max_bin": 63,
                "min_data_in_bin": 3,
                "feature_pre_filter": False,
                "num_threads": threads,
            },
            free_raw_data=True,
        )
        self.booster_ = lgb.train(
            {
                "objective": "binary",
                "learning_rate": self.rate,
                "num_leaves": self.leaves,
                "min_data_in_leaf": self.min_leaf,
                "min_sum_hessian_in_leaf": 1e-2,
                "lambda_l2": self.l2,
                "feature_fraction": self.columns_share,
                "bagging_fraction": 0.8,
                "bagging_freq": 1,
                "boost_from_average": offset is None,
                "deterministic": True,
                "force_row_wise": True,
                "seed": self.seed,
                "num_threads": threads,
                "verbose": -1,
            },
            data,
            num_boost_round=min(self.trees, 300),
        )
        return self

    def _threads(self, rows: int) -> int:
        return self.threads if rows >= SMALL else 1

    def raw(self, X: pd.DataFrame) -> pd.Series:
        values = aligned(X, self.columns_)
        if not len(values):
            return pd.Series(np.empty(0), index=X.index, name="raw")
        out = self.booster_.predict(values, raw_score=True, num_threads=self._threads(len(values)))
        return pd.Series(np.asarray(out, dtype=np.float64), index=X.index, name="raw")

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """TreeSHAP by LightGBM's `pred_contrib` (equal to shap.TreeExplainer to 1e-6, tested)."""
        values = aligned(X, self.columns_)
        if len(values):
            parts = np.asarray(
                self.booster_.predict(values, pred_contrib=True, num_threads=self._threads(len(values))),
                dtype=np.float64,
            )
        else:
            parts = np.empty((0, len(self.columns_) + 1))
        frame = pd.DataFrame(parts, index=X.index, columns=[*self.columns_, BASE])
        return frame.reindex(columns=[*X.columns, BASE], fill_value=0.0)

    def state(self) -> State:
        return {"columns": self.columns_, "text": self.booster_.model_to_string()}, {}

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """From LightGBM's text. Only bundle.py calls this on bytes from disk, and only after their hash was checked."""
        scorer = cls()
        scorer.columns_ = list(values["columns"])
        scorer.booster_ = lgb.Booster(model_str=values["text"])
        return scorer
