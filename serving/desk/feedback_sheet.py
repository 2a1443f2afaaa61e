"""The sheet 核查反馈 of a workbook: how it is laid out, and how it is read when it comes back.

A row per case: locked cells say which case, open ones take a conclusion from a drop-down, a reason, an amount, a note. The hidden sheet 基线 keeps what the
locked cells said, which version of the case was read, and which sheets there were; its hash stands in the log, in the row whose hash it names.
Refused as a whole, with the cell named: anything that is not exactly what left, but for the open cells.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook

from claims.errors import UserError
from claims.schema.innocents import INNOCENTS
from claims.schema.outcomes import OUTCOMES
from claims.sources.workbook_bounds import within_bounds
from serving.desk.states import CLASSES, DISPOSITIONS

SHEET: Final = "核查反馈"
BASE: Final = "基线"
VERSION: Final = "xiezhi-feedback-4"
LOCKED: Final = {"案件": 12, "序号": 6, "对象": 22, "疑点类型": 12, "状态": 8}
"""Title and width of the cells that say which case it is and stay as they are."""
MONEY: Final = ("确认金额（元）", "罚款金额（元）")
OPEN: Final = {
    "结论": 13,
    "合理情形": 16,
    "三违类别": 9,
    "确认金额（元）": 13,
    "处理": 12,
    "罚款金额（元）": 13,
    "说明": 36,
    "值得一看": 9,
}
HEADERS: Final = (*LOCKED, *OPEN)
FIRST_ROW: Final = 2
SAID: Final = "填写说明：只填右边白色单元格，灰色单元格请勿改动；结论、合理情形、三违类别、处理、值得一看从下拉中选；处理含行政处罚的须填罚款金额，没有罚款填0。填好后在“案件”页交回本工作簿，未填的行不变。"
WORDS: Final = {o.zh: code for code, o in OUTCOMES.items()}
CLASS_WORDS: Final = {zh: code for code, zh in CLASSES.items()}
DISPOSITION_WORDS: Final = {zh: code for code, zh in DISPOSITIONS.items()}
WORTH: Final = {"值得": True, "不值得": False}
"""Whether the lead was worth a look, asked apart from guilt; may be left open."""
INNOCENT_WORDS: Final = tuple(f"{code} {said[0]}" for code, said in INNOCENTS.items())
LARGEST: Final = 2_000
CHOICES: Final = 30
"""Column of the baseline in which the choices of 合理情形 stand: they are too long for a drop-down's own list."""
_SCIENTIFIC: Final = re.compile(r"\d(\.\d+)?E\+\d+", re.I)


@dataclass(frozen=True)
class Row:
    """A row as it leaves: number, version, and the locked cells in their order."""

    number: str
    version: int
    locked: tuple[str, ...]


@dataclass(frozen=True)
class Base:
    """The baseline: which list it was taken from, the cases as they were, the sheets, and the log's row of the taking (its hash)."""

    run: str
    grain: str
    head: str
    rows: tuple[Row, ...]
    sheets: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """What the log keeps of it."""
        said = [VERSION, self.run, self.grain, [[r.number, r.version, *r.locked] for r in self.rows]]
        return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Line:
    """A filled row: place on the sheet (0 = first), which case as which version, the open cells as text by title."""

    i: int
    number: str
    version: int
    cells: Mapping[str, str]

    def at(self, title: str = "案件") -> str:
        """The cell, as a spreadsheet names it."""
        return f"{SHEET}!{chr(ord('A') + HEADERS.index(title))}{self.i + 1}"


def add_sheets(book: Any, base: Base, style: Mapping[str, Any]) -> None:
    """Both sheets in an xlsxwriter workbook. style: of serving/lists/sheets.py."""
    sheet, hidden = book.add_worksheet(SHEET), book.add_worksheet(BASE)
    edge = {"border": 1, "border_color": "#9AA5B1", "valign": "top"}
    locked = book.add_format(edge | {"num_format": "@", "text_wrap": True, "bg_color": "#F0F2F4"})
    free = book.add_format(edge | {"num_format": "@", "text_wrap": True, "locked": False})
    amount = book.add_format(edge | {"num_format": "0.00", "locked": False})
    sheet.write_string(0, 0, SAID, style["note"])
    for j, title in enumerate(HEADERS):
        sheet.write_string(1, j, title, style["head"])
    for i, row in enumerate(base.rows, start=FIRST_ROW):
        for j, text in enumerate(row.locked):
            sheet.write_string(i, j, text, locked)
        for j, title in enumerate(HEADERS[len(LOCKED) :], start=len(LOCKED)):
            sheet.write_blank(i, j, None, amount if title in MONEY else free)
        sheet.set_row(i, 30)
    last = FIRST_ROW + max(len(base.rows), 1) - 1
    column = chr(ord("A") + CHOICES - 26)
    choices: dict[str, Any] = {
        "结论": list(WORDS),
        "三违类别": list(CLASS_WORDS),
        "处理": list(DISPOSITION_WORDS),
        "值得一看": list(WORTH),
        "合理情形": f"={BASE}!$A{column}$1:$A{column}${len(INNOCENT_WORDS)}",
    }
    for title, source in choices.items():
        # several dispositions may be typed, so that a word outside the list is only warned of there
        error = {"error_title": "请从下拉中选", "error_type": "warning" if title == "处理" else "stop"}
        j = HEADERS.index(title)
        sheet.data_validation(FIRST_ROW, j, last, j, {"validate": "list", "source": source, **error})
    decimal = {"validate": "decimal", "criteria": ">=", "value": 0, "error_title": "请填不小于0的数"}
    for j in (HEADERS.index(title) for title in MONEY):
        sheet.data_validation(FIRST_ROW, j, last, j, decimal)
    for j, width in enumerate((LOCKED | OPEN).values()):
        sheet.set_column(j, j, width)
    sheet.freeze_panes(FIRST_ROW, 1)
    sheet.set_landscape()
    sheet.repeat_rows(0, 1)
    sheet.protect("", {"format_columns": True, "format_rows": True})
    for i, cells in enumerate(([VERSION, base.run, base.grain, base.head], ["|".join(base.sheets)])):
        for j, text in enumerate(cells):
            hidden.write_string(i, j, text)
    for i, row in enumerate(base.rows, start=2):
        for j, text in enumerate((row.number, str(row.version), *row.locked)):
            hidden.write_string(i, j, text)
    for i, text in enumerate(INNOCENT_WORDS):
        hidden.write_string(i, CHOICES, text)
    hidden.protect("")
    hidden.hide()


def read(body: bytes) -> tuple[Base, list[Line]]:
    """(baseline, filled rows) of a workbook that comes back. Raises UserError (Chinese, with the cell) where it is not ours or was bent."""
    _is_xlsx(body)
    within_bounds(body, "交回的文件")
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(body))
        sheet, hidden = (book.get_sheet_by_name(n).to_python(skip_empty_area=False) for n in (SHEET, BASE))
    except (CalamineError, KeyError, ValueError, OSError):
        raise UserError(f"这不是从本系统下载的工作簿：缺少“{SHEET}”或“{BASE}”页") from None
    base = _base(hidden)
    _same_sheets(base, book.sheet_names)
    titles = [_text(v) for v in (sheet[1] if len(sheet) > 1 else [])]
    for j, title in enumerate(HEADERS):
        if titles[j : j + 1] != [title]:
            raise UserError(f"{SHEET}!{chr(ord('A') + j)}2：表头应为“{title}”，整份未导入；请在原工作簿上填写")
    lines = []
    for i, row in enumerate(base.rows, start=FIRST_ROW):
        cells = [*(sheet[i] if i < len(sheet) else []), *[""] * len(HEADERS)]
        _unmoved(row, cells, i)
        line = Line(i, row.number, row.version, _open(cells, i))
        if any(line.cells.values()):
            lines.append(line)
        _nothing_else(cells[len(HEADERS) :], i, len(HEADERS))
    for i, cells in enumerate(sheet[FIRST_ROW + len(base.rows) :], start=FIRST_ROW + len(base.rows)):
        _nothing_else(cells, i, 0)
    return base, lines


def _is_xlsx(body: bytes) -> None:
    if body.startswith(b"\xd0\xcf\x11\xe0"):
        raise UserError("这是旧格式（.xls）或加了密码的文件，整份未导入；请另存为 .xlsx、去掉密码后交回")
    if not body.startswith(b"PK"):
        raise UserError("这不是 .xlsx 工作簿（csv、pdf 等不能交回），整份未导入；请交回下载的工作簿")
    if b"[Content_Types].xml" not in body:
        raise UserError("这不是 .xlsx 工作簿（可能是 .ods），整份未导入；请另存为 .xlsx 后交回")


def _base(hidden: list[list[Any]]) -> Base:
    head = [_text(v) for v in (hidden[0] if hidden else [])][:4]
    if head[:1] != [VERSION] or len(head) < 4 or len(hidden) < 2:
        raise UserError(f"工作簿的版本不对（应为 {VERSION}）或“{BASE}”页被改过，整份未导入；请重新下载")
    if len(hidden) - 2 > LARGEST:
        raise UserError(f"一次最多交回{LARGEST}行")
    rows = []
    for cells in hidden[2:]:
        text = [*map(_text, cells), *[""] * (2 + len(LOCKED))][: 2 + len(LOCKED)]
        if text[0] and text[1].isdigit():
            rows.append(Row(text[0], int(text[1]), tuple(text[2:])))
    return Base(head[1], head[2], head[3], tuple(rows), tuple(_text(hidden[1][0]).split("|")))


def _same_sheets(base: Base, names: Sequence[str]) -> None:
    missing = [n for n in base.sheets if n not in names]
    extra = [n for n in names if n not in base.sheets]
    if missing or extra:
        told = [f"少了“{n}”页" for n in missing[:3]] + [f"多了“{n}”页" for n in extra[:3]]
        raise UserError("工作簿" + "、".join(told) + "，整份未导入；请在原工作簿上填写")


def _unmoved(row: Row, cells: Sequence[Any], i: int) -> None:
    """The locked cells of a row are what they were. Raises UserError naming the first that is not, and what became of it."""
    for j, kept in enumerate(row.locked):
        found = _text(cells[j])
        if found == kept:
            continue
        where = f"{SHEET}!{chr(ord('A') + j)}{i + 1}"
        if _SCIENTIFIC.fullmatch(found) or (isinstance(cells[j], int | float) and abs(cells[j]) >= 1e11):
            said = f"长数字被表格软件改写成 {float(found):.2E}"
        elif found and found.lstrip("0") == kept.lstrip("0"):
            said = "前面的零丢失了"
        elif not found:
            said = "原有内容被删除"
        else:
            said = f"原有内容被改动、行被移动或增删，现为“{found[:20]}”"
        raise UserError(f"{where}：{said}（原为“{kept[:30]}”），整份未导入")


def _nothing_else(cells: Sequence[Any], i: int, first: int) -> None:
    for j, value in enumerate(cells, start=first):
        if _text(value):
            name = f"{SHEET}!{chr(ord('A') + j) if j < 26 else '右侧'}{i + 1}"
            what = "多出一行" if not first else "表外多出内容"
            raise UserError(f"{name}：{what}“{_text(value)[:20]}”，整份未导入；请在原有的行内填写")


def _open(cells: Sequence[Any], i: int) -> dict[str, str]:
    """The open cells as text, each one that the sheet may hold. Raises UserError naming the cell."""
    found: dict[str, str] = {}
    for j, title in enumerate(HEADERS[len(LOCKED) :], start=len(LOCKED)):
        value = cells[j]
        if title not in MONEY and isinstance(value, int | float) and abs(value) >= 1e15:
            at = f"{SHEET}!{chr(ord('A') + j)}{i + 1}"
            raise UserError(f"{at}：长数字被表格软件改写成 {value:.2E}，整份未导入；请先把单元格设为文本再填")
        found[title] = _text(value)
    where = {t: f"{SHEET}!{chr(ord('A') + HEADERS.index(t))}{i + 1}" for t in OPEN}
    if not any(found.values()):
        return found
    for title, words in (("结论", WORDS), ("三违类别", CLASS_WORDS)):
        if found[title] not in words and (found[title] or title == "结论"):
            raise UserError(f"{where[title]}：请从下拉中选{title}，不能写“{found[title][:20]}”")
    if found["合理情形"] and found["合理情形"][:3] not in INNOCENTS:
        raise UserError(f"{where['合理情形']}：请从下拉中选（N01 至 N35），不能写“{found['合理情形'][:20]}”")
    if found["值得一看"] not in ("", *WORTH):
        raise UserError(f"{where['值得一看']}：请填值得、不值得或留空，不能写“{found['值得一看'][:20]}”")
    if unknown := [w for w in dispositions(found["处理"]) if w not in DISPOSITION_WORDS]:
        raise UserError(f"{where['处理']}：请从下拉中选，几项之间用顿号，不能写“{unknown[0][:20]}”")
    found["合理情形"] = found["合理情形"][:3]
    found["处理"] = "、".join(dispositions(found["处理"]))
    for title in MONEY:
        found[title] = _amount(cells[HEADERS.index(title)], where[title])
    if found["罚款金额（元）"] and DISPOSITIONS["PENALTY"] not in found["处理"].split("、"):
        raise UserError(f"{where['罚款金额（元）']}：填了罚款金额，而{where['处理']}没有选“{DISPOSITIONS['PENALTY']}”")
    return found


def dispositions(text: str) -> list[str]:
    """Words of a cell that holds several."""
    return [w for w in re.split(r"[、，,；;\s]+", text) if w]


def _amount(value: Any, where: str) -> str:
    """Yuan as text of two decimals, '' for none."""
    text = f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else _text(value)
    text = re.sub(r"[,，¥￥元\s]", "", text)
    if not text:
        return ""
    if not re.fullmatch(r"\d{1,12}(\.\d{1,2})?", text):
        raise UserError(f"{where}：金额应为不小于0、至多两位小数的数，不能写“{_text(value)[:20]}”")
    return f"{float(text):.2f}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return f"{value:.15g}" if abs(value) < 1e15 else f"{value:.2E}"
    return "" if value is None else str(value).strip()
