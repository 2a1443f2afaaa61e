"""A step of a case: who may take it, what it asks for, what it changes; it, its event and its log row are one transaction.

A step is taken on the version that was read, and a second one on it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from claims.schema.innocents import INNOCENTS
from claims.schema.outcomes import OUTCOMES
from serving.desk import appeals, boards, conflicts, log, money, papers, reviews, ticks
from serving.desk.cases import BLIND, Refused, event, free, locked
from serving.desk.database import Desk, now
from serving.desk.limits import LIMITS, value
from serving.desk.people import Person
from serving.desk.roles import RIGHTS
from serving.desk.schema import CASES, OFFICERS, PEOPLE
from serving.desk.states import CLASSES, DISPOSITIONS, OPEN, STATES, STEPS, Step, steps_from
from serving.desk.workdays import after, end_of, left, today


@dataclass(frozen=True)
class Given:
    """What came with a step: as the form has it. amounts: of dispositions, in fen. worth: whether the lead was worth a look. once: the mark of
    the form."""

    note: str = ""
    outcome: str = ""
    innocent: str = ""
    violation_class: str = ""
    confirmed_fen: int | None = None
    dispositions: tuple[str, ...] = ()
    amounts: Mapping[str, int] = field(default_factory=dict)
    worth: bool | None = None
    once: str = ""
    officers: tuple[int, ...] = ()
    declared: bool = False
    until: date | None = None
    into: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def take(
    desk: Desk, person: Person, rights: frozenset[str], case_id: int, name: str, version: int, given: Given
) -> str:
    """Take a step; returns the state reached. Raises Refused (a right, a rule of two persons, a field that lacks, a version that moved on), Unknown."""
    step = STEPS.get(name)
    if step is None:
        raise Refused(f"没有步骤 {name!r}")
    if step.right not in rights:
        raise Refused(f"此步骤需要“{RIGHTS[step.right]}”的权限")
    with desk.write() as connection:
        row = locked(connection, person, case_id, given.once)
        free(connection, row, person)
        if row["version"] != version:
            raise Refused("此案在您查看之后已有变动，请重新打开")
        if step not in steps_from(row["state"], rights, row["proposal"]):
            raise Refused(f"{STATES[row['state']]}的案件不能{step.zh}")
        _two_persons(connection, row, step, person)
        _asked(connection, row, step, given)
        if row[BLIND] is not None:
            reviews.decide(connection, row, person, name, given.worth, given.note.strip(), given.once)
            return step.target
        target = step.target or row["before_hold"] or "C10"
        values = _values(connection, row, step, person, given, target)
        try:
            done = connection.execute(
                update(CASES).where(CASES.c.case_id == case_id, CASES.c.version == version).values(**values)
            )
        except IntegrityError:
            raise Refused("同一案件的初审、复审、审签须由不同的人办理") from None
        if done.rowcount != 1:
            raise Refused("此案在您查看之后已有变动，请重新打开")
        _beside(connection, row, step, person, given, target)
        detail = _detail(given)
        moved = {"from_state": row["state"], "to_state": target, "note": given.note.strip(), "detail": detail}
        event(connection, case_id, person, "move", once=given.once, **moved)
        log.append(connection, f"case.{name}", person.name, row["number"], {"from": row["state"], "to": target})
    return target


def _beside(
    connection: Connection, row: Mapping[str, Any], step: Step, person: Person, given: Given, target: str
) -> None:
    """What a step leaves in other tables than the case's."""
    case_id = int(row["case_id"])
    if "officers" in step.asks:
        _send(connection, case_id, given)
    if target in ("C10", "C91") and row["state"] != "C92":
        reviews.withdraw(connection, case_id)
    if step.takes == "first_reviewer":
        reviews.record(connection, case_id, person, "first", step.name, given.worth)
        reviews.draw(connection, case_id, person)
    if step.name == "found":
        reviews.record(connection, case_id, person, "found", given.outcome, given.worth)
    if target == "C50" and row["state"] != "C92":
        appeals.tell(connection, case_id)
    if target == "C50" and row["left_days"] is not None:
        appeals.shift(connection, case_id, after(now(), max(row["left_days"], 0)))
    if "orders" in step.asks:
        money.order(connection, case_id, person, _orders_of(given))


def _two_persons(connection: Connection, row: Mapping[str, Any], step: Step, person: Person) -> None:
    me = person.person_id
    worked = boards.worked_on(connection, row)
    if step.right == "review2" and me in {row["first_reviewer"], *reviews.reviewed_blind(connection, row["case_id"])}:
        raise Refused("初审与复审须由不同的人办理")
    if step.right == "sign" and me == row["legal_by"]:
        raise Refused("审签人不得是本案的法制审核人员")
    if step.right == "sign" and me in worked:
        raise Refused("审签人不得是本案的初审、复审或核查人员")
    if step.right == "appeal" and me in worked:
        raise Refused("答复陈述申辩的人不得是本案的审核或核查人员")
    sent = select(OFFICERS.c.person_id).where(OFFICERS.c.case_id == row["case_id"])
    if step.right == "inspect" and me not in set(connection.execute(sent).scalars()):
        raise Refused("只有派到本案的核查人员可以提交")


def _asked(connection: Connection, row: Mapping[str, Any], step: Step, given: Given) -> None:
    """What the step asks for is there, and what must have happened before has. Raises Refused naming what lacks."""
    if step.right == "appeal" and (why := appeals.unready(connection, row["case_id"])):
        raise Refused(why)
    if "paper" in step.asks and not papers.of_case(connection, row["case_id"]):
        raise Refused("请先上传核查笔录或其他核查材料，再提交结论")
    if step.name == "found" and (waiting := ticks.unconfirmed(connection, row["case_id"])):
        raise Refused(f"还有{waiting}项核查任务待第二名核查人员确认，确认后再提交结论")
    if step.name == "file" and (left_over := money.undone(connection, row["case_id"])):
        raise Refused("还有未办结的处理：" + "、".join(left_over))
    if "note" in step.asks and not given.note.strip():
        raise Refused("请填写说明")
    if "outcome" in step.asks:
        if given.outcome not in step.outcomes:
            raise Refused("请选择结论：" + "、".join(OUTCOMES[o].zh for o in step.outcomes))
        if given.outcome == "O8_EXPLAINED" and given.innocent not in INNOCENTS:
            raise Refused("“情况属实但合理”须选择合理情形（N01–N35）")
    if "class" in step.asks and given.violation_class not in CLASSES:
        raise Refused("请选择三违类别：" + "、".join(CLASSES.values()))
    if "amount" in step.asks and (given.confirmed_fen is None or given.confirmed_fen < 0):
        raise Refused("请填写确认金额（可为0）")
    if "orders" in step.asks:
        _orders(given)
    if "class" in step.asks:
        asked = boards.asked_for(connection, given.violation_class, _orders_of(given))
        if why := boards.unheard(row, given.confirmed_fen or 0, asked):
            raise Refused(why)
    if "officers" in step.asks:
        if len(set(given.officers)) < 2:
            raise Refused("核查须派两名以上人员")
        if not given.declared:
            raise Refused("请确认核查人员均无须回避的情形")
        if kept := conflicts.kept_from(connection, given.officers, row["unit"]):
            raise Refused(f"{'、'.join(kept)} 已申报回避 {row['unit']}，请改派他人")
    if "until" in step.asks and (given.until is None or given.until <= today(now())):
        raise Refused("请填写以后的复查日期")
    if "case" in step.asks and (given.into is None or given.into == row["case_id"]):
        raise Refused("请填写并入的案件")


def _orders(given: Given) -> None:
    if not given.dispositions or set(given.dispositions) - set(DISPOSITIONS):
        raise Refused("请选择处理；不作处理也须选“不予处理”")
    if "NONE" in given.dispositions and len(given.dispositions) > 1:
        raise Refused("“不予处理”不能与其他处理并选")
    if "PENALTY" in given.dispositions and given.amounts.get("PENALTY") is None:
        raise Refused("行政处罚须填写罚款金额，没有罚款填0")
    back = given.amounts.get("RECOVER", given.confirmed_fen if "RECOVER" in given.dispositions else 0) or 0
    if back > (given.confirmed_fen or 0):
        raise Refused("追回金额不得超过确认金额")


def _orders_of(given: Given) -> dict[str, int | None]:
    """What is ordered, with its amount: to recover is all that was confirmed unless said."""
    amounts = {k: given.amounts.get(k) for k in given.dispositions}
    if "RECOVER" in amounts and amounts["RECOVER"] is None:
        amounts["RECOVER"] = given.confirmed_fen
    return amounts


def _values(
    connection: Connection, row: Mapping[str, Any], step: Step, person: Person, given: Given, target: str
) -> dict[str, Any]:
    moment = now()
    due: datetime | None = after(moment, value(connection, target)) if target in LIMITS else None
    if given.until is not None and target == "C92":
        due = end_of(given.until)
    values: dict[str, Any] = {"state": target, "due_at": due, "version": row["version"] + 1}
    values |= {"holder": None, "held_until": None, "proposal": step.proposal or row["proposal"]}
    if step.takes:
        values[step.takes] = person.person_id
    if step.name == "return":
        values["first_reviewer"] = None
    if target == "C92":
        values |= {"before_hold": row["state"], "left_days": left(moment, row["due_at"]) if row["due_at"] else None}
    if step.name == "resume" and row["left_days"] is not None:
        values |= {"due_at": after(moment, max(row["left_days"], 0)), "left_days": None}
    if "outcome" in step.asks and step.name != "found":
        values |= {"outcome": given.outcome, "innocent": given.innocent or None, "decided_at": moment}
    if step.name == "found":
        values |= {"inspected_at": moment, "proposal": given.outcome}
    if target in ("C10", "C30", "C40"):
        values |= boards.VOID
    if "class" in step.asks:
        values |= boards.asked_for(connection, given.violation_class, _orders_of(given))
        back = min(row["recovered_fen"] or 0, given.confirmed_fen or 0)  # a case opened again keeps what came back
        values |= {
            "violation_class": given.violation_class,
            "confirmed_fen": given.confirmed_fen,
            "recovered_fen": back,
        }
    if "case" in step.asks:
        other = connection.execute(select(CASES.c.state).where(CASES.c.case_id == given.into)).mappings().first()
        if other is None or other["state"] not in OPEN:
            raise Refused("并入的案件不存在或已结案")
        values["into_case"] = given.into
    return values


def _send(connection: Connection, case_id: int, given: Given) -> None:
    there = set(connection.execute(select(PEOPLE.c.person_id).where(PEOPLE.c.person_id.in_(given.officers))).scalars())
    if there != set(given.officers):
        raise Refused("核查人员中有不存在的账号")
    known = set(connection.execute(select(OFFICERS.c.person_id).where(OFFICERS.c.case_id == case_id)).scalars())
    values = [{"case_id": case_id, "person_id": p, "declared_at": now()} for p in sorted(there - known)]
    if values:
        connection.execute(insert(OFFICERS), values)


def _detail(given: Given) -> dict[str, Any]:
    """What a step fixed, as the event keeps it."""
    kept = {
        "outcome": given.outcome,
        "innocent": given.innocent,
        "class": given.violation_class,
        "confirmed_fen": given.confirmed_fen,
        "dispositions": list(given.dispositions),
        "amounts": dict(given.amounts),
        "officers": sorted(given.officers),
        "until": given.until.isoformat() if given.until else "",
        "into": given.into,
    }
    return {k: v for k, v in kept.items() if v not in ("", None, [], {})} | dict(given.detail)
