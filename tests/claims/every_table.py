"""One row of every table a bureau can send, made from the declarations: whoever declares a table has its rows here."""

from __future__ import annotations

from claims.schema.knowledge import Dated, Dimension, Event
from claims.schema.table import Column, Table
from claims.schema.tables import SOURCE
from tests.claims.county import LINE, PERSON, UNIT, VISIT, Row

#: What rows name one another by.
NAMES = {
    "psn_no": "P1",
    "fixmedins_code": "H1",
    "mdtrt_id": "M1",
    "setl_id": "S1",
    "entity_type": "person",
    "entity_id": "P1",
}
VALUES = {
    "code": "7",
    "text": "甲",
    "int": "3",
    "ratio": "0.5",
    "float": "1.5",
    "money": "12.50",
    "price": "2.5",
    "qty": "2",
}
STAY = VISIT | {
    "med_type": "21",
    "adm_bed": "1",
    "dscg_maindiag_code": "I10",
    "clr_type": "1",
    "vali_flag": "1",
    "manual_flag": "0",
}
CORE = {"persons": PERSON | {"insutype": "310"}, "institutions": UNIT, "settlements": STAY, "fee_details": LINE}
#: The cell of a table that a correction changes, where any will not do: each part of a split row has one of its own.
CORRECTED = {"settlements": ("adm_bed", "dscg_maindiag_code", "clr_type")}


def row(table: Table, day: str) -> Row:
    """A row of that table; what it tells of happened, began or was decided on `day`."""
    cells: Row = {
        c.name: NAMES.get(c.name, day if c.kind in ("date", "datetime") else VALUES.get(c.kind)) for c in table.columns
    }
    cells |= CORE.get(table.name, {})
    times = {"settlements": ("begntime", "endtime", "setl_time"), "fee_details": ("fee_ocur_time",)}
    dated = [c for c in cells if c in times.get(table.name, _told_by(table))]
    return {c: v for c, v in (cells | dict.fromkeys(dated, day)).items() if c in table and v is not None}


def _told_by(table: Table) -> tuple[str, ...]:
    match table.knowledge:
        case Event() as event:
            return tuple(c for c in event.columns if c != "mdtrt_id")
        case Dated(begin, end):
            return (begin, end)
        case Dimension(_, dated):
            return tuple(group[0] for group in dated)
    return ()


def changed(table: Table) -> tuple[str, ...]:
    """Official names of the cells that a correction changes."""
    if table.name in CORRECTED:
        return CORRECTED[table.name]
    fixed = {*table.key, *table.knowledge.columns, *NAMES, "fixmedins_type", "gend", "certno"}
    free = [c for c in table.columns if c.name not in fixed and c.kind in VALUES and not c.needed]
    return (free[0].name,)


def corrected(table: Table, day: str) -> Row:
    """The same row delivered again with other words in it."""
    return row(table, day) | {c: _other(table[c]) for c in changed(table)}


def _other(column: Column) -> str:
    return {"text": "乙", "code": "8"}.get(column.kind, "0.75" if column.kind == "ratio" else "9")


def all_rows(day: str, correct: bool = False) -> dict[str, list[Row]]:
    """Every source table with its one row."""
    make = corrected if correct else row
    return {name: [make(table, day)] for name, table in SOURCE.items()}
