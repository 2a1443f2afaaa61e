"""Cases: what is done with a lead, step by step, each step and its log row in one transaction.

A case is about one subject: this week's lead about somebody who is in hand already joins the open case. Whoever works on a case holds it
for twenty minutes after his last act, so that no two officers read the same one; a step is taken on the version that
was read, and a second one on it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from claims.errors import UserError
from claims.schema.outcomes import OUTCOMES
from serving.desk import log
from serving.desk.database import Desk, now
from serving.desk.people import Person
from serving.desk.roles import RIGHTS
from serving.desk.schema import CASES, EVENTS, LEADS, OFFICERS, PEOPLE
from serving.desk.states import CLASSES, LIMITS, OPEN, STATES, STEPS, Step, steps_from
from serving.desk.workdays import after

HELD: Final = timedelta(minutes=20)


class Refused(UserError):
    """A step that may not be taken; the sentence is shown to the officer."""


class Unknown(UserError):
    """No such case for this person: one of another area answers like one that does not exist."""


@dataclass(frozen=True)
class Given:
    """What came with a step: as the form has it."""

    note: str = ""
    outcome: str = ""
    innocent: str = ""
    violation_class: str = ""
    confirmed_fen: int | None = None
    dispositions: tuple[str, ...] = ()
    officers: tuple[int, ...] = ()
    declared: bool = False
    until: date | None = None
    into: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def open_run(
    desk: Desk, run: str, as_of: str, lists: Mapping[str, Sequence[Mapping[str, Any]]], model: str = ""
) -> int:
    """Cases for the rows of a published run, ranked, drawn and controls alike; returns how many are new. Doing it again changes nothing.

    lists: list name → rows as published (serving/lists/schema.py COLUMNS + EXTRA).
    """
    new = 0
    with desk.write() as connection:
        if connection.execute(select(LEADS.c.lead_id).where(LEADS.c.run == run).limit(1)).first():
            return 0
        for name, rows in lists.items():
            for row in sorted(rows, key=lambda r: int(r["lead"])):
                case, made = _case_of(connection, row)
                new += made
                lead = {"case_id": case, "run": run, "list": name, "lead": int(row["lead"]), "as_of": as_of}
                lead |= {"slot": row["slot"], "selection_prob": repr(float(row.get("selection_prob") or 1.0))}
                lead |= {"rank": row.get("rank"), "model": str(row.get("model") or model)[:64]}
                connection.execute(insert(LEADS).values(**lead))
                event = {"case_id": case, "at": now(), "kind": "lead", "to_state": None, "note": ""}
                connection.execute(
                    insert(EVENTS).values(**event, detail={"run": run, "list": name, "lead": lead["lead"]})
                )
        log.append(connection, "run.open", about=run, detail={"new": new})
    return new


def known(desk: Desk, run: str) -> bool:
    """Whether a run has its cases."""
    with desk.read() as connection:
        return connection.execute(select(LEADS.c.lead_id).where(LEADS.c.run == run).limit(1)).first() is not None


def _case_of(connection: Connection, row: Mapping[str, Any]) -> tuple[int, bool]:
    """The open case about the subject of a row, or a new one."""
    about = and_(CASES.c.grain == row["grain"], CASES.c.entity_id == row["entity_id"])
    found = connection.execute(select(CASES.c.case_id).where(about, CASES.c.state.in_(OPEN))).first()
    money = {
        "low_fen": _fen(row.get("amount_low_yuan")),
        "mid_fen": _fen(row.get("amount_at_risk_yuan")),
        "high_fen": _fen(row.get("amount_high_yuan")),
    }
    if found is not None:
        connection.execute(update(CASES).where(CASES.c.case_id == found.case_id).values(**money))
        return int(found.case_id), False
    count = connection.execute(select(func.max(CASES.c.case_id))).scalar() or 0
    moment = now()
    values = {
        "number": f"{moment.year}-{count + 1:06d}",
        "grain": row["grain"],
        "entity_id": row["entity_id"],
        "area": str(row.get("area") or ""),
        "unit": str(row.get("fixmedins_code") or ""),
        "state": "C10",
        "scheme": str(row.get("scheme") or ""),
        "opened_at": moment,
        "due_at": after(moment, LIMITS["C10"]),
        **money,
    }
    made = connection.execute(insert(CASES).values(**values).returning(CASES.c.case_id)).scalar_one()
    return int(made), True


def _fen(yuan: Any) -> int:
    return round(float(yuan or 0) * 100)


def visible(person: Person) -> Select[Any]:
    """The cases a person may see: those of his area."""
    chosen = select(CASES)
    prefix = person.area.rstrip("0") or person.area
    return chosen.where(CASES.c.area.startswith(prefix)) if person.area else chosen


def inbox(desk: Desk, person: Person, states: Sequence[str] = OPEN, limit: int = 200) -> list[dict[str, Any]]:
    """Cases of his area in these states, those due first; what he holds himself before all."""
    mine = (CASES.c.holder == person.person_id) & (CASES.c.held_until > now())
    order = (mine.desc(), CASES.c.due_at.is_(None), CASES.c.due_at, CASES.c.case_id)
    with desk.read() as connection:
        chosen = visible(person).where(CASES.c.state.in_(states)).order_by(*order).limit(limit)
        return [dict(row) for row in connection.execute(chosen).mappings()]


def next_for(desk: Desk, person: Person, rights: frozenset[str]) -> int | None:
    """Hold the most urgent case that waits for something this person may do and nobody has in hand; None where none waits."""
    states = [s for s in OPEN if any(True for _ in steps_from(s, rights & _WORK)) and s not in ("C92", "C93")]
    free = or_(CASES.c.holder.is_(None), CASES.c.held_until < now(), CASES.c.holder == person.person_id)
    not_mine = and_(
        func.coalesce(CASES.c.first_reviewer, 0) != person.person_id,
        func.coalesce(CASES.c.second_reviewer, 0) != person.person_id,
    )
    with desk.write() as connection:
        chosen = visible(person).where(CASES.c.state.in_(states), free, not_mine)
        row = connection.execute(chosen.order_by(CASES.c.due_at, CASES.c.case_id).limit(1)).mappings().first()
        if row is None:
            return None
        _hold(connection, row["case_id"], person)
        log.append(connection, "case.take", person.name, row["number"])
        return int(row["case_id"])


_WORK: Final = frozenset({"review1", "review2", "assign", "inspect", "appeal", "sign"})


def _hold(connection: Connection, case_id: int, person: Person) -> None:
    values = {"holder": person.person_id, "held_until": now() + HELD}
    connection.execute(update(CASES).where(CASES.c.case_id == case_id).values(**values))


def claim(desk: Desk, person: Person, case_id: int) -> dict[str, Any]:
    """Hold a case. Raises Refused where somebody else has it in hand, Unknown."""
    with desk.write() as connection:
        row = _row(connection, person, case_id)
        _free(connection, row, person)
        _hold(connection, case_id, person)
        log.append(connection, "case.take", person.name, row["number"])
        return row


def release(desk: Desk, person: Person, case_id: int) -> None:
    """Give a case back."""
    with desk.write() as connection:
        row = _row(connection, person, case_id)
        if row["holder"] == person.person_id:
            blank = {"holder": None, "held_until": None}
            connection.execute(update(CASES).where(CASES.c.case_id == case_id).values(**blank))
            log.append(connection, "case.release", person.name, row["number"])


def _row(connection: Connection, person: Person, case_id: int) -> dict[str, Any]:
    row = connection.execute(visible(person).where(CASES.c.case_id == case_id)).mappings().first()
    if row is None:
        raise Unknown("没有这个案件，或不在您的片区")
    return dict(row)


def _free(connection: Connection, row: Mapping[str, Any], person: Person) -> None:
    if row["holder"] in (None, person.person_id) or row["held_until"] < now():
        return
    who = connection.execute(select(PEOPLE.c.shown).where(PEOPLE.c.person_id == row["holder"])).scalar()
    raise Refused(f"{who} 正在办理此案，请稍后再试")


def case(desk: Desk, person: Person, case_id: int) -> dict[str, Any]:
    """A case with its leads, events, officers, earlier cases about the same subject and others at the same unit. Raises Unknown."""
    with desk.read() as connection:
        row = _row(connection, person, case_id)
        mine = CASES.c.case_id != case_id
        events = select(EVENTS, PEOPLE.c.shown).outerjoin(PEOPLE, EVENTS.c.who == PEOPLE.c.person_id)
        officers = select(OFFICERS, PEOPLE.c.shown).join(PEOPLE)
        same = and_(CASES.c.grain == row["grain"], CASES.c.entity_id == row["entity_id"])
        unit = and_(CASES.c.unit == row["unit"], CASES.c.unit != "")
        return row | {
            "leads": _all(connection, select(LEADS).where(LEADS.c.case_id == case_id).order_by(LEADS.c.lead_id)),
            "events": _all(connection, events.where(EVENTS.c.case_id == case_id).order_by(EVENTS.c.event_id)),
            "officers": _all(connection, officers.where(OFFICERS.c.case_id == case_id)),
            "earlier": _all(connection, visible(person).where(mine, same).order_by(CASES.c.case_id)),
            "beside": _all(connection, visible(person).where(mine, unit, ~same).order_by(CASES.c.case_id).limit(20)),
        }


def _all(connection: Connection, chosen: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(chosen).mappings()]


def note(desk: Desk, person: Person, case_id: int, words: str) -> None:
    """Add a note. Raises Refused for an empty one, Unknown."""
    if not words.strip():
        raise Refused("请填写说明")
    with desk.write() as connection:
        row = _row(connection, person, case_id)
        _event(connection, case_id, person, "note", note=words.strip())
        log.append(connection, "case.note", person.name, row["number"])


def _event(connection: Connection, case_id: int, person: Person, kind: str, *, note: str = "", **values: Any) -> None:
    detail = values.pop("detail", {})
    about = {"case_id": case_id, "at": now(), "who": person.person_id, "kind": kind, "note": note, "detail": detail}
    connection.execute(insert(EVENTS).values(**about, **values))


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
        row = _row(connection, person, case_id)
        _free(connection, row, person)
        if row["version"] != version:
            raise Refused("此案在您查看之后已有变动，请重新打开")
        if step not in steps_from(row["state"], rights, row["proposal"]):
            raise Refused(f"{STATES[row['state']]}的案件不能{step.zh}")
        _two_persons(connection, row, step, person)
        _asked(row, step, given)
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
        if "officers" in step.asks:
            _send(connection, case_id, given)
        detail = _detail(given)
        moved = {"from_state": row["state"], "to_state": target, "note": given.note.strip(), "detail": detail}
        _event(connection, case_id, person, "move", **moved)
        log.append(connection, f"case.{name}", person.name, row["number"], {"from": row["state"], "to": target})
    return target


def _two_persons(connection: Connection, row: Mapping[str, Any], step: Step, person: Person) -> None:
    me = person.person_id
    earlier = {row["first_reviewer"], row["second_reviewer"]}
    inspectors = set(
        connection.execute(select(OFFICERS.c.person_id).where(OFFICERS.c.case_id == row["case_id"])).scalars()
    )
    if step.right == "review2" and me == row["first_reviewer"]:
        raise Refused("初审与复审须由不同的人办理")
    if step.right == "sign" and me in earlier | inspectors:
        raise Refused("审签人不得是本案的初审、复审或核查人员")
    if step.right == "appeal" and me in earlier | inspectors:
        raise Refused("答复陈述申辩的人不得是本案的审核或核查人员")
    if step.right == "inspect" and me not in inspectors:
        raise Refused("只有派到本案的核查人员可以提交")


def _asked(row: Mapping[str, Any], step: Step, given: Given) -> None:
    """What the step asks for is there. Raises Refused naming what lacks."""
    if "note" in step.asks and not given.note.strip():
        raise Refused("请填写说明")
    if "outcome" in step.asks:
        if given.outcome not in step.outcomes:
            raise Refused("请选择结论：" + "、".join(OUTCOMES[o].zh for o in step.outcomes))
        if given.outcome == "O8_EXPLAINED" and not given.innocent:
            raise Refused("“情况属实但合理”须选择合理情形（N01–N35）")
    if "class" in step.asks and given.violation_class not in CLASSES:
        raise Refused("请选择三违类别：" + "、".join(CLASSES.values()))
    if "amount" in step.asks and (given.confirmed_fen is None or given.confirmed_fen < 0):
        raise Refused("请填写确认金额（可为0）")
    if "officers" in step.asks:
        if len(set(given.officers)) < 2:
            raise Refused("核查须派两名以上人员")
        if not given.declared:
            raise Refused("请确认核查人员均无须回避的情形")
    if "until" in step.asks and (given.until is None or given.until <= now().date()):
        raise Refused("请填写以后的复查日期")
    if "case" in step.asks and (given.into is None or given.into == row["case_id"]):
        raise Refused("请填写并入的案件")


def _values(
    connection: Connection, row: Mapping[str, Any], step: Step, person: Person, given: Given, target: str
) -> dict[str, Any]:
    moment = now()
    due: datetime | None = after(moment, LIMITS[target]) if target in LIMITS else None
    if given.until is not None and target == "C92":
        due = datetime.combine(given.until, datetime.max.time().replace(microsecond=0))
    values: dict[str, Any] = {"state": target, "due_at": due, "version": row["version"] + 1}
    values |= {"holder": None, "held_until": None, "proposal": step.proposal or row["proposal"]}
    if step.takes:
        values[step.takes] = person.person_id
    if step.name == "return":
        values["first_reviewer"] = None
    if target == "C92":
        values["before_hold"] = row["state"]
    if "outcome" in step.asks and step.name != "found":
        values |= {"outcome": given.outcome, "innocent": given.innocent or None, "decided_at": moment}
    if step.name == "found":
        values |= {"inspected_at": moment, "proposal": given.outcome}
    if "class" in step.asks:
        values |= {"violation_class": given.violation_class, "confirmed_fen": given.confirmed_fen, "recovered_fen": 0}
    if "case" in step.asks:
        other = connection.execute(visible(person).where(CASES.c.case_id == given.into)).mappings().first()
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
        "officers": sorted(given.officers),
        "until": given.until.isoformat() if given.until else "",
        "into": given.into,
    }
    return {k: v for k, v in kept.items() if v not in ("", None, [])} | dict(given.detail)


def recover(desk: Desk, person: Person, rights: frozenset[str], case_id: int, fen: int) -> int:
    """Book money that came back; returns the sum so far, never above what was confirmed. Raises Refused, Unknown."""
    if "finance" not in rights:
        raise Refused(f"此步骤需要“{RIGHTS['finance']}”的权限")
    with desk.write() as connection:
        row = _row(connection, person, case_id)
        if row["state"] not in ("C70", "C80", "C85") or row["confirmed_fen"] is None:
            raise Refused("只有已认定金额的案件可以登记追回")
        total = (row["recovered_fen"] or 0) + fen
        if fen <= 0 or total > row["confirmed_fen"]:
            raise Refused(f"追回合计不得超过确认金额 {row['confirmed_fen'] / 100:,.2f} 元")
        values = {"recovered_fen": total, "version": row["version"] + 1}
        connection.execute(update(CASES).where(CASES.c.case_id == case_id).values(**values))
        _event(connection, case_id, person, "amount", detail={"recovered_fen": fen})
        log.append(connection, "case.recovered", person.name, row["number"], {"fen": fen})
    return int(total)


def search(desk: Desk, person: Person, words: str, limit: int = 50) -> list[dict[str, Any]]:
    """Cases by number, subject or unit, whole or from its beginning; closed ones too."""
    about = or_(
        CASES.c.number == words,
        CASES.c.entity_id == words,
        CASES.c.entity_id.startswith(words, autoescape=True),
        CASES.c.unit.startswith(words, autoescape=True),
    )
    with desk.read() as connection:
        return _all(connection, visible(person).where(about).order_by(CASES.c.case_id.desc()).limit(limit))


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
    mine = [s for s in OPEN if steps_from(s, rights & _WORK) and found.get(s)]
    return [{"state": s, "zh": STATES[s], "n": found[s], "late": late.get(s, 0)} for s in mine]


def of_run(desk: Desk, run: str, name: str) -> dict[int, dict[str, Any]]:
    """Lead number → its case's id, number, state and version, of one list of a run."""
    chosen = (
        select(LEADS.c.lead, CASES.c.case_id, CASES.c.number, CASES.c.state, CASES.c.version)
        .join(CASES, CASES.c.case_id == LEADS.c.case_id)
        .where(LEADS.c.run == run, LEADS.c.list == name)
    )
    with desk.read() as connection:
        rows = connection.execute(chosen).mappings()
        return {int(r["lead"]): {k: r[k] for k in ("case_id", "number", "state", "version")} for r in rows}
