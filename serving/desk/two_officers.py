"""What one officer writes down at the place and another one confirms: a bed's result, a task's. One mechanism for phone, form and filled sheet.

The second officer confirms by saying the same; where he says something else both are told, and whoever said it first may correct himself until it is confirmed. A
correction withdraws the row and keeps it. What is sent twice under the id that its sender made is stored once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from serving.desk.cases import Refused, every
from serving.desk.database import now
from serving.desk.people import Person
from serving.desk.schema import FILES, PEOPLE

STORED, AGAIN, CHANGED, CONFIRMED = "stored", "again", "changed", "confirmed"
TOLD: Final = {
    STORED: "已记，待第二人确认",
    AGAIN: "已收到过，没有重复记",
    CHANGED: "已更正，待第二人确认",
    CONFIRMED: "已由两人确认",
}
CLIENT: Final = re.compile("[0-9a-zA-Z-]{16,64}")
LONGEST: Final = 4000


@dataclass(frozen=True)
class Said:
    """What one officer says. client: its id, made by the sender."""

    code: str
    note: str
    client: str


def say(
    connection: Connection,
    table: Table,
    place: Mapping[str, Any],
    said: Said,
    person: Person,
    words: Mapping[str, str],
    **more: Any,
) -> str:
    """Write it down, or confirm what another one said; returns STORED, AGAIN, CHANGED or CONFIRMED. place: columns that name where; words: code → what
    it is called; more: other columns of a new row. The caller holds the case's lock. Raises Refused."""
    if not CLIENT.fullmatch(said.client):
        raise Refused("这一条没有编号，请重新打开页面再填")
    if len(said.note) > LONGEST:
        raise Refused(f"说明不得超过{LONGEST}字")
    mine = or_(table.c.client == said.client, table.c.second_client == said.client)
    here = and_(*(table.c[k] == v for k, v in place.items()), table.c.withdrawn_at.is_(None))
    there = connection.execute(select(table).where(here)).mappings().first()
    sent = connection.execute(select(table).where(mine)).mappings().first()
    if sent is not None:
        if there is None and sent["withdrawn_at"] is not None:
            raise Refused("这一条已撤回；要重新记，请在填写页上填写")
        if person.person_id in (sent["said_by"], sent["second_by"]) and _same_place(sent, place):
            return AGAIN
        raise Refused("这一条的编号已用于别的记录，请重新打开页面再填")
    changed = False
    if there is not None:
        answer = _meet(connection, table, dict(there), said, person, words, more)
        if answer != CHANGED:
            return answer
        changed = True
        more["photo"] = there["photo"]
    first = {"said_by": person.person_id, "said_at": now(), "code": said.code, "note": said.note, "client": said.client}
    try:
        connection.execute(insert(table).values(**place, **first, **more))
    except IntegrityError:
        raise Refused("另一人刚刚记了同一项，请重新打开页面") from None
    return CHANGED if changed else STORED


def _same_place(row: Mapping[Any, Any], place: Mapping[str, Any]) -> bool:
    return all(row[k] == v for k, v in place.items())


def _meet(
    connection: Connection,
    table: Table,
    there: Mapping[str, Any],
    said: Said,
    person: Person,
    words: Mapping[str, str],
    more: Mapping[str, Any],
) -> str:
    """What becomes of a word about a place that has one."""
    names = {r.person_id: r.shown for r in connection.execute(select(PEOPLE.c.person_id, PEOPLE.c.shown))}
    first, stands = names[there["said_by"]], words.get(there["code"], there["code"])
    own = next(iter(table.primary_key.columns))
    row = own == there[own.name]
    if there["second_by"] is not None:
        if there["code"] == said.code and person.person_id in (there["said_by"], there["second_by"]):
            return AGAIN
        raise Refused(f"{first}、{names[there['second_by']]}已确认为“{stands}”，不能再改")
    if there["said_by"] == person.person_id:
        if (there["code"], there["note"]) == (said.code, said.note) and there.get("checked_at") == more.get(
            "checked_at"
        ):
            return AGAIN
        connection.execute(update(table).where(row).values(withdrawn_at=now()))
        return CHANGED
    if there["code"] != said.code:
        meant = words.get(said.code, said.code)
        raise Refused(f"{first}已记“{stands}”，您记“{meant}”，两人不一致；请现场核对，由{first}更正或您改记")
    second = {"second_by": person.person_id, "second_at": now(), "second_note": said.note, "second_client": said.client}
    connection.execute(update(table).where(row).values(**second))
    return CONFIRMED


def standing(connection: Connection, table: Table, *where: Any) -> list[dict[str, Any]]:
    """What stands, each with the names of both officers and the hash of its photograph."""
    first, second = PEOPLE.alias("first_officer"), PEOPLE.alias("second_officer")
    told = select(
        table, first.c.shown.label("first_shown"), first.c.name.label("first_name"), second.c.shown.label("second_shown"),
        second.c.name.label("second_name"), FILES.c.sha256,
    )  # fmt: skip
    told = told.join(first, first.c.person_id == table.c.said_by)
    told = told.outerjoin(second, second.c.person_id == table.c.second_by)
    told = told.outerjoin(FILES, FILES.c.file_id == table.c.photo)
    own = next(iter(table.primary_key.columns))
    return every(connection, told.where(table.c.withdrawn_at.is_(None), *where).order_by(own))
