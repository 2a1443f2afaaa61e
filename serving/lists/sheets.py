"""疑点线索清单.xlsx: the list on paper, a sheet of evidence for each suspect, and how to read both.

Every sheet prints on A4: fitted to the width, heads repeated, pages numbered; above each page who took it when, below it the head of the log.
What comes from claims is written as text, so that no cell is a formula, no long number loses a digit and no code its zeros.
"""

import io
import math
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd
import xlsxwriter

from claims.shown_text import mask
from features.grains import SCHEMES, spec_of
from serving.lists.groups import HEAD, SAID, Group
from serving.lists.plain import plain, records, safe_cell
from serving.lists.schema import DISCLAIMER, HEADERS, NAMES, ROW_MONEY, WorkList

Evidence = Callable[[str], pd.DataFrame]
"""Claim rows of an entity: 理由 (理由1 …) and the columns of its table; attrs["left_out"]: {理由: rows that are not shown}."""
More = Callable[[Any, Mapping[str, Any]], None]
Cell = str | float | None

LIST: Final = "清单"
METHOD: Final = "口径说明"
FONT: Final = "宋体"
LINE: Final = 13.5
"""Points of a line of text of 10 points."""
WIDTHS: Final = {
    "序号": 5, "案件": 12, "片区": 8, "对象编号": 18, "对象": 18, "疑点类型": 12, "理由": 46, "疑点金额（元）": 11, "其中明确可追（元）": 11,
    "金额区间（元）": 13, "可能的合理解释": 26, "复现": 14, "证据行数": 6,
}  # fmt: skip
"""Columns of 清单: what an officer decides by; everything else stands on the suspect's own sheet."""
IF_ANY: Final = ("案件", "对象", "复现")
"""Columns that are left out where no row of a list has a word for them."""
OWN: Final = {"序": 9, "数据表": 10, "记录号": 24, "发生时间": 17, "内容": 58, ROW_MONEY: 14}
"""Columns of a suspect's sheet."""
SAID_OF: Final = {
    **dict(HEADERS.values()),
    "案件": "本系统的案件号；在“案件”页按此号查找",
    "金额区间（元）": "疑点金额的下限至上限",
    "理由": "最多三条：贡献最大、且差于同类的特征，数字可由该线索页所列记录复算",
}


@dataclass(frozen=True)
class Mark:
    """Who takes a workbook, when, and where the log stood: printed on each page. cases: number of the case of each lead."""

    who: str = ""
    when: str = ""
    head: str = ""
    run: str = ""
    cases: Mapping[int, str] | None = None


def own_sheet(lead: int) -> str:
    """The name of a suspect's sheet."""
    return f"线索{lead:03d}"


def sheet_names(worklist: WorkList) -> tuple[str, ...]:
    """The sheets of a list with evidence, in order, without those that `more` adds after the first."""
    leads = sorted(int(n) for n in worklist.rows["lead"])
    explained = ("已解释",) if len(worklist.explained) else ()
    return (LIST, *(own_sheet(n) for n in leads), *explained, "人群", METHOD)


def workbook(
    worklist: WorkList,
    evidence: Evidence | None = None,
    *,
    masked: bool = False,
    mark: Mark | None = None,
    more: More | None = None,
) -> bytes:
    """The workbook of a list: 清单, whatever `more` adds, 线索001 …, 已解释 (if any), 人群, 口径说明.

    masked: personal numbers masked on every sheet, as for whoever downloads it from a page; else in full on the suspects' own sheets.
    """
    mark = mark or Mark()
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "default_format_properties": {"font_name": FONT, "font_size": 10},
        },
    )
    # Equal lists give equal bytes: the clock of the writing machine stays out of the file.
    moment = worklist.at or datetime.combine(worklist.as_of, datetime.min.time())
    book.set_properties({"title": f"疑点线索清单 {NAMES.get(worklist.grain, worklist.grain)}", "created": moment})  # type: ignore[call-overload]
    style = styles(book)
    _sheet_list(book, worklist, style, mark, evidence is not None)
    if more is not None:
        more(book, style)
    if evidence is not None:
        for row in worklist.rows.sort_values("lead").to_dict(orient="records"):
            told = {str(k): plain(v) for k, v in row.items()}
            _sheet_suspect(book, worklist, style, told, evidence(told["entity_id"]), masked, mark)
    if len(worklist.explained):
        _sheet_explained(book, worklist, style, masked)
    _sheet_groups(book, worklist, style)
    _sheet_method(book, worklist, style, mark)
    for sheet in book.worksheets():
        on_paper(sheet, worklist, mark)
    book.close()
    return out.getvalue()


def styles(book: Any) -> dict[str, Any]:
    """The formats all sheets share."""
    cell = {"num_format": "@", "valign": "top", "border": 1, "border_color": "#9AA5B1"}
    return {
        "title": book.add_format({"bold": True, "font_size": 13}),
        "note": book.add_format({"bold": True, "font_color": "#7A4B00"}),
        "reason": book.add_format({"bold": True, "text_wrap": True, "valign": "vcenter"}),
        "fine": book.add_format({"font_color": "#4A5560", "valign": "top"}),
        "head": book.add_format(cell | {"bold": True, "bg_color": "#E9EEF3", "text_wrap": True, "valign": "vcenter"}),
        "text": book.add_format(cell | {"text_wrap": True}),
        "money": book.add_format(cell | {"num_format": "#,##0.00"}),
        "number": book.add_format(cell | {"num_format": "General"}),
        "key": book.add_format({"bold": True, "valign": "top"}),
        "free": book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"}),
        "link": book.add_format(cell | {"font_color": "#1F4E79", "underline": 1}),
    }


def on_paper(sheet: Any, worklist: WorkList, mark: Mark) -> None:
    """A4, as wide as the page; who and when above, page and head of the log below. A & in a name would be a code of the format, so it is printed wide."""

    def said(text: str) -> str:
        return safe_cell(text).replace("\n", " ").replace("&", "＆")

    as_of = plain(worklist.at) or worklist.as_of.isoformat()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.75, bottom=0.7)
    sheet.set_header(f"&L&B{DISCLAIMER}&B&R{said(mark.who)[:60]} {said(mark.when)}")
    head = f"日志 {mark.head[:40]}" if mark.head else ""
    run = f" 批次 {mark.run}" if mark.run else ""
    sheet.set_footer(f"&L&8数据截至 {as_of}{run}&C&8第 &P 页 共 &N 页&R&8{head}")


def lines_of(text: str, width: float) -> int:
    """Lines that a text takes in a column; a Chinese character is two wide."""
    room = max(width - 1, 1)
    return sum(max(1, math.ceil(_wide(line) / room)) for line in text.split("\n"))


def _wide(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def put_row(
    sheet: Any,
    i: int,
    cells: Sequence[Cell],
    widths: Sequence[float],
    style: Mapping[str, Any],
    money: Collection[int] = (),
) -> None:
    """A row of bordered cells, as high as its longest text: numbers as numbers, everything else as text."""
    high = 1
    for j, value in enumerate(cells):
        if isinstance(value, bool):
            sheet.write_string(i, j, "是" if value else "否", style["text"])
        elif isinstance(value, int | float):
            sheet.write_number(i, j, value, style["money"] if j in money else style["number"])
        else:
            text = safe_cell(str(value)) if value is not None else ""
            sheet.write_string(i, j, text, style["text"])
            high = max(high, lines_of(text, widths[j]))
    sheet.set_row(i, min(LINE * high + 2, 400))


def put_table(
    sheet: Any,
    i: int,
    columns: Mapping[str, float],
    rows: Sequence[Sequence[Cell]],
    style: Mapping[str, Any],
    money: Collection[str] = (),
) -> int:
    """A head and its rows from row i on; returns the row after them. columns: title → width."""
    titles, widths = list(columns), list(columns.values())
    for j, title in enumerate(titles):
        sheet.write_string(i, j, title, style["head"])
    sheet.set_row(i, LINE * max(lines_of(t, w) for t, w in columns.items()) + 4)
    of_money = {j for j, t in enumerate(titles) if t in money}
    for k, row in enumerate(rows, start=i + 1):
        put_row(sheet, k, row, widths, style, of_money)
    return i + 1 + len(rows)


def _widths(sheet: Any, columns: Mapping[str, float]) -> None:
    for j, width in enumerate(columns.values()):
        sheet.set_column(j, j, width)


def _stamp(worklist: WorkList) -> str:
    moment = plain(worklist.at) or worklist.as_of.isoformat()
    return f"{DISCLAIMER}　数据截至 {moment}　模型 {worklist.facts.get('model', '—')}"


def _sheet_list(book: Any, worklist: WorkList, style: Mapping[str, Any], mark: Mark, linked: bool) -> None:
    rows = worklist.rows.sort_values("lead") if "lead" in worklist.rows.columns else worklist.rows
    found = [_list_row(worklist, row, mark) for row in records(rows)]
    columns = {t: w for t, w in WIDTHS.items() if t not in IF_ANY or not found or any(row[t] for row in found)}
    sheet = book.add_worksheet(LIST)
    sheet.write_string(0, 0, _stamp(worklist), style["note"])
    put_table(
        sheet, 1, columns, [[row[t] for t in columns] for row in found], style, ("疑点金额（元）", "其中明确可追（元）")
    )
    for i, row in enumerate(found if linked else (), start=2):  # a link within the book, from no data
        sheet.write_url(i, 0, f"internal:'{own_sheet(int(row['序号']))}'!A1", style["link"], str(row["序号"]))
    _widths(sheet, columns)
    sheet.freeze_panes(2, 0)
    sheet.set_landscape()
    sheet.repeat_rows(0, 1)
    sheet.autofilter(1, 0, 1 + len(found), len(columns) - 1)


def _list_row(worklist: WorkList, row: Mapping[str, Any], mark: Mark) -> dict[str, Any]:
    schemes = [SCHEMES.get(row.get(c) or "", "") for c in ("scheme", "scheme_2")]
    number, *others = shown(worklist.grain, row, masked=True)
    return {
        "序号": row.get("lead", row["rank"]),
        "案件": (mark.cases or {}).get(int(row.get("lead") or 0), ""),
        "片区": row["area"],
        "对象编号": number,
        "对象": "\n".join(others),
        "疑点类型": "\n或 ".join(filter(None, schemes)),
        "理由": reasons(row),
        "疑点金额（元）": row["amount_at_risk_yuan"] or None,
        "其中明确可追（元）": row.get("certain_yuan") or None,
        "金额区间（元）": span(row),
        "可能的合理解释": row["innocent"],
        "复现": row["returning"],
        "证据行数": row["evidence_rows"],
    }


def span(row: Mapping[str, Any]) -> str:
    """From the lower to the upper amount, in whole yuan."""
    low, high = row["amount_low_yuan"], row["amount_high_yuan"]
    if low is None or high is None or not row["amount_at_risk_yuan"]:
        return ""
    return f"{low:,.0f}" if round(low) == round(high) else f"{low:,.0f} 至 {high:,.0f}"


def reasons(row: Mapping[str, Any]) -> str:
    """The reasons of a row, one a line, numbered."""
    said = [row[f"reason_{k}"] for k in (1, 2, 3) if row.get(f"reason_{k}")]
    return "\n".join(f"{k}. {text}" for k, text in enumerate(said, start=1)) or "没有差于同类的指标，按常规核查"


def shown(grain: str, row: Mapping[str, Any], *, masked: bool) -> list[str]:
    """Whom a row is about: its number, and what is known beside it; personal numbers masked if wished."""
    spec = spec_of(grain)
    own = mask(str(row["entity_id"])) if masked and spec.personal else str(row["entity_id"])
    label = "" if spec.personal or row.get("label") in (None, "", row["entity_id"]) else str(row["label"])
    members = [mask(p) if masked else p for p in str(row.get("members") or "").split(";") if p]
    person = str(row.get("psn_no") or "") if not spec.personal else ""
    unit = str(row.get("fixmedins_code") or "")
    beside = (
        label,
        f"人员 {mask(person) if masked else person}" if person else "",
        f"机构 {unit}" if unit not in ("", own) else "",
        f"成员 {len(members)} 人：{'、'.join(members)}" if members else "",
    )
    return [own, *filter(None, beside)]


def _sheet_suspect(
    book: Any,
    worklist: WorkList,
    style: Mapping[str, Any],
    row: Mapping[str, Any],
    evidence: pd.DataFrame,
    masked: bool,
    mark: Mark,
) -> None:
    lead = int(row.get("lead") or row["rank"])
    sheet = book.add_worksheet(own_sheet(lead))
    columns = {t: w for t, w in OWN.items() if t != "内容" or "内容" in evidence.columns}
    case = (mark.cases or {}).get(lead, "")
    title = f"线索 {lead}　{NAMES.get(worklist.grain, worklist.grain)}" + (f"　案件 {case}" if case else "")
    sheet.write_string(0, 0, safe_cell(title), style["title"])
    sheet.write_string(1, 0, _stamp(worklist), style["note"])
    facts = (
        ("对象", "　".join(shown(worklist.grain, row, masked=masked))),
        ("疑点类型", "，或 ".join(filter(None, (SCHEMES.get(row.get(c) or "", "") for c in ("scheme", "scheme_2"))))),
        ("金额", how_much(row)),
        ("复现", row["returning"]),
        ("先排除", row["innocent"]),
    )
    i, last = 2, len(columns) - 1
    wide = sum(list(columns.values())[1:])
    for key, text in facts:
        if text:
            sheet.write_string(i, 0, key, style["key"])
            sheet.merge_range(i, 1, i, last, "", style["free"])
            sheet.write_string(i, 1, safe_cell(text), style["free"])
            sheet.set_row(i, LINE * lines_of(text, wide) + 2)
            i += 1
    left_out = evidence.attrs.get("left_out", {})
    for k in (1, 2, 3):
        if not (said := row.get(f"reason_{k}")):
            continue
        i += 1
        sheet.merge_range(i, 0, i, last, "", style["reason"])
        sheet.write_string(i, 0, safe_cell(f"理由{k}　{said}"), style["reason"])
        sheet.set_row(i, LINE * lines_of(f"理由{k}　{said}", wide) + 4)
        mine = records(evidence[evidence["理由"] == f"理由{k}"]) if len(evidence) else []
        cells = [[n, *(r.get(t) for t in list(columns)[1:])] for n, r in enumerate(mine, start=1)]
        i = put_table(sheet, i + 1, columns, cells, style, (ROW_MONEY,)) if cells else i + 1
        sheet.write_string(i, 0, _below(len(cells), left_out.get(f"理由{k}", 0), mine), style["fine"])
        i += 1
    _widths(sheet, columns)
    sheet.set_landscape() if "内容" in columns else sheet.set_portrait()
    sheet.repeat_rows(0, 1)
    sheet.protect("", {"format_columns": True, "format_rows": True})


def _below(rows: int, left_out: int, mine: Sequence[Mapping[str, Any]]) -> str:
    """What stands under the rows of a reason: their sum, and how many are not shown."""
    if not rows:
        return "这一项由图或上级对象的指标得出，没有单独的记录行。"
    counted = [r[ROW_MONEY] for r in mine if isinstance(r.get(ROW_MONEY), int | float)]
    total = f"，计入本项合计 {sum(counted):,.2f} 元" if counted else ""
    return f"以上 {rows} 行{total}" + (f"；另有 {left_out} 行未列出，见页面或命令行导出" if left_out else "") + "。"


def how_much(row: Mapping[str, Any]) -> str:
    """The amount with its parts, from which money and of which time; where no row that hit carries money, what is said instead."""
    where = "；".join(filter(None, (row.get("amount_basis"), row.get("amount_period"), row.get("amount_note"))))
    if not row.get("amount_at_risk_yuan"):
        return where
    parts = (("明确可追", "certain_yuan"), ("需核实", "check_yuan"), ("推算", "estimate_yuan"))
    told = "，".join(f"{name} {row[c]:,.2f}" for name, c in parts if row.get(c))
    between = f"，区间 {span(row)} 元" if "至" in span(row) else ""
    return (
        f"{row['amount_at_risk_yuan']:,.2f} 元"
        + (f"（{told}{'；' + where if where else ''}）" if told else "")
        + between
    )


def _sheet_explained(book: Any, worklist: WorkList, style: Mapping[str, Any], masked: bool) -> None:
    columns = {"对象": 24, "成员": 70, "解释": 60}
    rows = [
        [
            r["entity_id"],
            "；".join(mask(p) if masked else p for p in str(r.get("members") or "").split(";")),
            r["innocent"],
        ]
        for r in records(worklist.explained)
    ]
    sheet = book.add_worksheet("已解释")
    sheet.write_string(0, 0, f"{_stamp(worklist)}　以下已有正常解释，不列为线索", style["note"])
    put_table(sheet, 1, columns, rows, style)
    _widths(sheet, columns)
    sheet.set_landscape()
    sheet.repeat_rows(0, 1)


def _sheet_groups(book: Any, worklist: WorkList, style: Mapping[str, Any]) -> None:
    """What the list foretells of each group of people, and what became of those listed before."""
    rows = [Group.of(g).row() for g in plain(worklist.facts.get("groups")) or []]
    columns = dict(zip(HEAD, (22, 10, 8, 22, 22, 18, 14, 20), strict=True))
    sheet = book.add_worksheet("人群")
    sheet.write_string(0, 0, _stamp(worklist), style["note"])
    after = put_table(sheet, 1, columns, rows, style)
    sheet.merge_range(after + 1, 0, after + 1, len(columns) - 1, "", style["free"])
    sheet.write_string(after + 1, 0, SAID, style["free"])
    sheet.set_row(after + 1, LINE * lines_of(SAID, sum(columns.values())) + 4)
    _widths(sheet, columns)
    sheet.set_landscape()
    sheet.repeat_rows(0, 1)


def _sheet_method(book: Any, worklist: WorkList, style: Mapping[str, Any], mark: Mark) -> None:
    columns = {"项目": 22, "说明": 90}
    lines: list[tuple[str, str]] = [
        ("性质", f"{DISCLAIMER}。线索须经两名以上工作人员核查认定，软件不作结论。"),
        ("数据截至", str(plain(worklist.at) or worklist.as_of.isoformat())),
        *((str(k), str(v)) for k, v in (plain(worklist.facts.get("described")) or {}).items()),
        *((t, SAID_OF[t]) for t in WIDTHS if t in SAID_OF and (t != "案件" or mark.cases)),
        (ROW_MONEY, "该记录计入本条理由的金额；一条记录在几条理由中出现时，疑点金额只计一次"),
        *(("数据质量", note.text) for note in worklist.notes),
        *([("日志链头", f"{mark.head}（日后可用 xiezhi log verify --head 核对日志未被改动）")] if mark.head else []),
    ]
    sheet = book.add_worksheet(METHOD)
    sheet.write_string(0, 0, _stamp(worklist), style["note"])
    put_table(sheet, 1, columns, lines, style)
    _widths(sheet, columns)
    sheet.repeat_rows(0, 1)
