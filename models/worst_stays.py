"""A matrix of persons with the risk of each one's worst stay, where findings taught about empty and lent beds (models/company.py).

A patient takes part in a stay that is empty, never was, or is another's (models/beds.py: T01, T02, T03); that he was talked into one, kept too short or billed too
much is the hospital's doing and says nothing of him (docs/design.md §14). Of the stays only what findings taught counts, in the company of their doctors: what else is strange
about somebody's stays is strange about him, and his own numbers say that already.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from features.matrix import Matrix, load_matrix
from models.beds import WEIGHTS
from models.bundle import Bundle
from models.company import STAY, STAY_ID, STAY_SCHEMES, links_of, meet, with_stays
from models.ensemble import GrainModel, explained, ranker_input
from models.scheme import attribute
from models.score import model_for
from models.scorer import MatrixLike
from models.taught import Taught

TOLD: Final = 500
"""So many worst stays, the riskiest, are asked for their schemes: nobody is listed for a stay that stands lower."""


def with_worst_stays(matrix: Matrix, root: Path, bundle: Bundle | None) -> Matrix:
    """The matrix as this bundle's list of persons is made of; of any other grain, or where nothing was learnt about empty beds, as it is."""
    if matrix.grain != "person" or bundle is None or "admission" not in bundle.grains:
        return matrix
    beds = bundle.grains["admission"].beds
    if beds is None:
        return matrix
    stays = load_matrix(root, matrix.as_of, "admission")
    if stays.X.empty:
        return matrix
    model = model_for(stays, bundle)
    entities = with_stays(matrix.entities, stays.entities, taught_risk(beds, stays))
    return replace(matrix, entities=entities.assign(**{STAY_SCHEMES: schemes_of(entities, stays, model)}))


def schemes_of(entities: pd.DataFrame, stays: Matrix, model: GrainModel) -> pd.Series:
    """{scheme: share} of each person's worst stay, of the schemes he takes part in; None below the first `TOLD` of them."""
    riskiest = entities[STAY].dropna().sort_values(ascending=False, kind="stable").index[:TOLD]
    asked = stays.only([str(i) for i in entities.loc[riskiest, STAY_ID].dropna()])
    contributions, _ = explained(model, asked)
    shares = attribute(contributions, asked.X, asked.percentile, asked.columns, model.usual, model.often)
    shares = shares.reindex(columns=sorted(WEIGHTS), fill_value=0.0)
    shares = shares.div(shares.sum(axis=1).replace(0.0, 1.0), axis=0)
    told = {str(i): {str(s): float(v) for s, v in row[row > 0].items()} for i, row in shares.iterrows()}
    found = [told.get(i) if isinstance(i, str) else None for i in entities[STAY_ID]]
    return pd.Series(np.array([*found, None], dtype=object)[:-1], index=entities.index)


def taught_risk(beds: Taught, stays: MatrixLike) -> pd.Series:
    """Raw risk of stays by what empty and lent beds taught alone, in company."""
    raw = beds.raw(ranker_input(stays)).to_numpy()
    links = links_of(stays.entities, None)
    if links is not None:
        raw = meet(raw, links, stays.entities, 1.0).raw(raw, links, stays.entities)
    return pd.Series(raw, index=stays.X.index, name="raw")
