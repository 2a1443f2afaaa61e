"""Cells of a filled list as values, by the readers of intake (claims/intake/normalize.py), and what is wrong with a number that a spreadsheet bent.

Nothing is mended here: a bent number is told with its cell and not used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import duckdb
import pandas as pd

from claims.intake.normalize import LEVELS, MACROS, MISSING, parse_column, step
from claims.schema.mapping import ColumnRule
from claims.schema.table import Column
from claims.store.sql import name
from inspection.sent_columns import BY_NAME, Choice

IDS: Final = ("fixmedins_code", "setl_id", "mdtrt_id", "ipt_no", "psn_no", "certno")
"""Fields by which a row is found among the claims."""
_ROUNDED: Final = re.compile(r"[0-9](\.[0-9]+)?[eE]\+?[0-9]+")
_FORMULA: Final = re.compile(r"#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!)")


def typed(cells: Mapping[str, Sequence[str | None]], units: Mapping[str, str]) -> pd.DataFrame:
    """Columns of text as values: field → cells. Money in fen, quantities × 10⁴, days and moments as timestamps, everything else text; missing where a cell has no such value.

    units: yuan, fen or wan by field, yuan where nothing is said.
    """
    frame = pd.DataFrame(dict(cells), dtype=object)
    with duckdb.connect() as con:
        con.execute("SET TimeZone='Asia/Shanghai'")
        for macro in MACROS:
            con.execute("CREATE " + macro)
        con.register("held", frame.assign(_row=range(len(frame))))
        parsed = [
            parse_column(BY_NAME[f], ColumnRule(), "VARCHAR", units.get(f, "yuan"), f"CAST({name(f)} AS VARCHAR)")
            for f in cells
        ]
        raw = [f"{p.steps['raw']} AS {step('raw', p.column.name)}" for p in parsed]
        body = f"SELECT _row, {', '.join(raw)} FROM held"
        for level in LEVELS[1:]:
            made = [f"{p.steps[level]} AS {step(level, p.column.name)}" for p in parsed if level in p.steps]
            body = f"SELECT *, {', '.join(made)} FROM ({body})" if made else body
        values = ", ".join(f"CAST({p.typed} AS {p.column.sql_type}) AS {name(p.column.name)}" for p in parsed)
        return pd.DataFrame(con.execute(f"SELECT {values} FROM ({body}) ORDER BY _row").df()) if parsed else frame


def unit_of(title: str, column: Column) -> str:
    """yuan, fen or wan, as the brackets of a title say."""
    if column.kind != "money":
        return "yuan"
    return "wan" if "万元" in title else "fen" if re.search(r"[（(]分[)）]", title) else "yuan"


def values_of(choices: Sequence[Choice], rows: Sequence[Sequence[str | None]]) -> pd.DataFrame:
    """The used columns of a table as values, a row a row."""
    used = [c for c in choices if c.used]
    cells = {c.field: [r[c.at] for r in rows] for c in used}
    units = {c.field: unit_of(c.title, BY_NAME[c.field]) for c in used}
    return typed(cells, units) if used else pd.DataFrame(index=range(len(rows)))


def bent(field: str, cell: str | None, value: object) -> str:
    """What a spreadsheet did to a number that has no value any more; '' where nothing can be said."""
    if cell is None or cell in MISSING:
        return ""
    if "*" in cell:
        return "号码已打码，无法匹配"
    if isinstance(value, str) and value:
        return ""
    if _ROUNDED.fullmatch(cell):
        return f"长数字被表格软件改写成“{cell}”，后面的数字已丢失"
    if _FORMULA.fullmatch(cell):
        return f"公式出错“{cell}”"
    if field == "certno":
        return "不是有效的证件号码（位数或校验位不符）"
    return f"读不成{BY_NAME[field].zh}"


def unread(
    choices: Sequence[Choice], rows: Sequence[Sequence[str | None]], values: pd.DataFrame
) -> dict[str, list[int]]:
    """Of figures and moments: field → rows whose cell says something that is none."""
    found = {}
    for c in choices:
        if c.used and BY_NAME[c.field].kind in ("money", "qty", "date", "datetime"):
            said = [r[c.at] is not None and r[c.at] not in MISSING for r in rows]
            if lost := [i for i, s in enumerate(said) if s and pd.isna(values[c.field].iloc[i])]:
                found[c.field] = lost
    return found
