"""What an uploaded workbook would become when it is opened, told without opening it: its size, and how far it reaches.

A reader makes room for every cell up to the last one that is filled: a file of 6 KB with one word in A1 and one in
XFD1048576 asks for 550 GB, and the library that reads it ends the process. Sizes in an archive's head may be lies, so
parts are unpacked here to their end, piece by piece, and nothing of them is kept.
"""

from __future__ import annotations

import copy
import io
import re
import zipfile
import zlib
from typing import Final

from claims.errors import UserError

MAX_UNPACKED: Final = 400_000_000
MAX_CELLS: Final = 20_000_000
"""Of one sheet, from A1 to its last filled row and column: ten times 20,000 rows of a hundred columns."""
_PLACE: Final = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,3})(\d{1,9})["']""")
_PIECE: Final = 1 << 20
_OVERLAP: Final = 40


def within_bounds(body: bytes, name: str) -> None:
    """UserError (Chinese) for what is no archive, unpacks beyond MAX_UNPACKED, or has a sheet beyond MAX_CELLS."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            left = MAX_UNPACKED
            for info in archive.infolist():
                left -= _part(archive, info, left, name)
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, RuntimeError, NotImplementedError):
        raise UserError(f"{name}：不是可读的 .xlsx 工作簿，或文件已损坏；请用表格软件另存为 .xlsx") from None


def _part(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int, name: str) -> int:
    """Bytes of one part, unpacked."""
    told = copy.copy(info)
    told.file_size = left + 2 * _PIECE  # read to the end of what is packed, whatever the head says
    is_sheet = info.filename.lower().endswith(".xml") and "worksheets/" in info.filename.lower()
    size = rows = columns = 0
    rest = b""
    with archive.open(told) as stream:
        while piece := stream.read(_PIECE):
            size += len(piece)
            if size > left:
                raise UserError(f"{name}：展开后超过 {MAX_UNPACKED // 1_000_000} MB，不像手填的表；请分成几份")
            if not is_sheet:
                continue
            for letters, digits in _PLACE.findall(rest + piece):
                rows = max(rows, int(digits))
                columns = max(columns, _column(letters))
            if rows * max(columns, 1) > MAX_CELLS:
                raise UserError(
                    f"{name}：内容一直铺到 {rows} 行、{columns} 列，不像手填的表；请删去表外的单元格后另存为 .xlsx"
                )
            rest = piece[-_OVERLAP:]
    return size


def _column(letters: bytes) -> int:
    found = 0
    for letter in letters.upper():
        found = 26 * found + letter - ord("A") + 1
    return found
