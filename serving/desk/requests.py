"""What takes a second person beside the steps: more time, and opening a closed case again. One asks with a reason, another grants."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from serving.desk import appeals, log, reviews
from serving.desk.boards import VOID
from serving.desk.cases import Refused, event, every, locked
from serving.desk.database import Desk, now
from serving.desk.limits import value
from serving.desk.people import Person
from serving.desk.roles import BUSINESS, RIGHTS
from serving.desk.schema import CASES, PEOPLE, REQUESTS
from serving.desk.workdays import after

KINDS = {"extend": "延期", "reopen": "重新办理"}


def of_case(connection: Connection, case_id: int) -> list[dict[str, Any]]:
    """Requests of a case with who asked and who answered."""
    asked, answered = PEOPLE.alias(), PEOPLE.alias()
    chosen = (
        select(REQUESTS, asked.c.shown.label("by"), answered.c.shown.label("answer_by"))
        .join(asked, REQUESTS.c.asked_by == asked.c.person_id)
        .outerjoin(answered, REQUESTS.c.answered_by == answered.c.person_id)
    )
    return every(connection, chosen.where(REQUESTS.c.case_id == case_id).order_by(REQUESTS.c.request_id))


def ask(
    desk: Desk,
    person: Person,
    rights: frozenset[str],
    case_id: int,
    kind: str,
    why: str,
    days: int | None = None,
    once: str = "",
) -> None:
    """Ask for more working days of the step a case is in, or for a closed case to be opened again. Raises Refused, Unknown."""
    if kind not in KINDS:
        raise Refused("没有这种申请")
    if not rights & BUSINESS:
        raise Refused("您的岗位不办理案件")
    if not why.strip():
        raise Refused("请填写理由")
    with desk.write() as connection:
        row = locked(connection, person, case_id, once)
        most = value(connection, "extension")
        if kind == "extend" and (row["due_at"] is None or row["state"] == "C92"):
            raise Refused("这个状态没有期限可延")
        if kind == "extend" and not (days and 1 <= days <= most):
            raise Refused(f"一次延期应为1至{most}个工作日")
        if kind == "reopen" and row["state"] not in ("C80", "C90"):
            raise Refused("只有已归档或已排除的案件可以重新办理")
        waiting = (REQUESTS.c.case_id == case_id) & (REQUESTS.c.kind == kind) & REQUESTS.c.granted.is_(None)
        if connection.execute(select(REQUESTS.c.request_id).where(waiting)).first():
            raise Refused("已有一份同样的申请待批")
        asked = {"case_id": case_id, "kind": kind, "days": days if kind == "extend" else None, "note": why.strip()}
        connection.execute(insert(REQUESTS).values(**asked, asked_at=now(), asked_by=person.person_id))
        event(connection, case_id, person, "ask", note=why.strip(), detail={"kind": kind, "days": days}, once=once)
        log.append(connection, f"case.ask.{kind}", person.name, row["number"], {"days": days})


def answer(
    desk: Desk, person: Person, rights: frozenset[str], case_id: int, request_id: int, granted: bool, once: str = ""
) -> None:
    """Grant or refuse what somebody else asked for. Raises Refused, Unknown."""
    if "assign" not in rights:
        raise Refused(f"此步骤需要“{RIGHTS['assign']}”的权限")
    with desk.write() as connection:
        row = locked(connection, person, case_id, once)
        mine = (REQUESTS.c.request_id == request_id) & (REQUESTS.c.case_id == case_id) & REQUESTS.c.granted.is_(None)
        asked = connection.execute(select(REQUESTS).where(mine)).mappings().first()
        if asked is None:
            raise Refused("没有这份待批的申请")
        values = {"granted": granted, "answered_at": now(), "answered_by": person.person_id}
        try:
            done = connection.execute(update(REQUESTS).where(mine).values(**values))
        except IntegrityError:
            raise Refused("申请须由另一人批准") from None
        if done.rowcount != 1:
            raise Refused("没有这份待批的申请")
        moved: dict[str, Any] = {}
        if granted and asked["kind"] == "extend":
            _extend(connection, row, int(asked["days"]))
        elif granted:
            if row["state"] not in ("C80", "C90"):
                raise Refused("只有已归档或已排除的案件可以重新办理")
            moved = {"from_state": row["state"], "to_state": "C10"}
            _reopen(connection, row)
        detail = {"kind": asked["kind"], "granted": granted, "days": asked["days"]}
        event(connection, case_id, person, "grant", detail=detail, once=once, **moved)
        log.append(connection, f"case.grant.{asked['kind']}", person.name, row["number"], {"granted": granted})


def _extend(connection: Connection, row: dict[str, Any], days: int) -> None:
    due = after(max(row["due_at"], now()), days)
    this = CASES.c.case_id == row["case_id"]
    connection.execute(update(CASES).where(this).values(due_at=due, version=row["version"] + 1))
    if row["state"] == "C50":
        appeals.shift(connection, row["case_id"], due)


def _reopen(connection: Connection, row: dict[str, Any]) -> None:
    """Back to the first review, by whom it may be; the outcome stands until another is given, its label with it."""
    nobody = dict.fromkeys(
        ("first_reviewer", "second_reviewer", "appeal_by", "signer", "holder", "held_until", "proposal")
    )
    due = after(now(), value(connection, "C10"))
    reviews.withdraw(connection, row["case_id"])
    values = {"state": "C10", "due_at": due, "version": row["version"] + 1, **nobody, **VOID}
    connection.execute(update(CASES).where(CASES.c.case_id == row["case_id"]).values(**values))
