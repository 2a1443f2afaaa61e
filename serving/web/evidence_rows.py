"""Claim rows of a reason as a table that can be read: few columns, what all rows share said once above it."""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.web.column_titles import COLUMN_TITLES

FIRST = ("happened_at", "fixmedins_code", "hilist_name", "item", "drug", "cnt", "pric", "yuan")
LAST = ("record_fee_yuan", "record_fund_yuan", "record_acct_yuan", "row_table", "row_id")


def counted(row: Mapping[str, Any]) -> float | None:
    """What a row counts, in yuan; None for nought of a record that is not settled yet: nothing was paid on it so far."""
    unsettled = "record_fund_yuan" in row and row["record_fund_yuan"] is None and row.get("record_acct_yuan") is None
    money: float | None = row.get("yuan")
    return None if unsettled and not money else money


def twins(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> set[str]:
    """Columns that say in every row what another says: money again under a second name, the day of a time beside it."""
    own = [c for c in columns if c in LAST]
    found = set()
    for column in columns:
        if column.endswith("_yuan") and column not in LAST:
            same = any(all(r.get(column) == r.get(other) for r in rows) for other in own)
        else:
            begun = column == "adm_date" and "begntime" in columns
            same = begun and all(str(r.get("begntime")).startswith(str(r.get(column))) for r in rows)
        found |= {column} if same else set()
    return found


def view(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`columns` in the order of reading, without empty ones, and `shared`: {column: value} of those that say the same in every one of several rows.

    The record's own place, time and money always stay columns, for a row is found by them.
    """
    known = [c for c in rows[0] if c in COLUMN_TITLES] if rows else []
    filled = [c for c in known if any(r.get(c) not in (None, "") for r in rows)]
    keep = {"happened_at", "yuan", "row_table", "row_id", "hilist_name", "fixmedins_code"}
    shared = {
        c: rows[0].get(c)
        for c in filled
        if len(rows) > 1 and c not in keep and all(r.get(c) == rows[0].get(c) for r in rows)
    }
    doubled = ({"day"} if "happened_at" in filled else set()) | twins(rows, [c for c in filled if c not in shared])
    left = [c for c in filled if c not in shared and c not in doubled]
    middle = [c for c in left if c not in FIRST and c not in LAST]
    columns = [*(c for c in FIRST if c in left), *middle, *(c for c in LAST if c in left)]
    return {"columns": columns, "shared": {c: v for c, v in shared.items() if v is not None and c not in doubled}}
