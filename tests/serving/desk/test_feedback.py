"""A list filled in offline comes back as the steps its reader may take, or is refused with the cell named."""

import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import select

from claims.errors import UserError
from serving.desk import feedback, feedback_sheet, inbox, leads, log
from serving.desk.casefile import case_file
from serving.desk.database import Desk
from serving.desk.feedback_sheet import FIRST_ROW, HEADERS, Base, Row
from serving.desk.people import Person
from serving.desk.schema import REVIEWS
from serving.desk.states import STATES
from serving.lists.sheets import styles
from tests.serving.conftest import signed_in

from .test_cases import to_decision

COLUMN = {title: j for j, title in enumerate(HEADERS)}
RUN = "2026-11-22/aa"
REPORT = {"结论": "违规", "说明": "床位无人"}
EXPLAINED = {"结论": "情况属实但合理", "合理情形": "N02 放化疗", "说明": "透析"}


def taken(desk: Desk) -> Base:
    """The baseline of a workbook that leaves now; the log has it."""
    rows = [
        Row(c["number"], c["version"], (c["number"], "007", "429…0001", "挂床住院", STATES[c["state"]]))
        for c in leads.of_run(desk, RUN, "admission", Person(0, "", "", "", frozenset())).values()
    ]
    base = Base(RUN, "admission", "", tuple(rows), ("清单", "核查反馈", "基线"))
    head = log.note(desk, feedback.TAKEN, "x", "x", {"base": base.digest})
    return replace(base, head=head.rpartition(":")[2])


def workbook(base: Base, filled: dict[int, dict[str, Any]], bend: Any = None) -> bytes:
    """The workbook as downloaded, with rows (by place) filled in. bend(book, sheet, base sheet) changes what may not be changed."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.add_worksheet("清单")
    feedback_sheet.add_sheets(book, base, styles(book))
    _, sheet, hidden = book.worksheets()
    for i, cells in filled.items():
        for title, value in cells.items():
            sheet.write(FIRST_ROW + i, COLUMN[title], value)
    if bend:
        bend(book, sheet, hidden)
    book.close()
    return out.getvalue()


def hand(desk: Desk, who: Person, body: bytes) -> tuple[list[str], list[str]]:
    return feedback.hand_in(desk, who, who.rights, body)


def untouched(desk: Desk, who: Person) -> bool:
    return {c["version"] for c in inbox.open_cases(desk, who)} == {0}


def test_an_unfilled_workbook_changes_nothing(opened: Desk, staff: dict[str, Person]) -> None:
    assert hand(opened, staff["first"], workbook(taken(opened), {})) == ([], [])
    assert untouched(opened, staff["first"])


def test_whether_a_lead_was_worth_a_look_comes_back_too(opened: Desk, staff: dict[str, Person]) -> None:
    filled = {0: REPORT | {"值得一看": "不值得"}, 1: REPORT}
    hand(opened, staff["first"], workbook(taken(opened), filled))
    with opened.read() as connection:
        kept = connection.execute(select(REVIEWS.c.worth).order_by(REVIEWS.c.case_id)).scalars().all()
    assert kept == [False, None]
    with pytest.raises(UserError, match="M3：请填值得、不值得或留空"):
        hand(opened, staff["second"], workbook(taken(opened), {0: REPORT | {"值得一看": "也许"}}))


def test_a_filled_row_is_the_step_its_reader_may_take(opened: Desk, staff: dict[str, Person]) -> None:
    body = workbook(taken(opened), {0: REPORT, 1: EXPLAINED})
    done, refused = hand(opened, staff["first"], body)
    assert (len(done), refused) == (2, [])
    done, refused = hand(opened, staff["second"], workbook(taken(opened), {0: REPORT, 1: EXPLAINED}))
    assert [t.rpartition("→ ")[2] for t in done] == ["待派查", "已排除"]


def test_handed_in_twice_it_changes_nothing_the_second_time(opened: Desk, staff: dict[str, Person]) -> None:
    body = workbook(taken(opened), {0: REPORT, 1: EXPLAINED})
    hand(opened, staff["first"], body)
    versions = [c["version"] for c in inbox.open_cases(opened, staff["first"])]
    done, told = hand(opened, staff["first"], body)
    assert done == []
    assert all("按相同内容交回过" in line for line in told)
    assert [c["version"] for c in inbox.open_cases(opened, staff["first"])] == versions


def test_the_same_person_gets_no_second_step_by_a_workbook(opened: Desk, staff: dict[str, Person]) -> None:
    hand(opened, staff["both"], workbook(taken(opened), {0: REPORT}))
    done, [told] = hand(opened, staff["both"], workbook(taken(opened), {0: REPORT}))
    assert done == []
    assert "不同的人" in told


def test_two_people_fill_in_one_workbook(opened: Desk, staff: dict[str, Person]) -> None:
    """Different rows are both taken; of one row the first counts, and the second is told which cell says what."""
    base = taken(opened)
    done, refused = hand(opened, staff["first"], workbook(base, {0: REPORT}))
    assert (len(done), refused) == (1, [])
    mine = {"结论": "未见异常", "说明": "床位无人"}
    done, [told] = hand(opened, staff["both"], workbook(base, {0: mine, 1: EXPLAINED}))
    assert len(done) == 1
    assert "核查反馈!F3 first已填“违规”，您填“未见异常”" in told
    assert "现为待复审" in told
    assert "L3" not in told, "what both say alike is no difference"


@pytest.mark.parametrize("amount", [1234.5, "1,234.50", "¥1234.50元"])
def test_a_decision_takes_class_amount_and_dispositions(
    opened: Desk, staff: dict[str, Person], amount: float | str
) -> None:
    cells = REPORT | {"三违类别": "违规", "确认金额（元）": amount, "处理": "约谈，追回"}
    _, [line] = feedback_sheet.read(workbook(taken(opened), {0: cells}))
    given = feedback.given_of(line.cells)
    assert (given.confirmed_fen, given.dispositions, given.violation_class) == (
        123_450,
        ("TALK", "RECOVER"),
        "irregular",
    )


def test_a_fine_has_its_cell(opened: Desk, staff: dict[str, Person]) -> None:
    """Whoever decides in the workbook is never refused for an amount that it has no place for."""
    cells = REPORT | {"三违类别": "违规", "确认金额（元）": 1000, "处理": "追回、行政处罚"}
    to_decision(opened, staff)
    base = taken(opened)
    done, [told] = hand(opened, staff["leader"], workbook(base, {0: cells}))
    assert (done, "罚款金额" in told) == ([], True)
    done, refused = hand(opened, staff["leader"], workbook(base, {0: cells | {"罚款金额（元）": 500}}))
    assert (len(done), refused) == (1, [])
    found = case_file(opened, staff["leader"], 1)["dispositions"]
    assert [d["amount_fen"] for d in found if d["kind"] == "PENALTY"] == [50_000]
    moves = [e for e in case_file(opened, staff["leader"], 1)["events"] if e["kind"] == "move"]
    assert feedback.cells_of(moves[-1])["罚款金额（元）"] == "500.00"


def bent(row: int, title: str, value: Any) -> Any:
    return lambda book, sheet, hidden: sheet.write(row, COLUMN[title], value)


BENT = {
    "case number": (bent(2, "案件", "2026-000099"), r"核查反馈!A3：原有内容被改动"),
    "a number of floating point": (bent(2, "案件", 4.29001198e17), r"核查反馈!A3：长数字被表格软件改写成 4\.29E\+17"),
    "the same as text": (bent(3, "对象", "4.29E+17"), r"核查反馈!C4：长数字被表格软件改写成 4\.29E\+17"),
    "lost zeros": (bent(2, "序号", 7), r"核查反馈!B3：前面的零丢失了（原为“007”）"),
    "state": (bent(3, "状态", "待认定"), r"核查反馈!E4"),
    "an emptied cell": (bent(2, "疑点类型", " "), r"核查反馈!D3：原有内容被删除"),
    "a row more": (bent(4, "案件", "2026-000099"), r"核查反馈!A5：多出一行"),
    "a cell beside": (lambda b, s, h: s.write(2, 13, "另见"), r"核查反馈!N3：表外多出内容"),
    "header": (bent(1, "结论", "认定"), r"核查反馈!F2：表头"),
    "version": (lambda b, s, h: h.write(0, 0, "other"), "版本不对"),
    "a sheet more": (lambda b, s, h: b.add_worksheet("我的"), "多了“我的”页"),
    "baseline": (lambda b, s, h: [h.write(2, 1, "1"), s.write(0, 0, "x")], "“基线”页被改过"),
    "another log": (lambda b, s, h: h.write(0, 3, "0" * 64), "不是从本系统下载的"),
}


@pytest.mark.parametrize("kind", BENT)
def test_a_bent_workbook_is_refused_as_a_whole(opened: Desk, staff: dict[str, Person], kind: str) -> None:
    bend, said = BENT[kind]
    with pytest.raises(UserError, match=said):
        hand(opened, staff["first"], workbook(taken(opened), {1: REPORT}, bend))
    assert untouched(opened, staff["first"])


def test_moved_rows_and_missing_sheets_are_told(opened: Desk, staff: dict[str, Person]) -> None:
    base = taken(opened)
    swapped = replace(base, rows=base.rows[::-1])

    def shift(book: Any, sheet: Any, hidden: Any) -> None:
        for i, row in enumerate(swapped.rows):
            for j, text in enumerate(row.locked):
                sheet.write(FIRST_ROW + i, j, text)

    with pytest.raises(UserError, match=r"核查反馈!A3：.*行被移动或增删"):
        hand(opened, staff["first"], workbook(base, {0: REPORT}, shift))
    less = replace(base, sheets=(*base.sheets, "线索001"))
    with pytest.raises(UserError, match="少了“线索001”页"):
        hand(opened, staff["first"], workbook(less, {0: REPORT}))


@pytest.mark.parametrize(
    ("cells", "where"),
    [
        ({"结论": "有罪"}, "F3"),
        ({"说明": "只写说明"}, "F3"),
        ({"结论": "违规", "三违类别": "x"}, "H3"),
        ({"结论": "违规", "合理情形": "N99"}, "G3"),
        ({"结论": "违规", "确认金额（元）": "很多"}, "I3"),
        ({"结论": "违规", "确认金额（元）": -1}, "I3"),
        ({"结论": "违规", "确认金额（元）": 1.005}, "I3"),
        ({"结论": "违规", "确认金额（元）": 4.29e17}, "I3"),
        ({"结论": "违规", "处理": "约谈、处决"}, "J3.*处决"),
        ({"结论": "违规", "处理": "行政处罚", "罚款金额（元）": "很多"}, "K3"),
        ({"结论": "违规", "处理": "约谈", "罚款金额（元）": 100}, "K3.*J3没有选“行政处罚”"),
        ({"结论": "违规", "说明": 4.29001198e17}, r"L3：长数字被表格软件改写成 4\.29E\+17"),
    ],
)
def test_a_cell_that_means_nothing_is_named(
    opened: Desk, staff: dict[str, Person], cells: dict[str, Any], where: str
) -> None:
    with pytest.raises(UserError, match=where):
        hand(opened, staff["first"], workbook(taken(opened), {0: cells}))


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "不是 .xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"旧格式（\.xls）或加了密码"),
        ("案件,结论\n1,违规".encode("gb18030"), "csv"),
        (zipped("mimetype", "content.xml"), r"\.ods"),
        (zipped("[Content_Types].xml"), "不是从本系统下载"),
        (b"PK\x03\x04[Content_Types].xml", r"不是可读的 \.xlsx 工作簿，或文件已损坏"),
    ],
)
def test_what_is_no_workbook_is_told_so(body: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        feedback_sheet.read(body)


def test_the_workbook_of_the_page_comes_back_through_the_page(week: Path) -> None:
    officer = signed_in(week, "reviewer1")
    body = officer.get("/lists/doctor.xlsx").content
    base, lines = feedback_sheet.read(body)
    assert (len(base.run), lines) == (27, [])
    page = officer.post("/feedback", files={"file": ("back.xlsx", body)})
    assert (page.status_code, "什么也没有改变" in page.text) == (200, True)
    assert officer.post("/feedback", files={"file": ("back.xlsx", b"x")}).status_code == 400
    broken = {"content-type": "multipart/form-data"}
    assert officer.post("/feedback", content=b"x", headers=broken).status_code == 400


def test_one_desks_workbook_is_another_desks_foreigner(opened: Desk, staff: dict[str, Person], week: Path) -> None:
    body = signed_in(week, "reviewer1").get("/lists/doctor.xlsx").content
    with pytest.raises(UserError, match="不是从本系统下载"):
        hand(opened, staff["first"], body)


def test_the_sheets_of_a_workbook_are_those_its_baseline_names(week: Path) -> None:
    from python_calamine import CalamineWorkbook

    body = signed_in(week, "reviewer1").get("/lists/ring.xlsx").content
    base, _ = feedback_sheet.read(body)
    assert list(base.sheets) == CalamineWorkbook.from_filelike(io.BytesIO(body)).sheet_names
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        states = re.findall(r'<sheet name="([^"]+)"[^>]*state="hidden"', archive.read("xl/workbook.xml").decode())
    assert states == ["基线"]
