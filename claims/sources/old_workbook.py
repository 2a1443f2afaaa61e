"""Errors of formulas in an old workbook (.xls, BIFF 8 in a compound file), which its reader gives as empty cells.

Layouts: [MS-CFB] (sectors, FAT, directory) and [MS-XLS] (records BoundSheet8, BoolErr, Formula)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
LAST = 0xFFFFFFFA  # sector numbers from here on are none
BOUND_SHEET, BOF, EOF, BOOL_ERR, FORMULA = 0x85, 0x809, 0x0A, 0x205, 0x06
SHOWN = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}


def errors_of_xls(path: Path, title: str) -> dict[tuple[int, int], str]:
    """(row, column), from 0, of the cells of a sheet that hold a formula's error; none where it is no such file."""
    with path.open("rb") as file:
        if file.read(8) != SIGNATURE:
            return {}
    try:
        book = _workbook(path.read_bytes())
        begins = dict(_sheets(book))
        return dict(_errors(book, begins[title])) if title in begins else {}
    except (struct.error, IndexError):  # whoever reads its cells says that it is damaged
        return {}


def _workbook(data: bytes) -> bytes:
    """The stream that holds the cells."""
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    directory, mini_cutoff, mini_fat = (struct.unpack_from("<I", data, at)[0] for at in (48, 56, 60))
    links = list(struct.unpack_from("<109I", data, 76))
    further, count = struct.unpack_from("<II", data, 68)
    for _ in range(min(count, len(data) // size) if further < LAST else 0):
        *more, further = struct.unpack_from(f"<{size // 4}I", data, (further + 1) * size)
        links += more
    fat: list[int] = []
    for sector in (link for link in links if link < LAST):
        fat += struct.unpack_from(f"<{size // 4}I", data, (sector + 1) * size)

    def stream(first: int, step: int, chain: list[int], held: bytes, skipped: int) -> bytes:
        parts: list[bytes] = []
        while first < LAST and len(parts) <= len(chain):
            parts.append(held[(first + skipped) * step : (first + skipped + 1) * step])
            first = chain[first]
        return b"".join(parts)

    entries = stream(directory, size, fat, data, 1)
    root = entries[:128]
    for at in range(0, len(entries), 128):
        entry = entries[at : at + 128]
        name = entry[: max(0, struct.unpack_from("<H", entry, 64)[0] - 2)].decode("utf-16-le", "replace")
        if name in ("Workbook", "Book"):
            first, length = struct.unpack_from("<II", entry, 116)
            if length >= mini_cutoff:
                return stream(first, size, fat, data, 1)[:length]
            small = stream(mini_fat, size, fat, data, 1)
            chain = list(struct.unpack(f"<{len(small) // 4}I", small))
            held = stream(struct.unpack_from("<I", root, 116)[0], size, fat, data, 1)
            return stream(first, 64, chain, held, 0)[:length]
    return b""


def _records(book: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Kind, place and length of each record from a place on."""
    while at + 4 <= len(book):
        kind, length = struct.unpack_from("<HH", book, at)
        yield kind, at + 4, length
        at += 4 + length


def _sheets(book: bytes) -> Iterator[tuple[str, int]]:
    for kind, at, _ in _records(book, 0):
        if kind == EOF:
            return
        if kind == BOUND_SHEET:
            signs, wide = book[at + 6], book[at + 7] & 1
            name = book[at + 8 : at + 8 + signs * (1 + wide)]
            yield name.decode("utf-16-le" if wide else "latin-1"), struct.unpack_from("<I", book, at)[0]


def _errors(book: bytes, begin: int) -> Iterator[tuple[tuple[int, int], str]]:
    depth = 0
    for kind, at, _ in _records(book, begin):
        depth += (kind == BOF) - (kind == EOF)
        if not depth:
            return
        if kind == BOOL_ERR and book[at + 7]:
            yield struct.unpack_from("<HH", book, at), SHOWN.get(book[at + 6], "#N/A")
        elif kind == FORMULA and book[at + 6] == 2 and book[at + 12 : at + 14] == b"\xff\xff":
            yield struct.unpack_from("<HH", book, at), SHOWN.get(book[at + 8], "#N/A")
