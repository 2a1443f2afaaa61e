"""Blank cells of somebody else's workbook filled in, everything else left as it is: the parts of the file that hold no such cell are the very bytes that came.

What a program that reads and writes workbooks does not know (pictures, drop-downs, extensions) it would lose; so only the cells are put into the sheet's own XML.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from posixpath import join, normpath
from typing import Any, Final

from lxml import etree

from claims.errors import UserError
from claims.shown_text import visible
from inspection.workbooks import at, grids

_REL: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT: Final = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_LIST: Final = re.compile(r'^"(.*)"$')
LONGEST: Final = 2_000
Value = str | float
Place = tuple[int, int]
"""(line from 1, column from 0)."""


def filled(body: bytes, name: str, cells: Mapping[str, Mapping[Place, Value]], heads: Mapping[str, Place]) -> bytes:
    """The workbook with `cells` filled: sheet → place → text or number. heads: the header cell of each sheet whose looks new titles take.

    UserError where a cell is not blank, a sheet is not there, or what was written does not read back as it should.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            paths = _paths(archive)
            if missing := [s for s in cells if s not in paths]:
                raise UserError(f"{name}：没有“{missing[0]}”页")
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
                parts = {paths[s]: s for s in cells}
                for info in archive.infolist():
                    part = archive.read(info)
                    if (sheet := parts.get(info.filename)) is not None:
                        part = _sheet(part, cells[sheet], heads[sheet], f"{name}[{sheet}]")
                    target.writestr(info, part)
    except (zipfile.BadZipFile, etree.XMLSyntaxError, KeyError, OSError, RuntimeError) as error:
        raise UserError(f"{name}：不能填写这份工作簿（{str(error)[:80]}）；请用表格软件另存为 .xlsx") from None
    made = out.getvalue()
    _compare(body, made, name, cells)
    return made


def choices_of(body: bytes) -> dict[str, dict[int, tuple[str, ...]]]:
    """Sheet → column → the words of its drop-down, where these stand in the sheet itself."""
    found: dict[str, dict[int, tuple[str, ...]]] = {}
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for sheet, path in _paths(archive).items():
            for rule in _parsed(archive.read(path)).iter("{*}dataValidation"):
                told = _LIST.match((rule.findtext("{*}formula1") or "").strip())
                if told and (first := re.match(r"([A-Z]{1,3})\d", rule.get("sqref") or "")):
                    found.setdefault(sheet, {})[_column(first[1])] = tuple(w.strip() for w in told[1].split(","))
    return found


def _parsed(part: bytes) -> Any:
    return etree.fromstring(part, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def _paths(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet → its part of the archive."""
    book = _parsed(archive.read("xl/workbook.xml"))
    links = {r.get("Id"): r.get("Target") for r in _parsed(archive.read("xl/_rels/workbook.xml.rels"))}
    found = {}
    for sheet in book.iter("{*}sheet"):
        target = links.get(sheet.get(_REL) or sheet.get(_STRICT), "")
        found[sheet.get("name")] = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
    return found


def _column(letters: str) -> int:
    found = 0
    for letter in letters:
        found = 26 * found + ord(letter) - ord("A") + 1
    return found - 1


def _sheet(part: bytes, cells: Mapping[Place, Value], head: Place, where: str) -> bytes:
    tree = _parsed(part)
    space = re.match(r"\{.*\}", tree.tag)[0]  # type: ignore[index]
    data = tree.find(f"{space}sheetData")
    rows, last = {}, 0
    for row in data:
        last = int(row.get("r") or last + 1)
        row.set("r", str(last))
        rows[last] = row
    for line in sorted({place[0] for place in cells}):
        if line not in rows:
            raise UserError(f"{where}：第{line}行不在表中")
        row = rows[line]
        held = _cells(row, line)
        words = [c for _, c in sorted(held.items(), reverse=True) if c.get("t") in ("s", "str", "inlineStr")]
        style_of_words = next(
            (c.get("s") for c in words if c.get("s")), None
        )  # a date's look would make a date of an amount
        for column in sorted(c for i, c in cells if i == line):
            cell = held.get(column)
            if cell is None:
                cell = etree.Element(f"{space}c", r=at(column, line))
                style = held[head[1]].get("s") if line == head[0] and head[1] in held else style_of_words
                if style:
                    cell.set("s", style)
                after = [c for j, c in held.items() if j < column]
                row.insert(list(row).index(after[-1]) + 1 if after else 0, cell)
                held = dict(sorted({**held, column: cell}.items()))
            elif cell.find(f"{space}f") is not None:
                raise UserError(f"{where}：{at(column, line)} 已有内容，不覆盖")
            del cell[:]  # a blank, or nothing
            _write(cell, cells[line, column], space)
        if row.get("spans"):
            del row.attrib["spans"]
    if (size := tree.find(f"{space}dimension")) is not None:
        size.getparent().remove(size)  # a hint only, and now too small
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True))


def _cells(row: Any, line: int) -> dict[int, Any]:
    found, last = {}, -1
    for cell in row:
        place = re.match("[A-Z]+", cell.get("r") or "")
        last = _column(place[0]) if place else last + 1
        cell.set("r", at(last, line))
        found[last] = cell
    return found


def _write(cell: Any, value: Value, space: str) -> None:
    if isinstance(value, str):
        cell.set("t", "inlineStr")  # text, whatever it begins with: never a formula
        text = etree.SubElement(etree.SubElement(cell, f"{space}is"), f"{space}t")
        text.text = visible(value)[:LONGEST]
        text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    else:
        cell.attrib.pop("t", None)
        etree.SubElement(cell, f"{space}v").text = repr(round(value, 6))


def _compare(before: bytes, after: bytes, name: str, cells: Mapping[str, Mapping[Place, Value]]) -> None:
    """What came reads back cell by cell, and beside it only what was filled. UserError where it does not."""
    old, new = ({g.name: g.cells for g in grids(b, name)} for b in (before, after))
    for sheet, rows in old.items():
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                if (i + 1, j) in cells.get(sheet, {}):
                    if cell is not None:
                        raise UserError(f"{name}[{sheet}]：{at(j, i + 1)} 已有内容，不覆盖")
                elif new[sheet][i][j] != cell:
                    raise UserError(
                        f"{name}[{sheet}]：填写会改动 {at(j, i + 1)}，没有写出；请用表格软件另存为 .xlsx 后重试"
                    )
