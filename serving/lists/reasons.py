"""Why an entity is listed: the signals that raised its score and are worse than its peers, each one sentence with its number."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.columns import Column
from features.grains import GRAINS
from features.matrix import Matrix
from features.reasons import render

BASE = "base"
CLEAR = 75.0
"""Percent of the peers a reason should leave behind: "高于58%的同类" convinces nobody, whatever the model made of it."""


@dataclass(frozen=True)
class Reason:
    """One reason: the sentence, its figures, what its signal added to the raw score, and what an honest case looks like.

    `column` is the matrix column; its claim rows are asked of grain `about` as `own`, for `subject` (a parent has its own id).
    """

    column: str
    about: str
    own: str
    subject: str
    label: str
    unit: str
    scheme: str
    rule: str
    text: str
    value: float
    peer: float
    percentile: float
    n: int
    contribution: float
    innocent: str

    def key(self) -> tuple[str, str, str]:
        """Where its claim rows are: (grain, column, entity id)."""
        return self.about, self.own, self.subject


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


def beyond(worse: str, percentile: float) -> float:
    """Percent of the peers that stand on the better side of a value; 100 where too few peers give no percentile: nothing speaks against it."""
    if math.isnan(percentile):
        return 100.0
    match worse:
        case "high":
            return percentile
        case "low":
            return 100.0 - percentile
        case _:
            return max(percentile, 100.0 - percentile)


def figure_at(frame: pd.DataFrame, entity_id: str, column: str) -> float:
    """One number of a matrix frame; NaN where it is not evaluable."""
    found: Any = frame.at[entity_id, column]
    return float(found)


def row_of(frame: pd.DataFrame, entity_id: str) -> dict[str, float]:
    """All numbers of one entity by column."""
    row: Any = frame.loc[entity_id]
    return {str(name): float(figure) for name, figure in row.items()}


def honest_of(matrix: Matrix, entity_id: str, reasons: Iterable[Reason]) -> list[str]:
    """What could clear an entity: first the innocents that the bureau's own data shows of it or of its patient, then those its reasons name."""
    shown = []
    for name, column in matrix.columns.items():
        excuse = column.feature.excuses
        if excuse and figure_at(matrix.X, entity_id, name) > 0:
            whose = f"所属{GRAINS[column.about].label}" if column.parent else ""
            shown.append(f"{whose}数据中已有记录：{column.label.partition('：')[2]}（{excuse}）")
    return list(dict.fromkeys([*shown, *(r.innocent for r in reasons if r.innocent)]))


def reasons_of(
    matrix: Matrix, contributions: pd.DataFrame, entity_id: str, limit: int = 3, scheme: str = ""
) -> list[Reason]:
    """The `limit` strongest reasons of one entity, strongest first, one per signal (the windows of a feature are one signal).

    A reason needs a positive contribution and a value worse than its peers': clearly worse (CLEAR) if there are such columns. Where fewer
    than `limit` are found, the list is filled with columns far out on the bad side (largest |z|) that did not raise the score, their
    contribution shown as it is, and only then with those that raised it while hardly standing out. Where the list names a `scheme`
    (models/scheme.py) and none of these speaks for it, the last gives way to the strongest clear one that does.
    """
    own: Any = contributions.loc[entity_id].drop(BASE, errors="ignore")
    distance: Any = matrix.z.loc[entity_id]
    value, peer, z, percentile = (
        row_of(frame, entity_id) for frame in (matrix.X, matrix.peer, matrix.z, matrix.percentile)
    )
    signal = {str(c): matrix.columns[c].signal for c in own.index}
    sums: Any = own.groupby([signal[c] for c in own.index], sort=False).sum()

    def is_bad(name: str) -> bool:
        column = matrix.columns[name]
        # to lack an excuse is no reason to inspect anybody
        if column.role == "amount" or column.feature.excuses:
            return False
        return worse_than_peers(column.worse, value[name], peer[name], z[name])

    ordered = [c for c in _candidates(own, signal, sums, distance) if is_bad(c)]
    clear = [c for c in ordered if beyond(matrix.columns[c].worse, percentile[c]) >= CLEAR]
    signals: dict[str, str] = {}
    for name in [*clear, *ordered]:
        signals.setdefault(matrix.columns[name].signal, name)
    chosen = list(signals.values())[:limit]
    if scheme and not any(matrix.columns[c].scheme == scheme for c in chosen):
        speaks = [c for c in clear if matrix.columns[c].scheme == scheme]
        chosen = [*chosen[: limit - 1], *speaks[:1]] if speaks else chosen
    return [_reason(matrix, c, entity_id, float(sums.get(matrix.columns[c].signal, 0.0))) for c in chosen]


def _candidates(own: pd.Series, signal: Mapping[str, str], sums: pd.Series, z: pd.Series) -> Iterable[str]:
    """Columns by the contribution of their signal, then their own; after them all others by distance from the peers."""
    frame = pd.DataFrame({"column": own.index, "own": own.to_numpy(), "sum": [sums[signal[c]] for c in own.index]})
    frame = frame.sort_values(["sum", "own", "column"], ascending=[False, False, True])
    yield from frame.loc[frame["sum"] > 0, "column"]
    yield from z.abs().sort_values(ascending=False, kind="stable").index


def _reason(matrix: Matrix, name: str, entity_id: str, contribution: float) -> Reason:
    column = matrix.columns[name]
    value, peer, percentile, n = (
        figure_at(frame, entity_id, name) for frame in (matrix.X, matrix.peer, matrix.percentile, matrix.n)
    )
    count = 0 if math.isnan(n) else int(n)
    return Reason(
        column=name,
        about=column.about,
        own=column.own,
        subject=subject_of(matrix, name, entity_id),
        label=column.label,
        unit=column.unit,
        scheme=column.scheme,
        rule=column.feature.rule or "",
        text=sentence(column, value, peer, percentile, count),
        value=value,
        peer=peer,
        percentile=percentile,
        n=count,
        contribution=contribution,
        innocent=column.innocent,
    )


def subject_of(matrix: Matrix, name: str, entity_id: str) -> str:
    """Whom a column speaks about: the entity, or its unit, patient or doctor for a parent's column."""
    key = matrix.columns[name].key
    if not key:
        return entity_id
    found = matrix.entities.at[entity_id, key]
    return found if isinstance(found, str) else ""


def sentence(column: Column, value: float, peer: float, percentile: float, n: int) -> str:
    """The declaration's sentence; a parent's is introduced by whom it is about."""
    text = render(column.feature, column.window, value, peer, percentile, n)
    return f"所属{GRAINS[column.about].label}：{text}" if column.parent else text
