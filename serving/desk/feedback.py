"""核查反馈: a list filled in offline, and what it does when it comes back.

The sheet holds a row per case: locked cells say which case, open ones take a conclusion from a drop-down, a reason, an amount, a note. A hidden sheet 基线
keeps what the case was when the workbook was taken. Coming back, each filled row is the step its reader may take in the
state the case has (serving/desk/states.py), with all its rules; an unfilled row changes nothing.

Two people who filled in copies of one workbook: the first who hands in a row wins, the second is told of it, row by row.
Refused as a whole, with the cell named: another workbook, an edited case number, a number that a spreadsheet has turned into 4.29E+17.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook

from claims.errors import UserError
from claims.schema.outcomes import OUTCOMES
from serving.desk import log
from serving.desk.cases import Refused, Unknown
from serving.desk.database import Desk
from serving.desk.inbox import search
from serving.desk.people import Person
from serving.desk.states import CLASSES, CLEARING, NO_JUDGMENT, STATES, steps_from
from serving.desk.steps import Given, take

SHEET: Final = "核查反馈"
BASE: Final = "基线"
VERSION: Final = "xiezhi-feedback-1"
HEADERS: Final = ("案件", "对象", "疑点类型", "状态", "结论", "合理情形", "三违类别", "确认金额（元）", "说明")
LOCKED: Final = 4
"""The first cells of a row say which case it is and stay as they are."""
FIRST_ROW: Final = 2
WORDS: Final = {o.zh: code for code, o in OUTCOMES.items()}
CLASS_WORDS: Final = {zh: code for code, zh in CLASSES.items()}
LARGEST: Final = 2_000


@dataclass(frozen=True)
class Line:
    """A filled row: which case, as which version it was read, what was filled in; `at` names it to whoever reads a refusal."""

    at: str
    number: str
    version: int
    outcome: str
    given: Given


def add_sheets(book: Any, rows: Sequence[Mapping[str, Any]], style: Mapping[str, Any], run: str) -> None:
    """The two sheets in an xlsxwriter workbook. rows: number, label, scheme, state, version of each case, in the order of the list."""
    sheet, base = book.add_worksheet(SHEET), book.add_worksheet(BASE)
    open_cell = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top", "locked": False, "border": 1})
    amount = book.add_format({"num_format": "0.00", "valign": "top", "locked": False, "border": 1})
    said = "只填白色单元格；结论与三违类别从下拉中选。填好后在“案件”页上传，未填的行不变。疑点线索，非违规结论"
    sheet.write_string(0, 0, said, style["note"])
    for j, title in enumerate(HEADERS):
        sheet.write_string(1, j, title, style["head"])
    for i, row in enumerate(rows, start=FIRST_ROW):
        for j, name in enumerate(("number", "label", "scheme", "state")):
            sheet.write_string(i, j, str(row[name]), style["text"])
        for j in range(LOCKED, len(HEADERS)):
            sheet.write_blank(i, j, None, amount if j == HEADERS.index("确认金额（元）") else open_cell)
    last = FIRST_ROW + max(len(rows), 1) - 1
    choices = {"结论": list(WORDS), "三违类别": list(CLASS_WORDS)}
    for title, words in choices.items():
        j = HEADERS.index(title)
        error = {"error_title": "请从下拉中选", "error_message": "、".join(words)[:220]}
        sheet.data_validation(FIRST_ROW, j, last, j, {"validate": "list", "source": words, **error})
    j = HEADERS.index("确认金额（元）")
    sheet.data_validation(FIRST_ROW, j, last, j, {"validate": "decimal", "criteria": ">=", "value": 0})
    for j, width in enumerate((14, 22, 14, 10, 16, 10, 10, 14, 48)):
        sheet.set_column(j, j, width)
    sheet.freeze_panes(FIRST_ROW, 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0, 1)
    sheet.protect("", {"format_columns": True, "format_rows": True})
    base.write_row(0, 0, [VERSION, run])
    for i, row in enumerate(rows, start=1):
        base.write_row(i, 0, [str(row["number"]), str(row["version"]), str(row["state"])])
    base.hide()


def read(body: bytes) -> tuple[str, list[Line]]:
    """(run, filled rows) of a workbook that comes back. Raises UserError (Chinese, with the cell) where it is not ours or was bent."""
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(body))
        sheet, base = (book.get_sheet_by_name(n).to_python(skip_empty_area=False) for n in (SHEET, BASE))
    except (CalamineError, KeyError, ValueError, OSError):
        raise UserError(f"这不是从本系统下载的工作簿：缺少“{SHEET}”或“{BASE}”页") from None
    if not base or base[0][:1] != [VERSION] or len(sheet) < FIRST_ROW or tuple(sheet[1][: len(HEADERS)]) != HEADERS:
        raise UserError("工作簿的版本不对或表头被改过，请重新下载")
    if len(base) > LARGEST:
        raise UserError(f"一次最多交回{LARGEST}行")
    known = [(str(r[0]), str(r[1]), str(r[2])) for r in base[1:] if r and r[0]]
    lines = []
    for i, (number, version, state) in enumerate(known, start=FIRST_ROW):
        row = [*(sheet[i] if i < len(sheet) else []), *[""] * len(HEADERS)][: len(HEADERS)]
        if str(row[0]) != number or str(row[3]) != state:
            raise UserError(f"{SHEET}!A{i + 1}：案件号或状态被改过（原为 {number} {state}），整份未导入")
        if any(row[LOCKED:]) and (line := _line(row, i, number, int(version))):
            lines.append(line)
    for i, row in enumerate(sheet[FIRST_ROW + len(known) :], start=FIRST_ROW + len(known)):
        if any(cell not in ("", None) for cell in row):
            raise UserError(f"{SHEET}!A{i + 1}：多出一行，工作簿中没有这个案件，整份未导入")
    return str(base[0][1]), lines


def _line(row: list[Any], i: int, number: str, version: int) -> Line | None:
    where = {title: f"{SHEET}!{chr(ord('A') + j)}{i + 1}" for j, title in enumerate(HEADERS)}
    text = {title: _text(row[j], where[title]) for j, title in enumerate(HEADERS)}
    if not any(text[t] for t in HEADERS[LOCKED:]):
        return None
    if text["结论"] not in WORDS:
        raise UserError(f"{where['结论']}：请从下拉中选结论，不能写 {text['结论'][:20]!r}")
    if text["三违类别"] and text["三违类别"] not in CLASS_WORDS:
        raise UserError(f"{where['三违类别']}：请从下拉中选，不能写 {text['三违类别'][:20]!r}")
    if text["合理情形"] and not re.fullmatch(r"N[0-3]\d", text["合理情形"]):
        raise UserError(f"{where['合理情形']}：请写 N01 至 N35，不能写 {text['合理情形'][:20]!r}")
    given = Given(
        note=text["说明"],
        outcome=WORDS[text["结论"]],
        innocent=text["合理情形"],
        violation_class=CLASS_WORDS.get(text["三违类别"], ""),
        confirmed_fen=_fen(row[HEADERS.index("确认金额（元）")], where["确认金额（元）"]),
        detail={"from": "workbook"},
    )
    return Line(f"第{i + 1}行（{number}）", number, version, given.outcome, given)


def _text(value: Any, where: str) -> str:
    """A cell as text. Raises UserError for a number in scientific notation, which a spreadsheet has made of a long code."""
    if isinstance(value, float):
        if abs(value) >= 1e15:
            raise UserError(f"{where}：长数字被表格软件改写成 {value:.2E}，整份未导入")
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return "" if value is None else str(value).strip()


def _fen(value: Any, where: str) -> int | None:
    if value in ("", None):
        return None
    try:
        fen = round(float(str(value).replace(",", "")) * 100)
    except (ValueError, OverflowError):
        fen = -1
    if not 0 <= fen < 10**14:
        raise UserError(f"{where}：确认金额应为不小于0的数，不能写 {str(value)[:20]!r}")
    return fen


def hand_in(desk: Desk, person: Person, rights: frozenset[str], body: bytes) -> tuple[list[str], list[str]]:
    """(rows taken, rows refused and why), each a Chinese line. Raises UserError where the workbook as a whole is refused."""
    run, lines = read(body)
    log.note(desk, "feedback", person.name, run, {"rows": len(lines)})
    taken, refused = [], []
    for line in lines:
        try:
            state = _step(desk, person, rights, line)
            taken.append(f"{line.at} → {STATES[state]}")
        except (Refused, Unknown) as error:
            refused.append(f"{line.at}：{error}")
    return taken, refused


def _step(desk: Desk, person: Person, rights: frozenset[str], line: Line) -> str:
    """Take the step that a conclusion means in the state the case has."""
    found = [row for row in search(desk, person, line.number) if row["number"] == line.number]
    if not found:
        raise Unknown("没有这个案件，或不在您的片区")
    row = found[0]
    if row["version"] != line.version:
        raise Refused(f"下载之后已有变动，现为{STATES[row['state']]}，未采用这一行")
    clears = line.outcome in (*CLEARING, *NO_JUDGMENT)
    wanted = {
        "C10": "propose_exclude" if clears else "report",
        "C20": "exclude" if clears else "agree",
        "C40": "found",
        "C60": "clear" if clears else "decide",
    }.get(row["state"])
    possible = {step.name for step in steps_from(row["state"], rights, row["proposal"])}
    if wanted is None or wanted not in possible:
        raise Refused(f"{STATES[row['state']]}的案件不能由您作这个结论")
    return take(desk, person, rights, row["case_id"], wanted, line.version, line.given)
