"""What was decided, as rows of `inspections`: one more delivery for intake, and so labels for the next fit.

A case that ended without a judgment (证据不足, 无法核查, 重复线索) is written too: its code is a missing label by itself. One withdrawn
is written anew under its number, and the last word counts. It is known when it was concluded.
"""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from serving.desk.database import Desk
from serving.desk.schema import CASES, EVENTS, LEADS
from serving.desk.workdays import CHINA

COLUMNS: Final = (
    "insp_id", "finding_no", "entity_type", "entity_id", "period_end", "insp_time", "conclude_time", "insp_type", "lead_source",
    "selection_prob", "outcome_code", "typology_code", "violation_class", "amt_suspect", "amt_confirmed", "amt_recovered",
    "model_version", "rank_at_issue",
)  # fmt: skip
SOURCE: Final = {"ranked": "model", "draw": "random", "control": "random"}


def decided(desk: Desk) -> list[dict[str, Any]]:
    """A row per case with an outcome, by number; the lead it goes by is the last one before the decision."""
    latest = (
        select(LEADS.c.case_id, func.max(LEADS.c.lead_id).label("lead_id"))
        .join(CASES, CASES.c.case_id == LEADS.c.case_id)
        .group_by(LEADS.c.case_id)
        .subquery()
    )
    visited = select(EVENTS.c.case_id).where(EVENTS.c.to_state == "C40").distinct()
    with desk.read() as connection:
        on_site = set(connection.execute(visited).scalars())
        chosen = (
            select(CASES, LEADS.c.as_of, LEADS.c.slot, LEADS.c.selection_prob, LEADS.c.model, LEADS.c.rank)
            .join(latest, latest.c.case_id == CASES.c.case_id)
            .join(LEADS, LEADS.c.lead_id == latest.c.lead_id)
            .where(CASES.c.outcome.is_not(None))
            .order_by(CASES.c.case_id)
        )
        return [_row(dict(row), row["case_id"] in on_site) for row in connection.execute(chosen).mappings()]


def _row(case: dict[str, Any], on_site: bool) -> dict[str, Any]:
    concluded = _here(case["decided_at"])
    inspected = _here(case["inspected_at"]) if case["inspected_at"] else concluded
    return {
        "insp_id": f"desk-{case['number']}",
        "finding_no": "1",
        "entity_type": case["grain"],
        "entity_id": case["entity_id"],
        "period_end": case["as_of"],
        "insp_time": inspected,
        "conclude_time": concluded,
        "insp_type": "onsite" if on_site else "desk",
        "lead_source": SOURCE.get(case["slot"], "model"),
        "selection_prob": case["selection_prob"],
        "outcome_code": case["outcome"],
        "typology_code": case["scheme"],
        "violation_class": case["violation_class"] or "",
        "amt_suspect": f"{case['mid_fen'] / 100:.2f}",
        "amt_confirmed": "" if case["confirmed_fen"] is None else f"{case['confirmed_fen'] / 100:.2f}",
        "amt_recovered": "" if case["recovered_fen"] is None else f"{case['recovered_fen'] / 100:.2f}",
        "model_version": case["model"],
        "rank_at_issue": "" if case["rank"] is None or case["slot"] != "ranked" else case["rank"],
    }


def _here(moment: datetime) -> str:
    """A moment of the desk (UTC) by the clock of the claims: what was decided in the morning is known that day."""
    return (moment + CHINA).isoformat(sep=" ", timespec="seconds")


def write(rows: list[dict[str, Any]], folder: Path) -> Path:
    """inspections.csv of these rows, in a new folder that `xiezhi intake` reads."""
    folder.mkdir(parents=True)
    path = folder / "inspections.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path
