"""The one contract of everything that turns numbers into risk: rules, outliers, graph scorers, LightGBM.

`fit(X, y)`, `risk(X)` (higher = worse, always), `contributions(X)` (columns of X plus `base`; a row adds up to `raw(X)`), and a
state of JSON values and plain arrays in place of a pickle. `check_scorer` is the contract written as code: every scorer's tests call it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

Worse = Literal["high", "low", "either"]
State = tuple[dict[str, Any], dict[str, np.ndarray]]
BASE = "base"
CLIP = 10.0
"""Robust z beyond ten say no more than ten: one absurd value must not decide a list."""


@runtime_checkable
class Meta(Protocol):
    """What models need to know of a column (features.matrix.ColumnMeta has it)."""

    @property
    def label(self) -> str: ...
    @property
    def scheme(self) -> str: ...
    @property
    def worse(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def family(self) -> str: ...


class MatrixLike(Protocol):
    """The part of features.matrix.Matrix that scoring reads; frames share the index `entity_id`."""

    @property
    def grain(self) -> str: ...
    @property
    def entities(self) -> pd.DataFrame: ...
    @property
    def X(self) -> pd.DataFrame: ...
    @property
    def z(self) -> pd.DataFrame: ...
    @property
    def percentile(self) -> pd.DataFrame: ...
    @property
    def meta(self) -> Mapping[str, Any]: ...


class Scorer(BaseEstimator):
    """Base of all scorers. A subclass gives `fit`, `contributions`, `state`, `restore`, and `squash` where raw is not yet a risk."""

    name: str = "scorer"

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series | None = None,
        *,
        weight: pd.Series | None = None,
        groups: pd.Series | None = None,
    ) -> Self:
        """Learn from X (float64, index entity_id, missing = NaN) and, where supervised, y in {0, 1}."""
        raise NotImplementedError

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Columns of X plus `base`; each row sums to the raw risk."""
        raise NotImplementedError

    def raw(self, X: pd.DataFrame) -> pd.Series:
        """Raw risk on the additive scale. Subclasses override it when they can be faster than the sum."""
        return self.contributions(X).sum(axis=1).rename("raw")

    def squash(self, raw: np.ndarray) -> np.ndarray:
        """Strictly increasing map from raw risk to [0, 1]."""
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(raw, -40, 40))))

    def risk(self, X: pd.DataFrame) -> pd.Series:
        """Risk in [0, 1], index = entity_id, higher = worse."""
        raw = self.raw(X)
        return pd.Series(self.squash(raw.to_numpy()), index=X.index, name="risk")

    def state(self) -> State:
        """(JSON values, arrays) from which `restore` makes an equal scorer."""
        raise NotImplementedError

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """The scorer of `state`."""
        raise NotImplementedError


def badness(z: pd.DataFrame, worse: Mapping[str, str]) -> pd.DataFrame:
    """Robust z turned so that 0 = nothing to see and larger = worse, clipped at ten. NaN (no peers) becomes 0.

    A column that is worse when high counts only above its peers, one that is worse when low only below; `either` counts beyond
    two robust deviations on both sides. An oddity on the good side is no reason to inspect anybody.
    """
    columns = [c for c in z.columns if c in worse]
    values = np.nan_to_num(z[columns].to_numpy(dtype=np.float64), nan=0.0, posinf=CLIP, neginf=-CLIP)
    for j, column in enumerate(columns):
        match worse[column]:
            case "high":
                values[:, j] = np.maximum(values[:, j], 0.0)
            case "low":
                values[:, j] = np.maximum(-values[:, j], 0.0)
            case _:
                values[:, j] = np.maximum(np.abs(values[:, j]) - 2.0, 0.0)
    return pd.DataFrame(np.minimum(values, CLIP), index=z.index, columns=columns)


def aligned(X: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """X in the order of `columns` as float64, absent columns NaN: a feature that could not be computed is missing, not zero."""
    if list(X.columns) == list(columns):
        return X.to_numpy(dtype=np.float64)
    return X.reindex(columns=list(columns)).to_numpy(dtype=np.float64)


def check_scorer(scorer: Scorer, X: pd.DataFrame, y: pd.Series | None = None) -> None:
    """The contract, walked. Raises AssertionError with the broken clause; fits `scorer` on (X, y)."""
    assert scorer.fit(X, y) is scorer, "fit returns the scorer itself"
    risk, contributions, raw = scorer.risk(X), scorer.contributions(X), scorer.raw(X)
    assert list(risk.index) == list(X.index), "risk has X's index"
    assert risk.between(0, 1).all(), "risk lies in [0, 1] and is never NaN"
    assert list(contributions.columns) == [*X.columns, BASE], "contributions: X's columns, then base"
    gap = float(np.abs(contributions.sum(axis=1) - raw).max())
    assert gap <= 1e-9 * max(1.0, float(np.abs(raw).max())), f"contributions add up to raw (gap {gap:g})"
    order = np.argsort(raw.to_numpy(), kind="stable")
    assert (np.diff(risk.to_numpy()[order]) >= 0).all(), "risk rises with raw"
    shuffled = X.sample(frac=1.0, random_state=1)
    pd.testing.assert_series_equal(scorer.risk(shuffled).sort_index(), risk.sort_index(), check_exact=True)
    one = scorer.risk(X.iloc[[0]])
    assert one.iloc[0] == risk.iloc[0], "one row alone scores as it does among many"
    empty = scorer.risk(X.iloc[:0])
    assert len(empty) == 0, "no rows in, no rows out"
    twin = type(scorer).restore(*scorer.state())
    pd.testing.assert_series_equal(twin.risk(X), risk, check_exact=True)
    pd.testing.assert_frame_equal(twin.contributions(X), contributions, check_exact=True)
    again = type(scorer)(**scorer.get_params()).fit(X, y)
    pd.testing.assert_series_equal(again.risk(X), risk, check_exact=True)
