"""Why an entity is listed: the columns that raised its score and are worse than its peers, each one sentence with its number."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.reasons import render

BASE = "base"


@dataclass(frozen=True)
class Reason:
    """One reason: the sentence, its figures, what it added to the raw score, and what an honest case looks like."""

    column: str
    label: str
    unit: str
    scheme: str
    text: str
    value: float
    peer: float
    percentile: float
    n: int
    contribution: float
    innocent: str


def worse_than_peers(worse: str, value: float, peer: float, z: float) -> bool:
    """Whether a value lies on the bad side of its peers; `either` needs two robust deviations."""
    if math.isnan(value) or math.isnan(peer):
        return False
    match worse:
        case "high":
            return value > peer
        case "low":
            return value < peer
        case _:
            return abs(z) > 2.0


def peer_sizes(matrix: Any) -> pd.Series:
    """How many entities each one is compared with (itself included); index entity_id."""
    group = matrix.entities["peer_group"].fillna("")
    return group.map(group.value_counts()).astype("int64")


def reasons_of(matrix: Any, contributions: pd.DataFrame, entity_id: str, sizes: pd.Series, limit: int | None = 3) -> list[Reason]:
    """The `limit` strongest reasons of one entity, one per feature (the strongest of its windows), strongest first.

    A column is a reason when its contribution is positive and its value worse than its peers'. Where fewer than `limit` are, the
    list is filled with columns far from the peers on the bad side (largest |z|) that the model did not use, contribution shown as is.
    """
    own = contributions.loc[entity_id].drop(BASE, errors="ignore")
    value, peer = matrix.X.loc[entity_id], matrix.peer.loc[entity_id]
    z, percentile = matrix.z.loc[entity_id], matrix.percentile.loc[entity_id]

    def bad(column: str) -> bool:
        if column not in matrix.meta or column not in value.index:
            return False
        return worse_than_peers(
            matrix.meta[column].worse, _number(value, column), _number(peer, column), _number(z, column, 0.0)
        )

    pushed = own[own > 0].sort_values(ascending=False, kind="stable").index
    rest = z.abs().sort_values(ascending=False, kind="stable").index
    chosen: list[Reason] = []
    taken: set[str] = set()
    for column in _first_bad(pushed, rest, bad, fill=limit is not None):
        meta = matrix.meta[column]
        if meta.name in taken:
            continue
        taken.add(meta.name)
        figures = (_number(value, column), _number(peer, column), _number(percentile, column), int(sizes.get(entity_id, 0)))
        chosen.append(
            Reason(
                column=column,
                label=meta.label,
                unit=meta.unit,
                scheme=meta.scheme,
                text=render(meta, *figures),
                value=figures[0],
                peer=figures[1],
                percentile=figures[2],
                n=figures[3],
                contribution=_number(own, column, 0.0),
                innocent=meta.innocent,
            )
        )
        if limit is not None and len(chosen) == limit:
            break
    return chosen


def _first_bad(pushed: pd.Index, rest: pd.Index, bad: Any, *, fill: bool) -> Iterable[str]:
    yield from (c for c in pushed if bad(c))
    if fill:
        seen = set(pushed)
        yield from (c for c in rest if c not in seen and bad(c))


def _number(row: pd.Series, column: str, default: float = math.nan) -> float:
    found = row.get(column, default)
    return default if found is None or (isinstance(found, float | np.floating) and np.isnan(found)) else float(found)
