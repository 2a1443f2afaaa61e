"""告知申诉: the subject is told, has until a deadline to answer, and each ground gets a reply by an officer who did not work on the case.

What comes after the deadline is kept and marked late, and answered too: a defence is never lost, and nothing here can make an outcome heavier.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from serving.desk import log
from serving.desk.boards import worked_on
from serving.desk.cases import Refused, event, every, locked
from serving.desk.database import Desk, now
from serving.desk.limits import value
from serving.desk.people import Person
from serving.desk.roles import RIGHTS
from serving.desk.schema import APPEALS, GROUNDS, PEOPLE
from serving.desk.workdays import after, today


def tell(connection: Connection, case_id: int) -> None:
    """Begin the time for an answer, as a case reaches C50."""
    told = {"case_id": case_id, "told_at": now(), "deadline": after(now(), value(connection, "C50")), "waived": False}
    connection.execute(insert(APPEALS).values(**told))


def of_case(connection: Connection, case_id: int) -> list[dict[str, Any]]:
    """Every time the subject was told, with the grounds given."""
    asked, replied = PEOPLE.alias(), PEOPLE.alias()
    grounds = (
        select(GROUNDS, asked.c.shown.label("by"), replied.c.shown.label("reply_by"))
        .join(asked, GROUNDS.c.who == asked.c.person_id)
        .outerjoin(replied, GROUNDS.c.answered_by == replied.c.person_id)
    )
    rows = every(connection, select(APPEALS).where(APPEALS.c.case_id == case_id).order_by(APPEALS.c.appeal_id))
    for row in rows:
        mine = grounds.where(GROUNDS.c.appeal_id == row["appeal_id"]).order_by(GROUNDS.c.ground_id)
        row["grounds"] = every(connection, mine)
    return rows


def _last(connection: Connection, case_id: int) -> dict[str, Any]:
    chosen = select(APPEALS).where(APPEALS.c.case_id == case_id).order_by(APPEALS.c.appeal_id.desc()).limit(1)
    return every(connection, chosen)[0]


def state_ground(
    desk: Desk, person: Person, rights: frozenset[str], case_id: int, said: str, *, waived: bool = False, once: str = ""
) -> None:
    """Enter what the subject said: a ground, or that nothing is objected. Raises Refused, Unknown."""
    if not rights & {"inspect", "assign", "appeal"}:
        raise Refused(f"此步骤需要“{RIGHTS['inspect']}”的权限")
    if not said.strip():
        raise Refused("请填写陈述申辩的内容，或放弃声明的出处")
    with desk.write() as connection:
        row = locked(connection, person, case_id, once)
        if row["state"] != "C50":
            raise Refused("只有告知申诉中的案件可以登记陈述申辩")
        last = _last(connection, case_id)
        late = now() > last["deadline"]
        if waived:
            connection.execute(update(APPEALS).where(APPEALS.c.appeal_id == last["appeal_id"]).values(waived=True))
        else:
            ground = {"appeal_id": last["appeal_id"], "said": said.strip(), "at": now(), "who": person.person_id}
            connection.execute(insert(GROUNDS).values(**ground, late=late))
        detail = {"waived": waived, "late": late}
        event(connection, case_id, person, "appeal", note=said.strip(), detail=detail, once=once)
        log.append(connection, "case.appeal", person.name, row["number"], detail)


def answer_ground(
    desk: Desk,
    person: Person,
    rights: frozenset[str],
    case_id: int,
    ground_id: int,
    answer: str,
    accepted: bool,
    once: str = "",
) -> None:
    """Reply to one ground. Raises Refused (who worked on the case may not; one that has its answer), Unknown."""
    if "appeal" not in rights:
        raise Refused(f"此步骤需要“{RIGHTS['appeal']}”的权限")
    if not answer.strip():
        raise Refused("请填写答复")
    with desk.write() as connection:
        row = locked(connection, person, case_id, once)
        if person.person_id in worked_on(connection, row):
            raise Refused("答复陈述申辩的人不得是本案的审核或核查人员")
        reply = {"answer": answer.strip(), "accepted": accepted, "answered_at": now(), "answered_by": person.person_id}
        mine = select(APPEALS.c.appeal_id).where(APPEALS.c.case_id == case_id)
        open_one = (GROUNDS.c.ground_id == ground_id) & GROUNDS.c.answer.is_(None) & GROUNDS.c.appeal_id.in_(mine)
        try:
            done = connection.execute(update(GROUNDS).where(open_one).values(**reply))
        except IntegrityError:
            raise Refused("登记这条理由的人不得自己答复") from None
        if done.rowcount != 1:
            raise Refused("这条理由已有答复，或不属于本案")
        detail = {"ground": ground_id, "accepted": accepted}
        event(connection, case_id, person, "reply", note=answer.strip(), detail=detail, once=once)
        log.append(connection, "case.reply", person.name, row["number"], detail)


def unready(connection: Connection, case_id: int) -> str:
    """Why a case may not leave C50 yet; '' where it may: every ground has its reply, and there was one, a waiver, or the time is over."""
    last = _last(connection, case_id)
    mine = GROUNDS.c.appeal_id == last["appeal_id"]
    given, open_ones = connection.execute(
        select(func.count(), func.count().filter(GROUNDS.c.answer.is_(None))).where(mine)
    ).one()
    if open_ones:
        return f"还有{open_ones}条陈述申辩没有答复"
    if given or last["waived"] or now() > last["deadline"]:
        return ""
    return f"陈述申辩期限至{today(last['deadline'])}，尚未收到陈述申辩或放弃声明"


def shift(connection: Connection, case_id: int, deadline: datetime) -> None:
    """The time for an answer ends at another moment: it was extended, or the clock stood still."""
    last = _last(connection, case_id)["appeal_id"]
    connection.execute(update(APPEALS).where(APPEALS.c.appeal_id == last).values(deadline=deadline))
