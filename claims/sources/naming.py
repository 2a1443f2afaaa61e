"""Which official table a file, sheet or database table fills, by its name."""

from __future__ import annotations

import fnmatch
import re
import unicodedata

from claims.schema.mapping import Mapping
from claims.schema.tables import SOURCE

_NUMERAL = "[0-9一二三四五六七八九十]+"
#: What stands around a table's name and says which delivery it is, not which table.
AROUND = re.compile(
    "|".join(
        (
            "[0-9]+年度?",
            "[0-9]+月份?",
            "[0-9]+[日号]",
            "[上下]半年",
            f"第?{_NUMERAL}季度?",
            f"第?{_NUMERAL}[批期次]",
            f"第{_NUMERAL}部分",
            f"[上中下]旬|[上下]册|{_NUMERAL}份",
            "(?<![a-z])(part|batch|q|h)(?=[^a-z])",
            "(?<![a-z])(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?![a-z])",
            "(?<![a-z])copy(?![a-z])",
            "副本|数据|信息|记录|导出|表",
            "[0-9]+",
            r"[\W_]+",
        )
    )
)


def core(text: str) -> str:
    """A name without what tells one delivery from another: ``结算数据2026上半年`` → ``结算``."""
    return AROUND.sub("", unicodedata.normalize("NFKC", text).lower())


def _cores() -> dict[str, str]:
    """Core of each name a table goes by → the table; asked of the registry, so that a new table needs nothing here."""
    found: dict[str, str] = {}
    for table, declared in SOURCE.items():
        for written in (table, declared.zh, *declared.aliases):
            found.setdefault(core(written), table)
    return found


def table_of(stem: str, mapping: Mapping) -> str | None:
    """Which official table a file, sheet or database table of that name fills; None if none."""
    low = stem.strip().lower()
    for table, rule in mapping.tables.items():
        if not rule.derive and any(fnmatch.fnmatch(low, pattern.lower()) for pattern in rule.files):
            return table
    table = _cores().get(core(low), "")
    rule = mapping.rule(table)
    return table if table and not (rule.files or rule.derive) else None
