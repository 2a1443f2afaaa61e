"""An incoming claim as canonical rows: a settlement and its fee lines, split as intake does (contract.md §1.2)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from claims.errors import UserError
from claims.schema.codes import is_inpatient, visit_class
from claims.schema.table import Column
from claims.schema.tables import CANONICAL, SOURCE

Row = Mapping[str, Any]
#: Newer than any version a warehouse holds, so that nothing stored supersedes the claim.
INCOMING_VERSION = 2**30
#: Stored integers a unit: yuan in fen, prices in millionths of a yuan, quantities in ten-thousandths.
SCALE = {"money": 100, "price": 1_000_000, "qty": 10_000}


def canonical_rows(
    settlement: Row, lines: Sequence[Row], unit_type: str | None, known_at: datetime
) -> dict[str, list[dict[str, Any]]]:
    """Table → rows under canonical names, money in fen. `settlement` and `lines` bear official names, money in yuan.

    `unit_type` is the `fixmedins_type` of the unit, if known. Raises UserError for an amount that is none.
    """
    split = _split(settlement, lines, unit_type)
    return {table: [_canonical(table, row, known_at) for row in rows] for table, rows in split.items()}


def _split(settlement: Row, lines: Sequence[Row], unit_type: str | None) -> dict[str, list[Row]]:
    kind = visit_class(str(settlement["med_type"]), unit_type)
    row = dict(settlement) | {"visit_class": kind, "is_inpatient": is_inpatient(kind)}
    settled = row | {"setl_time": row.get("setl_time") or row.get("endtime") or row["begntime"]}
    common = {k: settlement.get(k) for k in ("mdtrt_id", "psn_no", "fixmedins_code", "setl_id")}
    billed: list[Row] = [common | {"feedetl_sn": f"{i + 1:06d}"} | _given(line) for i, line in enumerate(lines)]
    return {
        "visits": [row],
        "discharges": [row] if row["is_inpatient"] and row.get("endtime") else [],
        "settlements": [settled] if row.get("setl_id") else [],
        "fee_details": billed,
    }


def _given(row: Row) -> dict[str, Any]:
    return {k: v for k, v in row.items() if v is not None and v != ""}


def _canonical(table: str, row: Row, known_at: datetime) -> dict[str, Any]:
    """A row under canonical names; what is empty is left out."""
    values: dict[str, Any] = {}
    for name, column in _columns(table):
        value: Any = row.get(column.name, row.get(name)) if column else row.get(name)
        value = value.item() if hasattr(value, "item") else value
        if value is not None and value != "":
            values[name] = _scaled(name, value, column.kind) if column else value
    values |= {"known_at": known_at, "version_no": INCOMING_VERSION}
    if table == "fee_details":
        values["setl_known_at"] = known_at
    return values


@cache
def _columns(table: str) -> tuple[tuple[str, Column | None], ...]:
    """Canonical names of a table, each with its official column."""
    source = SOURCE["fee_details" if table == "fee_details" else "settlements"]
    of = {name: column for column in reversed(source.columns) for name in (column.name, column.canonical)}
    return tuple((name, of.get(name)) for name in CANONICAL[table].canonical_columns)


def _scaled(name: str, value: Any, kind: str) -> Any:
    if kind not in SCALE:
        return value
    try:
        return round(float(value) * SCALE[kind])
    except (TypeError, ValueError):
        raise UserError(
            f"the claim holds {value!r} in {name}, where an amount is expected; write it as 12.50"
        ) from None
