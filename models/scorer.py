"""The one contract of everything that turns numbers into risk: rules, outliers, graph scorers, LightGBM.

`fit(X, y)`, `risk(X)` (higher = worse, always), `contributions(X)` (columns of X plus `base`; a row adds up to `raw(X)`), and a
state of JSON values and plain arrays in place of a pickle. models/scorer_checks.py is the contract written as code, models/scorers.py the socket
that a new scorer is plugged into.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self, get_args

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from claims.errors import DeclarationError
from features.columns import Column

Worse = Literal["high", "low", "either"]
State = tuple[dict[str, Any], dict[str, np.ndarray]]
Reads = Literal["values", "badness", "own", "network"]
"""What a scorer is fitted on: the matrix's numbers, the badness of all columns, of the entity's own columns alone, or of the network columns."""
BASE = "base"
CLIP = 10.0
"""Robust z beyond ten say no more than ten: one absurd value must not decide a list."""


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
    def columns(self) -> Mapping[str, Column]: ...
    def places(self, columns: Sequence[str]) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Population:
    """What the scorers of one grain are made from: its matrix, and the badness of its numbers (ensemble.badness_of)."""

    matrix: MatrixLike
    badness: pd.DataFrame
    seed: int = 0

    def read(self, reads: Reads) -> pd.DataFrame:
        """The frame a scorer of this kind is fitted on."""
        if reads == "values":
            return self.matrix.X
        if reads == "badness":
            return self.badness
        own = [c for c in self.badness.columns if not self.matrix.columns[c].parent]
        network = [c for c in own if self.matrix.columns[c].role == "graph"]
        return self.badness[network if reads == "network" else own]


class Scorer(BaseEstimator):
    """Base of all scorers. A subclass gives `name`, `fit`, `contributions`, `state`, `restore`, and `squash` where raw is not yet a risk.

    name: its key in a model, a bundle and the evaluation's tables. label: its name there in Chinese. reads: what it is fitted on and scores.
    shown: the column of a list's scorer table it counts in. grains: those it is for, empty = all. DeclarationError, naming file and
    line, for a subclass without a name or without one of the methods.
    """

    name: ClassVar[str] = ""
    label: ClassVar[str] = ""
    reads: ClassVar[Reads] = "values"
    shown: ClassVar[str] = ""
    grains: ClassVar[tuple[str, ...]] = ()
    where: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        missing = [m for m in REQUIRED if _own(cls, m) is _own(Scorer, m)]
        made = sys._getframe(1)
        cls.where = f"{made.f_code.co_filename}:{made.f_lineno}"
        problems = [] if cls.name else ["it has no name"]
        problems += [f"it has no {m}" for m in missing]
        problems += (
            [] if cls.reads in get_args(Reads) else [f"it reads {cls.reads!r}, not one of {', '.join(get_args(Reads))}"]
        )
        if problems:
            raise DeclarationError(f"{cls.where}: scorer {cls.__name__}: " + "; ".join(problems))

    @classmethod
    def of(cls, population: Population) -> Self:
        """The unfitted scorer of a population. Subclasses with settings that depend on it override this."""
        return cls()

    @classmethod
    def serves(cls, grain: str) -> bool:
        """Whether a grain is scored by it."""
        return not cls.grains or grain in cls.grains

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


REQUIRED = ("fit", "contributions", "state", "restore")
"""What every scorer must say itself."""


def _own(scorer: type[Scorer], method: str) -> Any:
    found = getattr(scorer, method)
    return getattr(found, "__func__", found)


def named(*scorers: type[Scorer]) -> dict[str, type[Scorer]]:
    """{name: class}, in the order given. DeclarationError where one lacks what tables show of it, or two have one name."""
    made: dict[str, type[Scorer]] = {}
    for scorer in scorers:
        if not (scorer.label and scorer.shown):
            raise DeclarationError(
                f"{scorer.where}: scorer {scorer.__name__}: it has no label or does not say where it is shown"
            )
        if other := made.get(scorer.name):
            raise DeclarationError(
                f"{scorer.where}: scorer {scorer.__name__}: {scorer.name!r} is the name of {other.__name__} ({other.where})"
            )
        made[scorer.name] = scorer
    return made


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
