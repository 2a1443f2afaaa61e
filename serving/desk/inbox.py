"""Who has what to do: the cases of an area, what waits for whom, and the hold by which no two officers read the same one.

Whoever works on a case holds it for twenty minutes after he took it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Select,
    Subquery,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    update,
)

from serving.desk import hearings, log
from serving.desk.cases import BLIND, every, free, locked, seen
from serving.desk.database import Desk, now
from serving.desk.money import OF_MONEY
from serving.desk.people import Person, scope
from serving.desk.schema import APPEALS, CASES, DISPOSITIONS, GROUNDS, OFFICERS, REVIEWS
from serving.desk.states import OPEN, STATES
from serving.desk.workdays import left

HELD: Final = timedelta(minutes=20)


def open_cases(
    desk: Desk,
    person: Person,
    states: Sequence[str] = OPEN,
    limit: int = 200,
    *,
    late: bool = False,
    after: int = 0,
    hearing: str = "",
) -> list[dict[str, Any]]:
    """Cases of his area in these states, those due first; what he holds himself before all. late: only those past their day. after: so many of them left out. hearing: only
    those that wait for him so (hearings.KINDS)."""
    chosen = seen(person)
    mine = (chosen.c.holder == person.person_id) & (chosen.c.held_until > now())
    order = (mine.desc(), chosen.c.due_at.is_(None), chosen.c.due_at, chosen.c.case_id)
    wanted = select(chosen).where(chosen.c.state.in_(states)).order_by(*order).limit(limit).offset(after)
    with desk.read() as connection:
        if hearing:
            heard = select(CASES.c.case_id).where(hearings.waits(connection, person, hearing))
            wanted = wanted.where(chosen.c.case_id.in_(heard))
        return every(connection, wanted.where(chosen.c.due_at < now()) if late else wanted)


def next_for(desk: Desk, person: Person, rights: frozenset[str]) -> int | None:
    """Hold the most urgent case that waits for something this person may do and nobody has in hand; None where none waits.

    Two who ask at once never get the same: a row that the other is taking is skipped.
    """
    with desk.write() as connection:
        case_id, blind = _most_urgent(connection, person, rights)
        if case_id is None:
            return None
        _hold(connection, case_id, blind, person)
        number = connection.execute(select(CASES.c.number).where(CASES.c.case_id == case_id)).scalar_one()
        log.append(connection, "case.take", person.name, str(number))
        return case_id


def _most_urgent(connection: Connection, person: Person, rights: frozenset[str]) -> tuple[int | None, int | None]:
    """(case, blind review of it): locked, whichever of the two kinds is due first."""
    inside = CASES.c.area.startswith(scope(person.area)) if person.area else CASES.c.case_id == CASES.c.case_id
    in_hand = and_(CASES.c.holder.is_not(None), CASES.c.holder != person.person_id, CASES.c.held_until >= now())
    mine = or_(_for(person, rights), hearings.any_of(connection, person, rights))
    waiting = select(CASES.c.case_id, CASES.c.due_at).where(inside, mine, ~in_hand)
    first = waiting.order_by(CASES.c.due_at, CASES.c.case_id).limit(1).with_for_update(skip_locked=True)
    own = connection.execute(first, {"now": now()}).first()
    chosen = seen(person)
    again = select(chosen.c[BLIND]).where(chosen.c[BLIND].is_not(None))
    taken = and_(
        REVIEWS.c.person_id.is_not(None), REVIEWS.c.person_id != person.person_id, REVIEWS.c.held_until >= now()
    )
    blind = select(REVIEWS.c.case_id, REVIEWS.c.review_id, REVIEWS.c.due_at).where(
        REVIEWS.c.review_id.in_(again), ~taken
    )
    other = connection.execute(
        blind.order_by(REVIEWS.c.due_at, REVIEWS.c.review_id).limit(1).with_for_update(skip_locked=True)
    ).first()
    if other is not None and (own is None or other.due_at < own.due_at):
        return int(other.case_id), int(other.review_id)
    return (int(own.case_id), None) if own is not None else (None, None)


def _for(person: Person, rights: frozenset[str]) -> ColumnElement[bool]:
    """Which cases wait for a person at `now`: by what he may do, and by what the rule of two persons leaves him."""
    me, moment = person.person_id, bindparam("now", type_=DateTime())
    sent = select(OFFICERS.c.case_id).where(OFFICERS.c.person_id == me)
    reviewed = or_(func.coalesce(CASES.c.first_reviewer, 0) == me, func.coalesce(CASES.c.second_reviewer, 0) == me)
    blind = (REVIEWS.c.case_id == CASES.c.case_id) & (REVIEWS.c.part == "blind") & (REVIEWS.c.person_id == me)
    apart = and_(~reviewed, CASES.c.case_id.not_in(sent))
    told = APPEALS.alias()
    last = (
        select(func.max(told.c.appeal_id)).where(told.c.case_id == CASES.c.case_id).correlate(CASES).scalar_subquery()
    )
    said = exists().where(GROUNDS.c.appeal_id == last)
    over = exists().where(APPEALS.c.appeal_id == last, or_(APPEALS.c.waived, APPEALS.c.deadline < moment))
    undone = exists().where(DISPOSITIONS.c.case_id == CASES.c.case_id, DISPOSITIONS.c.done_at.is_(None))
    paying = undone.where(DISPOSITIONS.c.kind.in_(OF_MONEY))
    others = undone.where(DISPOSITIONS.c.kind.not_in(OF_MONEY))
    waits = {
        "review1": CASES.c.state == "C10",
        "review2": and_(CASES.c.state == "C20", ~reviewed, ~exists().where(blind)),
        "assign": or_(
            CASES.c.state.in_(("C30", "C85")),
            and_(CASES.c.state == "C70", or_(others, ~paying)),
            and_(CASES.c.state == "C92", CASES.c.due_at < moment),
        ),
        "finance": and_(CASES.c.state == "C70", paying),
        "inspect": and_(CASES.c.state == "C40", CASES.c.case_id.in_(sent)),
        "appeal": and_(CASES.c.state == "C50", apart, or_(said, over)),
        "sign": and_(CASES.c.state == "C60", apart),
    }
    return or_(false(), *(condition for right, condition in waits.items() if right in rights))


def _hold(connection: Connection, case_id: int, blind: int | None, person: Person) -> None:
    until = now() + HELD
    if blind is not None:
        values = {"person_id": person.person_id, "held_until": until}
        connection.execute(update(REVIEWS).where(REVIEWS.c.review_id == blind).values(**values))
        return
    held = {"holder": person.person_id, "held_until": until}
    connection.execute(update(CASES).where(CASES.c.case_id == case_id).values(**held))


def claim(desk: Desk, person: Person, case_id: int) -> None:
    """Hold a case. Raises Refused where somebody else has it in hand, Unknown."""
    with desk.write() as connection:
        row = locked(connection, person, case_id)
        free(connection, row, person)
        _hold(connection, case_id, row[BLIND], person)
        log.append(connection, "case.take", person.name, row["number"])


def release(desk: Desk, person: Person, case_id: int) -> None:
    """Give a case back."""
    with desk.write() as connection:
        row = locked(connection, person, case_id)
        if row["holder"] != person.person_id:
            return
        if row[BLIND] is not None:
            mine = REVIEWS.c.review_id == row[BLIND]
            connection.execute(update(REVIEWS).where(mine).values(person_id=None, held_until=None))
        else:
            blank = {"holder": None, "held_until": None}
            connection.execute(update(CASES).where(CASES.c.case_id == case_id).values(**blank))
        log.append(connection, "case.release", person.name, row["number"])


def search(desk: Desk, person: Person, words: str, limit: int = 50) -> list[dict[str, Any]]:
    """Cases by number, subject or unit, whole or from its beginning; closed ones too."""
    chosen = seen(person)
    about = or_(
        chosen.c.number == words,
        chosen.c.entity_id == words,
        chosen.c.entity_id.startswith(words, autoescape=True),
        chosen.c.unit.startswith(words, autoescape=True),
    )
    with desk.read() as connection:
        return every(connection, select(chosen).where(about).order_by(chosen.c.case_id.desc()).limit(limit))


def late_ones(desk: Desk, person: Person, states: Sequence[str] = OPEN) -> int:
    """How many cases of his area in these states are past their day."""
    chosen = seen(person)
    with desk.read() as connection:
        past = select(func.count()).where(chosen.c.state.in_(states), chosen.c.due_at < now())
        return int(connection.execute(past).scalar_one())


def counts(desk: Desk, person: Person) -> dict[str, int]:
    """How many cases of his area stand in each state."""
    chosen = seen(person)
    with desk.read() as connection:
        grouped = select(chosen.c.state, func.count()).group_by(chosen.c.state)
        return {state: int(n) for state, n in connection.execute(grouped).tuples()}


def waiting(desk: Desk, person: Person, rights: frozenset[str]) -> list[dict[str, Any]]:
    """What `next_for` may give this person, by state, and the hearings he answers: `state` or `hearing`, its name, how many cases, how many of them late, working days
    left of the one due next."""
    chosen, moment = seen(person), {"now": now()}
    with desk.read() as connection:
        found = {row[0]: row for row in connection.execute(_by_state(person, rights), moment).tuples()}
        told: list[dict[str, Any]] = [{"state": s, "zh": STATES[s], **_numbers(found[s])} for s in OPEN if s in found]
        for kind in (k for k in hearings.KINDS if k in rights):
            mine = chosen.c.case_id.in_(select(CASES.c.case_id).where(hearings.waits(connection, person, kind)))
            row = connection.execute(select(literal(kind), *_how_many(chosen)).where(mine), moment).one()
            if row[1]:
                told.append({"hearing": kind, "zh": hearings.KINDS[kind], **_numbers(row)})
    return told


def _how_many(chosen: Subquery) -> tuple[ColumnElement[Any], ...]:
    """Columns: how many, how many late at `now`, when the next one is due."""
    moment = bindparam("now", type_=DateTime())
    late = func.count().filter(chosen.c.due_at < moment)
    return func.count(), late, func.min(chosen.c.due_at).filter(chosen.c.due_at >= moment)


@functools.lru_cache(maxsize=1024)
def _by_state(person: Person, rights: frozenset[str]) -> Select[Any]:
    """The question of `waiting`, put together once a person: it is asked before every home page and every inbox."""
    chosen = seen(person)
    his = or_(chosen.c[BLIND].is_not(None), chosen.c.case_id.in_(select(CASES.c.case_id).where(_for(person, rights))))
    return select(chosen.c.state, *_how_many(chosen)).where(his).group_by(chosen.c.state)


def _numbers(row: Sequence[Any]) -> dict[str, Any]:
    """Of (what, how many, late, next due)."""
    return {"n": int(row[1]), "late": int(row[2]), "left": left(now(), row[3]) if row[3] else None}
