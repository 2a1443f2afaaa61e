"""One suspect asked for, listed or not: read as he was scored where that was kept, else scored with the county again."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from claims.store.warehouse import Warehouse
from features.matrix import Matrix, load_matrix
from serving.lists import published
from serving.lists.claims_behind import claim_rows
from serving.lists.dossier import check_known, dossier, people_of
from serving.lists.money import money_of, rows_wanted
from serving.lists.quality_notes import quality_notes
from serving.lists.reasons import reasons_of
from serving.lists.schema import check_grain
from serving.lists.scores import Scores, look_up
from serving.lists.who import known_of
from serving.lists.why_not import why_not


def explain(warehouse: Path, as_of: date | datetime, grain: str, entity_id: str, by: str = "") -> dict[str, Any]:
    """The dossier of one entity; by: as one part of the model alone sees it. Raises UserError for an unknown grain, id or part."""
    check_grain(grain)
    run = None if by or isinstance(as_of, datetime) else published.of_day(warehouse, as_of, grain)
    kept = None if run is None else as_scored(warehouse, as_of, grain, entity_id, run.name)
    matrix, scored = kept or anew(warehouse, as_of, grain, entity_id, by)
    reasons = reasons_of(matrix, scored.contributions, entity_id, scheme=str(scored.frame.at[entity_id, "scheme"]))
    rows = claim_rows(warehouse, as_of, [*(r.key() for r in reasons), *rows_wanted(matrix, [entity_id])])
    money = money_of(matrix, scored.frame, [entity_id], rows)[entity_id]
    known = known_of(warehouse, as_of, people_of(matrix, [entity_id]))
    delivered = Warehouse.open(warehouse).columns("fee_details")
    more: dict[str, Any] = {"notes": quality_notes(warehouse, as_of), "delivered": delivered}
    told = dossier(matrix, scored, entity_id, rows, as_of=as_of, grain=grain, known=known, money=money, **more)
    return told | ({"why_not": why_not(run, grain, entity_id)} if run else {})


def as_scored(
    warehouse: Path, as_of: date | datetime, grain: str, entity_id: str, run: str
) -> tuple[Matrix, Scores] | None:
    """The one row of matrix and scores that the lists of a run were made of; None where these were not kept."""
    scored = look_up(warehouse, run, grain, entity_id)
    if scored is None:
        return None
    matrix = load_matrix(warehouse, as_of, grain, only=[entity_id])  # type: ignore[arg-type]
    beyond = {column: pd.Series([value], index=matrix.entities.index) for column, value in scored.who.items()}
    return replace(matrix, entities=matrix.entities.assign(**beyond)), scored


def anew(warehouse: Path, as_of: date | datetime, grain: str, entity_id: str, by: str) -> tuple[Matrix, Any]:
    """The matrix and scores of the whole county. Raises UserError for an unknown id or part."""
    from serving.lists.source import scored_about  # seconds of start-up that what was kept does not need

    matrix, scored = scored_about(warehouse, as_of, grain, entity_id, by)
    check_known(matrix.entities.index, grain, entity_id)
    return matrix, scored
