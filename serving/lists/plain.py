"""Values as files take them: JSON without NaN, text of a workbook's cell."""

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import pandas as pd

from claims.shown_text import visible

LONGEST: Final = 32_000
"""Characters of a workbook's cell; Excel takes 32,767."""


def safe_cell(text: str) -> str:
    """Text for a workbook's cell. A typed string is no formula, so no quote is added."""
    return visible(text)[:LONGEST]


def plain(value: Any) -> Any:
    """A value for JSON: NaN and NaT as None, numpy scalars as Python's, moments as ISO text."""
    if value is None or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "item"):
        return plain(value.item())
    return value


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as JSON-ready dictionaries."""
    return [{str(k): plain(v) for k, v in row.items()} for row in frame.to_dict(orient="records")]
