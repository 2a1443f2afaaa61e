"""Small tables that people fill and send back: CSV or Excel in, CSV out, all cells text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from python_calamine import CalamineError

from claims.errors import UserError
from claims.shown_text import harmless
from claims.sources.workbook_bounds import within_bounds
from claims.store.files import PRIVATE, put

WORKBOOK = b"PK\x03\x04"


def read_table(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """Every cell as text, empty ones missing. UserError naming the file and the column that is not there."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}：读不到文件（{error.strerror}）；请检查路径") from None
    return read_bytes(body, needed, str(path))


def read_bytes(body: bytes, needed: Sequence[str], name: str = "文件") -> pd.DataFrame:
    """The same of a table's bytes: a workbook by its content, else CSV."""
    try:
        if body.startswith(WORKBOOK):
            within_bounds(body, name)
            frame = pd.read_excel(io.BytesIO(body), dtype=str, engine="calamine")
        else:
            frame = _csv(body)
    except (ValueError, OSError, pd.errors.ParserError, pd.errors.EmptyDataError, CalamineError) as error:
        raise UserError(f"{name}：不是可读的表格（{error}）；请另存为 CSV 或 xlsx") from None
    if missing := [c for c in needed if c not in frame.columns]:
        raise UserError(f"{name}：缺少列 {'、'.join(missing)}；请用导出的表格填写，不改表头")
    return frame.map(lambda cell: cell.removeprefix("'") if isinstance(cell, str) else cell)


def _csv(body: bytes) -> pd.DataFrame:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return pd.read_csv(io.BytesIO(body), dtype=str, encoding=encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError("编码既非 UTF-8 也非 GB18030")


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """As CSV with a byte order mark; text that begins like a formula is quoted. The file names people: not for everybody."""
    text = frame.map(lambda cell: harmless(cell) if isinstance(cell, str) else cell)
    put(path, ("\ufeff" + text.to_csv(index=False)).encode("utf-8"), PRIVATE)
