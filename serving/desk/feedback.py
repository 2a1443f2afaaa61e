"""核查反馈: a list filled in offline, and what it does when it comes back.

Each filled row is the step its reader may take in the state the case has (serving/desk/states.py), with all its rules; an unfilled row changes nothing.

Two people who filled in copies of one workbook are merged against what both began from: rows that one of them filled are both taken; a row that both
filled is the first one's, and the second is told cell by cell what differs. The same workbook handed in twice changes nothing the second time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select

from claims.errors import UserError
from claims.schema.outcomes import OUTCOMES
from serving.desk import log
from serving.desk.cases import Refused, Unknown, events_of
from serving.desk.database import Desk
from serving.desk.feedback_sheet import (
    CLASS_WORDS,
    DISPOSITION_WORDS,
    OPEN,
    WORDS,
    WORTH,
    Base,
    Line,
    dispositions,
    read,
)
from serving.desk.links import numbered
from serving.desk.people import Person
from serving.desk.schema import LOG
from serving.desk.states import CLASSES, CLEARING, DISPOSITIONS, NO_JUDGMENT, STATES, steps_from
from serving.desk.steps import Given, take

TAKEN: Final = "export"
"""The act of the log that keeps a baseline's hash."""


def hand_in(desk: Desk, person: Person, rights: frozenset[str], body: bytes) -> tuple[list[str], list[str]]:
    """(rows taken, rows refused and why), each a Chinese line. Raises UserError where the workbook as a whole is refused."""
    base, lines = read(body)
    known(desk, base)
    log.note(desk, "feedback", person.name, f"{base.run}/{base.grain}", {"rows": len(lines)})
    taken, refused = [], []
    for line in lines:
        try:
            state = _step(desk, person, rights, line)
            taken.append(f"第{line.i + 1}行（{line.number}） → {STATES[state]}")
        except (Refused, Unknown) as error:
            refused.append(f"第{line.i + 1}行（{line.number}）：{error}")
    return taken, refused


def known(desk: Desk, base: Base) -> None:
    """The log knows this baseline: it left here, and is what it was. Raises UserError."""
    with desk.read() as connection:
        row = connection.execute(select(LOG.c.act, LOG.c.detail).where(LOG.c.hash == base.head)).first()
    if row is None or row.act != TAKEN or json.loads(row.detail).get("base") != base.digest:
        raise UserError("这份工作簿不是从本系统下载的，或其“基线”页被改过，整份未导入；请重新下载")


def _step(desk: Desk, person: Person, rights: frozenset[str], line: Line) -> str:
    """Take the step that a conclusion means in the state the case has."""
    with desk.read() as connection:
        row = numbered(connection, person, line.number)
    if row["version"] != line.version:
        raise Refused(_moved_on(desk, person, row, line))
    outcome = WORDS[line.cells["结论"]]
    clears = outcome in (*CLEARING, *NO_JUDGMENT)
    wanted = {
        "C10": "propose_exclude" if clears else "report",
        "C20": "exclude" if clears else "agree",
        "C40": "found",
        "C60": "clear" if clears else "decide",
    }.get(row["state"])
    possible = {step.name for step in steps_from(row["state"], rights, row["proposal"])}
    if wanted is None or wanted not in possible:
        raise Refused(f"{STATES[row['state']]}的案件不能由您作这个结论")
    return take(desk, person, rights, row["case_id"], wanted, line.version, given_of(line.cells))


def given_of(cells: Mapping[str, str]) -> Given:
    """What the open cells of a row give to a step."""
    return Given(
        note=cells["说明"],
        outcome=WORDS[cells["结论"]],
        innocent=cells["合理情形"],
        violation_class=CLASS_WORDS.get(cells["三违类别"], ""),
        confirmed_fen=round(float(cells["确认金额（元）"]) * 100) if cells["确认金额（元）"] else None,
        dispositions=tuple(DISPOSITION_WORDS[w] for w in dispositions(cells["处理"])),
        amounts={"PENALTY": round(float(fine) * 100)} if (fine := cells["罚款金额（元）"]) else {},
        worth=WORTH.get(cells["值得一看"]),
        detail={"from": "workbook", "worth": cells["值得一看"]},
    )


def _moved_on(desk: Desk, person: Person, case: Mapping[str, Any], line: Line) -> str:
    """Why a row is not taken: somebody has taken a step since the workbook left, with what in which cell."""
    with desk.read() as connection:
        moves = [e for e in events_of(connection, case, person) if e["kind"] == "move"]
    event = moves[-1] if moves else None
    now = f"现为{STATES[case['state']]}"
    if event is None:
        return f"下载之后已有变动，{now}，未采用这一行"
    theirs = cells_of(event)
    if theirs == dict(line.cells):
        return f"{event['shown']}已按相同内容交回过，{now}，没有再改动"
    apart = [t for t in OPEN if theirs[t] and line.cells[t] and theirs[t] != line.cells[t]]
    told = "；".join(f"{line.at(t)} {event['shown']}已填“{theirs[t][:40]}”，您填“{line.cells[t][:40]}”" for t in apart)
    return f"下载之后{event['shown']}已办理，{now}，未采用这一行" + (f"。{told}" if told else "")


def cells_of(event: Mapping[str, Any]) -> dict[str, str]:
    """The open cells as a step that was taken would have filled them."""
    detail = event["detail"]
    confirmed, fine = detail.get("confirmed_fen"), detail.get("amounts", {}).get("PENALTY")
    return {
        "结论": OUTCOMES[detail["outcome"]].zh if detail.get("outcome") else "",
        "合理情形": detail.get("innocent", ""),
        "三违类别": CLASSES.get(detail.get("class", ""), ""),
        "确认金额（元）": "" if confirmed is None else f"{confirmed / 100:.2f}",
        "处理": "、".join(DISPOSITIONS[d] for d in detail.get("dispositions", [])),
        "罚款金额（元）": "" if fine is None else f"{fine / 100:.2f}",
        "说明": event["note"],
        "值得一看": detail.get("worth", ""),
    }
