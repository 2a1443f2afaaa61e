"""Diagnoses that are nobody's business before a case is investigated: which groups there are, and what belongs to one.

By ICD-10 codes as the bureau's tables have them (国家医保局 ICD-10 医保版); a name without such a code
(慢特病病种) by its words.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

COVER: Final = "敏感诊断（遮盖）"
"""What stands in place of code and name. Not the chapter: of the two largest groups it would say what is hidden."""
ADULT: Final = 18
MINORS: Final = "minors"
"""The group of whoever is not of age: any diagnosis."""


@dataclass(frozen=True)
class Group:
    """zh: what it is called; codes: of three characters, from and to; words: one of them in a name is enough."""

    zh: str
    codes: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()


GROUPS: Final[dict[str, Group]] = {
    "psychiatric": Group(
        "精神和行为障碍（F00–F99）",
        (("F00", "F99"),),
        ("精神分裂", "精神障碍", "精神病", "抑郁", "双相", "躁狂", "强迫症", "焦虑症"),
    ),
    "hiv": Group("艾滋病（B20–B24、Z21）", (("B20", "B24"), ("Z21", "Z21")), ("艾滋", "HIV", "人类免疫缺陷病毒")),
    "maternity": Group("妊娠、分娩与流产（O00–O99）", (("O00", "O99"),), ("妊娠", "分娩", "流产", "产褥", "剖宫产")),
    "venereal": Group("性传播疾病（A50–A64）", (("A50", "A64"),), ("梅毒", "淋病", "淋球菌", "尖锐湿疣", "性病")),
    MINORS: Group("未成年人的诊断"),
}  # fmt: skip
ALL: Final = frozenset(GROUPS)
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


def covered(text: str, age: float | None = None, groups: Collection[str] = ALL) -> str:
    """A diagnosis as it may be shown beside its owner's age: itself, or COVER."""
    minor = MINORS in groups and age is not None and age < ADULT
    return COVER if text and (minor or is_sensitive(text, groups)) else text
