"""Results of a bed check: what was found at a bed of a published list, by phone, form or filled sheet alike; a finding once a second officer has confirmed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select, update

from serving.desk import conflicts, log, papers
from serving.desk.cases import Refused, event, locked
from serving.desk.database import Desk, now
from serving.desk.people import Person
from serving.desk.schema import BED_RESULTS, LEADS
from serving.desk.two_officers import AGAIN, Said, say, standing
from serving.desk.workdays import CHINA

LIST: Final = "bedcheck"
WITHIN: Final = timedelta(days=3)
"""A sheet says who lay in a bed that evening: after three days most have gone home, and an empty bed means nothing."""
AHEAD: Final = timedelta(minutes=10)
"""So much a phone's clock may be fast."""


@dataclass(frozen=True)
class Sheet:
    """A published bed check as the desk needs it. at: its moment, by the clock of the claims; beds: number on the unmarked list → the row (serving/lists/bedsheet.py);
    words: what a result is called → its code."""

    run: str
    at: datetime
    beds: Mapping[int, Mapping[str, Any]]
    words: Mapping[str, str]

    @property
    def names(self) -> dict[str, str]:
        return {code: zh for zh, code in self.words.items()}


@dataclass(frozen=True)
class Given:
    """A result as it comes: result: a word of the sheet or its code; at: when, by the clock on the wall, '' = now."""

    lead: int | None
    result: str
    at: str = ""
    note: str = ""
    client: str = field(default="", kw_only=True)


def take(desk: Desk, person: Person, rights: frozenset[str], sheet: Sheet, given: Given) -> str:
    """Store or confirm a result (serving/desk/two_officers.py). Raises Refused for a stay that is not on the sheet, an unknown word, a time that cannot be, Unknown for
    one of another area."""
    row, code, checked = _checked(rights, sheet, given)
    lead = int(row["lead"])
    about = {"stay": str(row["stay"]), "unit": str(row["unit"]), "checked_at": checked}
    with desk.write() as connection:
        found = select(LEADS.c.case_id).where(LEADS.c.run == sheet.run, LEADS.c.list == LIST, LEADS.c.lead == lead)
        case_id = connection.execute(found).scalar()
        if case_id is None:
            raise Refused("这一批次的案件尚未生成，请重新打开查床页面后再发")
        case = locked(connection, person, int(case_id))
        if conflicts.kept_from(connection, [person.person_id], str(row["unit"])):
            raise Refused("您已申报回避这家机构，请由其他核查人员填写")
        place = {"run": sheet.run, "lead": lead}
        said = Said(code, given.note.strip(), given.client)
        done = say(connection, BED_RESULTS, place, said, person, sheet.names, case_id=case_id, **about)
        if done != AGAIN:
            detail = {"result": code, "checked_at": checked.isoformat(sep=" ", timespec="minutes"), "done": done}
            event(connection, int(case_id), person, "bed", note=said.note, detail=detail)
            log.append(connection, f"bed.{done}", person.name, case["number"], {"run": sheet.run, **place, **detail})
    return done


def _checked(rights: frozenset[str], sheet: Sheet, given: Given) -> tuple[Mapping[str, Any], str, datetime]:
    """(row of the sheet, code, when in UTC)."""
    if "inspect" not in rights:
        raise Refused("查床结果由核查人员填写")
    row = sheet.beds.get(given.lead if given.lead is not None else -1)
    if row is None:
        raise Refused("这一条不在当晚查床单上，结果未计入；如属另行核查请按查床记录接收")
    words = sheet.words
    code = words.get(given.result, given.result if given.result in words.values() else "")
    if not code:
        raise Refused(f"结果“{given.result[:20]}”不认识；请填 {'、'.join(words)}")
    try:
        when = datetime.fromisoformat(given.at.strip().replace("/", "-")) if given.at.strip() else now() + CHINA
    except ValueError:
        raise Refused(f"核查时间“{given.at[:20]}”应写作 2026-11-27 21:05") from None
    when = when.replace(tzinfo=None)
    begins = sheet.at.replace(hour=0, minute=0, second=0, microsecond=0)
    if when < begins:
        raise Refused(f"核查时间 {when:%Y-%m-%d %H:%M} 早于查床单（{begins:%Y-%m-%d}），请改正时间")
    if when > now() + CHINA + AHEAD:
        raise Refused(f"核查时间 {when:%Y-%m-%d %H:%M} 还没有到，请检查手机时间")
    if when > sheet.at + WITHIN:
        raise Refused(f"查床单（{sheet.at:%Y-%m-%d}）已过{WITHIN.days}天，床上的人多半已出院；请用新的查床单")
    return row, code, when - CHINA


def withdraw(desk: Desk, person: Person, rights: frozenset[str], sheet: Sheet, lead: int) -> None:
    """Whoever wrote a result down takes it back, until another one has confirmed it. Raises Refused."""
    if "inspect" not in rights:
        raise Refused("查床结果由核查人员填写")
    here = (BED_RESULTS.c.run == sheet.run) & (BED_RESULTS.c.lead == lead) & BED_RESULTS.c.withdrawn_at.is_(None)
    with desk.write() as connection:
        row = connection.execute(select(BED_RESULTS).where(here)).mappings().first()
        if row is None:
            raise Refused("这一床还没有结果")
        case = locked(connection, person, row["case_id"])
        if row["said_by"] != person.person_id or row["second_by"] is not None:
            raise Refused("只有先记的人可以撤回，且须在第二人确认之前")
        connection.execute(update(BED_RESULTS).where(here).values(withdrawn_at=now()))
        detail = {"result": row["code"], "done": "withdrawn"}
        event(connection, row["case_id"], person, "bed", detail=detail)
        log.append(connection, "bed.withdrawn", person.name, case["number"], {"run": sheet.run, "lead": lead})


def photograph(
    desk: Desk,
    person: Person,
    rights: frozenset[str],
    sheet: Sheet,
    lead: int,
    body: bytes,
    once: str = "",
    original: str = "",
) -> int:
    """A photograph of a bed: a paper of the stay's case, named by the result. once, original: as `papers.attach`. Raises Refused where there is no result yet, or for what
    is no paper, Again."""
    if "inspect" not in rights:
        raise Refused("照片由核查人员上传")
    here = (BED_RESULTS.c.run == sheet.run) & (BED_RESULTS.c.lead == lead) & BED_RESULTS.c.withdrawn_at.is_(None)
    with desk.read() as connection:
        row = connection.execute(select(BED_RESULTS).where(here)).mappings().first()
    if row is None:
        raise Refused("请先记下这一床的结果，再传照片")
    if row["second_by"] is not None and person.person_id not in (row["said_by"], row["second_by"]):
        raise Refused("这一床已由两人确认，照片由这两人上传")

    def naming(connection: Connection, made: int) -> None:
        connection.execute(update(BED_RESULTS).where(here).values(photo=made))

    return papers.attach(desk, person, rights, row["case_id"], f"查床{lead}号", body, once, original, naming)


def of_run(desk: Desk, run: str) -> dict[int, dict[str, Any]]:
    """What stands of a run, by its number on the unmarked list. Who may see which rows is the caller's business."""
    with desk.read() as connection:
        return {int(r["lead"]): r for r in standing(connection, BED_RESULTS, BED_RESULTS.c.run == run)}
