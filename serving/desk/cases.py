"""Cases: one about each subject, with everything that happened to it; who may see it, and what a write of any kind leaves behind.

Nothing is overwritten: a write adds an event, and a log row in the same transaction (serving/desk/log.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, and_, insert, select

from claims.errors import UserError
from serving.desk import log
from serving.desk.database import Desk, now
from serving.desk.people import Person, scope
from serving.desk.schema import CASES, EVENTS, LEADS, OFFICERS, PEOPLE


class Refused(UserError):
    """A step that may not be taken; the sentence is shown to the officer."""


class Unknown(UserError):
    """No such case for this person: one of another area answers like one that does not exist."""


def visible(person: Person) -> Select[Any]:
    """The cases a person may see: those of his area."""
    chosen = select(CASES)
    return chosen.where(CASES.c.area.startswith(scope(person.area))) if person.area else chosen


def found(connection: Connection, person: Person, case_id: int) -> dict[str, Any]:
    """A case as it stands. Raises Unknown."""
    return _one(connection, visible(person).where(CASES.c.case_id == case_id))


def locked(connection: Connection, person: Person, case_id: int) -> dict[str, Any]:
    """A case that this transaction is about to write: nobody else writes it before the end. Raises Unknown."""
    return _one(connection, visible(person).where(CASES.c.case_id == case_id).with_for_update())


def _one(connection: Connection, chosen: Select[Any]) -> dict[str, Any]:
    row = connection.execute(chosen).mappings().first()
    if row is None:
        raise Unknown("没有这个案件，或不在您的片区")
    return dict(row)


def free(connection: Connection, row: Mapping[str, Any], person: Person) -> None:
    """Raises Refused where somebody else has the case in hand."""
    if row["holder"] in (None, person.person_id) or row["held_until"] < now():
        return
    who = connection.execute(select(PEOPLE.c.shown).where(PEOPLE.c.person_id == row["holder"])).scalar()
    raise Refused(f"{who} 正在办理此案，请稍后再试")


def case(desk: Desk, person: Person, case_id: int) -> dict[str, Any]:
    """A case with its leads, events, officers, earlier cases about the same subject and others at the same unit. Raises Unknown."""
    with desk.read() as connection:
        row = found(connection, person, case_id)
        mine = CASES.c.case_id != case_id
        events = select(EVENTS, PEOPLE.c.shown).outerjoin(PEOPLE, EVENTS.c.who == PEOPLE.c.person_id)
        officers = select(OFFICERS, PEOPLE.c.shown).join(PEOPLE)
        same = and_(CASES.c.grain == row["grain"], CASES.c.entity_id == row["entity_id"])
        unit = and_(CASES.c.unit == row["unit"], CASES.c.unit != "")
        return row | {
            "leads": every(connection, select(LEADS).where(LEADS.c.case_id == case_id).order_by(LEADS.c.lead_id)),
            "events": every(connection, events.where(EVENTS.c.case_id == case_id).order_by(EVENTS.c.event_id)),
            "officers": every(connection, officers.where(OFFICERS.c.case_id == case_id)),
            "earlier": every(connection, visible(person).where(mine, same).order_by(CASES.c.case_id)),
            "beside": every(connection, visible(person).where(mine, unit, ~same).order_by(CASES.c.case_id).limit(20)),
        }


def every(connection: Connection, chosen: Select[Any]) -> list[dict[str, Any]]:
    """All rows of a selection."""
    return [dict(row) for row in connection.execute(chosen).mappings()]


def note(desk: Desk, person: Person, case_id: int, words: str) -> None:
    """Add a note. Raises Refused for an empty one, Unknown."""
    if not words.strip():
        raise Refused("请填写说明")
    with desk.write() as connection:
        row = locked(connection, person, case_id)
        event(connection, case_id, person, "note", note=words.strip())
        log.append(connection, "case.note", person.name, row["number"])


def event(connection: Connection, case_id: int, person: Person, kind: str, *, note: str = "", **values: Any) -> None:
    """Add what happened to a case, inside the caller's transaction."""
    detail = values.pop("detail", {})
    about = {"case_id": case_id, "at": now(), "who": person.person_id, "kind": kind, "note": note, "detail": detail}
    connection.execute(insert(EVENTS).values(**about, **values))
