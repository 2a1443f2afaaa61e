"""Field tasks ticked at the place: each by one officer of the case and confirmed by another; what the task said stands beside what was found, for good.

The tasks themselves are made of the case's last published lead (inspection/tasks.py); here is kept what was found of them.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, func, select, update

from inspection.tasks import Task
from serving.desk import log, papers
from serving.desk.cases import Refused, event, every, found, locked, seen
from serving.desk.database import Desk, now
from serving.desk.people import Person
from serving.desk.schema import OFFICERS, TICKS
from serving.desk.two_officers import AGAIN, Said, say, standing
from serving.desk.workdays import CHINA

FOUND: Final = {"as_billed": "相符", "not_as_billed": "不符", "unable": "未能核实"}
"""What was seen against what was billed: no verdict yet; that is the conclusion's."""


def tick(
    desk: Desk,
    person: Person,
    rights: frozenset[str],
    case_id: int,
    task: Task | None,
    code: str,
    note: str,
    client: str,
) -> str:
    """Store or confirm what was found of a task (serving/desk/two_officers.py). Raises Refused where the case is not under inspection, the person is none of its officers,
    the task is none of its lead's, or 不符 comes without a word; Unknown."""
    code = next((k for k, zh in FOUND.items() if code in (k, zh)), "")
    with desk.write() as connection:
        case = locked(connection, person, case_id)
        _may(connection, person, rights, case)
        if task is None:
            raise Refused("这一项不在本案的核查任务中（线索可能已更新），请重新打开页面")
        if not code:
            raise Refused(f"请选择：{'、'.join(FOUND.values())}")
        if code == "not_as_billed" and not note.strip():
            raise Refused("“不符”须写明看到了什么")
        said = Said(code, note.strip(), client)
        about = {"kind": task.kind, "text": task.text, "basis": task.basis, "rows": list(task.rows)}
        done = say(connection, TICKS, {"case_id": case_id, "key": task.key}, said, person, FOUND, **about)
        if done != AGAIN:
            detail = {"task": task.text, "found": code, "done": done}
            event(connection, case_id, person, "tick", note=said.note, detail=detail)
            log.append(connection, f"tick.{done}", person.name, case["number"], {"task": task.key, "found": code})
    return done


def photograph(
    desk: Desk,
    person: Person,
    rights: frozenset[str],
    case_id: int,
    key: str,
    name: str,
    body: bytes,
    once: str = "",
    original: str = "",
) -> int:
    """A photograph or paper of a task: a paper of the case, named by the task's tick. once, original: as `papers.attach`. Raises Refused, Unknown, Again."""
    here = (TICKS.c.case_id == case_id) & (TICKS.c.key == key) & TICKS.c.withdrawn_at.is_(None)
    with desk.read() as connection:
        case = found(connection, person, case_id)
        _may(connection, person, rights, case)
        if connection.execute(select(TICKS.c.tick_id).where(here)).first() is None:
            raise Refused("请先记下这一项看到了什么，再传照片或材料")

    def naming(connection: Connection, made: int) -> None:
        connection.execute(update(TICKS).where(here).values(photo=made))

    return papers.attach(desk, person, rights, case_id, name, body, once, original, naming)


def _may(connection: Connection, person: Person, rights: frozenset[str], case: dict[str, Any]) -> None:
    mine = select(OFFICERS.c.person_id).where(
        OFFICERS.c.case_id == case["case_id"], OFFICERS.c.person_id == person.person_id
    )
    if "inspect" not in rights or connection.execute(mine).first() is None:
        raise Refused("只有派到本案的核查人员可以填写")
    if case["state"] != "C40":
        raise Refused("本案不在核查中，不能再填写核查任务")


def of_case(desk: Desk, person: Person, case_id: int) -> dict[str, dict[str, Any]]:
    """What stands of a case's tasks, by key. Raises Unknown."""
    with desk.read() as connection:
        found(connection, person, case_id)
        return {str(r["key"]): r for r in standing(connection, TICKS, TICKS.c.case_id == case_id)}


def unconfirmed(connection: Connection, case_id: int) -> int:
    """Tasks of a case that one officer has ticked and no other has confirmed."""
    waiting = (TICKS.c.case_id == case_id) & TICKS.c.withdrawn_at.is_(None) & TICKS.c.second_by.is_(None)
    return int(connection.execute(select(func.count()).where(waiting)).scalar_one())


def day_of(desk: Desk, person: Person) -> list[dict[str, Any]]:
    """The day's wrap-up: each case that this person is sent to and that is under inspection, or was ticked today by him; what was found of its tasks, how many wait for a
    second officer, its papers."""
    chosen = seen(person)
    midnight = (now() + CHINA).replace(hour=0, minute=0, second=0, microsecond=0) - CHINA
    with desk.read() as connection:
        sent = select(OFFICERS.c.case_id).where(OFFICERS.c.person_id == person.person_id)
        ticked = select(TICKS.c.case_id).where(TICKS.c.said_at >= midnight)
        cases = every(
            connection,
            select(chosen)
            .where(chosen.c.case_id.in_(sent), (chosen.c.state == "C40") | chosen.c.case_id.in_(ticked))
            .order_by(chosen.c.case_id),
        )
        out = []
        for case in cases:
            rows = standing(connection, TICKS, TICKS.c.case_id == case["case_id"])
            counts = {zh: sum(r["code"] == code for r in rows) for code, zh in FOUND.items()}
            waiting = sum(r["second_by"] is None for r in rows)
            out.append(
                {
                    "case": case,
                    "found": counts,
                    "unconfirmed": waiting,
                    "not_as_billed": [_told(r) for r in rows if r["code"] == "not_as_billed"],
                    "papers": len(papers.of_case(connection, case["case_id"])),
                }
            )
    return out


def _told(row: dict[str, Any]) -> dict[str, Any]:
    officers = [n for n in (row["first_shown"], row["second_shown"]) if n]
    return {"text": row["text"], "note": row["note"], "officers": officers, "confirmed": row["second_by"] is not None}
