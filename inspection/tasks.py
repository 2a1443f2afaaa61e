"""What to do at a suspect's place, made from the evidence of its published lead: is the device there, how much lies on the shelf, which charts to pull, whom to ask
what, which papers to ask for, and which innocent explanation to rule out first.

A task says what to look at and never what it will show. It is made of the lead alone, so that the same lead always gives the same tasks; its `key` names it wherever it
is ticked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from features.rule_texts import questions

KINDS: Final[dict[str, str]] = {
    "innocent": "先排除",
    "charts": "调病历",
    "stock": "盘库存",
    "equipment": "看设备",
    "ask": "询问",
    "papers": "调材料",
}
"""In the order in which they are done: what would clear comes first."""
#: Name of a billed item → the device without which it cannot be done. What matches nothing needs none.
EQUIPMENT: Final[tuple[tuple[str, str], ...]] = (
    (r"磁共振|核磁|MRI|\bMR\b", "磁共振机"),
    (r"CT|计算机体层|断层", "CT 机"),
    (r"X线|X射线|摄影|\bDR\b|透视", "X 线机"),
    (r"超声|B超|彩超|彩色多普勒", "超声仪"),
    (r"胃镜|肠镜|内镜|支气管镜|喉镜", "内镜及洗消设备"),
    (r"透析|血液滤过|灌流", "透析机与水处理"),
    (r"心电图|动态心电", "心电图机"),
    (r"监护|血氧饱和度", "监护仪"),
    (r"呼吸机|无创通气", "呼吸机"),
    (r"高压氧", "高压氧舱"),
    (r"吸氧|氧气", "供氧设备"),
    (r"雾化", "雾化器"),
    (r"中频|低频|微波|红外|激光|磁疗|牵引|蜡疗|电疗|光疗|冲击波", "理疗设备"),
    (r"肺功能|脑电|肌电|骨密度|碳1[34]|呼气试验", "相应检测仪"),
    (r"血常规|尿常规|生化|血气|C反应蛋白|凝血|电解质|肝功|肾功|血糖测定|糖化血红蛋白", "检验设备与试剂"),
)
CHARTS, ITEMS, SHOWN, NAMED = 20, 8, 12, 3
"""At most so many charts, drugs and devices, row numbers of one task, and items that a device is named with."""
PRICES: Final = frozenset({"T08", "T12", "T20"})
"""Schemes of prices and of cash for cards: they cast no doubt on a device."""
_DRUG_CHARGES, _GOODS = ("09", "10", "11"), ("08",)


@dataclass(frozen=True)
class Task:
    """One thing to do. kind: of KINDS; basis: the reason it comes from, as the lead says it; rows: the claim rows or stays to hold it against."""

    kind: str
    text: str
    basis: str
    rows: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its name: the same task of the same lead has the same."""
        return hashlib.sha256(f"{self.kind}\n{self.text}".encode()).hexdigest()[:12]


def tasks_of(lead: Mapping[str, Any], charts: Sequence[str] = ()) -> list[Task]:
    """The tasks of a lead as published (serving/lists/dossier.py), in the order of KINDS and then of its reasons; none twice.

    charts: stays of the unit drawn for it (`inspection.charts.pull`, column mdtrt_id), in their order; without them the stays its evidence names.
    """
    made: list[Task] = []
    reasons: Sequence[Mapping[str, Any]] = lead.get("reasons") or ()
    for reason in reasons:
        rows = (reason.get("evidence") or {}).get("rows") or []
        made += [*_innocent(reason), *_asked(reason, rows), *_papers(reason)]
    made += [*_charts(lead, reasons, charts), *_items(reasons)]
    once = {task.key: task for task in reversed(made)}
    order = list(KINDS)
    return sorted((t for t in made if once.get(t.key) is t), key=lambda t: order.index(t.kind))


def basis_of(reason: Mapping[str, Any]) -> str:
    """A reason with the number of its rule, once."""
    rule, text = str(reason.get("rule") or ""), str(reason.get("text") or "")
    return f"{rule} {text}" if rule and rule not in text else text


def _innocent(reason: Mapping[str, Any]) -> Iterable[Task]:
    said, clears = str(reason.get("innocent") or ""), questions(str(reason.get("rule") or ""))[1]
    if said or clears:
        text = f"是否属于：{said}" if said else "是否有合理解释"
        yield Task("innocent", text + (f"。能出示下列之一即可排除：{clears}" if clears else ""), basis_of(reason))


def _asked(reason: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Iterable[Task]:
    tables = {str(r.get("row_table")) for r in rows}
    if reason.get("about") == "person":
        whom = "参保人本人或家属"
    elif reason.get("about") == "doctor":
        whom = "医师本人"
    elif tables & {"settlements", "refunds"}:
        whom = "收费员、药师与持卡人"
    elif tables & {"visits", "discharges", "fee_details", "stays"}:
        whom = "主管医师与当班护士"
    else:
        whom = "医保负责人"
    what = questions(str(reason.get("rule") or ""))[0] or f"请说明原因：{reason.get('text', '')}"
    yield Task("ask", f"问{whom}：{what}", basis_of(reason), _ids(rows))


def _papers(reason: Mapping[str, Any]) -> Iterable[Task]:
    chain = (reason.get("evidence") or {}).get("chain") or {}
    for paper in chain.get("papers") or ():
        yield Task("papers", f"调取{paper}", basis_of(reason))


def _charts(lead: Mapping[str, Any], reasons: Sequence[Mapping[str, Any]], drawn: Sequence[str]) -> Iterable[Task]:
    if drawn:
        text = f"调阅抽样病历{len(drawn)}份，逐份核对医嘱、执行记录与收费，记下每份的违规金额"
        yield Task("charts", text, "分层抽样，供推算全部住院", tuple(map(str, drawn)))
    if lead.get("grain") == "person":
        return
    stays: dict[str, str] = {}
    for reason in reasons:
        for row in (reason.get("evidence") or {}).get("rows") or []:
            if stay := _stay(row):
                stays.setdefault(stay, basis_of(reason))
    named = [s for s in stays if s not in set(map(str, drawn))][:CHARTS]
    if named:
        yield Task("charts", f"调阅证据所涉病历{len(named)}份", stays[named[0]], tuple(named))


def _stay(row: Mapping[str, Any]) -> str:
    """The stay a claim row belongs to; '' where it names none."""
    if row.get("row_table") == "visits":
        return str(row.get("row_id") or "").split("|")[0]
    if row.get("row_table") == "fee_details" and (row.get("mdtrt_id") or row.get("bed_days") is not None):
        return str(row.get("mdtrt_id") or str(row.get("row_id") or "").split("|")[0])
    return ""


def _items(reasons: Sequence[Mapping[str, Any]]) -> Iterable[Task]:
    """Drugs and goods to count, and devices to look at: dearest items first."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    first: dict[tuple[str, str], Mapping[str, Any]] = {}
    for reason in reasons:
        for row in (reason.get("evidence") or {}).get("rows") or []:
            name = str(row.get("hilist_name") or "")
            kind = _kind_of(row, name) if name else ""
            if not kind or (kind == "equipment" and reason.get("scheme") in PRICES):
                continue
            item = (kind, name if kind == "stock" else device_for(name))
            found.setdefault(item, []).append(row)
            first.setdefault(item, reason)

    def worth(item: tuple[str, str]) -> tuple[float, str]:
        return -sum(float(r.get("yuan") or 0) for r in found[item]), item[1]

    for kind in ("stock", "equipment"):
        for item in sorted((i for i in found if i[0] == kind), key=worth)[:ITEMS]:
            yield Task(kind, _item_text(item, found[item], first[item]), basis_of(first[item]), _ids(found[item]))


def _item_text(item: tuple[str, str], rows: Sequence[Mapping[str, Any]], reason: Mapping[str, Any]) -> str:
    count = sum(float(r.get("cnt") or 0) for r in rows)
    lines = f"线索涉及{len(rows)}条" + (f"，合计{count:g}" if count else "")
    if item[0] == "equipment":
        names = list(dict.fromkeys(f"“{r['hilist_name']}”" for r in rows))
        told = "、".join(names[:NAMED]) + ("等" if len(names) > NAMED else "")
        return f"查看{item[1]}是否在位、在用：铭牌、使用登记与{told}的收费日期（{lines}）"
    if reason.get("about") == "person":
        return f"清点家中余药“{item[1]}”：余量与最近一次取药的日期（{lines}）"
    return f"盘点“{item[1]}”：实物数、账面数与进货单各多少（{lines}）"


def _kind_of(row: Mapping[str, Any], name: str) -> str:
    code, charge = str(row.get("med_list_codg") or ""), str(row.get("kind") or row.get("record_charge") or "")
    drug = row.get("drug")
    if charge in (*_DRUG_CHARGES, *_GOODS) or code[:1] in ("X", "Z", "C") or (drug is not None and drug is not False):
        return "stock"
    return "equipment" if device_for(name) else ""


def device_for(name: str) -> str:
    """The device a billed item needs; '' where none is known."""
    return next((device for pattern, device in EQUIPMENT if re.search(pattern, name)), "")


def _ids(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(r["row_id"]) for r in rows if r.get("row_id")))[:SHOWN]
