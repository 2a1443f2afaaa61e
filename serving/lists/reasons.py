"""Why an entity is listed: the signals that raised its score and are worse than its peers, each one sentence with its number."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.grains import LABEL
from features.reasons import number, render
from models.explain import signal
from models.scheme import schemes_of

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


def excuse_of(meta: Any) -> str:
    """The innocent (N01 …) that a column shows, "" for all others: to lack an excuse is no reason to inspect anybody."""
    return meta.feature.excuses if meta.feature is not None else ""


def honest_of(matrix: Any, entity_id: str, reasons: Iterable[Reason]) -> list[str]:
    """What could clear an entity: first the innocents that the bureau's own data shows of it or of its patient, then those its reasons name."""
    shown = []
    for column, meta in matrix.meta.items():
        if excuse_of(meta) and column in matrix.X and matrix.X.at[entity_id, column] > 0:
            whose = "" if meta.grain == matrix.grain else f"所属{LABEL[meta.grain]}"
            shown.append(f"{whose}数据中已有记录：{meta.label.partition('：')[2]}（{excuse_of(meta)}）")
    return list(dict.fromkeys([*shown, *(r.innocent for r in reasons if r.innocent)]))


def reasons_of(
    matrix: Any, contributions: pd.DataFrame, entity_id: str, limit: int = 3, scheme: str = ""
) -> list[Reason]:
    """The `limit` strongest reasons of one entity, strongest first, one per signal (the windows of a feature are one signal).

    A reason needs a positive contribution and a value worse than its peers': clearly worse (CLEAR) if there are such columns. Where fewer
    than `limit` are found, the list is filled with columns far out on the bad side (largest |z|) that did not raise the score, their
    contribution shown as it is, and only then with those that raised it while hardly standing out. Where the list names a `scheme`
    (models/scheme.py) and none of these speaks for it, the last gives way to the strongest clear one that does.
    """
    own: Any = contributions.loc[entity_id].drop(BASE, errors="ignore")
    value, peer, z, percentile = (
        frame.loc[entity_id] for frame in (matrix.X, matrix.peer, matrix.z, matrix.percentile)
    )
    sums: Any = own.groupby([signal(c) for c in own.index], sort=False).sum()

    def is_bad(column: str) -> bool:
        meta = matrix.meta.get(column)
        if meta is None or meta.kind == "amount" or excuse_of(meta):
            return False
        return worse_than_peers(meta.worse, float(value[column]), float(peer[column]), float(z[column]))

    ordered = [c for c in _candidates(own, sums, z) if is_bad(c)]
    clear = [c for c in ordered if beyond(matrix.meta[c].worse, float(percentile[c])) >= CLEAR]
    signals: dict[str, str] = {}
    for column in [*clear, *ordered]:
        signals.setdefault(signal(column), column)
    chosen = list(signals.values())[:limit]
    if scheme and not any(scheme in schemes_of(matrix.meta[c].scheme) for c in chosen):
        speaks = [c for c in clear if scheme in schemes_of(matrix.meta[c].scheme)]
        chosen = [*chosen[: limit - 1], *speaks[:1]] if speaks else chosen
    return [_reason(matrix, c, entity_id, float(sums.get(signal(c), 0.0))) for c in chosen]


def _candidates(own: pd.Series, sums: pd.Series, z: pd.Series) -> Iterable[str]:
    """Columns by the contribution of their signal, then their own; after them all others by distance from the peers."""
    frame = pd.DataFrame({"column": own.index, "own": own.to_numpy(), "sum": [sums[signal(c)] for c in own.index]})
    frame = frame.sort_values(["sum", "own", "column"], ascending=[False, False, True])
    yield from frame.loc[frame["sum"] > 0, "column"]
    yield from z.abs().sort_values(ascending=False, kind="stable").index


def _reason(matrix: Any, column: str, entity_id: str, contribution: float) -> Reason:
    meta = matrix.meta[column]
    value, peer, percentile = (
        float(frame.at[entity_id, column]) for frame in (matrix.X, matrix.peer, matrix.percentile)
    )
    n = matrix.n.at[entity_id, column]
    count = 0 if pd.isna(n) else int(n)
    return Reason(
        column=column,
        about=meta.grain,
        own=meta.own,
        subject=subject_of(matrix, column, entity_id),
        label=meta.label,
        unit=meta.unit,
        scheme=meta.scheme,
        rule=(meta.feature.rule or "") if meta.feature is not None else "",
        text=sentence(matrix, column, value, peer, percentile, count),
        value=value,
        peer=peer,
        percentile=percentile,
        n=count,
        contribution=contribution,
        innocent=meta.innocent,
    )


def subject_of(matrix: Any, column: str, entity_id: str) -> str:
    """Whom a column speaks about: the entity, or its unit, patient or doctor for a parent's column."""
    keys = {"institution": "fixmedins_code", "person": "psn_no", "doctor": "dr_codg"}
    about = matrix.meta[column].grain
    if about == matrix.grain or about not in keys:
        return entity_id
    found = matrix.entities.at[entity_id, keys[about]]
    return found if isinstance(found, str) else ""


def sentence(matrix: Any, column: str, value: float, peer: float, percentile: float, n: int) -> str:
    """The declaration's sentence; a parent's is introduced by whom it is about; a column without declaration gets a plain one."""
    meta = matrix.meta[column]
    if meta.feature is not None:
        text = render(meta.feature, meta.window, value, peer, percentile, n)
    else:
        unit = "" if meta.unit == "%" else meta.unit  # it is written with the number
        text = f"{meta.label}{number(value, meta.unit)}{unit}（同类中位{number(peer, meta.unit)}{unit}）"
    return text if meta.grain == matrix.grain else f"所属{LABEL[meta.grain]}：{text}"
