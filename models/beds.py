"""Who might not lie in the bed tonight: the ghost-bed part of a stay's evidence as one additive score.

Columns of schemes T01, T02 and T03, the stay's own and the habits of its unit, patient and doctor, each turned so that larger is worse than
its peers (other open stays at that level of care). Windows of one feature share one vote. A bureau finds a handful of empty beds a year, too few to fit
a score on; the admission ranker learns from them together with all other findings about stays. Where there is one, serving/lists/bedcheck.py goes by it
(on a development county it put 5 of 5 empty beds into the first tenth, this score 2, both together 3) and this score is the fallback.
"""

from __future__ import annotations

import pandas as pd

from claims.errors import UserError
from models.ensemble import role
from models.explain import signal
from models.rules import is_outcome
from models.scheme import schemes_of
from models.scorer import BASE, MatrixLike, badness

#: What an empty bed is a sign of, and how much a column of that scheme counts; a parent's habit counts half.
WEIGHTS = {"T01": 1.0, "T02": 0.5, "T03": 0.5}
PARENT_WEIGHT = 0.5


def bed_columns(matrix: MatrixLike) -> dict[str, float]:
    """The columns that speak about an empty bed, with their weight; the columns of one signal share it. Earlier bed checks' results are no column."""
    chosen: dict[str, float] = {}
    for column in matrix.X.columns:
        meta = matrix.meta[column]
        weight = max((WEIGHTS.get(code, 0.0) for code in schemes_of(meta.scheme)), default=0.0)
        if weight and role(column, meta) != "amount" and not is_outcome(column):
            chosen[column] = weight * (PARENT_WEIGHT if "__" in column else 1.0)
    signals = pd.Series([signal(c) for c in chosen], dtype=object).value_counts()
    return {column: weight / float(signals[signal(column)]) for column, weight in chosen.items()}


def bed_contributions(matrix: MatrixLike) -> pd.DataFrame:
    """Columns of X + base (0); a row adds up to the stay's bed score: the weighted mean badness. UserError where no column speaks about beds."""
    weights = bed_columns(matrix)
    if not weights:
        raise UserError("no feature of this warehouse speaks about an empty bed; take in fee lines or swipes")
    bad = badness(matrix.z, {c: matrix.meta[c].worse for c in weights})
    share = pd.Series(weights) / sum(weights.values())
    out = pd.DataFrame(0.0, index=matrix.X.index, columns=[*matrix.X.columns, BASE])
    out[list(weights)] = bad[list(weights)] * share
    return out
