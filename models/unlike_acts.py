"""Strange in any one way: how far out an entity stands by the scheme that fits it best.

The guilty are a union of unlike acts: who sells drugs does not lend his card, and a sum over all columns drowns either. So each scheme is a score of its own,
the mean tail of its numbers in the direction declared, and raw = ln Σ_schemes exp(slope · t), t = −ln(share of the county at least as far out): the odds of one
act or another, where the odds of each go as a power of its rarity. On persons and stays of two counties that nobody here made it found about twice what the mean
of the other scorers did (docs/design.md §14).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from features.grains import CHARGES, CLUES
from models.reference_distribution import Tail, tail_of
from models.scorer import BASE, Population, Scorer, State, aligned

GRID: Final = 64
"""Points kept of a column's reference distribution."""
SLOPE: Final = 0.75
"""1 − 1 / m, where whoever does a thing stands m = 4 times as far out by its numbers as anybody else (models/weights.py); 1/2 and 1 find nearly as many."""
PARENT_WEIGHT: Final = 0.5
"""What a number of the hospital, patient or doctor counts beside one of the entity's own."""
Plan = Mapping[str, tuple[str, str, float]]
"""Column → scheme, direction (high, low, either), weight."""


class UnlikeActs(Scorer):
    """Raw = ln Σ_schemes exp(SLOPE · t of the scheme's mean tail). A missing value counts as nothing to see.

    Contributions: what raw stands above ln(number of schemes), shared by how far out each scheme stands and within it by its columns' tails; never negative.
    """

    name, label, shown = "schemes", "任一行为", "outliers"
    grains = ("person", "admission")

    def __init__(self, plan: Plan | None = None) -> None:
        self.plan = plan

    @classmethod
    def of(cls, population: Population) -> Self:
        return cls(plan_of(population))

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series | None = None,
        *,
        weight: pd.Series | None = None,
        groups: pd.Series | None = None,
    ) -> Self:
        plan = dict.fromkeys(X.columns, ("", "high", 1.0)) if self.plan is None else self.plan
        self.columns_ = [c for c in X.columns if c in plan]
        self.schemes_ = sorted({plan[c][0] for c in self.columns_})
        self.scheme_ = np.array([self.schemes_.index(plan[c][0]) for c in self.columns_], dtype=np.int64)
        weights = np.array([plan[c][2] for c in self.columns_], dtype=np.float64)
        self.weight_ = weights / np.bincount(self.scheme_, weights, len(self.schemes_))[self.scheme_]
        values = aligned(X, self.columns_)
        self.up_: list[Tail | None] = []
        self.down_: list[Tail | None] = []
        for j, column in enumerate(self.columns_):
            told, direction = values[:, j][~np.isnan(values[:, j])], plan[column][1]
            self.up_.append(tail_of(told, GRID) if direction != "low" else None)
            self.down_.append(tail_of(-told, GRID) if direction != "high" else None)
        self.tails_ = [tail_of(mean) for mean in self._means(self._columns(values)).T]
        return self

    def _columns(self, values: np.ndarray) -> np.ndarray:
        """Weighted tail per column; of `either` that of the farther side, less ln 2 for having two."""
        out = np.zeros(values.shape)
        for j, (up, down) in enumerate(zip(self.up_, self.down_, strict=True)):
            told = ~np.isnan(values[:, j])
            sides = [tail.at(s * values[told, j]) for s, tail in ((1.0, up), (-1.0, down)) if tail is not None]
            out[told, j] = np.maximum(np.max(sides, axis=0) - np.log(len(sides)), 0.0)
        return out * self.weight_

    def _means(self, columns: np.ndarray) -> np.ndarray:
        """Mean tail per scheme."""
        out = np.zeros((len(columns), len(self.schemes_)))
        for s in range(len(self.schemes_)):
            out[:, s] = columns[:, self.scheme_ == s].sum(axis=1)
        return out

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        columns = self._columns(aligned(X, self.columns_))
        means = self._means(columns)
        odds = np.column_stack(
            [np.expm1(SLOPE * t.at(m)) for t, m in zip(self.tails_, means.T, strict=True)] or [np.zeros((len(X), 0))]
        )
        total = odds.sum(axis=1)
        count = max(1, len(self.schemes_))
        rise = np.log1p(total / count)
        share = np.divide(
            odds, means * total[:, None], out=np.zeros_like(odds), where=(means > 0) & (total[:, None] > 0)
        )
        frame = pd.DataFrame(columns * (share * rise[:, None])[:, self.scheme_], index=X.index, columns=self.columns_)
        # a scheme nobody of whom stands out has no column to carry its odds
        frame = frame.assign(**{BASE: np.log(count) + rise - frame.sum(axis=1)})
        return frame.reindex(columns=[*X.columns, BASE], fill_value=0.0)

    def squash(self, raw: np.ndarray) -> np.ndarray:
        return np.asarray(-np.expm1(-np.maximum(raw, 0.0)))

    def state(self) -> State:
        kept: dict[str, Sequence[Tail | None]] = {"up": self.up_, "down": self.down_, "scheme": self.tails_}
        arrays: dict[str, np.ndarray] = {"scheme": self.scheme_, "weight": self.weight_}
        for name, tails in kept.items():
            arrays[f"{name}_sizes"] = np.array([0 if t is None else len(t.x) for t in tails], dtype=np.int64)
            arrays |= {
                f"{name}_{k}": np.concatenate([np.empty(0), *(getattr(t, k) for t in tails if t is not None)])
                for k in ("x", "t")
            }
        return {"columns": self.columns_, "schemes": self.schemes_}, arrays

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        made = cls()
        made.columns_, made.schemes_ = list(values["columns"]), list(values["schemes"])
        made.scheme_ = np.asarray(arrays["scheme"], dtype=np.int64)
        made.weight_ = np.asarray(arrays["weight"], dtype=np.float64)
        made.up_, made.down_ = _tails(arrays, "up"), _tails(arrays, "down")
        made.tails_ = [t for t in _tails(arrays, "scheme") if t is not None]
        return made


def _tails(arrays: Mapping[str, np.ndarray], name: str) -> list[Tail | None]:
    sizes = arrays[f"{name}_sizes"]
    parts = (np.split(arrays[f"{name}_{k}"], np.cumsum(sizes)[:-1]) if len(sizes) else [] for k in ("x", "t"))
    return [Tail(x, t) if len(x) else None for x, t in zip(*parts, strict=True)]


def plan_of(population: Population) -> Plan:
    """The numbers that speak of a scheme the entity's own numbers speak of; the windows of one number share a vote. What is a clue only, or says which lines of
    a bill are wrong, is no act of a person or a stay."""
    columns = population.matrix.columns
    told = {
        c: columns[c]
        for c in population.matrix.X.columns
        if columns[c].role in ("value", "rule", "graph")
        and columns[c].scheme
        and columns[c].scheme not in CLUES | CHARGES
    }
    own = {k.scheme for k in told.values() if not k.parent}
    told = {c: k for c, k in told.items() if k.scheme in own}
    votes = Counter((k.scheme, k.signal) for k in told.values())
    return {
        c: (k.scheme, k.worse, (PARENT_WEIGHT if k.parent else 1.0) / votes[k.scheme, k.signal])
        for c, k in told.items()
    }
