"""稽核通知.docx: to the inspected, of one case: who, what matter, on what ground, what to bring until when, whom to call. It accuses nobody and is never sent by the
program: the office edits it, numbers and seals it.

It says the family of the signal, the records and the period, and neither thresholds nor scores nor anybody else; personal numbers are masked.
Made with python-docx (MIT, one pure-Python package over lxml); docxtpl was weighed and left out for its licence (LGPL) and a template nobody could read in a diff.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from claims.shown_text import mask, visible
from features.grains import SCHEMES
from serving.lists.schema import DISCLAIMER, NAMES, TABLES
from serving.papers.word import field, repeat, small

FONT: Final = "仿宋"
BLANK: Final = "　" * 8
SHOWN: Final = 30
"""Records named in the annex; their number is always told."""
GROUND: Final = "《医疗保障基金使用监督管理条例》（国务院令第735号）关于监督检查的规定"
DUTY: Final = "收到本通知不表示已认定存在违规。请如实提供材料；如有正当理由，请一并书面说明，本机构将如实记录并核实。"
ASKED: Final[dict[str, tuple[str, ...]]] = {
    "admission": (
        "该次住院的病历、医嘱单、护理记录和体温单",
        "检查检验报告与收费清单",
        "请假、外出检查、转科转院的记录",
    ),
    "person": ("就医、购药的病历、处方和票据", "医保凭证的保管和使用情况说明", "他人代办的，代办人与本人关系的说明"),
    "institution": ("所涉结算的病历、处方和收费清单", "药品、耗材、设备的进销存台账", "床位、人员排班和设备使用记录"),
    "doctor": ("所涉患者的病历、处方和医嘱", "出诊与排班记录"),
    "ring": ("所涉就医、购药的病历、处方和票据", "结伴就医情况的说明"),
}


@dataclass(frozen=True)
class Notice:
    """What a notice says. case: number, grain, scheme; lead: its dossier; who, when, head: of whoever takes it and the log's row about it."""

    case: Mapping[str, Any]
    lead: Mapping[str, Any]
    who: str
    when: str
    head: str

    @property
    def grain(self) -> str:
        return str(self.case["grain"])

    @property
    def subject(self) -> str:
        """The inspected as far as the data name them: a unit by its code and name, a person masked."""
        e = self.lead.get("entity", {})
        own = str(self.case["entity_id"])
        if self.grain in ("person", "ring"):
            return (
                mask(own)
                if self.grain == "person"
                else "、".join(mask(p) for p in str(e.get("members") or "").split(";") if p)
            )
        unit = str(e.get("fixmedins_code") or self.case.get("unit") or "")
        name = str((self.lead.get("who") or {}).get("unit_name") or unit)
        beside = "" if own == name else f"（{NAMES.get(self.grain, '')} {own}）"
        return f"{name}{beside}"

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """(table, record, day) of every record cited, once."""
        found: dict[tuple[str, str], tuple[str, str, str]] = {}
        for reason in self.lead.get("reasons", []):
            for r in reason["evidence"]["rows"]:
                kind = TABLES.get(str(r.get("row_table")), str(r.get("row_table") or ""))
                found.setdefault(
                    (kind, str(r["row_id"])), (kind, str(r["row_id"]), str(r.get("happened_at") or "")[:10])
                )
        return sorted(found.values(), key=lambda t: (t[2], t[0], t[1]))


def notice(said: Notice) -> bytes:
    """The document. Raises nothing: what is not known is a blank to fill in."""
    doc = Document()
    _page(doc, said)
    _line(doc, "医疗保障基金稽核通知", size=20, bold=True, centred=True)
    _line(doc, f"（　　）医稽通〔{_year(said)}〕　　号", centred=True)
    _line(doc, DISCLAIMER, bold=True, centred=True)
    _line(doc, f"{said.subject}：", bold=True)
    days = [d for _, _, d in said.rows if d]
    period = f"{days[0]} 至 {days[-1]}" if days else BLANK
    scheme = SCHEMES.get(str(said.case.get("scheme") or ""), "")
    _line(doc, f"根据{GROUND}，现就下列事项进行核查，请予配合。", indent=True)
    about = f"{period} 期间的{NAMES.get(said.grain, '')}费用结算情况" + (f"（核查方向：{scheme}）" if scheme else "")
    _section(doc, "一、核查事项", [about, f"所涉记录共 {len(said.rows)} 条，见附表。"])
    _section(
        doc,
        "二、请提供的材料",
        [f"{i}. {text}；" for i, text in enumerate(ASKED.get(said.grain, ASKED["institution"]), start=1)],
    )
    _section(doc, "三、期限与方式", [f"请于 {BLANK} 年　　月　　日前，将上述材料（复印件加盖公章或签名）送至{BLANK}。"])
    _section(doc, "四、权利与义务", [DUTY, "您有权陈述、申辩；认为核查人员与本事项有利害关系的，可以申请回避。"])
    _section(doc, "五、联系人", [f"核查人员（两名）：{BLANK}、{BLANK}　联系电话：{BLANK}"])
    _line(doc, "")
    _line(doc, f"（印章）{BLANK}", right=True)
    _line(doc, "　　年　　月　　日", right=True)
    _annex(doc, said.rows)
    out = io.BytesIO()
    doc.core_properties.title = f"稽核通知 {said.case['number']}"
    doc.core_properties.author = visible(said.who)
    doc.core_properties.created = doc.core_properties.modified = datetime.combine(
        date(int(_year(said)), 1, 1), datetime.min.time()
    )
    doc.save(out)
    return out.getvalue()


def _year(said: Notice) -> str:
    return said.when[:4] or str(date.today().year)


def _page(doc: Any, said: Notice) -> None:
    """A4 as for official papers; who took it when above, case, page and head of the log below."""
    section = doc.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin, section.right_margin = Cm(2.8), Cm(2.6)
    section.top_margin, section.bottom_margin = Cm(2.6), Cm(2.4)
    style = doc.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(14)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    style.paragraph_format.line_spacing = 1.4
    style.paragraph_format.space_after = Pt(0)
    small(section.header.paragraphs[0], f"{DISCLAIMER}　{said.who} {said.when}　草稿，未经审签不得发出")
    foot = section.footer.paragraphs[0]
    small(foot, f"案件 {said.case['number']}　日志 {said.head[:40]}　第 ")
    field(foot, "PAGE")
    small(foot, " 页 共 ")
    field(foot, "NUMPAGES")
    small(foot, " 页")


def _line(
    doc: Any,
    text: str,
    *,
    size: float = 0,
    bold: bool = False,
    centred: bool = False,
    right: bool = False,
    indent: bool = False,
) -> None:
    paragraph = doc.add_paragraph()
    run = paragraph.add_run(visible(text))
    run.bold = bold
    if size:
        run.font.size = Pt(size)
    if centred:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    if right:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    if indent:
        paragraph.paragraph_format.first_line_indent = Pt(28)


def _section(doc: Any, title: str, lines: Sequence[str]) -> None:
    _line(doc, title, bold=True)
    for text in lines:
        _line(doc, text, indent=True)


def _annex(doc: Any, rows: Sequence[tuple[str, str, str]]) -> None:
    if not rows:
        return
    doc.add_page_break()
    more = f"（共 {len(rows)} 条，列前 {SHOWN} 条，其余由核查人员当面出示）" if len(rows) > SHOWN else ""
    _line(doc, f"附表：所涉记录{more}", bold=True)
    table = doc.add_table(rows=1, cols=4, style="Table Grid")
    for cell, text in zip(table.rows[0].cells, ("序号", "类别", "记录号", "日期"), strict=True):
        small(cell.paragraphs[0], text).bold = True
    for i, row in enumerate(rows[:SHOWN], start=1):
        for cell, text in zip(table.add_row().cells, (str(i), *row), strict=True):
            small(cell.paragraphs[0], text)
    repeat(table.rows[0])
