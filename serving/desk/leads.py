"""Leads of a published run and the cases they open or join: several weeks' leads about one subject are one case."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Text, and_, bindparam, cast, func, insert, select, update

from serving.desk import log
from serving.desk.cases import seen
from serving.desk.database import Desk, exclusive, now
from serving.desk.limits import value
from serving.desk.people import Person
from serving.desk.prepared import Prepared
from serving.desk.schema import CASES, EVENTS, LEADS
from serving.desk.states import OPEN
from serving.desk.workdays import after

OPENING = 3
"""The lock under which one process makes a run's cases."""


def open_run(
    desk: Desk, run: str, as_of: str, lists: Mapping[str, Sequence[Mapping[str, Any]]], model: str = ""
) -> int:
    """Cases for the rows of a published run, ranked, drawn and controls alike; returns how many are new. Doing it again changes nothing.

    lists: list name → rows as published (serving/lists/schema.py COLUMNS + EXTRA).
    """
    new = 0
    with desk.write() as connection:
        exclusive(connection, OPENING)
        if connection.execute(select(LEADS.c.lead_id).where(LEADS.c.run == run).limit(1)).first():
            return 0
        for name, rows in lists.items():
            for row in sorted(rows, key=lambda r: int(r["lead"])):
                case, made = case_of(connection, row)
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


def case_of(connection: Connection, row: Mapping[str, Any], *, priced: bool = True) -> tuple[int, bool]:
    """(case, whether it is new): the open case about the subject of a row, or a new one. priced: an open one takes the row's amounts."""
    about = and_(CASES.c.grain == row["grain"], CASES.c.entity_id == row["entity_id"])
    found = connection.execute(select(CASES.c.case_id).where(about, CASES.c.state.in_(OPEN))).first()
    money = {
        "low_fen": _fen(row.get("amount_low_yuan")),
        "mid_fen": _fen(row.get("amount_at_risk_yuan")),
        "high_fen": _fen(row.get("amount_high_yuan")),
    }
    if found is not None and not priced:
        return int(found.case_id), False
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
        "doctor": str(row.get("dr_codg") or ""),
        "psn_no": str(row.get("psn_no") or ""),
        "state": "C10",
        "scheme": str(row.get("scheme") or ""),
        "opened_at": moment,
        "due_at": after(moment, value(connection, "C10")),
        **money,
    }
    made = connection.execute(insert(CASES).values(**values).returning(CASES.c.case_id)).scalar_one()
    return int(made), True


def _fen(yuan: Any) -> int:
    return round(float(yuan or 0) * 100)


TOLD: Final = ("case_id", "number", "state", "version")
"""What a list says of a case."""


def of_run(desk: Desk, run: str, name: str, person: Person) -> dict[int, dict[str, Any]]:
    """Lead number → its case's id, number, state and version as a person sees it, of one list of a run."""
    return told(columns_of_run(desk, run, name, person))


def columns_of_run(desk: Desk, run: str, name: str, person: Person) -> tuple[str | None, ...]:
    """`of_run` as five texts, for `told`: the same where a page about these cases would be the same. One row, since each that is fetched lets other threads go first."""
    return _cases_of(person).asked(desk.engine, {"run": run, "list": name})[0]


def told(columns: tuple[str | None, ...]) -> dict[int, dict[str, Any]]:
    """Cases by the number of their lead, out of `columns_of_run`."""
    leads, *cases = ((text or "").split() for text in columns)
    rows = zip(*cases, strict=True)
    return {
        int(lead): {"case_id": int(case_id), "number": number, "state": state, "version": int(version)}
        for lead, (case_id, number, state, version) in zip(leads, rows, strict=True)
    }


def of_lead(desk: Desk, run: str, name: str, lead: int, person: Person) -> dict[str, Any] | None:
    """`of_run` of one lead; None where he sees no case of it."""
    asked: dict[str, int | str] = {"run": run, "list": name, "lead": lead}
    return told(_cases_of(person, one=True).asked(desk.engine, asked)[0]).get(lead)


@functools.lru_cache(maxsize=1024)
def _cases_of(person: Person, *, one: bool = False) -> Prepared:
    """The question of `of_run`, put together once a person: it is asked before every list and every suspect."""
    chosen = seen(person)
    columns = (LEADS.c.lead, *(chosen.c[name] for name in TOLD))
    said = (
        func.aggregate_strings(cast(c, Text), " ") for c in columns
    )  # each in the order in which the rows are found
    joined = select(*said).join_from(LEADS, chosen, chosen.c.case_id == LEADS.c.case_id)
    asked = joined.where(LEADS.c.run == bindparam("run"), LEADS.c.list == bindparam("list"))
    return Prepared(asked.where(LEADS.c.lead == bindparam("lead")) if one else asked)
