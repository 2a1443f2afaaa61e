"""Which cases wait to be heard (法制审核, 案审会) and by whom, so that they stand in an inbox.

A case that waits for its decision waits for both from the amounts on that the office sets, by the upper end of what it is suspected of, or where its inspectors found fraud; of
any other whoever signs may ask. What was answered since (a review that sent it back, a board that did not agree) waits no more until it is asked for again.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, exists, false, func, or_, select

from serving.desk import log
from serving.desk.cases import Refused, event, locked, put_down
from serving.desk.database import Desk
from serving.desk.limits import values
from serving.desk.people import Person
from serving.desk.roles import RIGHTS
from serving.desk.schema import CASES, EVENTS, OFFICERS, REVIEWS
from serving.desk.states import CLEARING, NO_JUDGMENT

KINDS: Final = {"legal": "待法制审核", "board": "待案审会"}
"""Right that answers, which is the kind of the event it leaves, and what the inbox calls it."""
_ANSWERED: Final = {"legal": CASES.c.legal_by, "board": CASES.c.board_id}


def waits(connection: Connection, person: Person, kind: str) -> ColumnElement[bool]:
    """Cases that wait for this kind of hearing and that this person had no part in."""
    yuan = values(connection, ("board_yuan", "legal_yuan"))
    me, at = person.person_id, EVENTS.alias()
    begun = or_(and_(at.c.kind == "move", at.c.to_state == "C60"), at.c.kind == "hear")
    since = (
        select(func.coalesce(func.max(at.c.event_id), 0))
        .where(at.c.case_id == CASES.c.case_id, begun)
        .correlate(CASES)
        .scalar_subquery()
    )
    mine = EVENTS.c.case_id == CASES.c.case_id
    asked = exists().where(mine, EVENTS.c.kind == "hear", EVENTS.c.event_id == since)
    answered = exists().where(mine, EVENTS.c.kind == kind, EVENTS.c.event_id > since)
    proposal = func.coalesce(CASES.c.proposal, "")
    large = and_(CASES.c.high_fen >= yuan[f"{kind}_yuan"] * 100, proposal.not_in((*CLEARING, *NO_JUDGMENT)))
    sent = select(OFFICERS.c.case_id).where(OFFICERS.c.person_id == me)
    reviewed = or_(func.coalesce(CASES.c.first_reviewer, 0) == me, func.coalesce(CASES.c.second_reviewer, 0) == me)
    blind = exists().where(REVIEWS.c.case_id == CASES.c.case_id, REVIEWS.c.part == "blind", REVIEWS.c.person_id == me)
    return and_(
        CASES.c.state == "C60",
        _ANSWERED[kind].is_(None),
        or_(large, proposal == "O1_FRAUD", asked),
        ~answered,
        ~reviewed,
        ~blind,
        CASES.c.case_id.not_in(sent),
    )


def any_of(connection: Connection, person: Person, rights: frozenset[str]) -> ColumnElement[bool]:
    """Cases that wait for any hearing these rights answer."""
    return or_(false(), *(waits(connection, person, kind) for kind in KINDS if kind in rights))


def ask(desk: Desk, person: Person, rights: frozenset[str], case_id: int, why: str, once: str = "") -> None:
    """Put a case to 法制审核 and 案审会 whatever its amount. Raises Refused, Unknown."""
    if "sign" not in rights:
        raise Refused(f"此步骤需要“{RIGHTS['sign']}”的权限")
    if not why.strip():
        raise Refused("请填写送审的理由")
    with desk.write() as connection:
        row: dict[str, Any] = locked(connection, person, case_id, once)
        if row["state"] != "C60":
            raise Refused("只有待认定的案件可以送审")
        if row["legal_by"] is not None and row["board_id"] is not None:
            raise Refused("法制审核和案审会都已有，不必再送")
        event(connection, case_id, person, "hear", note=why.strip(), once=once)
        put_down(connection, case_id, person)
        log.append(connection, "case.hear", person.name, row["number"])
