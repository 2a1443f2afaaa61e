"""Cases that have to do with one another: linked by hand, and earlier ones that were confirmed about the same subject, unit, doctor or person."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, insert, or_, select

from claims.schema.outcomes import OUTCOMES
from serving.desk import log
from serving.desk.cases import Refused, Unknown, event, every, locked, seen
from serving.desk.database import Desk, now
from serving.desk.people import Person
from serving.desk.schema import LINKS

CONFIRMED: Final = tuple(code for code, o in OUTCOMES.items() if o.klass == "confirmed")


def link(desk: Desk, person: Person, case_id: int, number: str, why: str, once: str = "") -> None:
    """Link two cases that this person sees. Raises Refused, Unknown."""
    if not why.strip():
        raise Refused("请填写关联的理由")
    with desk.write() as connection:
        row = locked(connection, person, case_id, once)
        other = numbered(connection, person, number)
        if other["case_id"] == case_id:
            raise Refused("不能与自身关联")
        pair = dict(zip(("one", "other"), sorted((case_id, int(other["case_id"]))), strict=True))
        if connection.execute(select(LINKS).filter_by(**pair)).first():
            raise Refused("两案已经关联")
        connection.execute(insert(LINKS).values(**pair, note=why.strip(), at=now(), who=person.person_id))
        event(connection, case_id, person, "link", note=why.strip(), detail={"case": other["number"]}, once=once)
        event(connection, other["case_id"], person, "link", note=why.strip(), detail={"case": row["number"]})
        log.append(connection, "case.link", person.name, row["number"], {"with": other["number"]})


def numbered(connection: Connection, person: Person, number: str) -> dict[str, Any]:
    """The case of a number, for who may see it. Raises Unknown."""
    chosen = seen(person)
    found = every(connection, select(chosen).where(chosen.c.number == number.strip()))
    if not found:
        raise Unknown("没有这个案件，或不在您的片区")
    return found[0]


def linked(connection: Connection, person: Person, case_id: int) -> list[dict[str, Any]]:
    """The cases linked to one, with why."""
    chosen = seen(person)
    both = or_(
        (LINKS.c.one == case_id) & (LINKS.c.other == chosen.c.case_id),
        (LINKS.c.other == case_id) & (LINKS.c.one == chosen.c.case_id),
    )
    return every(connection, select(chosen, LINKS.c.note).join(LINKS, both).order_by(chosen.c.case_id))


def history(connection: Connection, person: Person, row: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Earlier cases confirmed about the subject, its unit, its doctor and its person: relation in Chinese → cases."""
    chosen = seen(person)
    at = row["entity_id"] if row["grain"] == "doctor" else row["doctor"]
    who = row["entity_id"] if row["grain"] == "person" else row["psn_no"]
    same = (chosen.c.grain == row["grain"]) & (chosen.c.entity_id == row["entity_id"])
    of_doctor = or_(chosen.c.doctor == at, (chosen.c.grain == "doctor") & (chosen.c.entity_id == at))
    of_person = or_(chosen.c.psn_no == who, (chosen.c.grain == "person") & (chosen.c.entity_id == who))
    about: dict[str, ColumnElement[bool]] = {"同一对象": same}
    about |= {"同一机构": ~same & (chosen.c.unit == row["unit"])} if row["unit"] else {}
    about |= {"同一医师": ~same & of_doctor} if at else {}
    about |= {"同一参保人": ~same & of_person} if who else {}
    decided = select(chosen).where(chosen.c.case_id != row["case_id"], chosen.c.outcome.in_(CONFIRMED))
    newest = decided.order_by(chosen.c.decided_at.desc()).limit(20)
    found = {zh: every(connection, newest.where(condition)) for zh, condition in about.items()}
    return {zh: rows for zh, rows in found.items() if rows}
