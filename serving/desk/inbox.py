"""Who has what to do: the cases of an area, what waits for whom, and the hold by which no two officers read the same one.

Whoever works on a case holds it for twenty minutes after he took it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select, update

from serving.desk import log
from serving.desk.cases import every, free, locked, visible
from serving.desk.database import Desk, now
from serving.desk.people import Person
from serving.desk.schema import CASES, OFFICERS
from serving.desk.states import OPEN, STATES, steps_from

HELD: Final = timedelta(minutes=20)
WORK: Final = frozenset({"review1", "review2", "assign", "inspect", "appeal", "sign"})


def open_cases(desk: Desk, person: Person, states: Sequence[str] = OPEN, limit: int = 200) -> list[dict[str, Any]]:
    """Cases of his area in these states, those due first; what he holds himself before all."""
    mine = (CASES.c.holder == person.person_id) & (CASES.c.held_until > now())
    order = (mine.desc(), CASES.c.due_at.is_(None), CASES.c.due_at, CASES.c.case_id)
    with desk.read() as connection:
        chosen = visible(person).where(CASES.c.state.in_(states)).order_by(*order).limit(limit)
        return [dict(row) for row in connection.execute(chosen).mappings()]


def next_for(desk: Desk, person: Person, rights: frozenset[str]) -> int | None:
    """Hold the most urgent case that waits for something this person may do and nobody has in hand; None where none waits.

    Two who ask at once never get the same: a row that the other is taking is skipped.
    """
    in_hand = and_(CASES.c.holder.is_not(None), CASES.c.holder != person.person_id, CASES.c.held_until >= now())
    with desk.write() as connection:
        chosen = visible(person).where(_for(person, rights), ~in_hand).order_by(CASES.c.due_at, CASES.c.case_id)
        row = connection.execute(chosen.limit(1).with_for_update(skip_locked=True)).mappings().first()
        if row is None:
            return None
        _hold(connection, row["case_id"], person)
        log.append(connection, "case.take", person.name, row["number"])
        return int(row["case_id"])


def _for(person: Person, rights: frozenset[str]) -> ColumnElement[bool]:
    """Which cases wait for a person: by what he may do, and by what the rule of two persons leaves him."""
    me = person.person_id
    sent = select(OFFICERS.c.case_id).where(OFFICERS.c.person_id == me)
    reviewed = or_(func.coalesce(CASES.c.first_reviewer, 0) == me, func.coalesce(CASES.c.second_reviewer, 0) == me)
    apart = and_(~reviewed, CASES.c.case_id.not_in(sent))
    waits = {
        "review1": CASES.c.state == "C10",
        "review2": and_(CASES.c.state == "C20", ~reviewed),
        "assign": CASES.c.state.in_(("C30", "C70", "C85")),
        "inspect": and_(CASES.c.state == "C40", CASES.c.case_id.in_(sent)),
        "appeal": and_(CASES.c.state == "C50", apart),
        "sign": and_(CASES.c.state == "C60", apart),
    }
    return or_(false(), *(condition for right, condition in waits.items() if right in rights))


def _hold(connection: Connection, case_id: int, person: Person) -> None:
    values = {"holder": person.person_id, "held_until": now() + HELD}
    connection.execute(update(CASES).where(CASES.c.case_id == case_id).values(**values))


def claim(desk: Desk, person: Person, case_id: int) -> dict[str, Any]:
    """Hold a case. Raises Refused where somebody else has it in hand, Unknown."""
    with desk.write() as connection:
        row = locked(connection, person, case_id)
        free(connection, row, person)
        _hold(connection, case_id, person)
        log.append(connection, "case.take", person.name, row["number"])
        return row


def release(desk: Desk, person: Person, case_id: int) -> None:
    """Give a case back."""
    with desk.write() as connection:
        row = locked(connection, person, case_id)
        if row["holder"] == person.person_id:
            blank = {"holder": None, "held_until": None}
            connection.execute(update(CASES).where(CASES.c.case_id == case_id).values(**blank))
            log.append(connection, "case.release", person.name, row["number"])


def search(desk: Desk, person: Person, words: str, limit: int = 50) -> list[dict[str, Any]]:
    """Cases by number, subject or unit, whole or from its beginning; closed ones too."""
    about = or_(
        CASES.c.number == words,
        CASES.c.entity_id == words,
        CASES.c.entity_id.startswith(words, autoescape=True),
        CASES.c.unit.startswith(words, autoescape=True),
    )
    with desk.read() as connection:
        return every(connection, visible(person).where(about).order_by(CASES.c.case_id.desc()).limit(limit))


def counts(desk: Desk, person: Person) -> dict[str, int]:
    """How many cases of his area stand in each state."""
    chosen = visible(person).subquery()
    with desk.read() as connection:
        grouped = select(chosen.c.state, func.count()).group_by(chosen.c.state)
        return {state: int(n) for state, n in connection.execute(grouped).tuples()}


def waiting(desk: Desk, person: Person, rights: frozenset[str]) -> list[dict[str, Any]]:
    """State, its name and number of cases, of the states this person can move on; how many of them are overdue."""
    found = counts(desk, person)
    chosen = visible(person).where(CASES.c.due_at < now()).subquery()
    with desk.read() as connection:
        overdue = select(chosen.c.state, func.count()).group_by(chosen.c.state)
        late: dict[str, int] = {state: int(n) for state, n in connection.execute(overdue).tuples()}
    mine = [s for s in OPEN if steps_from(s, rights & WORK) and found.get(s)]
    return [{"state": s, "zh": STATES[s], "n": found[s], "late": late.get(s, 0)} for s in mine]
