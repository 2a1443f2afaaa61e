"""Where lists come from: the matrix of a grain, its scores, the findings on the data, the claim rows behind a number."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from claims.errors import UserError
from claims.quality import check
from claims.store.warehouse import Warehouse
from features.asof import moment_of
from features.checking.review import silent_rules
from features.evaluable import not_evaluated
from features.evidence import gather
from features.grains import Grain
from features.matrix import Matrix, load_matrix
from models.bundle import Bundle, redeclared
from models.decided import closed_at, told
from models.in_force import load_active
from models.score import Order, Scored, in_order, model_for, other_declarations, score, score_list, standing
from models.worst_stays import with_worst_stays
from serving.lists.schema import Note


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


def quality_notes(warehouse: Path, as_of: date | datetime) -> tuple[Note, ...]:
    """Remarks on the data up to `as_of`, rules that these data cannot answer, and rules that the office has not in force, as lists and pages print them.

    Raises UserError when a finding stops all ranking.
    """
    house = Warehouse.open(warehouse)
    found = check(house, as_of)
    stops = [f for f in found if f.severity == "stop"]
    if stops:
        raise UserError("no list is made on this data: " + "; ".join(f.en for f in stops))
    unanswered = [
        f"不可评估（不等于未命中）：{why}：{'、'.join(rules)}" for why, rules in not_evaluated(house, as_of).items()
    ]
    said = [*(f.zh for f in found), *unanswered, *silent_rules(warehouse, moment_of(as_of).date())]
    return tuple(Note(text=text, severity="warning") for text in said)


Key = tuple[str, str, str]


def claim_rows(
    warehouse: Path, as_of: date | datetime, wanted: Iterable[Key], windows: Mapping[str, int | None] | None = None
) -> dict[Key, pd.DataFrame]:
    """Evidence of many (grain, column, entity id), in time order.

    windows: {grain: days} where the list ranks those active in another window than the grain's usual one.
    """
    by_grain: dict[Grain, list[tuple[str, str]]] = {}
    for grain, column, entity_id in dict.fromkeys(wanted):
        if entity_id:
            by_grain.setdefault(grain, []).append((column, entity_id))  # type: ignore[arg-type]
    return gather(warehouse, as_of, by_grain, windows, records=True)  # type: ignore[arg-type,return-value]
