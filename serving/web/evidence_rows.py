"""Claim rows of a reason as a table that can be read: few columns, what all rows share said once above it."""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.web.column_titles import COLUMN_TITLES

FIRST = ("happened_at", "fixmedins_code", "hilist_name", "item", "drug", "cnt", "pric", "yuan")
LAST = ("record_fee_yuan", "record_fund_yuan", "record_acct_yuan", "row_table", "row_id")


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
    doubled = {"day"} if "happened_at" in filled else set()
    left = [c for c in filled if c not in shared and c not in doubled]
    middle = [c for c in left if c not in FIRST and c not in LAST]
    columns = [*(c for c in FIRST if c in left), *middle, *(c for c in LAST if c in left)]
    return {"columns": columns, "shared": {c: v for c, v in shared.items() if v is not None and c not in doubled}}
