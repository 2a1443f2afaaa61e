"""Diagnoses that are nobody's business before a case is investigated: the groups, what belongs to one, what tells it.

By ICD-10 codes as the bureau's tables have them (国家医保局 ICD-10 医保版); a name without such a code
(慢特病病种) by its words. Departments by the 医疗机构诊疗科目 codes of the settlement sheet (A15 精神科) or their
names; drugs by the classes of the WHO's ATC, which is what follows the X in a national drug code (XN05AH…), or by
their names. A hospital's own codes of departments and drugs say nothing here and are not known as such.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from claims.schema.codes import visit_class

COVER: Final = "敏感诊断（遮盖）"
"""What stands in place of code and name. Not the chapter: of the two largest groups it would say what is hidden."""
ADULT: Final = 18
MINORS: Final = "minors"
"""The group of whoever is not of age: any diagnosis."""


@dataclass(frozen=True)
class Group:
    """zh: what it is called; codes: of three characters, from and to; words: one of them in a name is enough.

    depts, places: departments whose code begins so, whose name or ward's name has such a word. atc, items: drugs of
    these classes; drugs and services whose name has such a word. visits: classes of visit (claims/schema/codes.py).
    Items that everybody is tested for (梅毒、HIV 抗体) are none of them.
    """

    zh: str
    codes: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()
    depts: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    atc: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()


GROUPS: Final[dict[str, Group]] = {
    "psychiatric": Group(
        "精神和行为障碍（F00–F99）",
        (("F00", "F99"),),
        ("精神分裂", "精神障碍", "精神病", "抑郁", "双相", "躁狂", "强迫症", "焦虑症"),
        depts=("A15",),
        places=("精神", "心理", "心身", "戒毒", "成瘾"),
        atc=("N05A", "N06A", "N07BB", "N07BC"),
        items=(
            "氯氮平", "奥氮平", "利培酮", "帕利哌酮", "喹硫平", "阿立哌唑", "齐拉西酮",
            "氨磺必利", "舒必利", "氯丙嗪", "奋乃静", "氟哌啶醇", "鲁拉西酮", "碳酸锂",
            "舍曲林", "帕罗西汀", "氟西汀", "西酞普兰", "氟伏沙明", "文拉法辛",
            "度洛西汀", "米氮平", "安非他酮", "美沙酮", "丁丙诺啡",
            "电抽搐", "电休克", "精神科", "心理治疗", "精神病护理",
        ),
    ),
    "hiv": Group(
        "艾滋病（B20–B24、Z21）", (("B20", "B24"), ("Z21", "Z21")), ("艾滋", "HIV", "人类免疫缺陷病毒"),
        places=("艾滋", "感染", "传染", "爱心", "关爱"), depts=("A16",),
        atc=("J05AE", "J05AG", "J05AJ", "J05AR", "J05AX"),
        items=("替诺福韦", "拉米夫定", "齐多夫定", "阿巴卡韦", "恩曲他滨", "依非韦伦", "奈韦拉平", "利匹韦林",
            "洛匹那韦", "利托那韦", "多替拉韦", "拉替拉韦", "比克恩丙诺", "艾博韦泰", "艾诺韦林"),
    ),
    "maternity": Group(
        "妊娠、分娩与流产（O00–O99）", (("O00", "O99"),), ("妊娠", "分娩", "流产", "产褥", "剖宫产"),
        depts=("A05", "A06"), places=("妇产", "产科", "产房", "计划生育", "生殖"), atc=("G02A", "G03XB", "H01BB"),
        items=("米非司酮", "米索前列醇", "缩宫素", "卡前列", "地诺前列",
            "依沙吖啶", "流产", "引产", "剖宫产", "接生", "分娩", "胎心", "产前"),
        visits=("maternity_ip", "maternity_op"),
    ),
    "venereal": Group(
        "性传播疾病（A50–A64）", (("A50", "A64"),), ("梅毒", "淋病", "淋球菌", "尖锐湿疣", "性病"),
        depts=("A13.02",), places=("性病", "性传播"), items=("尖锐湿疣",),
    ),
    MINORS: Group("未成年人的诊断"),
}  # fmt: skip
ALL: Final = frozenset(GROUPS)
_DRUG: Final = re.compile(r"X[A-Z][0-9][0-9][A-Z]{2}")
"""A national drug code begins so: X, then the class of the ATC."""
_CODE: Final = re.compile(r"[A-Z][0-9][0-9](?![0-9])")


def is_sensitive(text: str, groups: Collection[str] = ALL) -> bool:
    """Whether a code (F20, F20.000, F20.0x1) or a name of a diagnosis belongs to one of these groups."""
    code = _CODE.match(text.strip().upper())
    for name in groups:
        group = GROUPS[name]
        if code and any(low <= code.group() <= high for low, high in group.codes):
            return True
        if any(word in text for word in group.words):
            return True
    return False


def tells_place(text: str, groups: Collection[str] = ALL) -> bool:
    """Whether a department or ward, by code or name, tells that its patients belong to one of these groups."""
    code = text.strip().upper()
    return any(code.startswith(g.depts) or any(w in text for w in g.places) for g in _of(groups))


def tells_item(text: str, groups: Collection[str] = ALL) -> bool:
    """Whether a drug or service, by national code or name, tells that whoever gets it belongs to one of these."""
    code = text.strip().upper()
    atc = code[1:] if _DRUG.match(code) else ""
    return any((atc and atc.startswith(g.atc)) or any(w in text for w in g.items) for g in _of(groups))


def tells_visit(text: str, groups: Collection[str] = ALL) -> bool:
    """Whether a class of visit, a `med_type` or an insurance tells it."""
    return any(text in g.visits or visit_class(text) in g.visits or (g.visits and "生育" in text) for g in _of(groups))


def _of(groups: Collection[str]) -> list[Group]:
    return [GROUPS[name] for name in groups]


def covered(text: str, age: float | None = None, groups: Collection[str] = ALL) -> str:
    """A diagnosis as it may be shown beside its owner's age: itself, or COVER."""
    minor = MINORS in groups and age is not None and age < ADULT
    return COVER if text and (minor or is_sensitive(text, groups)) else text
