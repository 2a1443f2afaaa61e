"""Who might not lie in the bed tonight.

Three ways to say it, the best one there is. Taught (`Taught`, kept with the admission model): a ranker whose confirmed cases are empty and lent beds alone
(schemes T01, T02, T03), whoever else was confirmed left out; on the development counties it put more of the stays with empty beds into the first tenth than
the admission ranker, which learns from all findings about stays (docs/design.md §10). The admission ranker, where no such case
is known. And without any ranker the ghost-bed part of a stay's evidence as one additive score, not fitted: columns of those schemes, the stay's own and the habits
of its unit, patient and doctor, each turned so that larger is worse than its peers; windows of one feature share one vote.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal

import numpy as np
import pandas as pd

from claims.errors import UserError
from models.company import links_of, meet
from models.ensemble import GrainModel, Z, among, explained, ranker_input
from models.scorer import BASE, MatrixLike, badness
from models.taught import Taught

WEIGHTS: Final = {"T01": 1.0, "T02": 0.5, "T03": 0.5}
"""What an empty bed is a sign of, and how much a column of that scheme counts; a parent's habit counts half."""
PARENT_WEIGHT: Final = 0.5
Way = Literal["taught", "learned", "composed"]
WAYS: Final[dict[Way, str]] = {
    "taught": "查床：空床专用学习模型",
    "learned": "查床：住院学习模型",
    "composed": "查床：挂床特征合成（未训练）",
}
"""The ways, the best first, and what the list says it was ranked by."""


def bed_evidence(
    model: GrainModel | None, matrix: MatrixLike, whole: MatrixLike | None = None
) -> tuple[pd.DataFrame, Way]:
    """(contributions: columns of X + base, a row adds up to the stay's bed score; the way) by the best way there is. whole: all stays of the moment, open or
    not, whose doctors' other stays are the company of these; None = no company."""
    if model is None or model.ranker is None:
        return bed_contributions(matrix), "composed"
    if model.beds is None:
        return explained(model if whole is None else among(model, whole), matrix)[0], "learned"
    told = model.beds.contributions(ranker_input(matrix))
    out = pd.DataFrame(0.0, index=matrix.X.index, columns=[*matrix.X.columns, BASE])
    for column in told.columns:
        out[column.removeprefix(Z)] += told[column]
    if whole is not None:
        own = out.sum(axis=1).to_numpy()
        out[BASE] += _in_company(model.beds, own, matrix, whole) - own
    return out, "taught"


def _in_company(beds: Taught, own: np.ndarray, matrix: MatrixLike, whole: MatrixLike) -> np.ndarray:
    """Log odds of an empty bed with what the other stays of the doctor are suspected of: those of a stay as rare as both together."""
    links, here = links_of(whole.entities, None), links_of(matrix.entities, None)
    if links is None or here is None:
        return own
    company = meet(beds.raw(ranker_input(whole)).to_numpy(), links, whole.entities, 1.0)
    return company.own.value(company.raw(own, here, matrix.entities))


def bed_columns(matrix: MatrixLike) -> dict[str, float]:
    """The columns that speak about an empty bed, with their weight; the columns of one signal share it. Earlier bed checks' results are no column."""
    chosen = {}
    for name in matrix.X.columns:
        column = matrix.columns[name]
        weight = WEIGHTS.get(column.scheme, 0.0)
        if weight and column.role not in ("amount", "outcome"):
            chosen[name] = weight * (PARENT_WEIGHT if column.parent else 1.0)
    votes = Counter(matrix.columns[name].signal for name in chosen)
    return {name: weight / votes[matrix.columns[name].signal] for name, weight in chosen.items()}


def bed_contributions(matrix: MatrixLike) -> pd.DataFrame:
    """Columns of X + base (0); a row adds up to the stay's bed score: the weighted mean badness. UserError where no column speaks about beds."""
    weights = bed_columns(matrix)
    if not weights:
        raise UserError("no feature of this warehouse speaks about an empty bed; take in fee lines or swipes")
    bad = badness(matrix.z, {c: matrix.columns[c].worse for c in weights})
    share = pd.Series(weights) / sum(weights.values())
    out = pd.DataFrame(0.0, index=matrix.X.index, columns=[*matrix.X.columns, BASE])
    out[list(weights)] = bad[list(weights)] * share
    return out
