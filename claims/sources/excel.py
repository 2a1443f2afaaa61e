"""Excel workbooks: every sheet that names a table, read as text cell by cell with python-calamine."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from claims.errors import UserError
from claims.sources.delimited import TextFault, no_row
from claims.sources.source import Loaded, Source
from claims.store.sql import name

if TYPE_CHECKING:
    import pandas as pd

#: Rows of the largest sheet of .xls and .xlsx.
ROW_LIMITS = (65_536, 1_048_576)
HEADER_WITHIN = 10  # merged titles stand above the header


def _open(path: Path) -> Any:
    from python_calamine import CalamineWorkbook

    try:
        return CalamineWorkbook.from_path(str(path))
    except Exception as error:  # calamine raises its own family, without a common base
        raise UserError(
            f"{path.name} is not a readable Excel workbook ({str(error)[:120]}); save it again as .xlsx or CSV"
        ) from None


def sheets(path: Path) -> list[str]:
    """Names of a workbook's sheets."""
    return list(_open(path).sheet_names)


def holds_rows(path: Path, title: str) -> bool:
    """Whether a sheet has more than one row."""
    return bool(_open(path).get_sheet_by_name(title).height > 1)


def read_sheets(path: Path) -> dict[str, pd.DataFrame]:
    """Every sheet with a header in its first row, as text; empty cells are None."""
    import pandas as pd

    book = _open(path)
    found = {}
    for title in book.sheet_names:
        head, *body = book.get_sheet_by_name(title).to_python(skip_empty_area=False) or [[]]
        names = [str(c).strip() for c in head]
        found[title] = pd.DataFrame([[cell_text(c) for c in row] for row in body], columns=names, dtype=object)
    return found


def cell_text(value: Any) -> str | None:
    """A cell as text: whole numbers without ``.0``, dates in ISO form."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return (
            f"{value:.5E}".replace("E+0", "E+") if abs(value) >= 1e15 else repr(value)
        )  # digits beyond 15 were lost in Excel
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def load_sheet(con: duckdb.DuckDBPyConnection, source: Source, number: int) -> Loaded:
    """One sheet as a relation of text columns. The header is the first row without a gap among the first ten."""
    assert source.path is not None
    assert source.sheet is not None
    try:
        rows = _open(source.path).get_sheet_by_name(source.sheet).to_python(skip_empty_area=False)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{source.label} cannot be read ({str(error)[:120]}); save the workbook again") from None
    width = max((len(r) for r in rows), default=0)
    top = next(
        (
            i
            for i, r in enumerate(rows[:HEADER_WITHIN])
            if sum(c not in (None, "") for c in r) >= max(2, width // 2)
            and all(isinstance(c, str) for c in r if c not in (None, ""))
        ),
        None,
    )
    if top is None:
        raise UserError(
            f"{source.label} has no recognisable header in its first {HEADER_WITHIN} rows; the first row must name "
            "the columns"
        )
    header = [str(c).strip() or f"column_{i + 1}" for i, c in enumerate(rows[top])]
    if twice := sorted({h for h in header if header.count(h) > 1}):
        raise UserError(f"{source.label}: the header names the column {twice[0]!r} twice; rename one of them")
    body = rows[top + 1 :]
    while body and all(c in (None, "") for c in body[-1]):
        body.pop()
    texts = [[cell_text(c) for c in r[: len(header)]] for r in body]
    faults: list[TextFault] = []
    kept: list[list[str | None]] = []
    jumps: list[tuple[int, int]] = []
    for line, cells in enumerate(texts, start=top + 2):
        if why := no_row(cells):
            faults.append(TextFault(line, "Q06", "\t".join(c or "" for c in cells), why))
            continue
        if not jumps or line - len(kept) != jumps[-1][1]:
            jumps.append((len(kept), line - len(kept)))
        kept.append(cells)
    columns = {h: pa.array([cells[i] for cells in kept], pa.string()) for i, h in enumerate(header)}
    raw = f"raw_{number}"
    con.register("bulk", pa.table(columns | {"_row": pa.array(range(len(kept)), pa.int64())}))
    con.execute(f"CREATE TABLE {name(raw)} AS SELECT * FROM bulk")
    con.unregister("bulk")
    types = dict.fromkeys(header, "VARCHAR")
    first = jumps[0][1] if jumps else top + 2
    return Loaded(name(raw), types, len(kept), first, tuple(jumps), tuple(faults), drop=raw)
