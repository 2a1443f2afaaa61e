"""A list with everything its pages and its workbook show: made once, so that readers never compute."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from claims.errors import UserError
from claims.store.warehouse import Warehouse
from features.build import build
from features.grains import spec_of
from features.matrix import Matrix
from inspection.campaigns import Campaign, must_be_answered
from models.bundle import Bundle
from models.company import STAY, STAY_ID, STAY_SCHEMES
from models.decided import closed_at
from models.score import Order, Scored
from serving.lists.campaign import members, only
from serving.lists.claims_behind import claim_rows
from serving.lists.dossier import dossier, people_of
from serving.lists.earlier import listed_before
from serving.lists.everybody import standing_of
from serving.lists.model_shift import facts_in_force, shift_of
from serving.lists.model_told import signals_of
from serving.lists.money import money_of, rows_wanted
from serving.lists.quality_notes import quality_notes
from serving.lists.schema import Note, WorkList, check_grain, claim_table
from serving.lists.scores import as_parquet
from serving.lists.source import scored_everybody, scored_matrix
from serving.lists.who import known_of
from serving.lists.worklist import assemble, with_evidence, with_money, with_names

Key = tuple[str, str, str]
BEYOND = {STAY: False, STAY_ID: False, STAY_SCHEMES: True}
"""What models/worst_stays.py adds to the entities of persons, which no partition has."""
PAIRS = 200
"""Pairs of a ring that its table shows."""


@dataclass(frozen=True)
class Prepared:
    """A list, the claim rows behind its reasons, and a dossier for each entity on it (by entity_id) with its pictures."""

    worklist: WorkList
    rows: dict[Key, pd.DataFrame]
    dossiers: dict[str, dict[str, Any]] = field(default_factory=dict)
    pictures: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of each entity: picture name → SVG."""
    standing: pd.DataFrame | None = None
    """Everybody of the grain (serving/lists/everybody.py); None where a list is of no grain."""
    signals: list[dict[str, Any]] = field(default_factory=list)
    shift: dict[str, Any] = field(default_factory=dict)
    """This week against the day of fitting (serving/lists/model_shift.py); empty where the list is of another window or scorer, or of no grain."""

    scores: bytes = b""
    """How everybody was scored (serving/lists/scores.py); empty where another window, scorer or order made the list."""

    def evidence(self, entity_id: str) -> pd.DataFrame:
        """The claim rows of one entity for the workbook: which reason, which row, when, how much."""
        listed = self.worklist.rows[self.worklist.rows["entity_id"] == entity_id]
        return claim_table([self.rows.get(key) for keys in listed["keys"] for key in keys])


def prepare(
    warehouse: Path,
    as_of: date,
    grain: str,
    top: int,
    *,
    window_days: int | None = None,
    seed: int = 0,
    draw_share: float = 0.1,
    dossiers: bool = True,
    order: Order = "probability",
    shadow: Bundle | None = None,
    by: str = "",
    campaign: Campaign | None = None,
) -> Prepared:
    """The list of one grain at the end of day `as_of`; order, shadow, by, campaign: see build_worklist. Raises UserError for an unknown grain, a `top` below 1, a date outside the data."""
    check_grain(grain)
    if top < 1:
        raise UserError(f"--top {top}: a list needs at least one row")
    if window_days is not None and window_days < 1:
        raise UserError(f"--window-days {window_days}: a window needs at least one day")
    in_force = window_days is None and shadow is None and not by  # another window or scorer is not what was fitted
    kept = dossiers and in_force and order == "probability" and campaign is None
    scores = b""
    if kept:
        matrix, scored, aside, decided = scored_everybody(warehouse, as_of, grain)
        scores = as_parquet([(matrix.entities, scored), (aside.entities, decided)], BEYOND)
    else:
        matrix, scored = scored_matrix(warehouse, as_of, grain, window_days, order=order, shadow=shadow, by=by)
    if campaign is not None:
        must_be_answered(Warehouse.open(warehouse), as_of, campaign)
        scored = only(scored, members(warehouse, as_of, matrix, scored.frame, campaign))
    earlier, damaged = listed_before(warehouse, as_of, grain)
    notes = (
        *quality_notes(warehouse, as_of),
        *(Note(f"此前名单 {d} 已损坏，未计入命中率", "warning") for d in damaged),
        *([Note(f"专项 {campaign.name}：只在属于该专项的对象之间排序和抽取")] if campaign else []),
    )

    def list_of(matrix: Matrix, scored: Scored) -> WorkList:
        return assemble(
            matrix,
            scored,
            top,
            as_of=as_of,
            grain=grain,
            notes=notes,
            window_days=window_days,
            seed=seed,
            draw_share=draw_share,
            earlier=earlier,
        )

    made = finish(warehouse, as_of, grain, matrix, scored, list_of, dossiers, window_days)
    if not dossiers:
        return made
    everybody = build(warehouse, as_of, grain, window_days).entities()  # type: ignore[arg-type]
    held = closed_at(warehouse, as_of, grain, everybody)
    listed = set(made.worklist.rows["entity_id"])
    standing = standing_of(matrix, scored, everybody, held, listed)
    shift = shift_of(facts_in_force(warehouse, grain), matrix, scored) if in_force else {}
    signals = signals_of(matrix, scored.contributions)
    return replace(made, standing=standing, signals=signals, shift=shift, scores=scores)


def finish(
    warehouse: Path,
    as_of: date | datetime,
    grain: str,
    matrix: Matrix,
    scored: Scored,
    list_of: Callable[[Matrix, Scored], WorkList],
    dossiers: bool,
    window_days: int | None = None,
) -> Prepared:
    """Claim rows and, if wanted, dossiers for the list that `list_of` makes."""
    worklist = list_of(matrix, scored)
    ids = [str(e) for e in worklist.rows["entity_id"]]
    wanted = [key for keys in worklist.rows["keys"] for key in keys]
    rows = claim_rows(warehouse, as_of, [*wanted, *rows_wanted(matrix, ids)], {grain: window_days})
    money = money_of(matrix, scored.frame, ids, rows)
    worklist = with_money(with_evidence(worklist, rows), money)
    made = Prepared(worklist, rows)
    made = replace(made, worklist=replace(worklist, claim_rows=made.evidence))
    if not dossiers:
        return made
    from serving.lists import pictures  # a second of start-up that a list without dossiers does not need

    known = known_of(warehouse, as_of, people_of(matrix, ids))
    delivered = Warehouse.open(warehouse).columns("fee_details")
    shared: dict[str, Any] = {
        "as_of": as_of,
        "grain": grain,
        "notes": worklist.notes,
        "known": known,
        "delivered": delivered,
    }
    told = {e: dossier(matrix, scored, e, rows, money=money[e], **shared) for e in ids}
    if spec_of(grain).group:
        told = {e: d | {"pairs": pictures.companions(d["events"])[:PAIRS]} for e, d in told.items()}
    drawn = {e: pictures.pictures_of(document) for e, document in told.items()}
    return replace(made, worklist=with_names(made.worklist, told), dossiers=told, pictures=drawn)


def build_worklist(
    warehouse: Path,
    as_of: date,
    grain: str,
    top: int,
    *,
    window_days: int | None = None,
    seed: int = 0,
    draw_share: float = 0.1,
    order: Order = "probability",
    shadow: Bundle | None = None,
    by: str = "",
    campaign: Campaign | None = None,
) -> WorkList:
    """The list of one grain at the end of day `as_of`: `top` ranked entities, and beside them the draw and the controls.

    order: what the office orders by (models.score). shadow: make the list by this bundle instead of the one in force. by: one part of the model
    alone (models.ensemble.by_part). campaign: only suspects that belong to it, ranked among themselves. Raises UserError for an unknown grain, a `top` below 1, or (from below) a date outside the data.
    """
    return prepare(
        warehouse,
        as_of,
        grain,
        top,
        window_days=window_days,
        seed=seed,
        draw_share=draw_share,
        dossiers=False,
        order=order,
        shadow=shadow,
        by=by,
        campaign=campaign,
    ).worklist
