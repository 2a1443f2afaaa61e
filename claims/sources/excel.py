"""Workbooks of Excel, WPS and LibreOffice: every sheet that names a table, read as text cell by cell with
python-calamine, which goes by what a file holds, not by its name (.et is .xls or .xlsx)."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import duckdb
import pyarrow as pa

from claims.errors import UserError
from claims.sources.delimited import TextFault, no_row, read_as_latin
from claims.sources.encoding import other_than_text
from claims.sources.old_workbook import errors_of_xls
from claims.sources.source import Loaded, Source
from claims.store.sql import name

if TYPE_CHECKING:
    import pandas as pd

WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".et", ".ods")
#: Rows of the largest sheet of .xls and .xlsx.
ROW_LIMITS = (65_536, 1_048_576)
HEADER_WITHIN = 10  # merged titles stand above the header


def _open(path: Path) -> Any:
    from python_calamine import CalamineWorkbook

    try:
        if path.suffix.lower() == ".xlsx":
            return CalamineWorkbook.from_path(str(path))
        return CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes()))
    except Exception as error:  # calamine raises its own family, without a common base
        what = "" if "workbook" in (found := other_than_text(path)) else found
        raise UserError(
            f"{path.name} is {what or 'not a readable Excel workbook'} ({str(error)[:120]}); save it again as .xlsx or "
            "CSV"
        ) from None


def sheets(path: Path) -> list[str]:
    """Names of a workbook's sheets."""
    return list(_open(path).sheet_names)


def hidden_sheets(path: Path) -> set[str]:
    """Names of the sheets nobody sees who opens the workbook."""
    from python_calamine import SheetVisibleEnum

    return {sheet.name for sheet in _open(path).sheets_metadata if sheet.visible != SheetVisibleEnum.Visible}


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
    for (row, column), broken in _errors(source.path, source.sheet).items():
        if 0 <= (at := row - top - 1) < len(texts) and column < len(header):
            texts[at][column] = broken
    faults: list[TextFault] = []
    kept: list[list[str | None]] = []
    jumps: list[tuple[int, int]] = []
    for line, cells in enumerate(texts, start=top + 2):
        raw = "\t".join(c or "" for c in cells)
        if why := no_row(cells):
            faults.append(TextFault(line, "Q06", raw, why))
            continue
        if read_as_latin(raw):
            faults.append(TextFault(line, "Q05", raw))
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


#: A cell that holds the error of a formula, which calamine reads as an empty one.
_ERROR = re.compile(rb'<c r="([A-Z]{1,3})([0-9]+)"[^>]*? t="e"[^>]*>(?:<f[^>]*?(?:/>|>.*?</f>))?<v>([^<]*)</v>', re.S)
_SHEET = re.compile(rb"<sheet\b[^>]*>")


def _errors(path: Path, title: str) -> dict[tuple[int, int], str]:
    """(row, column), from 0, of the cells of a workbook that hold a formula's error, such as #N/A: a value that
    is lost, not one that is missing."""
    try:
        with zipfile.ZipFile(path) as archive:
            if "content.xml" in archive.namelist():
                return _errors_of_ods(archive.read("content.xml"), title)
            body = archive.read(_member(archive, title))
    except zipfile.BadZipFile:
        return errors_of_xls(path, title)
    except (KeyError, StopIteration):
        return {}
    if b't="e"' not in body:
        return {}
    found = {}
    for letters, row, error in _ERROR.findall(body):
        column = 0
        for letter in letters:
            column = column * 26 + letter - 64
        found[int(row) - 1, column - 1] = error.decode("ascii", "replace")
    return found


_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_CALC = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"


def _errors_of_ods(body: bytes, title: str) -> dict[tuple[int, int], str]:
    """`_errors` of a workbook in the open format, which holds them as text without a value."""
    if b'value-type="error"' not in body:
        return {}
    found: dict[tuple[int, int], str] = {}
    sheet = next(t for t in ElementTree.fromstring(body).iter(f"{_TABLE}table") if t.get(f"{_TABLE}name") == title)
    row = 0
    for line in sheet.iter(f"{_TABLE}table-row"):
        column = 0
        times = int(line.get(f"{_TABLE}number-rows-repeated", 1))
        for cell in line:
            wide = int(cell.get(f"{_TABLE}number-columns-repeated", 1))
            if cell.get(f"{_CALC}value-type") == "error":
                told = "".join(cell.itertext()).strip()
                told = told if told.startswith("#") else "#N/A"
                found |= {(row + i, column + k): told for i in range(times) for k in range(wide)}
            column += wide
        row += times
    return found


def _member(archive: zipfile.ZipFile, title: str) -> str:
    """The part of a workbook that holds a sheet; KeyError or StopIteration where it is not laid out as Excel does."""
    from html import unescape

    def told(tag: bytes, name: str) -> str:
        return unescape(re.search(rf'\b{name}="([^"]*)"'.encode(), tag)[1].decode())  # type: ignore[index]

    tags = _SHEET.findall(archive.read("xl/workbook.xml"))
    link = next(told(tag, "r:id") for tag in tags if told(tag, "name") == title)
    links = re.findall(rb"<Relationship\b[^>]*>", archive.read("xl/_rels/workbook.xml.rels"))
    target = next(told(tag, "Target") for tag in links if told(tag, "Id") == link)
    return target.lstrip("/") if target.startswith("/xl/") else f"xl/{target}"
