"""Text as it may leave: none that a spreadsheet runs, a reader sees reversed or XML chokes on; numbers masked."""

from typing import Final

#: A spreadsheet takes a cell that begins so for a formula (OWASP CSV injection), full-width forms included.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_TURNING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn the direction of writing (by them `exe.slx` reads `xls.exe`), and the mark of byte order."""


def visible(text: str) -> str:
    """Text of characters that are seen: no control characters but tab and line feed, no marks of direction, no half
    of a pair, no non-characters."""
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


def mask(number: str) -> str:
    """A personal number as pages show it: the first three and last four characters, e.g. `429…1234`; short ones only
    the last two."""
    if not number:
        return ""
    return f"{number[:3]}…{number[-4:]}" if len(number) >= 10 else f"…{number[-2:]}"
