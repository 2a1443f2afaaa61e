"""Lists sent down from above at the desk: kept as they came, a case for each subject, answered row by row, given back in their own form.

属实 is never typed here: it comes from a case that two persons and a signer decided. A row without a case may be answered 不属实 or 存疑.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, case, func, insert, select, update

from claims.errors import Damaged, UserError
from claims.schema.outcomes import OUTCOMES
from inspection.returned import Counted, Result, returned
from inspection.sent import Row, Sent, understand
from inspection.sent_columns import Choice
from inspection.sorting import LATER, TIERS
from serving.desk import log
from serving.desk.cases import Refused, Unknown, every, seen
from serving.desk.database import Desk, exclusive, now
from serving.desk.leads import OPENING, case_of
from serving.desk.papers import keep
from serving.desk.people import Person, scope
from serving.desk.schema import CASES, EVENTS, LEADS, PEOPLE, SENT_LISTS, SENT_ROWS
from serving.desk.states import DISPOSITIONS, OPEN, STATES
from serving.desk.workdays import after, end_of, left, today

SLOT: Final = "sent"
LONGEST: Final = 1_000
_VERDICT_OF: Final = {"confirmed": "yes", "error": "partly", "refuted": "no", "missing": "unsure"}


def deadline(text: str) -> datetime:
    """A day (2026-12-15) or so many working days from now, as a moment. Raises UserError."""
    if text.isdigit():
        days = int(text)
        if not 1 <= days <= 250:
            raise UserError(f"--deadline {text}：请给出 1 到 250 个工作日，或一个日期")
        return after(now(), days)
    try:
        return end_of(date.fromisoformat(text))
    except ValueError:
        raise UserError(f"--deadline {text}：请写日期（2026-12-15）或工作日数（10）") from None


def what_is_known(desk: Desk, subjects: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, str]]:
    """Of subjects that have a case: decided, in_hand, appealed, each a sentence or ''."""
    wanted = set(subjects)
    with desk.read() as connection:
        rows = every(
            connection,
            select(CASES).where(CASES.c.entity_id.in_(sorted({e for _, e in wanted}))).order_by(CASES.c.case_id),
        )
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        if (key := (row["grain"], row["entity_id"])) in wanted:
            found[key] = found.get(key, {}) | _known(row)
    return found


def _known(row: Mapping[str, Any]) -> dict[str, str]:
    if row["state"] == "C93":
        return {"appealed": f"案件 {row['number']}"}
    if row["state"] in OPEN:
        return {"in_hand": f"案件 {row['number']}（{STATES[row['state']]}）"}
    klass = OUTCOMES[row["outcome"]].klass if row["outcome"] else "missing"
    return {"decided": f"案件 {row['number']} {OUTCOMES[row['outcome']].zh}"} if klass != "missing" else {}


def new_name(desk: Desk, number: str) -> None:
    """Raise UserError for what is no name of a list, or another one's."""
    if not number or len(number) > 32:
        raise UserError("--name：请给下发清单一个不超过32个字的名称，例如 国家局2026年第2批")
    with desk.read() as connection:
        if connection.execute(select(SENT_LISTS.c.number).where(SENT_LISTS.c.number == number)).first():
            raise UserError(f"下发清单“{number}”已接收过（同名），没有重复接收；请换一个名称")


def take_in(desk: Desk, sent: Sent, rows: Sequence[Row], body: bytes, *, number: str, source: str, as_of: date, due: datetime, areas: Mapping[str, str], by: str) -> dict[str, Any]:  # fmt: skip
    """Keep a list with its rows, and open or join a case for each subject that is not put off; returns counts. Raises UserError where the list is there already.

    areas: unit → area. All of it is one transaction.
    """
    new_name(desk, number)
    moment = now()
    columns = {t.listed.sheet: {str(c.at): c.field for c in t.choices if c.used} for t in sent.tables}
    new = joined = 0
    cases: set[int] = set()
    with desk.write() as connection:
        exclusive(connection, OPENING)
        same = (SENT_LISTS.c.number == number) | (SENT_LISTS.c.sha256 == sent.sha256)
        if (there := connection.execute(select(SENT_LISTS.c.number).where(same)).scalar()) is not None:
            raise UserError(f"下发清单“{there}”已接收过（同名或内容相同），没有重复接收")
        told = {
            "number": number,
            "name": sent.name[:200],
            "source": source[:64],
            "sha256": sent.sha256,
            "as_of": as_of.isoformat(),
            "at": moment,
        }
        made = connection.execute(
            insert(SENT_LISTS).values(**told, due_at=due, columns=columns).returning(SENT_LISTS.c.sent_id)
        )
        sent_id = int(made.scalar_one())
        kept = [_values(row, sent_id, areas) for row in rows]
        whole: Counter[tuple[str, str]] = Counter()
        for values in filter(_opens, kept):
            whole[values["grain"], values["entity_id"]] += values["amount_fen"] or 0
        for i, values in enumerate(kept, start=1):
            if _opens(values):
                summed = values | {"amount_fen": whole[values["grain"], values["entity_id"]]}
                values["case_id"], is_new = _case(connection, summed, f"sent/{sent_id}", i, as_of)
                new, joined = new + is_new, joined + (not is_new and values["case_id"] not in cases)
                cases.add(values["case_id"])
            connection.execute(insert(SENT_ROWS).values(**values))
        detail = {"rows": len(rows), "cases": len(cases), "sha256": sent.sha256}
        log.append(connection, "sent.import", by, number, detail)
        keep(desk, sent.sha256, body)
    return {"sent_id": sent_id, "rows": len(rows), "cases": len(cases), "new": new, "joined": joined}


def _values(row: Row, sent_id: int, areas: Mapping[str, str]) -> dict[str, Any]:
    grain, entity_id = row.match.subject
    placed = row.sorted
    return {
        "sent_id": sent_id, "sheet": row.sheet[:64], "line": row.line, "number": row.number, "kind": row.kind, "item": row.item,
        "amount_fen": row.amount_fen, "level": row.match.level, "how": row.match.how,
        "told": list(row.facts.told if row.facts else row.match.told), "bills": list(row.match.bills), "grain": grain, "entity_id": entity_id[:64],
        "unit": row.match.unit[:32], "psn_no": row.match.psn_no[:64], "area": areas.get(row.match.unit, "")[:12],
        "tier": placed.tier if placed else "", "grounds": list(placed.grounds if placed else ()), "defences": list(placed.defences if placed else ()),
        "case_id": None,
    }  # fmt: skip


def _opens(values: Mapping[str, Any]) -> bool:
    """Whether a row has a subject and is not put off."""
    return bool(values["grain"]) and values["tier"] != LATER


def last_listed(leads: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Of a case's leads the last one that a list of ours named, which has evidence; the last one sent down where none did."""
    return next((one for one in reversed(leads) if one["slot"] != SLOT), leads[-1])


def _case(connection: Connection, row: Mapping[str, Any], run: str, lead: int, as_of: date) -> tuple[int, bool]:
    """(case, whether it is new) about the subject of a row; a new one is worth what was sent down, an open one keeps its amounts."""
    yuan = (row["amount_fen"] or 0) / 100
    about = {
        "grain": row["grain"],
        "entity_id": row["entity_id"],
        "area": row["area"],
        "fixmedins_code": row["unit"],
        "psn_no": row["psn_no"],
    }
    amounts = {"amount_low_yuan": 0.0, "amount_at_risk_yuan": yuan, "amount_high_yuan": yuan}
    case_id, new = case_of(connection, about | amounts, priced=False)
    values = {"case_id": case_id, "run": run, "list": SLOT, "lead": lead, "as_of": as_of.isoformat(), "slot": SLOT}
    connection.execute(insert(LEADS).values(**values))
    detail = {"run": run, "list": SLOT, "lead": lead, "number": row["number"]}
    connection.execute(insert(EVENTS).values(case_id=case_id, at=now(), kind="lead", note="", detail=detail))
    return case_id, new


def _mine(person: Person) -> Any:
    return SENT_ROWS.c.area.startswith(scope(person.area)) if person.area else SENT_ROWS.c.row_id == SENT_ROWS.c.row_id


def lists(desk: Desk, person: Person) -> list[dict[str, Any]]:
    """Every list with rows of this person's area: rows, by heap, answered; working days left, below 0 = late. Newest first."""
    known = seen(person)
    done = case((SENT_ROWS.c.verdict != "", 1), (known.c.outcome.is_not(None), 1), else_=0)
    counted = (
        select(SENT_ROWS.c.sent_id, SENT_ROWS.c.tier, func.count(), func.sum(done))
        .outerjoin(known, known.c.case_id == SENT_ROWS.c.case_id)
        .where(_mine(person))
        .group_by(SENT_ROWS.c.sent_id, SENT_ROWS.c.tier)
    )
    with desk.read() as connection:
        rows = every(connection, select(SENT_LISTS).order_by(SENT_LISTS.c.sent_id.desc()))
        heaps: dict[int, dict[str, int]] = {}
        answered: dict[int, int] = {}
        for sent_id, tier, n, ready in connection.execute(counted).tuples():
            heaps.setdefault(sent_id, {})[tier] = int(n)
            answered[sent_id] = answered.get(sent_id, 0) + int(ready or 0)
    return [
        _timed(
            r
            | {
                "rows": sum(heaps[r["sent_id"]].values()),
                "answered": answered[r["sent_id"]],
                "tiers": {t: heaps[r["sent_id"]].get(t, 0) for t in TIERS},
            }
        )
        for r in rows
        if r["sent_id"] in heaps
    ]


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"left": left(now(), row["due_at"]), "open": int(row["answered"] or 0) < int(row["rows"])}


def one(desk: Desk, person: Person, sent_id: int) -> dict[str, Any]:
    """A list with its rows of this person's area, each with what is answered so far. Raises Unknown."""
    with desk.read() as connection:
        found = every(connection, select(SENT_LISTS).where(SENT_LISTS.c.sent_id == sent_id))
        rows = _rows(connection, sent_id, person)
    if not found or not rows:
        raise Unknown("没有这份下发清单，或没有您片区的疑点")
    answered = sum(bool(r["result"].verdict) for r in rows)
    tiers = {t: sum(r["tier"] == t for r in rows) for t in TIERS}
    return _timed(found[0] | {"rows": len(rows), "answered": answered, "tiers": tiers}) | {"lines": rows}


def _rows(connection: Connection, sent_id: int, person: Person) -> list[dict[str, Any]]:
    told = ("number", "state", "outcome", "confirmed_fen", "recovered_fen")
    known = seen(person)
    chosen = (
        select(SENT_ROWS, *(known.c[c].label(f"case_{c}") for c in told), PEOPLE.c.shown)
        .outerjoin(known, known.c.case_id == SENT_ROWS.c.case_id)
        .outerjoin(PEOPLE, PEOPLE.c.person_id == SENT_ROWS.c.answered_by)
        .where(SENT_ROWS.c.sent_id == sent_id, _mine(person))
        .order_by(SENT_ROWS.c.row_id)
    )
    rows = every(connection, chosen)
    notes = _notes(connection, {r["case_id"] for r in rows if r["case_outcome"]})
    first: dict[int, dict[str, Any]] = {}
    for row in rows:
        row["result"] = _result(row, notes, first.setdefault(row["case_id"], row) if row["case_id"] else row)
    return rows


def _notes(connection: Connection, cases: set[int]) -> dict[int, tuple[str, list[str]]]:
    """Case → (words of its decision, dispositions)."""
    chosen = (
        select(EVENTS).where(EVENTS.c.case_id.in_(sorted(cases)), EVENTS.c.kind == "move").order_by(EVENTS.c.event_id)
    )
    found = {}
    for e in connection.execute(chosen).mappings():
        if e["detail"].get("outcome") and e["to_state"] in ("C70", "C90"):
            found[int(e["case_id"])] = (
                str(e["note"]),
                [DISPOSITIONS.get(d, d) for d in e["detail"].get("dispositions", [])],
            )
    return found


def _result(row: Mapping[str, Any], notes: Mapping[int, tuple[str, list[str]]], first: Mapping[str, Any]) -> Result:
    """What a row is answered: by its case once that is decided, else by hand. Of several rows of one case the first bears the amounts."""
    if row["case_outcome"]:
        outcome = OUTCOMES[row["case_outcome"]]
        note, orders = notes.get(row["case_id"], ("", []))
        said = f"经核查：{outcome.zh}" + (f"；{note}" if note else "")
        if first["row_id"] != row["row_id"]:
            said += f"；与{first['sheet']}第{first['line']}行同案，金额见该行"
            return Result(_VERDICT_OF[outcome.klass], said, disposition="、".join(orders))
        recovered = row["case_recovered_fen"] if row["case_confirmed_fen"] is not None else None
        return Result(_VERDICT_OF[outcome.klass], said, row["case_confirmed_fen"], recovered, "、".join(orders))
    return Result(row["verdict"], row["situation"])


def answer(desk: Desk, person: Person, rights: frozenset[str], row_id: int, verdict: str, situation: str) -> int:
    """Answer a row that has no case; returns its list. Raises Refused, Unknown."""
    if "assign" not in rights:
        raise Refused("反馈疑点需要“派查、并案、暂缓”的权限")
    with desk.write() as connection:
        row = _row(connection, person, row_id)
        if verdict not in ("no", "unsure"):
            raise Refused("请选择不属实或存疑；属实须立案，由两名以上人员核查认定")
        if not situation.strip():
            raise Refused("请填写核查情况")
        if row["case_id"] is not None:
            raise Refused("此疑点已立案，以案件的认定为准")
        values = {
            "verdict": verdict,
            "situation": situation.strip()[:LONGEST],
            "answered_at": now(),
            "answered_by": person.person_id,
        }
        connection.execute(update(SENT_ROWS).where(SENT_ROWS.c.row_id == row_id).values(**values))
        log.append(
            connection, "sent.answer", person.name, f"sent/{row['sent_id']}", {"row": row_id, "verdict": verdict}
        )
    return int(row["sent_id"])


def open_case(desk: Desk, person: Person, rights: frozenset[str], row_id: int) -> int:
    """A case for a row that was put off; returns its list. Raises Refused (no subject, a case there already), Unknown."""
    if "assign" not in rights:
        raise Refused("立案需要“派查、并案、暂缓”的权限")
    with desk.write() as connection:
        exclusive(connection, OPENING)
        row = _row(connection, person, row_id)
        if row["case_id"] is not None:
            raise Refused("此疑点已立案")
        if not row["grain"]:
            raise Refused("未匹配到就诊，没有可立案的对象；请补齐号码后重新接收")
        as_of = connection.execute(
            select(SENT_LISTS.c.as_of).where(SENT_LISTS.c.sent_id == row["sent_id"])
        ).scalar_one()
        earlier = connection.execute(
            select(func.count()).where(SENT_ROWS.c.sent_id == row["sent_id"], SENT_ROWS.c.row_id <= row_id)
        ).scalar_one()
        case_id, _ = _case(connection, row, f"sent/{row['sent_id']}", int(earlier), date.fromisoformat(as_of))
        blank = {"case_id": case_id, "verdict": "", "situation": "", "answered_at": None, "answered_by": None}
        connection.execute(update(SENT_ROWS).where(SENT_ROWS.c.row_id == row_id).values(**blank))
        log.append(connection, "sent.case", person.name, f"sent/{row['sent_id']}", {"row": row_id})
    return int(row["sent_id"])


def _row(connection: Connection, person: Person, row_id: int) -> dict[str, Any]:
    found = every(connection, select(SENT_ROWS).where(SENT_ROWS.c.row_id == row_id, _mine(person)).with_for_update())
    if not found:
        raise Unknown("没有这条疑点，或不在您的片区")
    return found[0]


def of_case(connection: Connection, case_id: int) -> list[dict[str, Any]]:
    """The rows sent down that a case answers, with their list and its deadline."""
    chosen = select(SENT_ROWS, SENT_LISTS.c.number.label("list"), SENT_LISTS.c.due_at).join(
        SENT_LISTS, SENT_LISTS.c.sent_id == SENT_ROWS.c.sent_id
    )
    rows = every(connection, chosen.where(SENT_ROWS.c.case_id == case_id).order_by(SENT_ROWS.c.row_id))
    return [r | {"left": left(now(), r["due_at"])} for r in rows]


def numbered(desk: Desk, number: str) -> int:
    """The list of a name. Raises UserError."""
    with desk.read() as connection:
        found = connection.execute(select(SENT_LISTS.c.sent_id).where(SENT_LISTS.c.number == number)).scalar()
        if found is None:
            known = (
                connection.execute(select(SENT_LISTS.c.number).order_by(SENT_LISTS.c.sent_id.desc()).limit(5))
                .scalars()
                .all()
            )
            raise UserError(
                f"没有下发清单“{number}”" + (f"；有 {'、'.join(known)}" if known else "；先用 xiezhi sent import 接收")
            )
    return int(found)


def to_give(desk: Desk, person: Person, sent_id: int) -> dict[str, Any]:
    """What a list is given back by, JSON-ready: the file as it came, how its columns were read, what each row is answered; the log has it. For who sees all areas.
    Raises Refused, Unknown."""
    found = one(desk, person, sent_id)
    if person.area:
        raise Refused("整份下发清单含其他片区的疑点，须由全市权限的人员导出")
    told = {"rows": found["rows"], "answered": found["answered"]}
    log.note(desk, "sent.return", person.name, f"sent/{sent_id}", told)
    rows = [[r["sheet"], r["line"], asdict(r["result"])] for r in found["lines"]]
    file = str(desk.file(found["sha256"]))
    return {"file": file, **{k: found[k] for k in ("number", "name", "sha256", "columns")}, "rows": rows}


def given(job: Mapping[str, Any]) -> tuple[bytes, Counted]:
    """(workbook, counts): the list as it came, with what is answered filled in. job: `to_give`. Raises UserError, Damaged."""
    try:
        body = Path(job["file"]).read_bytes()
    except OSError:
        raise Damaged(f"下发清单 {job['number']} 的原件不在了，请从备份恢复") from None
    if hashlib.sha256(body).hexdigest() != job["sha256"]:
        raise Damaged(f"下发清单 {job['number']} 的原件与接收时不符，请从备份恢复")
    results = {(str(sheet), int(line)): Result(**result) for sheet, line, result in job["rows"]}
    sent = as_read(understand(body, job["name"]), job["columns"], set(results))
    return returned(body, sent, results)


def name_given(job: Mapping[str, Any]) -> str:
    """What the file given back is called."""
    return str(job["name"]).removesuffix(".xlsx") + "（反馈）.xlsx"


def as_read(sent: Sent, columns: Mapping[str, Mapping[str, str]], leads: set[tuple[str, int]]) -> Sent:
    """A list understood again as it was when it was taken in: the same columns, and no lead more or less. Raises Damaged where rows differ."""
    tables = []
    for table in sent.tables:
        held = columns.get(table.listed.sheet, {})
        choices = tuple(Choice(int(at), table.listed.titles[int(at)], name, 1.0, "", True) for at, name in held.items())
        foot = tuple(line for line in table.listed.lines if (table.listed.sheet, line) not in leads)
        tables.append(replace(table, choices=choices, foot=foot))
    made = replace(sent, tables=tuple(tables))
    if made.rows != len(leads):
        raise Damaged(f"下发清单的原件读出 {made.rows} 行，接收时是 {len(leads)} 行；没有写出")
    return made


def said(found: Mapping[str, Any]) -> str:
    """The deadline in words."""
    day = today(found["due_at"])
    if not found["open"]:
        return f"期限 {day}，已全部答复"
    days = found["left"]
    return f"期限 {day}，" + (
        f"已逾期 {-days} 个工作日" if days < 0 else "今日到期" if days == 0 else f"剩 {days} 个工作日"
    )
