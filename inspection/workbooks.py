"""Workbooks as offices send them: title rows above the header, merged cells, several sheets. Every cell as text, with its place.

Cells are read as intake reads them (claims/sources/excel.py `cell_text`): a long number that a spreadsheet rounded shows as 4.29E+17. What stands in a
merged range is said in each of its cells.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook

from claims.errors import UserError
from claims.sources.excel import cell_text
from claims.sources.workbook_bounds import within_bounds

MAX_BYTES: Final = 20_000_000
MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 200
HEADER_WITHIN: Final = 20
Cells = tuple[str | None, ...]


@dataclass(frozen=True)
class Grid:
    """One sheet: every cell as text, row by row from A1."""

    name: str
    cells: tuple[Cells, ...]


@dataclass(frozen=True)
class Listed:
    """The table of a sheet: the line its header stands on (1 = first), its titles, and the rows below with their lines."""

    sheet: str
    line: int
    titles: tuple[str, ...]
    lines: tuple[int, ...]
    rows: tuple[Cells, ...]


def at(column: int, line: int) -> str:
    """A cell as a spreadsheet names it; column from 0, line from 1."""
    letters, rest = "", column + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return f"{letters}{line}"


def read_workbook(path: Path) -> tuple[bytes, list[Grid]]:
    """(bytes, sheets) of an .xlsx. UserError for what is none, is locked, or is larger than a person could have filled."""
    try:
        size = path.stat().st_size
        body = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise UserError(f"{path}：读不到文件（{error.strerror}）；请检查路径") from None
    if size > MAX_BYTES:
        raise UserError(f"{path.name}：文件有 {size / 1e6:.0f} MB，最多 {MAX_BYTES // 1_000_000} MB；请分成几份")
    return body, grids(body, path.name)


def grids(body: bytes, name: str) -> list[Grid]:
    """The sheets of an .xlsx that hold anything. UserError as `read_workbook`."""
    if body.startswith(b"\xd0\xcf\x11\xe0"):
        raise UserError(f"{name}：这是旧格式（.xls）或加了密码的文件；请另存为 .xlsx、去掉密码")
    within_bounds(body, name)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(body))
        found = [_grid(book, sheet, name) for sheet in book.sheet_names]
    except UserError:
        raise
    except (CalamineError, ValueError, OSError, KeyError) as error:
        raise UserError(f"{name}：不是可读的 .xlsx 工作簿（{str(error)[:80]}）；请用表格软件另存为 .xlsx") from None
    return [g for g in found if any(c is not None for row in g.cells for c in row)]


def _grid(book: CalamineWorkbook, title: str, name: str) -> Grid:
    sheet = book.get_sheet_by_name(title)
    if sheet.height > MAX_ROWS + HEADER_WITHIN:
        raise UserError(f"{name}[{title}]：有 {sheet.height} 行，一份最多 {MAX_ROWS} 行；请分成几份")
    rows = [[cell_text(c) for c in row[:MAX_COLUMNS]] for row in sheet.to_python(skip_empty_area=False)]
    width = max((len(r) for r in rows), default=0)
    cells = [[_shown(c) for c in r] + [None] * (width - len(r)) for r in rows]
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        for i in range(top, min(bottom + 1, len(cells))):
            for j in range(left, min(right + 1, width)):
                cells[i][j] = cells[top][left] if left < width else None
    return Grid(title, tuple(tuple(r) for r in cells))


def _shown(text: str | None) -> str | None:
    return text.strip() or None if text is not None else None


def table_of(grid: Grid, known: Callable[[Sequence[str]], float]) -> Listed | None:
    """The table of a sheet: its header is that of the first rows whose titles say most (`known`: how much), None where none says anything.

    Rows without a cell are left out; all others are kept, totals and remarks at the foot included: what they are, their reader says.
    """
    best, where = 0.0, -1
    for i, row in enumerate(grid.cells[:HEADER_WITHIN]):
        titles = tuple(_title(c) for c in row)
        said = known(titles) if len({t for t in titles if t}) > 1 else 0.0
        if said > best:
            best, where = said, i
    if where < 0:
        return None
    titles = tuple(_title(c) for c in grid.cells[where])
    body = [(i + 1, r) for i, r in enumerate(grid.cells) if i > where and any(c is not None for c in r)]
    body = [(i, r) for i, r in body if tuple(_title(c) for c in r) != titles]
    return Listed(grid.name, where + 1, titles, tuple(i for i, _ in body), tuple(r for _, r in body))


def _title(cell: str | None) -> str:
    return "".join((cell or "").split())
