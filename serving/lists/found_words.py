"""What a list says of a suspect beside the reasons: what was found before, and for which stay a person stands there."""

from typing import Any

import pandas as pd


def listed_for(row: Any) -> str:
    """What the list says of a person who stands there mostly for a stay: the person's own numbers do not show it."""
    stay = as_text(row.get("worst_stay"))
    return f"主要因住院{stay}列入，其理由见该次住院" if stay else ""


def earlier_findings(row: Any) -> str:
    """What the list says when stays of the same doctor were confirmed before: it raised the score, and no claim row shows it."""
    count = row.get("found_before", 0)
    return f"同一医师此前已有{int(count)}例住院查实" if count and count > 0 else ""


def as_text(value: Any) -> str:
    """A cell of a frame as text, '' where it is missing."""
    return "" if value is None or (not isinstance(value, str) and pd.isna(value)) else str(value)
