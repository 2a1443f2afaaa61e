"""Values as files take them: JSON without NaN, text that no spreadsheet runs, that no reader sees reversed and that no XML chokes on."""

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import pandas as pd

#: A spreadsheet takes a cell that begins so for a formula (OWASP CSV injection), full-width forms included.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
LONGEST: Final = 32_000
"""Characters of a workbook's cell; Excel takes 32,767."""
_TURNING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn the direction of writing (by them `exe.slx` reads `xls.exe`), and the mark of byte order."""


def visible(text: str) -> str:
    """Text of characters that are seen: no control characters but tab and line feed, no marks of direction, no half of a pair, no non-characters."""
    return "".join(c for c in text if _seen(c))


def _seen(c: str) -> bool:
    code = ord(c)
    if code < 0x20:
        return c in "\t\n"
    return not (0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE or c in _TURNING)


def harmless(text: str) -> str:
    """Text for CSV that no spreadsheet runs: what is not seen is gone, a leading formula sign quoted."""
    clean = visible(text).replace("\n", "")
    return "'" + clean if clean.lstrip(" ").startswith(FORMULA) or text.startswith(FORMULA) else clean


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
