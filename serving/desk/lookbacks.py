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
from serving.desk.schema import DISPOSITIONS, EVENTS, LEADS, TICKS
from serving.desk.states import DISPOSITIONS as WORDS
from serving.desk.workdays import after, left, today

CONFIRMED = tuple(code for code, o in OUTCOMES.items() if o.klass == "confirmed")


def due(desk: Desk, person: Person, case_id: int | None = None) -> list[dict[str, Any]]:
    """Case, unit, when the visit is due (working days left, below 0 = late), the lead it began with, and what to look at again: found (what two officers saw 不符 at the place: kind,
    text, note), decided (the note of the decision), orders (kind, amount_fen, document, due_at, done_at); the earliest first. case_id: that one alone."""
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
        orders: dict[int, list[dict[str, Any]]] = {}
        for o in every(
            connection,
            select(DISPOSITIONS).where(DISPOSITIONS.c.case_id.in_(cases)).order_by(DISPOSITIONS.c.disposition_id),
        ):
            kept = {k: o[k] for k in ("amount_fen", "document", "due_at", "done_at")}
            orders.setdefault(o["case_id"], []).append({"kind": WORDS.get(o["kind"], o["kind"]), **kept})
        wrong = TICKS.c.case_id.in_(cases) & (TICKS.c.code == "not_as_billed") & TICKS.c.withdrawn_at.is_(None)
        wrong &= TICKS.c.second_by.is_not(None)
        seen_there: dict[int, list[dict[str, str]]] = {}
        for t in every(connection, select(TICKS).where(wrong).order_by(TICKS.c.tick_id)):
            note = "；".join(dict.fromkeys(n for n in (t["note"], t["second_note"]) if n))
            seen_there.setdefault(t["case_id"], []).append({"kind": t["kind"], "text": t["text"], "note": note})
        to = EVENTS.c.case_id.in_(cases) & (EVENTS.c.kind == "move") & (EVENTS.c.to_state == "C70")
        decided = {  # the last decision counts
            e["case_id"]: e["note"] for e in every(connection, select(EVENTS).where(to).order_by(EVENTS.c.event_id))
        }
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
                "found": seen_there.get(row["case_id"], []),
                "decided": decided.get(row["case_id"], ""),
                "lead": began.get(row["case_id"]),
            }
        )
    return sorted(out, key=lambda r: (r["look_at"], r["case_id"]))


def promised(order: Mapping[str, Any]) -> str:
    """An order in words: what, how much, by which paper, and whether it was done."""
    amount = f" {order['amount_fen'] / 100:,.2f} 元" if order["amount_fen"] else ""
    paper = f"（{order['document']}）" if order["document"] else ""
    until = f"限 {today(order['due_at'])}，" if order["due_at"] else ""
    done = f"{today(order['done_at'])} 已办结" if order["done_at"] else f"{until}尚未办结"
    return f"{order['kind']}{amount}{paper}：{done}"


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
