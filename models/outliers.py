"""Strange among its peers: an isolation forest kept as plain arrays, and the sum of robust deviations (of all columns, of the networks').

The forest is grown by scikit-learn (Liu, Ting & Zhou 2008) and then lives as node arrays: no pickle, and its score splits exactly into
columns. A node's value is minus the expected path length below it in units of c(n); walking down, the step from node to child is the
split column's contribution, and the steps add up to the score (the path form of Saabas 2014, exact for an average of trees).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numba
import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest

from features.grains import GRAINS
from models.scorer import BASE, Population, Reads, Scorer, State, aligned

EULER = 0.5772156649015329
PARENT_WEIGHT = 0.3
"""What a column about the entity's hospital, patient or doctor counts beside one about itself."""


class Isolation(Scorer):
    """Isolation forest over nonnegative badness columns (scorer.badness); NaN counts as 0 = nothing to see."""

    name, label, shown = "isolation", "孤立森林", "outliers"
    reads = "own"

    def __init__(self, trees: int = 100, sample: int = 256, seed: int = 0) -> None:
        self.trees = trees
        self.sample = sample
        self.seed = seed

    @classmethod
    def of(cls, population: Population) -> Self:
        return cls(seed=population.seed)

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series | None = None,
        *,
        weight: pd.Series | None = None,
        groups: pd.Series | None = None,
    ) -> Self:
        self.columns_ = list(X.columns)
        if not self.columns_ or len(X) < 2:
            self._set({"left": [-1], "right": [-1], "column": [-1], "cut": [0.0], "value": [-1.0], "roots": [0]})
            return self
        # order of rows must not matter: sklearn draws positions, so give it positions in order of entity
        ordered = X.sort_index(kind="stable")
        values = _clean(ordered.to_numpy(dtype=np.float64))
        forest = IsolationForest(
            n_estimators=self.trees, max_samples=min(self.sample, len(X)), random_state=self.seed, n_jobs=1
        )
        forest.fit(values)
        scale = _average_path(np.array([forest.max_samples_]))[0]
        parts: dict[str, list[np.ndarray]] = {k: [] for k in ("left", "right", "column", "cut", "value")}
        roots, offset = [], 0
        for tree in (e.tree_ for e in forest.estimators_):
            left, right = tree.children_left.astype(np.int32), tree.children_right.astype(np.int32)
            parts["value"].append(_node_values(left, right, tree.n_node_samples, scale))
            parts["left"].append(np.where(left >= 0, left + offset, -1).astype(np.int32))
            parts["right"].append(np.where(right >= 0, right + offset, -1).astype(np.int32))
            parts["column"].append(np.where(left >= 0, tree.feature, -1).astype(np.int32))
            parts["cut"].append(np.asarray(tree.threshold, dtype=np.float64))
            roots.append(offset)
            offset += len(left)
        self._set({k: np.concatenate(v) for k, v in parts.items()} | {"roots": np.array(roots)})
        return self

    def _set(self, arrays: Mapping[str, Any]) -> None:
        kinds = {
            "left": np.int32,
            "right": np.int32,
            "column": np.int32,
            "cut": np.float64,
            "value": np.float64,
            "roots": np.int32,
        }
        self.arrays_ = {k: np.ascontiguousarray(np.asarray(arrays[k], dtype=d)) for k, d in kinds.items()}

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        a = self.arrays_
        out = _walk(
            _clean(aligned(X, self.columns_)), a["left"], a["right"], a["column"], a["cut"], a["value"], a["roots"]
        )
        frame = pd.DataFrame(out, index=X.index, columns=[*self.columns_, BASE])
        if list(X.columns) == self.columns_:
            return frame
        return frame.reindex(columns=[*X.columns, BASE], fill_value=0.0)

    def squash(self, raw: np.ndarray) -> np.ndarray:
        """The anomaly score of Liu et al.: 2^(−E[h]/c)."""
        return np.asarray(np.exp2(np.minimum(raw, 0.0)))

    def state(self) -> State:
        return {"columns": self.columns_}, dict(self.arrays_)

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        scorer = cls()
        scorer.columns_ = list(values["columns"])
        scorer._set(arrays)
        return scorer


class RobustSum(Scorer):
    """Sum of ln(1 + badness) over columns: many mild oddities add up, one wild value does not rule."""

    name, label, shown = "deviations", "偏离之和", "outliers"
    reads: ClassVar[Reads] = "badness"

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        self.weights = weights

    @classmethod
    def of(cls, population: Population) -> Self:
        columns = population.matrix.columns
        return cls({c: PARENT_WEIGHT for c in population.badness.columns if columns[c].parent})

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series | None = None,
        *,
        weight: pd.Series | None = None,
        groups: pd.Series | None = None,
    ) -> Self:
        given = dict(self.weights or {})
        self.columns_ = list(X.columns)
        self.weight_ = np.array([given.get(c, 1.0) for c in self.columns_], dtype=np.float64)
        total = np.abs(self.weight_).sum()
        self.weight_ = self.weight_ / (np.sqrt(total) if total > 0 else 1.0)
        return self

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        part = np.log1p(np.maximum(np.nan_to_num(aligned(X, self.columns_)), 0.0)) * self.weight_
        frame = pd.DataFrame(part, index=X.index, columns=self.columns_)
        if list(X.columns) != self.columns_:
            frame = frame.reindex(columns=X.columns, fill_value=0.0)
        return frame.assign(**{BASE: 0.0})

    def squash(self, raw: np.ndarray) -> np.ndarray:
        return np.asarray(-np.expm1(-np.maximum(raw, 0.0)))

    def state(self) -> State:
        return {"columns": self.columns_}, {"weight": self.weight_}

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        scorer = cls()
        scorer.columns_ = list(values["columns"])
        scorer.weight_ = np.asarray(arrays["weight"], dtype=np.float64)
        return scorer


class NetworkSum(RobustSum):
    """The same sum over the network columns alone: what the company an entity keeps says of it."""

    name, label, shown = "graph", "仅图", "graph"
    reads = "network"
    grains = tuple(
        g for g, spec in GRAINS.items() if spec.layouts
    )  # rings have few peers: declared weights speak of them (models/ring_risk.py)

    @classmethod
    def of(cls, population: Population) -> Self:
        return cls()


def _clean(values: np.ndarray) -> np.ndarray:
    """scikit-learn's trees compare float32 with the threshold; do the same or the arrays would not equal the forest."""
    return np.ascontiguousarray(np.nan_to_num(values, nan=0.0, posinf=1e6, neginf=-1e6).astype(np.float32))


def _average_path(n: np.ndarray) -> np.ndarray:
    """c(n) of Liu et al.: mean path of an unsuccessful search in a binary search tree of n points."""
    n = np.asarray(n, dtype=np.float64)
    big = np.maximum(n, 3.0)
    return np.where(n <= 1, 0.0, np.where(n == 2, 1.0, 2.0 * (np.log(big - 1.0) + EULER) - 2.0 * (big - 1.0) / big))


def _node_values(left: np.ndarray, right: np.ndarray, samples: np.ndarray, scale: float) -> np.ndarray:
    """Minus the expected path length at each node, in units of c(n). Children come after parents in scikit-learn's arrays."""
    depth = np.zeros(len(left))
    for node in range(len(left)):
        if left[node] >= 0:
            depth[left[node]] = depth[right[node]] = depth[node] + 1
    value = -(depth + _average_path(samples)) / scale
    for node in range(len(left) - 1, -1, -1):
        if left[node] >= 0:
            a, b = samples[left[node]], samples[right[node]]
            value[node] = (a * value[left[node]] + b * value[right[node]]) / (a + b)
    return np.asarray(value)


@numba.njit(cache=True, nogil=True)
def _walk(
    X: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    column: np.ndarray,
    cut: np.ndarray,
    value: np.ndarray,
    roots: np.ndarray,
) -> np.ndarray:  # pragma: no cover - compiled
    rows, columns = X.shape
    out = np.zeros((rows, columns + 1))
    share = 1.0 / len(roots)
    for i in range(rows):
        for r in range(len(roots)):
            node = roots[r]
            out[i, columns] += value[node] * share
            while left[node] >= 0:
                j = column[node]
                child = left[node] if X[i, j] <= cut[node] else right[node]
                out[i, j] += (value[child] - value[node]) * share
                node = child
    return out
