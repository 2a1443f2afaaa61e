"""Why an entity is listed: the signals that raised its score and are worse than its peers, each one sentence with its number."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.columns import Column
from features.grains import GRAINS
from features.matrix import Matrix
from features.peers import Standing
from features.reasons import in_words, render

BASE = "base"
CLEAR = 75.0
"""Percent of the peers a reason leaves behind: "高于58%的同类" convinces nobody, whatever the model made of it."""
NEAR = 0.25
"""Share of the median within which a value is an ordinary one: 20 % beside a median of 18 % is no reason, however narrow the group."""


@dataclass(frozen=True)
class Reason:
    """One reason: the sentence, its figures, what its signal added to the raw score, and what an honest case looks like.

    `column` is the matrix column; its claim rows are asked of grain `about` as `own`, for `subject` (a parent has its own id). `percentile` is
    the share of the `n` peers left behind on `side` (high, low); it and their median `peer` are NaN where they are fewer than ten.
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
    side: str
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


def stands_out(worse: str, standing: Standing) -> bool:
    """Whether a value leaves CLEAR percent of its peers behind and lies well apart from their median; with too few peers nothing speaks against it."""
    if standing.few:
        return True
    apart = abs(standing.value - standing.median) > NEAR * abs(standing.median)
    return apart and standing.left_behind(worse) >= CLEAR


def figure_at(frame: pd.DataFrame, entity_id: str, column: str) -> float:
    """One number of a matrix frame; NaN where it is not evaluable."""
    found: Any = frame.at[entity_id, column]
    return float(found)


def honest_of(matrix: Matrix, entity_id: str, reasons: Iterable[Reason]) -> list[str]:
    """What could clear an entity: first the innocents that the bureau's own data shows of it or of its patient, then those its reasons name."""
    shown = []
    for name, column in matrix.columns.items():
        excuse = column.feature.excuses
        if excuse and figure_at(matrix.X, entity_id, name) > 0:
            whose = f"所属{GRAINS[column.about].label}" if column.parent else ""
            shown.append(f"{whose}数据中已有记录：{column.feature.label}")
    return list(dict.fromkeys([*shown, *(r.innocent for r in reasons if r.innocent)]))


def reasons_of(
    matrix: Matrix, contributions: pd.DataFrame, entity_id: str, limit: int = 3, scheme: str = ""
) -> list[Reason]:
    """The `limit` strongest reasons of one entity, strongest first, one per signal (the windows of a feature are one signal).

    A reason stands out among its peers on the bad side (`stands_out`) and did not lower the score: what findings taught may hold the bad side of a column for a good
    sign, and then neither the column nor its signal is named. First come those whose signal raised the score, then those far out (largest |z|) that did not move it;
    nothing near the median fills the list. Where the list names a `scheme`
    (models/scheme.py) and none of these speaks for it, the last gives way to the strongest that does. Context (the size of a unit) is told only where it raised the score.
    """
    own: Any = contributions.loc[entity_id].drop(BASE, errors="ignore")
    distance: Any = matrix.z.loc[entity_id]
    signal = {str(c): matrix.columns[c].signal for c in own.index}
    sums: Any = own.groupby([signal[c] for c in own.index], sort=False).sum()
    seen: set[str] = set()

    def clear() -> Iterator[str]:
        for name in _candidates(own, signal, sums, distance):
            column = matrix.columns[name]
            # money is no reason of its own, and to lack an excuse is none to inspect anybody
            if name in seen or column.role == "amount" or column.feature.excuses:
                continue
            if column.role == "context" and sums[signal[name]] <= 0:
                continue
            seen.add(name)
            standing = matrix.standing(name, entity_id)
            z = figure_at(matrix.z, entity_id, name)
            if worse_than_peers(column.worse, standing.value, standing.median, z) and stands_out(
                column.worse, standing
            ):
                yield name

    chosen: dict[str, str] = {}
    speaks = ""
    for name in clear():
        told = matrix.columns[name]
        if len(chosen) < limit:
            chosen.setdefault(told.signal, name)
        for_scheme = not scheme or any(matrix.columns[c].scheme == scheme for c in chosen.values())
        if len(chosen) == limit and (for_scheme or told.scheme == scheme):
            speaks = "" if for_scheme else name
            break
    names = list(chosen.values())
    if speaks:
        names = [*names[: limit - 1], speaks]
    return [_reason(matrix, c, entity_id, float(sums.get(matrix.columns[c].signal, 0.0))) for c in names]


def _candidates(own: pd.Series, signal: Mapping[str, str], sums: pd.Series, z: pd.Series) -> Iterable[str]:
    """Columns by the contribution of their signal, then their own; after them those that lowered nothing, by distance from the peers."""
    frame = pd.DataFrame({"column": own.index, "own": own.to_numpy(), "sum": [sums[signal[c]] for c in own.index]})
    frame = frame.sort_values(["sum", "own", "column"], ascending=[False, False, True])
    yield from frame.loc[(frame["sum"] > 0) & (frame["own"] > 0), "column"]
    still = set(frame.loc[(frame["sum"] >= 0) & (frame["own"] >= 0), "column"])
    yield from (c for c in z.abs().sort_values(ascending=False, kind="stable").index if c in still)


def _reason(matrix: Matrix, name: str, entity_id: str, contribution: float) -> Reason:
    column = matrix.columns[name]
    standing = matrix.standing(name, entity_id)
    told = not standing.few
    return Reason(
        column=name,
        about=column.about,
        own=column.own,
        subject=matrix.subject(name, entity_id),
        label=column.label,
        unit=column.unit,
        scheme=column.scheme,
        rule=column.feature.rule or "",
        text=sentence(column, standing),
        value=standing.value,
        peer=standing.median if told else math.nan,
        percentile=standing.left_behind(column.worse) if told else math.nan,
        side=standing.side(column.worse),
        n=standing.n,
        contribution=contribution,
        innocent=in_words(column.innocent),
    )


def sentence(column: Column, standing: Standing) -> str:
    """The declaration's sentence; a parent's is introduced by whom it is about."""
    text = render(column.feature, column.window, standing)
    return f"所属{GRAINS[column.about].label}：{text}" if column.parent else text
