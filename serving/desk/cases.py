"""Cases: one about each subject, with everything that happened to it; who may see it, and what a write of any kind leaves behind.

Nothing is overwritten: a write adds an event, and a log row in the same transaction (serving/desk/log.py). An event carries the mark of the form it
came from, and a mark serves once: the same form posted again does nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Integer,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from claims.errors import UserError
from serving.desk import log
from serving.desk.database import Desk, now
from serving.desk.people import Person, scope
from serving.desk.schema import CASES, EVENTS, OFFICERS, PEOPLE, REVIEWS

BLIND: Final = "blind"
"""Column of `seen`: the blind review that is put to who looks, else NULL."""
_AFTER_FIRST: Final = frozenset({"review2", "assign", "appeal", "sign", "legal", "finance"})
_AS_BEFORE: Final = (
    "outcome", "before_hold", "proposal", "confirmed_fen", "recovered_fen", "violation_class", "innocent", "inspected_at", "decided_at",
    "first_reviewer", "second_reviewer", "appeal_by", "signer", "into_case", "left_days", "board_id", "board_from_fen", "legal_from_fen", "grave", "legal_by",
)  # fmt: skip
"""What somebody who reviews blind sees as it was before the first review: empty."""


class Refused(UserError):
    """A step that may not be taken; the sentence is shown to the officer."""


class Unknown(UserError):
    """No such case for this person: one of another area answers like one that does not exist."""


class Again(UserError):
    """The same form was posted before; nothing was done now."""


@functools.lru_cache(maxsize=1024)
def seen(person: Person) -> Subquery:
    """The cases of a person's area as he may see them, put together once a person. To a first reviewer whom a second first review is put to, and who has no part
    in the case, it looks as it did before anybody reviewed it."""
    inside = CASES.c.area.startswith(scope(person.area)) if person.area else literal(True)
    if "review1" not in person.rights or person.rights & _AFTER_FIRST:
        return select(CASES, cast(null(), Integer).label(BLIND)).where(inside).subquery()
    me = person.person_id
    sent = select(OFFICERS.c.case_id).where(OFFICERS.c.person_id == me)
    waiting = (
        select(REVIEWS.c.case_id, func.min(REVIEWS.c.review_id).label(BLIND))
        .where(REVIEWS.c.part == "blind", REVIEWS.c.decision.is_(None))
        .group_by(REVIEWS.c.case_id)
        .subquery()
    )
    stranger = and_(
        func.coalesce(CASES.c.first_reviewer, 0) != me, CASES.c.case_id.not_in(sent), CASES.c.state != "C91"
    )
    blind = case((stranger, waiting.c.blind), else_=cast(null(), Integer))
    review = REVIEWS.alias()
    before: dict[str, Any] = dict.fromkeys(_AS_BEFORE, null())
    before |= {"state": literal("C10"), "version": literal(0), "due_at": review.c.due_at}
    before |= {"holder": review.c.person_id, "held_until": review.c.held_until}
    columns = [
        case((blind.is_not(None), before[c.name]), else_=c).label(c.name) if c.name in before else c for c in CASES.c
    ]
    joined = CASES.outerjoin(waiting, waiting.c.case_id == CASES.c.case_id).outerjoin(
        review, review.c.review_id == waiting.c.blind
    )
    return select(*columns, blind.label(BLIND)).select_from(joined).where(inside).subquery()


def found(connection: Connection, person: Person, case_id: int) -> dict[str, Any]:
    """A case as a person sees it. Raises Unknown."""
    chosen = seen(person)
    return _one(connection, select(chosen).where(chosen.c.case_id == case_id))


def locked(connection: Connection, person: Person, case_id: int, once: str = "") -> dict[str, Any]:
    """A case that this transaction is about to write: nobody else writes it before the end. Raises Unknown, Again for a form that came before."""
    if once and connection.execute(select(EVENTS.c.event_id).where(EVENTS.c.once == once[:32])).first():
        raise Again("这份表单已经提交过，没有重复办理")
    connection.execute(select(CASES.c.case_id).where(CASES.c.case_id == case_id).with_for_update())
    return found(connection, person, case_id)


def _one(connection: Connection, chosen: Select[Any]) -> dict[str, Any]:
    row = connection.execute(chosen).mappings().first()
    if row is None:
        raise Unknown("没有这个案件，或不在您的片区")
    return dict(row)


def free(connection: Connection, row: Mapping[str, Any], person: Person) -> None:
    """Raises Refused where somebody else has the case in hand."""
    if row["holder"] in (None, person.person_id) or row["held_until"] is None or row["held_until"] < now():
        return
    who = connection.execute(select(PEOPLE.c.shown).where(PEOPLE.c.person_id == row["holder"])).scalar()
    raise Refused(f"{who} 正在办理此案，请稍后再试")


def put_down(connection: Connection, case_id: int, person: Person) -> None:
    """End his hold: his part is done, and the next one need not wait for twenty minutes."""
    mine = (CASES.c.case_id == case_id) & (CASES.c.holder == person.person_id)
    connection.execute(update(CASES).where(mine).values(holder=None, held_until=None))


def every(connection: Connection, chosen: Select[Any]) -> list[dict[str, Any]]:
    """All rows of a selection."""
    return [dict(row) for row in connection.execute(chosen).mappings()]


def note(desk: Desk, person: Person, case_id: int, words: str, once: str = "") -> None:
    """Add a note. Raises Refused for an empty one, Unknown."""
    if not words.strip():
        raise Refused("请填写说明")
    with desk.write() as connection:
        row = locked(connection, person, case_id, once)
        event(connection, case_id, person, "note", note=words.strip(), once=once)
        log.append(connection, "case.note", person.name, row["number"])


def event(
    connection: Connection, case_id: int, person: Person, kind: str, *, note: str = "", once: str = "", **values: Any
) -> None:
    """Add what happened to a case, inside the caller's transaction. Raises Again where the form came before: the transaction is undone."""
    detail = values.pop("detail", {})
    about = {"case_id": case_id, "at": now(), "who": person.person_id, "kind": kind, "note": note, "detail": detail}
    try:
        connection.execute(insert(EVENTS).values(**about, once=once[:32] or None, **values))
    except IntegrityError:
        raise Again("这份表单已经提交过，没有重复办理") from None


def events_of(connection: Connection, row: Mapping[str, Any], person: Person) -> list[dict[str, Any]]:
    """What happened to a case, in order, as a person may see it: blind reviews for those who assign, and who reviews blind sees
    which lists it stood on and what he wrote himself."""
    chosen = select(EVENTS, PEOPLE.c.shown).outerjoin(PEOPLE, EVENTS.c.who == PEOPLE.c.person_id)
    chosen = chosen.where(EVENTS.c.case_id == row["case_id"]).order_by(EVENTS.c.event_id)
    mine = EVENTS.c.who == person.person_id
    if row[BLIND] is not None:
        chosen = chosen.where(or_(EVENTS.c.kind == "lead", mine))
    elif "assign" not in person.rights:
        chosen = chosen.where(or_(EVENTS.c.kind != "blind", mine))
    return every(connection, chosen)
