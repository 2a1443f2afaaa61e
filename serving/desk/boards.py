"""What stands before a grave decision: 法制审核 by somebody who had no part in the case and does not sign it, and 案审会, three or more who had none either.

Both are asked for from an amount on that the office sets, and whatever the amount where the decision is grave: 违法, an agreement suspended or ended, a
person suspended, a case for the police, a fine as large. They are facts of the case, entered while it waits for its decision (C60); a case that goes back to
its inspectors loses them. The database itself refuses a decision without them (serving/desk/schema.py, and the trigger of migration 0005).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import DBAPIError

from serving.desk import log
from serving.desk.cases import Refused, event, every, locked, put_down
from serving.desk.database import Desk, now
from serving.desk.limits import values
from serving.desk.people import Person
from serving.desk.reviews import reviewed_blind
from serving.desk.roles import RIGHTS, rights_of
from serving.desk.schema import ATTENDANCES, BOARDS, CASES, FILES, LEGAL_REVIEWS, OFFICERS, PEOPLE, ROLES
from serving.desk.workdays import today

FEWEST: Final = 3
GRAVE: Final = frozenset({"SUSPEND", "SUSPEND_DEPT", "TERMINATE", "SUSPEND_PERSON", "REFER_POLICE"})
"""Orders that ask for both whatever the amount; 违法 does too."""
VOID: Final = dict.fromkeys(("board_id", "legal_by", "board_from_fen", "legal_from_fen", "grave"))
"""Columns of a case that goes back before its decision."""


def asked_for(connection: Connection, violation_class: str, orders: Mapping[str, int | None]) -> dict[str, Any]:
    """Columns of a case for a decision: from which amounts both are asked for, and whether what it orders is grave."""
    yuan = values(connection, ("board_yuan", "legal_yuan"))
    board, legal = yuan["board_yuan"] * 100, yuan["legal_yuan"] * 100
    fine = orders.get("PENALTY") or 0
    grave = violation_class == "illegal" or bool(GRAVE & set(orders)) or fine >= min(board, legal)
    return {"board_from_fen": board, "legal_from_fen": legal, "grave": grave}


def unheard(row: Mapping[str, Any], confirmed_fen: int, asked: Mapping[str, Any]) -> str:
    """Why a decision may not be signed yet; '' where it may."""
    why = "涉及违法、暂停或解除协议、暂停个人结算、移送公安或较大罚款" if asked["grave"] else ""
    lacks = []
    for column, since, zh in (
        ("legal_by", "legal_from_fen", "法制审核"),
        ("board_id", "board_from_fen", "案审会集体讨论"),
    ):
        large = confirmed_fen >= asked[since]
        if (asked["grave"] or large) and row[column] is None:
            lacks.append(zh)
            why = why or f"确认金额达到 {asked[since] / 100:,.0f} 元"
    return f"{why}，须先经{'和'.join(lacks)}" if lacks else ""


def review(
    desk: Desk, person: Person, rights: frozenset[str], case_id: int, passed: bool, note: str, once: str = ""
) -> None:
    """法制审核 of a case that waits for its decision: passed, or sent back with what is wrong. Raises Refused (who worked on the case), Unknown."""
    if "legal" not in rights:
        raise Refused(f"此步骤需要“{RIGHTS['legal']}”的权限")
    if not note.strip():
        raise Refused("请填写审核意见")
    with desk.write() as connection:
        row = _waiting(connection, person, case_id, once)
        if person.person_id in worked_on(connection, row):
            raise Refused("法制审核人员不得是本案的审核或核查人员")
        said = {"case_id": case_id, "passed": passed, "note": note.strip(), "at": now(), "who": person.person_id}
        connection.execute(insert(LEGAL_REVIEWS).values(**said))
        _set(connection, row, legal_by=person.person_id if passed else None)
        event(connection, case_id, person, "legal", note=note.strip(), detail={"passed": passed}, once=once)
        put_down(connection, case_id, person)
        log.append(connection, "case.legal", person.name, row["number"], {"passed": passed})


def record(
    desk: Desk,
    person: Person,
    rights: frozenset[str],
    case_id: int,
    *,
    held_on: date | None,
    members: Collection[int],
    against: Collection[int] = (),
    opinion: str,
    minutes: int | None,
    once: str = "",
) -> None:
    """案审会: who sat, who of them did not agree, what was said, and the paper that says so. A board most of which does not agree is kept and lets
    nothing be signed. Raises Refused, Unknown."""
    if "board" not in rights:
        raise Refused(f"此步骤需要“{RIGHTS['board']}”的权限")
    sat = set(members)
    if len(sat) < FEWEST:
        raise Refused(f"案审会须有{FEWEST}人以上出席")
    if set(against) - sat:
        raise Refused("持不同意见的人须在出席人员之中")
    if held_on is None or held_on > today(now()):
        raise Refused("请填写案审会的日期，不得晚于今日")
    if not opinion.strip():
        raise Refused("请填写讨论意见，包括不同意见")
    with desk.write() as connection:
        row = _waiting(connection, person, case_id, once)
        there = select(PEOPLE.c.person_id).where(PEOPLE.c.person_id.in_(sat), PEOPLE.c.active)
        if set(connection.execute(there).scalars()) != sat:
            raise Refused("出席人员中有不存在或已停用的账号")
        if sat & worked_on(connection, row):
            raise Refused("出席人员不得是本案的初审、复审或核查人员")
        held = select(ROLES.c.person_id, ROLES.c.role).where(ROLES.c.person_id.in_(sat), ROLES.c.until.is_(None))
        if {p for p, role in connection.execute(held).tuples() if "board" in rights_of(frozenset({role}))} != sat:
            raise Refused(f"出席人员须有“{RIGHTS['board']}”的权限")
        paper = select(FILES.c.file_id).where(FILES.c.file_id == (minutes or 0), FILES.c.case_id == case_id)
        if connection.execute(paper).first() is None:
            raise Refused("请先上传案审会记录，再在附件中选定它")
        kept = {"case_id": case_id, "held_on": held_on.isoformat(), "opinion": opinion.strip(), "minutes": minutes}
        made = connection.execute(
            insert(BOARDS).values(**kept, at=now(), who=person.person_id).returning(BOARDS.c.board_id)
        ).scalar_one()
        seats = [{"board_id": made, "person_id": p, "agrees": p not in against} for p in sorted(sat)]
        connection.execute(insert(ATTENDANCES), seats)
        agreed = len(set(against)) * 2 < len(sat)
        _set(connection, row, board_id=made if agreed else None)
        detail = {"members": sorted(sat), "against": sorted(against), "held_on": kept["held_on"], "agreed": agreed}
        event(connection, case_id, person, "board", note=opinion.strip(), detail=detail, once=once)
        put_down(connection, case_id, person)
        log.append(connection, "case.board", person.name, row["number"], {"members": len(sat), "agreed": agreed})


def _waiting(connection: Connection, person: Person, case_id: int, once: str) -> dict[str, Any]:
    row = locked(connection, person, case_id, once)
    if row["state"] != "C60":
        raise Refused("只有待认定的案件可以审核、讨论")
    return row


def worked_on(connection: Connection, row: Mapping[str, Any]) -> set[int]:
    """Who reviewed or visited a case, its blind review too."""
    sent = select(OFFICERS.c.person_id).where(OFFICERS.c.case_id == row["case_id"])
    blind = reviewed_blind(connection, row["case_id"])
    return {row["first_reviewer"], row["second_reviewer"], *blind, *connection.execute(sent).scalars()}


def _set(connection: Connection, row: Mapping[str, Any], **values: int | None) -> None:
    """The fact a decision rests on, under the database's own conditions."""
    mine = CASES.c.case_id == row["case_id"]
    try:
        connection.execute(update(CASES).where(mine).values(version=row["version"] + 1, **values))
    except DBAPIError:
        raise Refused("出席或审核的人中有本案的审核、核查人员，或出席不足三人") from None


def of_case(connection: Connection, case_id: int) -> dict[str, list[dict[str, Any]]]:
    """`legal`: reviews in law, `boards`: boards with `seats`, in order."""
    law = select(LEGAL_REVIEWS, PEOPLE.c.shown).join(PEOPLE, LEGAL_REVIEWS.c.who == PEOPLE.c.person_id)
    sat = select(BOARDS, FILES.c.name.label("paper")).join(FILES, BOARDS.c.minutes == FILES.c.file_id)
    boards = every(connection, sat.where(BOARDS.c.case_id == case_id).order_by(BOARDS.c.board_id))
    for board in boards:
        seats = select(ATTENDANCES.c.person_id, ATTENDANCES.c.agrees, PEOPLE.c.shown).join(PEOPLE)
        mine = ATTENDANCES.c.board_id == board["board_id"]
        board["seats"] = every(connection, seats.where(mine).order_by(ATTENDANCES.c.person_id))
    mine = LEGAL_REVIEWS.c.case_id == case_id
    return {"legal": every(connection, law.where(mine).order_by(LEGAL_REVIEWS.c.legal_review_id)), "boards": boards}
