"""Which official table a file, sheet or database table fills, by its name."""

from __future__ import annotations

import fnmatch
import re

from claims.schema.mapping import Mapping
from claims.schema.tables import SOURCE


def table_of(stem: str, mapping: Mapping) -> str | None:
    """Which official table a file, sheet or database table of that name fills; None if none."""
    low = stem.lower()
    for table, rule in mapping.tables.items():
        if not rule.derive and any(fnmatch.fnmatch(low, pattern.lower()) for pattern in rule.files):
            return table
    claimed = {table for table, rule in mapping.tables.items() if rule.files or rule.derive}
    for table, declared in SOURCE.items():
        if table not in claimed and (
            low == table or stem == declared.zh or re.fullmatch(re.escape(table) + r"[-_.]?[0-9_-]+", low)
        ):
            return table
    return None
