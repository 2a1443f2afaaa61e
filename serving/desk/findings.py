"""What was decided, as rows of `inspections`, and what two officers found at beds, as rows of `presence_checks`: one more delivery for intake, and so labels for the
next fit and what the next day's lists know.

A case that ended without a judgment (证据不足, 无法核查, 重复线索) is written too: its code is a missing label by itself. One withdrawn
is written anew under its number, and the last word counts. It is known when it was concluded.
"""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import case, func, select

from serving.desk.beds import LIST
from serving.desk.database import Desk
from serving.desk.schema import BED_RESULTS, CASES, EVENTS, LEADS
from serving.desk.two_officers import standing
from serving.desk.workdays import CHINA

COLUMNS: Final = (
    "insp_id", "finding_no", "entity_type", "entity_id", "period_end", "insp_time", "conclude_time", "insp_type", "lead_source",
    "selection_prob", "outcome_code", "typology_code", "violation_class", "amt_suspect", "amt_confirmed", "amt_recovered",
    "model_version", "rank_at_issue",
)  # fmt: skip
PRESENCE_COLUMNS: Final = (
    "check_id", "mdtrt_id", "fixmedins_code", "check_time", "check_way", "result_code", "leave_reason", "evidence_ref", "checker_1",
    "checker_2", "source", "selection_prob",
)  # fmt: skip
SOURCE: Final = {"ranked": "model", "draw": "random", "control": "random", "sent": "superior"}


def decided(desk: Desk) -> list[dict[str, Any]]:
    """A row per case with an outcome, by number; the lead it goes by is the last one before the decision, and one of our lists before one sent down."""
    listed = func.max(case((LEADS.c.slot != "sent", LEADS.c.lead_id)))
    latest = (
        select(LEADS.c.case_id, func.coalesce(listed, func.max(LEADS.c.lead_id)).label("lead_id"))
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


def presence(desk: Desk) -> list[dict[str, Any]]:
    """A row per bed result that a second officer has confirmed, in the order in which they were written down."""
    with desk.read() as connection:
        listed = select(LEADS.c.run, LEADS.c.lead, LEADS.c.slot, LEADS.c.selection_prob).where(LEADS.c.list == LIST)
        chance = {(r.run, r.lead): (r.slot, r.selection_prob) for r in connection.execute(listed)}
        rows = standing(connection, BED_RESULTS, BED_RESULTS.c.second_by.is_not(None))
    return [_check(row, *chance[row["run"], row["lead"]]) for row in rows]


def _check(row: dict[str, Any], slot: str, selection_prob: str) -> dict[str, Any]:
    return {
        "check_id": f"desk-bed-{row['result_id']}",
        "mdtrt_id": row["stay"],
        "fixmedins_code": row["unit"],
        "check_time": _here(row["checked_at"]),
        "check_way": "onsite",
        "result_code": row["code"],
        "leave_reason": row["note"] if row["code"] == "B3_LEAVE_OK" else "",
        "evidence_ref": row["sha256"] or "",
        "checker_1": row["first_name"],
        "checker_2": row["second_name"],
        "source": SOURCE.get(slot, "model"),
        "selection_prob": selection_prob,
    }


def _here(moment: datetime) -> str:
    """A moment of the desk (UTC) by the clock of the claims: what was decided in the morning is known that day."""
    return (moment + CHINA).isoformat(sep=" ", timespec="seconds")


def write(rows: list[dict[str, Any]], checks: list[dict[str, Any]], folder: Path) -> list[Path]:
    """inspections.csv and presence_checks.csv of these rows, each where it has any, in a new folder that `xiezhi intake` reads."""
    folder.mkdir(parents=True)
    made = []
    for name, columns, found in (("inspections", COLUMNS, rows), ("presence_checks", PRESENCE_COLUMNS, checks)):
        if not found:
            continue
        made.append(folder / f"{name}.csv")
        with made[-1].open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(found)
    return made
