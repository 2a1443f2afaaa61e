"""Money and orders of a case. Three amounts stay apart: suspected (a range), confirmed (at the decision), recovered (booked, never above what was
confirmed); refused, fined and returned by oneself are orders with amounts of their own and are added to none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from serving.desk import log
from serving.desk.cases import Refused, event, every, locked, put_down
from serving.desk.database import Desk, now
from serving.desk.limits import value
from serving.desk.people import Person
from serving.desk.roles import RIGHTS
from serving.desk.schema import CASES, DISPOSITIONS, PEOPLE
from serving.desk.states import DISPOSITIONS as KINDS
from serving.desk.workdays import after

APART: Final = {"amt_refused": ("REFUSE", "DEDUCT"), "amt_fine": ("PENALTY",), "amt_self_return": ("SELF_RETURN",)}
"""Amounts beside the three, by the orders they are the sum of."""
APART_KINDS: Final = frozenset(k for kinds in APART.values() for k in kinds)
OF_MONEY: Final = ("RECOVER", "REFUSE", "DEDUCT", "PENALTY", "SELF_RETURN")
"""Orders that the fund's finance marks as done."""


def order(connection: Connection, case_id: int, person: Person, kinds: Mapping[str, int | None]) -> None:
    """What a decision orders, each due as the office has set; those of an earlier decision that were not done are replaced, and one that was done with
    the same amount is done."""
    mine = (DISPOSITIONS.c.case_id == case_id) & DISPOSITIONS.c.done_at.is_(None)
    connection.execute(DISPOSITIONS.delete().where(mine))
    due = after(now(), value(connection, "C70"))
    about = {"case_id": case_id, "at": now(), "who": person.person_id, "due_at": due}
    done = {
        (d["kind"], d["amount_fen"]): d
        for d in every(connection, select(DISPOSITIONS).where(DISPOSITIONS.c.case_id == case_id))
    }
    kept = ("done_at", "done_by", "document")
    for kind, fen in kinds.items():
        earlier = done.get((kind, fen)) if kind in APART_KINDS else None
        values = {k: earlier[k] for k in kept} if earlier else {}
        connection.execute(insert(DISPOSITIONS).values(**about, kind=kind, amount_fen=fen, **values))


def of_case(connection: Connection, case_id: int) -> list[dict[str, Any]]:
    """Orders of a case with who marked them done."""
    chosen = select(DISPOSITIONS, PEOPLE.c.shown).outerjoin(PEOPLE, DISPOSITIONS.c.done_by == PEOPLE.c.person_id)
    return every(connection, chosen.where(DISPOSITIONS.c.case_id == case_id).order_by(DISPOSITIONS.c.disposition_id))


def undone(connection: Connection, case_id: int) -> list[str]:
    """Orders still open, in Chinese."""
    mine = (DISPOSITIONS.c.case_id == case_id) & DISPOSITIONS.c.done_at.is_(None)
    return [KINDS[k] for k in connection.execute(select(DISPOSITIONS.c.kind).where(mine)).scalars()]


def settle(
    desk: Desk,
    person: Person,
    rights: frozenset[str],
    case_id: int,
    disposition_id: int,
    document: str,
    once: str = "",
) -> None:
    """Mark an order as done, by the number of its paper. Raises Refused, Unknown."""
    if not document.strip():
        raise Refused("请填写文书号或凭证号")
    with desk.write() as connection:
        row = locked(connection, person, case_id, once)
        mine = (DISPOSITIONS.c.disposition_id == disposition_id) & (DISPOSITIONS.c.case_id == case_id)
        open_one = mine & DISPOSITIONS.c.done_at.is_(None)
        found = connection.execute(select(DISPOSITIONS).where(open_one)).mappings().first()
        if found is None:
            raise Refused("没有这项处理，或已办结")
        needed = "finance" if found["kind"] in OF_MONEY else "assign"
        if needed not in rights:
            raise Refused(f"此步骤需要“{RIGHTS[needed]}”的权限")
        if found["kind"] == "RECOVER" and (row["recovered_fen"] or 0) < (found["amount_fen"] or 0):
            raise Refused(
                f"追回应为 {found['amount_fen'] / 100:,.2f} 元，已登记 {(row['recovered_fen'] or 0) / 100:,.2f} 元"
            )
        values = {"done_at": now(), "done_by": person.person_id, "document": document.strip()[:80]}
        connection.execute(update(DISPOSITIONS).where(open_one).values(**values))
        detail = {"kind": found["kind"], "document": document.strip()[:80]}
        event(connection, case_id, person, "done", detail=detail, once=once)
        if not undone(connection, case_id):
            put_down(connection, case_id, person)
        log.append(connection, "case.done", person.name, row["number"], {"kind": found["kind"]})


def recover(
    desk: Desk,
    person: Person,
    rights: frozenset[str],
    case_id: int,
    fen: int,
    version: int | None = None,
    once: str = "",
) -> int:
    """Book money that came back; returns the sum so far, never above what was confirmed. version: as the form was read. Raises Refused, Unknown."""
    if "finance" not in rights:
        raise Refused(f"此步骤需要“{RIGHTS['finance']}”的权限")
    with desk.write() as connection:
        row = locked(connection, person, case_id, once)
        if version is not None and row["version"] != version:
            raise Refused("此案在您查看之后已有变动，请重新打开")
        if row["state"] not in ("C70", "C80", "C85") or row["confirmed_fen"] is None:
            raise Refused("只有已认定金额的案件可以登记追回")
        total = (row["recovered_fen"] or 0) + fen
        if fen <= 0 or total > row["confirmed_fen"]:
            raise Refused(f"追回合计不得超过确认金额 {row['confirmed_fen'] / 100:,.2f} 元")
        values = {"recovered_fen": total, "version": row["version"] + 1}
        connection.execute(update(CASES).where(CASES.c.case_id == case_id).values(**values))
        event(connection, case_id, person, "amount", detail={"recovered_fen": fen}, once=once)
        log.append(connection, "case.recovered", person.name, row["number"], {"fen": fen})
    return int(total)


def apart(dispositions: list[dict[str, Any]]) -> dict[str, int]:
    """Refused, fined and returned by oneself, in fen: of each kind what was ordered last; a case decided again orders anew, it adds nothing."""
    last = {d["kind"]: d["amount_fen"] or 0 for d in sorted(dispositions, key=lambda d: int(d["disposition_id"]))}
    return {name: sum(last.get(k, 0) for k in kinds) for name, kinds in APART.items()}
