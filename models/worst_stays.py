"""A matrix of persons with the risk of each one's worst stay, where a model learnt about stays (models/company.py).

Of the stays only what findings taught counts, in the company of their doctors: what else is strange about somebody's stays is strange about him, and his own
numbers say that already.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from features.matrix import Matrix, load_matrix
from models.bundle import Bundle
from models.company import STAY, STAY_ID, STAY_SCHEMES, with_stays
from models.ensemble import RANKER, GrainModel, among, explained, raw_risk
from models.scheme import attribute
from models.score import model_for
from models.scorer import MatrixLike

TOLD: Final = 500
"""So many worst stays, the riskiest, are asked for their schemes: nobody is listed for a stay that stands lower."""


def with_worst_stays(matrix: Matrix, root: Path, bundle: Bundle | None) -> Matrix:
    """The matrix as this bundle's list of persons is made of; of any other grain, or where nothing was learnt about stays, as it is."""
    if matrix.grain != "person" or bundle is None or "admission" not in bundle.grains:
        return matrix
    if bundle.grains["admission"].ranker is None:
        return matrix
    stays = load_matrix(root, matrix.as_of, "admission")
    if stays.X.empty:
        return matrix
    model = model_for(stays, bundle)
    entities = with_stays(matrix.entities, stays.entities, taught_risk(model, stays))
    return replace(matrix, entities=entities.assign(**{STAY_SCHEMES: schemes_of(entities, stays, model)}))


def schemes_of(entities: pd.DataFrame, stays: Matrix, model: GrainModel) -> pd.Series:
    """{scheme: share} of each person's worst stay, None below the first `TOLD` of them."""
    riskiest = entities[STAY].dropna().sort_values(ascending=False, kind="stable").index[:TOLD]
    asked = stays.only([str(i) for i in entities.loc[riskiest, STAY_ID].dropna()])
    contributions, _ = explained(model, asked)
    shares = attribute(contributions, asked.X, asked.percentile, asked.columns, model.usual, model.often)
    told = {str(i): {str(s): float(v) for s, v in row[row > 0].items()} for i, row in shares.iterrows()}
    found = [told.get(i) if isinstance(i, str) else None for i in entities[STAY_ID]]
    return pd.Series(np.array([*found, None], dtype=object)[:-1], index=entities.index)


def taught_risk(model: GrainModel, stays: MatrixLike) -> pd.Series:
    """Raw risk of stays by what findings taught alone, in company."""
    alone = replace(model, weights={RANKER: 1.0}, company=None)
    return raw_risk(among(alone, stays), stays)
