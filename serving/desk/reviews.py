"""First reviews, and second first reviews that are blind: a share of what a first reviewer decided is put to another one, who sees the case as it was
before and is not told. Where the two differ is shown to the leader, and how often they agree is the office's own measure of itself.

Whether a lead was worth a look is asked apart from guilt, of whoever looked: it says what the lists are good for, and teaches nobody about the subject.
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from claims.schema.outcomes import OUTCOMES
from serving.desk import log
from serving.desk.cases import BLIND, Refused, event, every, seen
from serving.desk.database import Desk, now
from serving.desk.limits import value
from serving.desk.people import Person
from serving.desk.schema import LEADS, PEOPLE, REVIEWS, ROLES
from serving.desk.workdays import after

DECISIONS = {"report": "上报", "propose_exclude": "建议排除"}


def record(connection: Connection, case_id: int, person: Person, part: str, decision: str, worth: bool | None) -> None:
    """What somebody who looked decided, and whether the lead was worth it."""
    values = {"case_id": case_id, "part": part, "person_id": person.person_id, "decision": decision, "worth": worth}
    connection.execute(insert(REVIEWS).values(**values, at=now()))


def draw(connection: Connection, case_id: int, first: Person) -> None:
    """Put a share of first reviews to a second person, if there is one: another reviewer whose roles end with the first review."""
    if secrets.randbelow(100) >= value(connection, "second_reviews"):
        return
    others = select(ROLES.c.person_id).where(ROLES.c.role == "reviewer1", ROLES.c.until.is_(None))
    active = select(PEOPLE.c.person_id).where(PEOPLE.c.active, PEOPLE.c.person_id.in_(others))
    if connection.execute(active.where(PEOPLE.c.person_id != first.person_id).limit(1)).first():
        due = after(now(), value(connection, "C10"))
        connection.execute(insert(REVIEWS).values(case_id=case_id, part="blind", due_at=due))


def withdraw(connection: Connection, case_id: int) -> None:
    """A first review begins anew: a second one of the earlier that nobody decided is no longer asked for."""
    mine = (REVIEWS.c.case_id == case_id) & (REVIEWS.c.part == "blind") & REVIEWS.c.decision.is_(None)
    connection.execute(delete(REVIEWS).where(mine))


def decide(
    connection: Connection, row: dict[str, Any], person: Person, decision: str, worth: bool | None, note: str, once: str
) -> None:
    """A blind review ends. row: as seen by its reviewer. The case itself does not move. Raises Refused where somebody was quicker."""
    if decision not in DECISIONS:
        raise Refused("待初审的案件不能这样办理")
    done = connection.execute(
        update(REVIEWS)
        .where(REVIEWS.c.review_id == row[BLIND], REVIEWS.c.decision.is_(None))
        .values(person_id=person.person_id, decision=decision, worth=worth, note=note, at=now(), held_until=None)
    )
    if done.rowcount != 1:
        raise Refused("此案在您查看之后已有变动，请重新打开")
    event(connection, row["case_id"], person, "blind", note=note, detail={"decision": decision}, once=once)
    log.append(connection, "case.blind", person.name, row["number"], {"decision": decision})


def reviewed_blind(connection: Connection, case_id: int) -> set[int]:
    """Who decided a blind review of a case."""
    mine = (REVIEWS.c.case_id == case_id) & (REVIEWS.c.part == "blind") & REVIEWS.c.decision.is_not(None)
    return set(connection.execute(select(REVIEWS.c.person_id).where(mine)).scalars())


def quality(desk: Desk, person: Person) -> dict[str, Any]:
    """How far reviewers agree, whether leads were worth a look, and what ranked, drawn and control leads came to; of the area of who asks."""
    chosen = seen(person)
    first, blind = REVIEWS.alias(), REVIEWS.alias()
    last_first = select(func.max(REVIEWS.c.review_id)).where(REVIEWS.c.part == "first").group_by(REVIEWS.c.case_id)
    pairs = (
        select(chosen.c.case_id, chosen.c.number, chosen.c.state, first.c.decision, blind.c.decision.label("second"))
        .join(first, first.c.case_id == chosen.c.case_id)
        .join(blind, blind.c.case_id == chosen.c.case_id)
        .where(first.c.review_id.in_(last_first), blind.c.part == "blind", blind.c.decision.is_not(None))
        .order_by(chosen.c.case_id.desc())
    )
    worth = (
        select(REVIEWS.c.worth, func.count())
        .join(chosen, chosen.c.case_id == REVIEWS.c.case_id)
        .where(REVIEWS.c.worth.is_not(None))
        .group_by(REVIEWS.c.worth)
    )
    earliest = select(func.min(LEADS.c.lead_id)).group_by(LEADS.c.case_id)
    came_to = (
        select(LEADS.c.slot, chosen.c.outcome, func.count())
        .join(chosen, chosen.c.case_id == LEADS.c.case_id)
        .where(LEADS.c.lead_id.in_(earliest), chosen.c.outcome.is_not(None))
        .group_by(LEADS.c.slot, chosen.c.outcome)
    )
    with desk.read() as connection:
        both = every(connection, pairs)
        looked = {bool(k): int(n) for k, n in connection.execute(worth).tuples()}
        slots: dict[str, dict[str, int]] = {}
        for slot, outcome, n in connection.execute(came_to).tuples():
            counted = slots.setdefault(slot, {"confirmed": 0, "refuted": 0, "other": 0})
            klass = OUTCOMES[outcome].klass
            counted[klass if klass in counted else "other"] += int(n)
    return {
        "pairs": len(both),
        "agree": sum(p["decision"] == p["second"] for p in both),
        "kappa": kappa([(p["decision"], p["second"]) for p in both]),
        "differ": [p for p in both if p["decision"] != p["second"]][:50],
        "worth": looked.get(True, 0),
        "not_worth": looked.get(False, 0),
        "slots": slots,
    }


def kappa(pairs: list[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two reviewers; None where chance alone already agrees or there is nothing to compare."""
    n = len(pairs)
    if not n:
        return None
    seen_share = sum(a == b for a, b in pairs) / n
    by_chance = sum(
        sum(a == d for a, _ in pairs) / n * (sum(b == d for _, b in pairs) / n) for d in {x for p in pairs for x in p}
    )
    return None if by_chance >= 1 else (seen_share - by_chance) / (1 - by_chance)


def notes_of(connection: Connection, case_id: int) -> list[dict[str, Any]]:
    """First and blind reviews of a case side by side, for the leader."""
    chosen = select(REVIEWS, PEOPLE.c.shown).outerjoin(PEOPLE, REVIEWS.c.person_id == PEOPLE.c.person_id)
    mine = (REVIEWS.c.case_id == case_id) & REVIEWS.c.decision.is_not(None) & REVIEWS.c.part.in_(("first", "blind"))
    return every(connection, chosen.where(mine).order_by(REVIEWS.c.review_id))
