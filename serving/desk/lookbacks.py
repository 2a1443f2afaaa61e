"""Visits due again (回头看): cases put on the list (C85) with their date, and filed ones (C80) that were confirmed, once the office's months have passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, func, or_, select

from claims.schema.outcomes import OUTCOMES
from serving.desk.cases import every, seen
from serving.desk.database import Desk, now
from serving.desk.limits import value
from serving.desk.people import Person
from serving.desk.schema import DISPOSITIONS, EVENTS, LEADS
from serving.desk.states import DISPOSITIONS as WORDS
from serving.desk.workdays import after, left

CONFIRMED = tuple(code for code, o in OUTCOMES.items() if o.klass == "confirmed")


def due(desk: Desk, person: Person, case_id: int | None = None) -> list[dict[str, Any]]:
    """Case, unit, what was decided and ordered, when the visit is due (working days left, below 0 = late), and the lead it began with; the earliest first. case_id: that one
    alone."""
    chosen = seen(person)
    confirmed = and_(chosen.c.outcome.in_(CONFIRMED), chosen.c.decided_at.is_not(None))
    wanted = confirmed & or_(chosen.c.state == "C85", chosen.c.state == "C80")
    if case_id is not None:
        wanted &= chosen.c.case_id == case_id
    with desk.read() as connection:
        rows = every(connection, select(chosen).where(wanted))
        cases = [r["case_id"] for r in rows]
        visited = set(
            connection.execute(
                select(EVENTS.c.case_id).where(EVENTS.c.case_id.in_(cases), EVENTS.c.from_state == "C85")
            ).scalars()
        )
        orders: dict[int, list[str]] = {}
        for o in every(
            connection,
            select(DISPOSITIONS).where(DISPOSITIONS.c.case_id.in_(cases)).order_by(DISPOSITIONS.c.disposition_id),
        ):
            orders.setdefault(o["case_id"], []).append(WORDS.get(o["kind"], o["kind"]))
        first = select(func.min(LEADS.c.lead_id)).where(LEADS.c.case_id.in_(cases)).group_by(LEADS.c.case_id)
        began = {r["case_id"]: r for r in every(connection, select(LEADS).where(LEADS.c.lead_id.in_(first)))}
        days = value(connection, "C85")
    out = []
    for row in rows:
        if row["state"] == "C80" and row["case_id"] in visited:
            continue
        when = row["due_at"] if row["state"] == "C85" and row["due_at"] else after(row["decided_at"], days)
        out.append(
            row
            | {
                "look_at": when,
                "left": left(now(), when),
                "orders": orders.get(row["case_id"], []),
                "lead": began.get(row["case_id"]),
            }
        )
    return sorted(out, key=lambda r: (r["look_at"], r["case_id"]))


def visits(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Look-back visits among the events of a case: when it was sent out again and by whom, and what was decided of it; outcome '' = not yet."""
    found: list[dict[str, Any]] = []
    for e in events:
        if e["kind"] != "move":
            continue
        if e["from_state"] == "C85" and e["to_state"] == "C40":
            found.append({"at": e["at"], "who": e["shown"], "outcome": "", "decided_at": None, "note": ""})
        elif found and not found[-1]["outcome"] and e["to_state"] in ("C70", "C90") and e["detail"].get("outcome"):
            found[-1] |= {"outcome": e["detail"]["outcome"], "decided_at": e["at"], "note": e["note"]}
    return found
