"""Where lists come from: the matrix of a grain and its scores."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from features.matrix import Matrix, load_matrix
from models.bundle import Bundle, redeclared
from models.decided import closed_at, told
from models.in_force import load_active
from models.score import Order, Scored, in_order, model_for, other_declarations, score, score_list, standing
from models.worst_stays import with_worst_stays


def scored_matrix(
    warehouse: Path,
    as_of: date | datetime,
    grain: str,
    window_days: int | None = None,
    *,
    order: Order = "probability",
    shadow: Bundle | None = None,
    by: str = "",
) -> tuple[Matrix, Scored]:
    """The matrix and scores of one grain's list by the bundle in force (rules, outliers and graph where none is fitted), or by a shadow's: without those
    who have a conclusive finding, unless something newer speaks against them (models/decided.py). by: one part of the model alone (models/ensemble.py).
    """
    bundle = shadow or load_active(warehouse)
    matrix, held = _opened(warehouse, as_of, grain, window_days, bundle)
    return score_list(matrix, bundle, held, order=order, by=by)


def _opened(
    warehouse: Path, as_of: date | datetime, grain: str, window_days: int | None, bundle: Bundle | None
) -> tuple[Matrix, pd.DataFrame]:
    """The matrix of a grain and the conclusive findings about it."""
    if bundle is not None and grain in bundle.grains and (changed := redeclared(bundle.grains[grain])):
        raise other_declarations(grain, changed)  # said before a pass over the county, not after it
    matrix = with_worst_stays(load_matrix(warehouse, as_of, grain, window_days), warehouse, bundle)  # type: ignore[arg-type]
    return matrix, closed_at(warehouse, as_of, grain, matrix.entities)


def scored_everybody(warehouse: Path, as_of: date | datetime, grain: str) -> tuple[Matrix, Scored, Matrix, Scored]:
    """`scored_matrix` of the list as it is published, and the matrix and scores of those it leaves out as decided."""
    bundle = load_active(warehouse)
    matrix, held = _opened(warehouse, as_of, grain, None, bundle)
    left, listed = score_list(matrix, bundle, held)
    aside = matrix.X.index[~matrix.X.index.isin(listed.frame.index)]
    whole = _whole(matrix, bundle, held, "") if len(aside) else listed
    return left, listed, matrix.only(list(aside)), whole.only(aside)


def scored_whole(warehouse: Path, as_of: date | datetime, grain: str, by: str = "") -> tuple[Matrix, Scored]:
    """The matrix of one grain and the scores of everybody in it, as if nothing were decided; the earlier findings are named."""
    bundle = load_active(warehouse)
    matrix, held = _opened(warehouse, as_of, grain, None, bundle)
    return matrix, _whole(matrix, bundle, held, by)


def scored_about(
    warehouse: Path, as_of: date | datetime, grain: str, entity_id: str, by: str = ""
) -> tuple[Matrix, Scored]:
    """`scored_matrix` where its list knows an entity, else `scored_whole`: it is decided, or nobody."""
    bundle = load_active(warehouse)
    matrix, held = _opened(warehouse, as_of, grain, None, bundle)
    left, listed = score_list(matrix, bundle, held, by=by)
    if not listed.left_out or entity_id in left.entities.index:
        return left, listed
    return matrix, _whole(matrix, bundle, held, by)


def _whole(matrix: Matrix, bundle: Bundle | None, held: pd.DataFrame, by: str) -> Scored:
    scored = score(matrix, bundle, by=by)
    finding = told(held, matrix.X.index)
    return replace(scored, frame=scored.frame.assign(finding=finding, returning=False))


def standing_order(warehouse: Path, as_of: date | datetime, grain: str, by: str = "") -> pd.DataFrame:
    """Everybody without a conclusive finding, worst first, by the model in force or one part of it: `models.score.standing`, which explains nobody and costs a tenth."""
    bundle = load_active(warehouse)
    matrix = load_matrix(warehouse, as_of, grain)  # type: ignore[arg-type]
    whole = matrix if by else with_worst_stays(matrix, warehouse, bundle)
    frame = standing(whole, model_for(whole, bundle, by))
    return frame.loc[in_order(frame.loc[undecided(warehouse, matrix)])]


def undecided(warehouse: Path, matrix: Matrix) -> pd.Index:
    """Those of a matrix who have no conclusive finding."""
    held = closed_at(warehouse, matrix.as_of, matrix.grain, matrix.entities)
    return matrix.X.index[~matrix.X.index.isin(held.index)]
