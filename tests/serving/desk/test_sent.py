"""A list sent down at the desk: kept whole, a case a subject, answered row by row, given back; 属实 only by a case that was decided."""

import io
import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from claims.errors import UserError
from inspection.matching import Match
from inspection.sent import Row, Sent, understand
from inspection.sorting import FOCUS, LATER, MORE, Facts, Sorted
from inspection.workbooks import grids
from serving.desk import backup, findings, inbox, papers, sent
from serving.desk.cases import Refused, Unknown
from serving.desk.database import Desk, clock
from serving.desk.people import Person
from serving.desk.schema import CASES
from serving.desk.steps import Given, take
from tests.inspection.test_sent import HEAD, WHO, a_row, book
from tests.serving.conftest import TestClient, signed_in

DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 2)


def a_list(n: int = 4) -> tuple[bytes, Sent]:
    body = book([a_row(疑点编号=f"GJ-{i}") for i in range(n)], title=False)
    return body, understand(body, "国家局.xlsx")


def rows(understood: Sent) -> list[Row]:
    """The first two about one stay, the third put off, the fourth matched to nobody."""
    stay = Match("exact", "结算号", ("S1",), "A9", True, WHO, "H1")
    away = Match("none", "所列号码都用不上", unit="H2", told=("D5 结算ID：公式出错",))
    found = [(stay, FOCUS), (stay, MORE), (replace(stay, stay="A8"), LATER), (away, MORE)]
    made = []
    for line, (m, tier) in zip(understood.tables[0].listed.lines, found, strict=True):
        placed = Sorted(tier, ("理由",), ("更正重记",))
        made.append(
            Row(
                "疑点",
                line,
                f"GJ-{line - 2}",
                "重复收费",
                "床位费",
                30_050,
                DAY,
                m,
                placed,
                Facts(m.found, m.how, told=m.told),
            )
        )
    return made


def taken(desk: Desk, due: str = "5") -> dict[str, Any]:
    body, understood = a_list()
    with clock(NOW):
        areas = {"H1": "330101", "H2": "330202"}
        return sent.take_in(desk, understood, rows(understood), body, number="第2批", source="国家局", as_of=DAY, due=sent.deadline(due), areas=areas, by="x")  # fmt: skip


def test_one_case_a_subject_and_nothing_lost(desk: Desk, staff: dict[str, Person]) -> None:
    done = taken(desk)
    assert (done["rows"], done["cases"], done["new"], done["joined"]) == (4, 1, 1, 0)
    found = sent.one(desk, staff["leader"], done["sent_id"])
    assert [bool(r["case_id"]) for r in found["lines"]] == [True, True, False, False]
    assert found["tiers"] == {FOCUS: 1, MORE: 2, LATER: 1}
    with desk.read() as connection:
        worth = connection.execute(select(CASES.c.mid_fen)).scalar_one()
    assert worth == 60_100, "both rows of its subject"
    with pytest.raises(UserError, match="已接收过"):
        taken(desk)
    assert papers.faults(desk) == []


def test_an_open_case_is_joined_and_keeps_its_amounts(opened: Desk, staff: dict[str, Person]) -> None:
    body, understood = a_list(1)
    row = a_row_of_an_open_case()
    sent.take_in(
        opened, understood, [row], body, number="n", source="", as_of=DAY, due=sent.deadline("5"), areas={}, by="x"
    )
    (case,) = inbox.search(opened, staff["leader"], "A1")
    assert case["mid_fen"] == 2050
    known = sent.what_is_known(opened, [("admission", "A1"), ("admission", "A7")])
    assert known == {("admission", "A1"): {"in_hand": f"案件 {case['number']}（待初审）"}}


def a_row_of_an_open_case() -> Row:
    m = Match("exact", "结算号", ("S1",), "A1", True, "P9", "H1")
    return Row("疑点", 2, "GJ-0", "", "", 9_999_900, DAY, m, Sorted(FOCUS, (), ()), Facts(True, ""))


def test_deadlines_are_working_days_and_what_is_late_says_so(desk: Desk, staff: dict[str, Person]) -> None:
    done = taken(desk)
    (listed,) = sent.lists(desk, staff["leader"])
    assert str(listed["due_at"])[:10] == "2026-11-27"
    with clock(datetime(2026, 12, 1, 2)):
        found = sent.one(desk, staff["leader"], done["sent_id"])
        assert found["left"] == -2
        assert sent.said(found) == "期限 2026-11-27，已逾期 2 个工作日"
    for wrong in ("0", "bald", "2026-13-01"):
        with pytest.raises(UserError, match="deadline"):
            sent.deadline(wrong)


def test_true_is_never_typed_and_a_row_of_a_case_follows_it(desk: Desk, staff: dict[str, Person]) -> None:
    done, leader = taken(desk), staff["leader"]
    lines = sent.one(desk, leader, done["sent_id"])["lines"]
    with pytest.raises(Refused, match="属实须立案"):
        sent.answer(desk, leader, leader.rights, lines[3]["row_id"], "yes", "属实")
    with pytest.raises(Refused, match="已立案"):
        sent.answer(desk, leader, leader.rights, lines[0]["row_id"], "no", "合规")
    with pytest.raises(Refused, match="权限"):
        sent.answer(desk, staff["first"], staff["first"].rights, lines[3]["row_id"], "no", "合规")
    sent.answer(desk, leader, leader.rights, lines[3]["row_id"], "unsure", "号码已毁，无法核实")
    decided(desk, staff)
    found = [r["result"] for r in sent.one(desk, leader, done["sent_id"])["lines"]]
    assert [r.verdict for r in found] == ["yes", "yes", "", "unsure"]
    assert (found[0].wrong_fen, found[1].wrong_fen) == (30_000, None), "the amount stands once"
    assert "同案" in found[1].situation
    (label,) = findings.decided(desk)
    assert label["lead_source"] == "superior"


def decided(desk: Desk, staff: dict[str, Person]) -> None:
    (case,) = inbox.search(desk, staff["leader"], "A9")
    steps: list[tuple[str, str, Given]] = [
        ("first", "report", Given(note="a")),
        ("second", "agree", Given(note="a")),
        ("leader", "dispatch", Given(officers=(staff["ann"].person_id, staff["bob"].person_id), declared=True)),
        ("ann", "found", Given(note="a", outcome="O2_IRREGULAR")),
        ("leader", "answer", Given(note="a")),
        ("signer", "decide", Given(note="按条例", outcome="O2_IRREGULAR", violation_class="irregular", confirmed_fen=30_000, dispositions=("RECOVER",))),
    ]  # fmt: skip
    for version, (who, name, given) in enumerate(steps):
        if name == "found":
            papers.attach(desk, staff["ann"], staff["ann"].rights, case["case_id"], "a.pdf", b"%PDF-1.4 a")
        if name == "answer":
            with clock(datetime(2027, 3, 1)):
                take(desk, staff[who], staff[who].rights, case["case_id"], name, version, given)
            continue
        take(desk, staff[who], staff[who].rights, case["case_id"], name, version, given)


def test_it_is_given_back_whole_in_its_own_form(desk: Desk, staff: dict[str, Person]) -> None:
    done, leader = taken(desk), staff["leader"]
    lines = sent.one(desk, leader, done["sent_id"])["lines"]
    sent.answer(desk, leader, leader.rights, lines[3]["row_id"], "no", "合规")
    job = json.loads(json.dumps(sent.to_give(desk, leader, done["sent_id"])))
    made, counted = sent.given(job)
    assert sent.name_given(job) == "国家局（反馈）.xlsx"
    assert (counted.came, counted.answered) == (4, 1)
    (grid,) = grids(made, "x")
    assert [r[HEAD.index("是否属实")] for r in grid.cells[1:]] == [None, None, None, "否"]
    desk.file(sent.one(desk, leader, done["sent_id"])["sha256"]).write_bytes(b"x")
    with pytest.raises(UserError):
        sent.given(job)


def test_a_row_put_off_becomes_a_case_when_somebody_says_so(desk: Desk, staff: dict[str, Person]) -> None:
    done, leader = taken(desk), staff["leader"]
    lines = sent.one(desk, leader, done["sent_id"])["lines"]
    sent.open_case(desk, leader, leader.rights, lines[2]["row_id"])
    assert [c["entity_id"] for c in inbox.search(desk, leader, "A8")] == ["A8"]
    with pytest.raises(Refused, match="已立案"):
        sent.open_case(desk, leader, leader.rights, lines[2]["row_id"])
    with pytest.raises(Refused, match="没有可立案的对象"):
        sent.open_case(desk, leader, leader.rights, lines[3]["row_id"])


def test_rows_of_another_area_are_not_seen(desk: Desk, staff: dict[str, Person]) -> None:
    done = taken(desk)
    mine = replace(staff["leader"], area="330202")
    found = sent.one(desk, mine, done["sent_id"])
    assert [r["unit"] for r in found["lines"]] == ["H2"]
    others = sent.one(desk, staff["leader"], done["sent_id"])["lines"][0]["row_id"]
    with pytest.raises(Unknown):
        sent.open_case(desk, mine, mine.rights, others)
    with pytest.raises(Refused, match="其他片区"):
        sent.to_give(desk, mine, done["sent_id"])


def test_a_backup_holds_the_workbook_as_it_came(tmp_path: Path, sqlite: Desk) -> None:
    taken(sqlite)
    made = backup.backup(sqlite, tmp_path / "b.zip")
    assert made["rows"]["sent_rows"] == 4
    assert any(m.startswith("files/") for m in made["members"])


def test_the_pages(tmp_path: Path) -> None:
    from serving.web.middleware import desk_of

    done = taken(desk_of(tmp_path))
    client: TestClient = signed_in(tmp_path, "leader")
    assert "第2批" in client.get("/sent").text
    page = client.get(f"/sent/{done['sent_id']}").text
    for words in ("重点核查", "可能的抗辩", "更正重记", "期限"):
        assert words in page
    lines = client.get(f"/sent/{done['sent_id']}.json").json()["lines"]
    row = next(r["row_id"] for r in lines if not r["case_id"] and not r["grain"])
    refused = client.post(f"/sent/{done['sent_id']}/rows/{row}/answer", data={"verdict": "yes", "situation": "x"})
    assert (refused.status_code, "属实须立案" in refused.text) == (409, True)
    assert (
        client.post(
            f"/sent/{done['sent_id']}/rows/{row}/answer", data={"verdict": "no", "situation": "合规"}
        ).status_code
        == 303
    )
    case = next(r["case_id"] for r in lines if r["case_id"])
    assert "由下发疑点立案" in client.get(f"/cases/{case}").text
    back = client.get(f"/sent/{done['sent_id']}/return.xlsx")
    assert grids(io.BytesIO(back.content).getvalue(), "x")
    assert WHO not in page
