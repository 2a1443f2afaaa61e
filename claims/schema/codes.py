"""Code tables the intake needs (codes.md): what kind of visit a `med_type` is.

A mapping order for `visit_class`: the exact code, the longest known prefix, the default prefixes, else ``unknown``. A
bureau's own codes go first through ``[visit_class]`` of its mapping file.
"""

from __future__ import annotations

from claims.schema.code_tables import OF_COLUMN

#: `med_type` → class of visit.
VISIT_CLASS: dict[str, str] = {code.code: code.klass for code in OF_COLUMN["med_type"].codes}
PREFIX_CLASS: dict[str, str] = {
    "22": "injury_ip",
    "28": "day_surgery",
    "41": "pharmacy",
    "52": "maternity_ip",
    "14": "chronic",
    "15": "special_drug",
    "1": "outpatient",
    "2": "inpatient",
    "5": "maternity_op",
}
#: Codes whose local meaning was not seen: never guessed from a prefix.
LOOKUP_ONLY = ("8", "99")

INPATIENT_CLASSES = ("inpatient", "injury_ip", "day_surgery", "maternity_ip")

#: `hosp_lv` → level of hospital, 0 for all other codes; a spreadsheet drops the zero in front, but 9 alone is 未定级.
HOSPITAL_LEVEL: dict[str, int] = {
    **dict.fromkeys(("01", "02", "03", "04", "1", "2", "3", "4"), 3),
    **dict.fromkeys(("05", "06", "07", "5", "6", "7"), 2),
    **dict.fromkeys(("08", "09", "10", "8"), 1),
}
#: The same in words: 三级甲等, 三甲, 三级, 3级.
_GRADES = ("", "特等", "甲等", "乙等", "丙等", "未定等", "特", "甲", "乙", "丙")
HOSPITAL_LEVEL |= {
    f"{step}{grade}{house}": level
    for level, digits in ((3, "三3"), (2, "二2"), (1, "一1"))
    for digit in digits
    for step in (f"{digit}级", digit)
    for grade in _GRADES
    for house in ("", "医院")
    if step != digit or grade  # a bare digit is a code
}
#: `hosp_lv` of a unit without a level: 药店/无等级, 未定级.
NO_LEVEL = ("11", "9", "未定级", "未评级", "未定等级", "未定等", "无等级", "无级别", "不定级", "药店", "零售药店")


def hospital_level_sql(column: str) -> str:
    """SQL of a hospital's level (3, 2, 1, 0 = none) by its `hosp_lv`."""
    levels: dict[int, list[str]] = {}
    for code, level in HOSPITAL_LEVEL.items():
        levels.setdefault(level, []).append(repr(code))
    arms = "\n".join(f"    WHEN {column} IN ({', '.join(codes)}) THEN {level}" for level, codes in levels.items())
    return f"CASE\n{arms}\n    ELSE 0\nEND"


def visit_class(med_type: str | None, fixmedins_type: str | None = None, local: dict[str, str] | None = None) -> str:
    """Class of one `med_type`; a chronic drug bought at a pharmacy (`fixmedins_type` 2) is ``pharmacy_chronic``."""
    found = "unknown"
    if med_type:
        exact = {**VISIT_CLASS, **(local or {})}
        if med_type in exact:
            found = exact[med_type]
        elif prefix := max((p for p in (local or {}) if med_type.startswith(p)), key=len, default=None):
            found = (local or {})[prefix]
        elif not med_type.startswith(LOOKUP_ONLY):
            prefix = max((p for p in PREFIX_CLASS if med_type.startswith(p)), key=len, default=None)
            found = PREFIX_CLASS[prefix] if prefix else "unknown"
    return "pharmacy_chronic" if found == "chronic" and fixmedins_type == "2" else found


def is_inpatient(visit_class: str) -> bool | None:
    """Whether a visit of this class is a stay; None where nobody knows what it is."""
    if visit_class == "unknown":
        return None
    return visit_class.startswith("inpatient") or visit_class in INPATIENT_CLASSES


def visit_class_rows(
    med_types: list[str], local: dict[str, str] | None = None
) -> list[tuple[str, str, str, bool | None]]:
    """(med_type, fixmedins_type, visit_class, is_inpatient) for every code seen, to be joined in SQL."""
    rows = []
    for code in sorted(set(med_types)):
        for unit in ("1", "2"):
            found = visit_class(code, unit, local)
            rows.append((code, unit, found, is_inpatient(found)))
    return rows
