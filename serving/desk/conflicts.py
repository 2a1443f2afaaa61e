"""Conflicts of interest (回避): a person declares a unit once, and from then on nobody sends him there: not to a case, not by the week's plan, not to a bed.

Whoever inspects declares his own; a leader may write one down for another, and lifts it. Nobody lifts his own.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from claims.settings import settings
from serving.desk import log
from serving.desk.cases import Refused
from serving.desk.database import FOLDER, Desk, now, open_desk
from serving.desk.people import Person
from serving.desk.schema import CONFLICTS, PEOPLE

_STANDS = CONFLICTS.c.lifted_at.is_(None)


def declare(desk: Desk, by: Person, name: str, unit: str, why: str, rights: Collection[str] = ("assign",)) -> None:
    """Write down that the account `name` must not inspect a unit; again does nothing. by: himself, or somebody who assigns (person_id 0 = the command line). Raises Refused."""
    unit, why = unit.strip(), why.strip()
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,32}", unit):
        raise Refused("请填写机构编码（字母和数字）")
    if not why:
        raise Refused("请填写回避的缘由")
    with desk.write() as connection:
        whose = connection.execute(select(PEOPLE.c.person_id).where(PEOPLE.c.name == name)).scalar()
        if whose is None or (whose != by.person_id and "assign" not in rights):
            raise Refused(f"没有账号 {name[:64]}，或只能由本人和派查的人申报")
        if unit in of_persons(connection, [whose]).get(whose, ()):
            return
        row = {"person_id": whose, "unit": unit, "why": why[:400], "at": now(), "who": by.person_id or None}
        connection.execute(insert(CONFLICTS).values(**row))
        log.append(connection, "conflict.declare", by.name, name, {"unit": unit})


def lift(desk: Desk, by: Person, conflict_id: int) -> None:
    """It no longer stands; what it was stays written. Raises Refused for one's own, or one that does not stand."""
    with desk.write() as connection:
        row = connection.execute(
            select(CONFLICTS, PEOPLE.c.name)
            .join(PEOPLE, CONFLICTS.c.person_id == PEOPLE.c.person_id)
            .where(CONFLICTS.c.conflict_id == conflict_id, _STANDS)
        ).mappings().first()  # fmt: skip
        if row is None:
            raise Refused("没有这一条回避申报，或已解除")
        if row["person_id"] == by.person_id:
            raise Refused("本人申报的回避由他人解除")
        values = {"lifted_at": now(), "lifted_by": by.person_id}
        connection.execute(update(CONFLICTS).where(CONFLICTS.c.conflict_id == conflict_id).values(**values))
        log.append(connection, "conflict.lift", by.name, row["name"], {"unit": row["unit"]})


def standing(desk: Desk, person_id: int | None = None) -> list[dict[str, Any]]:
    """What stands, oldest first: conflict_id, person_id, name, shown, unit, why, at. person_id: his alone."""
    chosen = select(CONFLICTS, PEOPLE.c.name, PEOPLE.c.shown).join(PEOPLE, CONFLICTS.c.person_id == PEOPLE.c.person_id)
    chosen = chosen.where(_STANDS).order_by(CONFLICTS.c.conflict_id)
    if person_id is not None:
        chosen = chosen.where(CONFLICTS.c.person_id == person_id)
    with desk.read() as connection:
        return [dict(r) for r in connection.execute(chosen).mappings()]


def of_persons(connection: Connection, persons: Collection[int]) -> dict[int, set[str]]:
    """Units that each of these accounts must not inspect."""
    found: dict[int, set[str]] = {}
    for who, unit in connection.execute(
        select(CONFLICTS.c.person_id, CONFLICTS.c.unit).where(_STANDS, CONFLICTS.c.person_id.in_(persons))
    ):
        found.setdefault(who, set()).add(unit)
    return found


def kept_from(connection: Connection, persons: Collection[int], unit: str | None) -> list[str]:
    """Of these accounts, the shown names of those who must not inspect the unit."""
    chosen = select(PEOPLE.c.shown).join(CONFLICTS, CONFLICTS.c.person_id == PEOPLE.c.person_id)
    chosen = chosen.where(_STANDS, CONFLICTS.c.unit == (unit or ""), CONFLICTS.c.person_id.in_(persons))
    return list(connection.execute(chosen.order_by(PEOPLE.c.shown).distinct()).scalars())


def of_warehouse(warehouse: Path) -> dict[str, tuple[str, ...]]:
    """By what a person is called (sign-in name and shown name alike): the units he declared; empty where no desk was ever opened here."""
    if not settings().desk and not (warehouse / FOLDER).exists():
        return {}
    found: dict[str, dict[str, None]] = {}
    for row in standing(open_desk(warehouse)):
        for called in (row["name"], row["shown"]):
            found.setdefault(str(called), {})[str(row["unit"])] = None
    return {called: tuple(units) for called, units in found.items()}
