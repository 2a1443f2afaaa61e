"""Results of a bed check: two officers, stored once however often they are sent, and nothing taken that cannot be."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from inspection.bedsheet import RESULTS
from serving.desk import beds, conflicts, findings, leads, log
from serving.desk.beds import Given, Sheet
from serving.desk.casefile import case_file
from serving.desk.cases import Refused, Unknown
from serving.desk.database import Desk, clock
from serving.desk.people import Person
from serving.desk.schema import BED_RESULTS

from .conftest import a_row

RUN = "2026-11-22/aa"
EVENING = datetime(2026, 11, 22, 13, 30)
SHEET = Sheet(RUN, datetime(2026, 11, 22, 23, 59), {n: {"lead": n, "stay": f"A{n}", "unit": "H1"} for n in (1, 2, 3)}, RESULTS)  # fmt: skip


@pytest.fixture
def evening(desk: Desk, staff: dict[str, Person]) -> Any:
    rows = [a_row(1), a_row(2, slot="draw", selection_prob=0.25), a_row(3, area="330202")]
    with clock(EVENING):
        leads.open_run(desk, RUN, "2026-11-22", {"bedcheck": rows})
        yield desk


def give(desk: Desk, who: Person, lead: int, result: str, client: str = "", **more: str) -> str:
    given = Given(lead, result, more.get("at", ""), more.get("note", ""), client=client or f"{who.name}-{lead}-{result.encode().hex()}-0000000000000000"[:60])  # fmt: skip
    return beds.take(desk, who, who.rights, SHEET, given)


def test_a_result_is_a_finding_once_another_officer_says_the_same(evening: Desk, staff: dict[str, Person]) -> None:
    ann, bob = staff["ann"], staff["bob"]
    assert give(evening, ann, 1, "不在", note="床上无人", at="2026-11-22 21:05") == "stored"
    assert findings.presence(evening) == []
    assert give(evening, bob, 1, "不在") == "confirmed"
    [row] = findings.presence(evening)
    assert (row["mdtrt_id"], row["result_code"], row["check_time"]) == ("A1", "B4_ABSENT", "2026-11-22 21:05:00")
    assert (row["checker_1"], row["checker_2"], row["source"]) == ("ann", "bob", "model")
    give(evening, ann, 2, "请假有据", note="请假条")
    give(evening, bob, 2, "B3_LEAVE_OK")
    row = findings.presence(evening)[1]
    assert (row["source"], row["selection_prob"], row["leave_reason"]) == ("random", "0.25", "请假条")
    events = case_file(evening, staff["leader"], 1)["events"]
    assert [(e["shown"], e["detail"]["done"]) for e in events if e["kind"] == "bed"] == [("ann", "stored"), ("bob", "confirmed")]  # fmt: skip
    assert [r["act"] for r in log.rows(evening)][-4:] == ["bed.stored", "bed.confirmed", "bed.stored", "bed.confirmed"]


def test_who_declared_a_conflict_fills_in_no_bed_there(evening: Desk, staff: dict[str, Person]) -> None:
    conflicts.declare(evening, staff["leader"], staff["ann"].name, "H1", "配偶任职")
    with pytest.raises(Refused, match="已申报回避"):
        give(evening, staff["ann"], 1, "不在")
    assert give(evening, staff["bob"], 1, "不在") == "stored"


def test_sent_twice_is_stored_once(evening: Desk, staff: dict[str, Person]) -> None:
    ann, bob = staff["ann"], staff["bob"]
    for state in ("stored", "again", "again"):
        assert give(evening, ann, 1, "在床", client="c" * 32) == state
    assert give(evening, ann, 1, "在床") == "again", "the same word of the same officer under another id"
    assert give(evening, bob, 1, "在床", client="d" * 32) == "confirmed"
    assert give(evening, bob, 1, "在床", client="d" * 32) == "again"
    with evening.read() as connection:
        assert len(connection.execute(select(BED_RESULTS)).all()) == 1
    with pytest.raises(Refused, match="别的记录"):
        give(evening, ann, 2, "在床", client="c" * 32)


def test_two_who_differ_are_told_and_nobody_overwrites(evening: Desk, staff: dict[str, Person]) -> None:
    ann, bob = staff["ann"], staff["bob"]
    give(evening, ann, 1, "不在")
    with pytest.raises(Refused, match="ann已记“不在”，您记“在床”"):
        give(evening, bob, 1, "在床")
    assert give(evening, ann, 1, "在床") == "changed", "who said it first may correct himself"
    assert give(evening, bob, 1, "在床") == "confirmed"
    for who in (ann, bob):
        with pytest.raises(Refused, match="已确认为“在床”"):
            give(evening, who, 1, "不在", client=f"late-{who.name}-0000000000")
    with pytest.raises(Refused, match="第二人确认之前"):
        beds.withdraw(evening, ann, ann.rights, SHEET, 1)
    with evening.read() as connection:
        kept = connection.execute(select(BED_RESULTS.c.code, BED_RESULTS.c.withdrawn_at.is_(None))).tuples().all()
    assert kept == [("B4_ABSENT", False), ("B1_IN_BED", True)], "what was corrected is kept"


def test_the_database_holds_two_different_persons_and_one_row_a_bed(evening: Desk, staff: dict[str, Person]) -> None:
    give(evening, staff["ann"], 1, "不在")
    mine = update(BED_RESULTS).values(second_by=staff["ann"].person_id, second_at=EVENING)
    with pytest.raises(IntegrityError), evening.write() as connection:
        connection.execute(mine)
    with evening.read() as connection:
        row = dict(connection.execute(select(BED_RESULTS)).mappings().one())
    again: list[dict[str, Any]] = [{"client": "another-one-0000000000"}, {"lead": 2}]
    for over in again:  # the same bed twice; the same id twice
        with pytest.raises(IntegrityError), evening.write() as connection:
            connection.execute(insert(BED_RESULTS).values(**{k: v for k, v in row.items() if k != "result_id"} | over))


BAD: dict[str, dict[str, Any]] = {
    "不在当晚查床单": {"lead": 9},
    "不认识": {"result": "睡觉"},
    "早于查床单": {"at": "2026-11-21 22:00"},
    "还没有到": {"at": "2026-11-22 23:50"},
    "应写作": {"at": "昨晚"},
    "没有编号": {"client": "short"},
    "不得超过": {"note": "字" * 4001},
}


@pytest.mark.parametrize("why", BAD)
def test_what_cannot_be_is_said(evening: Desk, staff: dict[str, Person], why: str) -> None:
    over: dict[str, Any] = {"lead": 1, "result": "在床", "client": "x" * 20} | BAD[why]
    lead, result = over.pop("lead"), over.pop("result")
    with pytest.raises(Refused, match=why):
        give(evening, staff["ann"], lead, result, **over)
    assert beds.of_run(evening, RUN) == {}


def test_who_may_not_and_a_sheet_of_last_week(evening: Desk, staff: dict[str, Person]) -> None:
    with pytest.raises(Refused, match="核查人员"):
        give(evening, staff["leader"], 1, "在床")
    elsewhere = Person(staff["ann"].person_id, "ann", "ann", "330202", staff["ann"].roles)
    with pytest.raises(Unknown):
        give(evening, elsewhere, 1, "在床")
    assert give(evening, elsewhere, 3, "在床") == "stored"
    with clock(EVENING + timedelta(days=5)), pytest.raises(Refused, match="已过3天"):
        give(evening, staff["ann"], 1, "在床")


def test_a_photograph_is_a_paper_of_the_case(evening: Desk, staff: dict[str, Person]) -> None:
    ann, body = staff["ann"], b"\xff\xd8\xff\xe0 photo"
    with pytest.raises(Refused, match="请先记下"):
        beds.photograph(evening, ann, ann.rights, SHEET, 1, body)
    give(evening, ann, 1, "不在")
    beds.photograph(evening, ann, ann.rights, SHEET, 1, body)
    [paper] = case_file(evening, staff["leader"], 1)["papers"]
    assert paper["sha256"] == beds.of_run(evening, RUN)[1]["sha256"]
    give(evening, staff["bob"], 1, "不在")
    assert findings.presence(evening)[0]["evidence_ref"] == paper["sha256"]


def test_a_correction_keeps_the_photograph_and_changes_the_time(evening: Desk, staff: dict[str, Person]) -> None:
    ann, bob, body = staff["ann"], staff["bob"], b"\xff\xd8\xff\xe0 photo"
    give(evening, ann, 1, "在床", at="2026-11-22 21:00")
    beds.photograph(evening, ann, ann.rights, SHEET, 1, body)
    assert give(evening, ann, 1, "不在", client="e" * 32, at="2026-11-22 21:00") == "changed"
    assert give(evening, ann, 1, "不在", client="f" * 32, at="2026-11-22 21:10") == "changed"
    give(evening, bob, 1, "不在")
    [row] = findings.presence(evening)
    assert (row["check_time"], len(row["evidence_ref"])) == ("2026-11-22 21:10:00", 64)
    with pytest.raises(Refused, match="由这两人上传"):
        beds.photograph(evening, staff["leader"], ann.rights, SHEET, 1, b"\xff\xd8\xff\xe0 other")


def test_what_was_withdrawn_is_not_received_again(evening: Desk, staff: dict[str, Person]) -> None:
    ann = staff["ann"]
    give(evening, ann, 1, "不在", client="g" * 32)
    beds.withdraw(evening, ann, ann.rights, SHEET, 1)
    with pytest.raises(Refused, match="已撤回"):
        give(evening, ann, 1, "不在", client="g" * 32)
    assert give(evening, ann, 1, "在床", client="h" * 32) == "stored"
