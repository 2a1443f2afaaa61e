"""A list filled in offline comes back as the steps its reader may take, or is refused with the cell named."""

import io
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from claims.errors import UserError
from serving.desk import feedback, inbox, leads
from serving.desk.database import Desk
from serving.desk.people import Person
from tests.serving.conftest import signed_in

COLUMN = {title: j for j, title in enumerate(feedback.HEADERS)}


def workbook(desk: Desk, filled: dict[int, dict[str, Any]], bend: Any = None) -> bytes:
    """The sheets as downloaded, with rows (by place) filled in. bend(sheet, base) changes what may not be changed."""
    rows = [
        {"number": c["number"], "version": c["version"], "state": c["state"], "label": "x", "scheme": "挂床住院"}
        for c in leads.of_run(desk, "2026-11-22/aa", "admission").values()
    ]
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    style = {name: book.add_format() for name in ("note", "head", "text")}
    feedback.add_sheets(book, rows, style, "2026-11-22/aa")
    sheet, base = book.worksheets()
    for i, cells in filled.items():
        for title, value in cells.items():
            sheet.write(feedback.FIRST_ROW + i, COLUMN[title], value)
    if bend:
        bend(sheet, base)
    book.close()
    return out.getvalue()


REPORT = {"结论": "违规", "说明": "床位无人"}


def test_an_unfilled_workbook_changes_nothing(opened: Desk, staff: dict[str, Person]) -> None:
    assert feedback.hand_in(opened, staff["first"], staff["first"].rights, workbook(opened, {})) == ([], [])
    assert {c["version"] for c in inbox.open_cases(opened, staff["first"])} == {0}


def test_a_filled_row_is_the_step_its_reader_may_take(opened: Desk, staff: dict[str, Person]) -> None:
    body = workbook(opened, {0: REPORT, 1: {"结论": "情况属实但合理", "合理情形": "N02", "说明": "透析"}})
    taken, refused = feedback.hand_in(opened, staff["first"], staff["first"].rights, body)
    assert (len(taken), refused) == (2, [])
    again, told = feedback.hand_in(opened, staff["first"], staff["first"].rights, body)
    assert again == []
    assert all("已有变动" in line for line in told)
    body = workbook(opened, {0: REPORT, 1: {"结论": "情况属实但合理", "合理情形": "N02", "说明": "透析"}})
    taken, refused = feedback.hand_in(opened, staff["second"], staff["second"].rights, body)
    assert [t.rpartition("→ ")[2] for t in taken] == ["待派查", "已排除"]


def test_the_same_person_gets_no_second_step_by_a_workbook(opened: Desk, staff: dict[str, Person]) -> None:
    me = staff["both"]
    feedback.hand_in(opened, me, me.rights, workbook(opened, {0: REPORT}))
    taken, [told] = feedback.hand_in(opened, me, me.rights, workbook(opened, {0: REPORT}))
    assert taken == []
    assert "不同的人" in told


def test_two_people_fill_in_one_workbook(opened: Desk, staff: dict[str, Person]) -> None:
    mine, other = workbook(opened, {0: REPORT}), workbook(opened, {0: REPORT, 1: REPORT})
    feedback.hand_in(opened, staff["first"], staff["first"].rights, mine)
    taken, [told] = feedback.hand_in(opened, staff["both"], staff["both"].rights, other)
    assert len(taken) == 1
    assert "现为待复审" in told


BENT = {
    "case number": lambda s, b: s.write(feedback.FIRST_ROW, 0, "2026-000099"),
    "a row more": lambda s, b: s.write(feedback.FIRST_ROW + 2, 0, "2026-000099"),
    "header": lambda s, b: s.write(1, 4, "认定"),
    "version of the workbook": lambda s, b: b.write(0, 0, "other"),
}


@pytest.mark.parametrize("kind", BENT)
def test_a_bent_workbook_is_refused_as_a_whole(opened: Desk, staff: dict[str, Person], kind: str) -> None:
    with pytest.raises(UserError, match=r"未导入|重新下载"):
        feedback.hand_in(opened, staff["first"], staff["first"].rights, workbook(opened, {1: REPORT}, BENT[kind]))
    assert {c["version"] for c in inbox.open_cases(opened, staff["first"])} == {0}


@pytest.mark.parametrize(
    ("cells", "where"),
    [
        ({"结论": "有罪"}, "E3"),
        ({"结论": "违规", "三违类别": "x"}, "G3"),
        ({"结论": "违规", "合理情形": "N99"}, "F3"),
        ({"结论": "违规", "确认金额（元）": "很多"}, "H3"),
        ({"结论": "违规", "确认金额（元）": -1}, "H3"),
        ({"结论": "违规", "说明": 4.29001198e17}, r"I3：长数字被表格软件改写成 4\.29E\+17"),
    ],
)
def test_a_cell_that_means_nothing_is_named(
    opened: Desk, staff: dict[str, Person], cells: dict[str, Any], where: str
) -> None:
    with pytest.raises(UserError, match=where):
        feedback.hand_in(opened, staff["first"], staff["first"].rights, workbook(opened, {0: cells}))


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04", b"not a workbook", b"\x00" * 100])
def test_what_is_no_workbook_is_told_so(body: bytes) -> None:
    with pytest.raises(UserError, match="不是从本系统下载"):
        feedback.read(body)


def test_the_workbook_of_the_page_comes_back_through_the_page(week: Path) -> None:
    officer = signed_in(week, "reviewer1")
    body = officer.get("/lists/doctor.xlsx").content
    run, lines = feedback.read(body)
    assert (len(run), lines) == (27, [])
    page = officer.post("/feedback", files={"file": ("back.xlsx", body)})
    assert (page.status_code, "什么也没有改变" in page.text) == (200, True)
    assert officer.post("/feedback", files={"file": ("back.xlsx", b"x")}).status_code == 400
    broken = {"content-type": "multipart/form-data"}
    assert officer.post("/feedback", content=b"x", headers=broken).status_code == 400
