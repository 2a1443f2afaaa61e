"""检查前简报.docx: two pages A4 of a published brief (serving/lists/briefs.py), for who goes there. Of a run, by whom and when: it stands in head and foot."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from docx import Document
from docx.enum.table import WD_ROW_HEIGHT_RULE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from claims.shown_text import visible
from serving.papers.word import field, small

FONT: Final = "仿宋"
TEXT, CELL, FINE = 9.0, 8.0, 7.0
WIDE: Final = 18.0
"""Centimetres between the margins."""
LEVELS: Final = {3: "三级", 2: "二级", 1: "一级", 0: "无等级"}
UNEVALUATED: Final = 480
"""Characters of the rules that cannot be evaluated; how many there are is always told."""


@dataclass(frozen=True)
class Brief:
    """told: as published; run: its name; seal: of its manifest; who, when: takes it; visit: team, day and hours of the plan, '' without one."""

    told: Mapping[str, Any]
    run: str
    seal: str
    who: str
    when: str
    visit: str = ""


def brief_document(said: Brief) -> bytes:
    """The document. The same brief gives the same text."""
    told, doc = said.told, Document()
    _page(doc, said)
    _line(doc, f"检查前简报　{told['name']}", size=16, bold=True, centred=True)
    level = LEVELS.get(told["level"], "")
    facts = [told["code"], told["kind"], level, f"片区 {told['area']}" if told["area"] else "", f"批准床位 {told['beds']}" if told["beds"] else "", f"数据截至 {told['as_of']}"]  # fmt: skip
    _line(doc, "　".join(str(f) for f in facts if f), centred=True)
    _line(doc, f"{told['disclaimer']}　仅供检查组内部使用，不得交给被检查单位", bold=True, centred=True)
    if said.visit:
        _line(doc, said.visit, centred=True)
    _head(doc, "一、情况（每个数字均可由所注记录逐行复算）")
    for i, sentence in enumerate(told["story"], start=1):
        paragraph = _line(doc, f"{i}. {sentence['text']}")
        small(paragraph, f"〔复算：{sentence['source']}〕", FINE)
    _head(doc, "二、与同类比较")
    rows = [(r["what"], r["own"], r["usual"], r["peers"]) for r in told["compared"]]
    _table(doc, ("指标", "本机构", "同类中位或预期", "同类"), rows, (6.2, 3.2, 6.6, 2.0))
    _head(doc, f"三、本期线索（共 {told['leads_in_all']} 条）")
    for r in told["leads"]:
        _line(doc, f"· {r['list_zh']}第 {r['lead']} 号 {r['entity']}　{r['scheme']}　{r['amount_yuan']:,.2f} 元　{r['reason']}")  # fmt: skip
    if not told["leads"]:
        _line(doc, "本期名单上没有本机构的线索。")
    _list(doc, "四、先排除的正常情形", told["innocent"], "没有已知的常见正常情形；请先听取机构说明。")
    _list(doc, "五、问谁、问什么", told["ask"], "没有线索指向的具体问题；按常规检查提纲。")
    if told["equipment"] or told["papers"]:
        _list(doc, "六、看设备、调材料", [*told["equipment"], *told["papers"]], "")
    doc.paragraphs[-1].add_run().add_break(WD_BREAK.PAGE)
    _charts(doc, told["charts"])
    _shelves(doc, told["shelves"])
    _months(doc, told)
    _data(doc, told)
    out = io.BytesIO()
    doc.core_properties.title = f"检查前简报 {told['code']} {told['as_of']}"
    doc.core_properties.author = visible(said.who)
    doc.core_properties.created = doc.core_properties.modified = datetime.fromisoformat(told["as_of"])
    doc.save(out)
    return out.getvalue()


def _page(doc: Any, said: Brief) -> None:
    section = doc.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(1.5)
    section.top_margin, section.bottom_margin = Cm(1.7), Cm(1.5)
    section.header_distance = section.footer_distance = Cm(0.7)
    style = doc.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(TEXT)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    style.paragraph_format.line_spacing, style.paragraph_format.space_after = 1.0, Pt(0)
    for name in ("Header", "Footer"):
        doc.styles[name].font.size = Pt(FINE)
    head = section.header.paragraphs[0]
    small(head, f"{said.told['disclaimer']}　{said.who} {said.when}　本件含医疗保障数据，用后收回", FINE)
    foot = section.footer.paragraphs[0]
    small(foot, f"批次 {said.run}　散列 {said.seal[:32]}　{said.told['code']}　第 ", FINE)
    field(foot, "PAGE", FINE)
    small(foot, " 页 共 ", FINE)
    field(foot, "NUMPAGES", FINE)
    small(foot, " 页", FINE)


def _line(doc: Any, text: str, *, size: float = TEXT, bold: bool = False, centred: bool = False) -> Any:
    paragraph = doc.add_paragraph()
    small(paragraph, text, size).bold = bold
    if centred:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    return paragraph


def _head(doc: Any, text: str, note: str = "") -> None:
    paragraph = _line(doc, text, size=10, bold=True)
    paragraph.paragraph_format.space_before = Pt(3)
    paragraph.paragraph_format.keep_with_next = True
    if note:
        small(paragraph, f"　{note}", FINE)


def _list(doc: Any, title: str, items: Sequence[Mapping[str, str]], none: str) -> None:
    _head(doc, title)
    for i, item in enumerate(items, start=1):
        paragraph = _line(doc, f"{i}. {item['text']}")
        if item["basis"]:
            small(paragraph, f"〔{item['basis']}〕", FINE)
    if not items:
        _line(doc, none)


def _table(doc: Any, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
    table = doc.add_table(rows=0, cols=len(head), style="Table Grid")
    table.autofit = False
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "45")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    table._tbl.tblPr.append(margins)
    for column, wide in zip(table.columns, widths, strict=True):
        column.width = Cm(wide)
    for n, row in enumerate([head, *rows]):
        line = table.add_row()
        line.height, line.height_rule = Cm(0.42), WD_ROW_HEIGHT_RULE.AT_LEAST
        for cell, text, wide in zip(line.cells, row, widths, strict=True):
            cell.width = Cm(wide)
            small(cell.paragraphs[0], str(text), CELL).bold = n == 0
            if n and str(text).replace(",", "").replace(".", "").replace("%", "").isdigit() and len(str(text)) < 16:
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _charts(doc: Any, told: Mapping[str, Any]) -> None:
    if not told["rows"]:
        _head(doc, "七、调阅病历或处方")
        _line(doc, "此期间没有已结算的住院和收费。")
        return
    note = f"近 {told['days']} 天 {told['of']:,} 份、{told['yuan']:,.2f} 元中分层抽 {len(told['rows'])} 份；“代表”为推算系数；抽样种子 {told['seed']}"
    _head(doc, f"七、调阅{told['kind']}", note)
    cells = [(r["mdtrt_id"], r["stratum"], f"{r['cost']:,.0f}", f"{r['factor']:.1f}") for r in told["rows"]]
    half = (len(cells) + 1) // 2
    none = ("", "", "", "")
    rows = [(*cells[i], "", *(cells[half + i] if half + i < len(cells) else none), "") for i in range(half)]
    name = "就诊号" if told["kind"] == "病历" else "结算号"
    _table(doc, (name, "层", "费用", "代表", "查出金额") * 2, rows, (3.8, 1.6, 1.3, 1.0, 1.3) * 2)


def _shelves(doc: Any, told: Mapping[str, Any]) -> None:
    _head(doc, "八、盘点", told["basis"])
    if not told["rows"]:
        _line(doc, "没有明显突出的药品和耗材；按常规抽盘。")
        return
    rows = []
    for r in told["rows"]:
        usual = "—" if r["usual"] is None else f"{r['usual']:.1%}"
        had = "—" if r["had"] is None else f"{r['had']:,.0f}／超 {r['over']:,.0f}"
        name = r["name"] if len(r["name"]) <= 18 else r["name"][:17] + "…"
        rows.append((name, r["type"], f"{r['yuan']:,.0f}", f"{r['settled']:,.0f}", f"{r['share']:.1%}", usual, had, "", ""))  # fmt: skip
    head = ("品名", "类别", "结算金额", "结算数量", "占比", "同类占比", "购进", "账面", "实盘")
    _table(doc, head, rows, (5.0, 1.9, 2.0, 1.7, 1.3, 1.5, 2.2, 1.2, 1.2))


def _months(doc: Any, told: Mapping[str, Any]) -> None:
    _head(doc, "九、行前对数", told["same"])
    columns = ("stays", "visits", "persons")
    money = ("fee_yuan", "fund_yuan", "account_yuan")
    rows = [(m["month"], *(f"{m[c]:,}" for c in columns), *(f"{m[c]:,.2f}" for c in money), "", "", "") for m in told["months"]]  # fmt: skip
    sums = [sum(m[c] for m in told["months"]) for c in (*columns, *money)]
    rows.append(("合计", f"{sums[0]:,}", f"{sums[1]:,}", "—", *(f"{s:,.2f}" for s in sums[3:]), "", "", ""))
    head = ("月份", "住院", "门诊购药", "人数", "总费用", "基金支付", "账户支付", "自报住院", "自报人数", "自报基金")
    _table(doc, head, rows, (1.5, 1.2, 1.6, 1.4, 2.5, 2.4, 2.2, 1.6, 1.6, 2.0))


def _data(doc: Any, told: Mapping[str, Any]) -> None:
    _head(doc, "十、数据是否够用")
    if told["fields"]:
        parts = [f"{f['name']} {f['filled']}/{f['of']}" for f in told["fields"]]
        _line(doc, "近一年已结算住院的字段：" + "，".join(parts) + "。", size=CELL)
    lacks = told["unevaluated"]
    count = sum(len(t["rules"]) for t in lacks)
    text = "；".join(f"{t['reason']}（{'、'.join(t['rules'])}）" for t in lacks)
    text = text if len(text) <= UNEVALUATED else text[: UNEVALUATED - 1] + "…"
    told_of = f"不可评估的规则 {count} 条，未查出不等于没有：{text}" if count else "没有因数据缺失而不可评估的规则。"
    _line(doc, told_of, size=CELL)
    _line(
        doc, "检查人员（两名）：＿＿＿＿＿＿、＿＿＿＿＿＿　到达时间：＿＿＿＿＿＿　机构陪同：＿＿＿＿＿＿", size=TEXT
    )
