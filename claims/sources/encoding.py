"""The one encoding of a text file, decided for the whole of it (contract.md §6.2): BOM → strict UTF-8 → strict
GB18030 → refusal with the byte offset."""

from __future__ import annotations

import codecs
import functools
import gzip
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from claims.errors import UserError

BLOCK = 1 << 22
#: Characters from which, and up to which, a file is judged, and the share of usual ones that a text has at least.
FEWEST_TO_TELL, ENOUGH_TO_TELL, BLOCKS_TO_TELL, USUAL = 4, 20_000, 8, 0.6
#: a run of bytes that is nothing but Chinese in UTF-8, inside a file that as a whole is GB18030
UTF8_RUN = re.compile(rb"(?<![\x80-\xff])(?:[\xe3-\xe9][\x80-\xbf]{2}){2,}(?![\x80-\xff])")


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


#: How files begin that are no text tables, whatever their names say.
BEGINNINGS = (
    (re.compile(rb"PK\x03\x04"), "a zip or an .xlsx workbook by its content"),
    (re.compile(rb"\xd0\xcf\x11\xe0"), "an old workbook (.xls) by its content"),
    (re.compile(rb"%PDF"), "a PDF"),
    (
        re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|meta|table|style|\?xml)\b", re.I),
        "a web page by its content",
    ),
)


def other_than_text(path: Path) -> str:
    """What a file is that is no text table, as old systems name a web page .xls; empty if nothing shows it."""
    with _open(path) as file:
        head = file.read(256)
    return next((what for begins, what in BEGINNINGS if begins.match(head)), "")


def decide_encoding(path: Path, label: str) -> str:
    """The encoding the file must be in: what its byte-order mark says, UTF-8 if all of it is valid, else GB18030,
    which `utf8_blocks` then holds it to."""
    try:
        with _open(path) as file:
            head = file.read(4)
        if what := other_than_text(path):
            raise UserError(f"{label} is {what}; open it and save it again as .xlsx or CSV")
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        marked = head.startswith(codecs.BOM_UTF8)
        return "utf-8-sig" if marked else "gb18030" if _fault(path, "utf-8") is not None else "utf-8"
    except (OSError, EOFError) as error:
        raise UserError(f"cannot read {label}: {getattr(error, 'strerror', None) or error}") from None


def _fault(path: Path, encoding: str) -> int | None:
    """Offset of the first byte that is impossible in an encoding; None if the whole file is valid."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    done = held = 0
    try:
        with _open(path) as file:
            while block := file.read(BLOCK):
                held = len(decoder.getstate()[0])
                decoder.decode(block)
                done += len(block)
            held = len(decoder.getstate()[0])
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return done - held + error.start
    return None


def require(path: Path, encoding: str, label: str) -> None:
    """UserError with the byte offset if the file as a whole is not valid in the encoding decided for it."""
    tried = ("utf-8", "gb18030") if encoding == "gb18030" else (encoding,)
    faults = [(fault, name) for name in tried if (fault := _fault(path, name)) is not None]
    if len(faults) == len(tried):
        named = " nor ".join(n.upper() for n in tried)
        raise UserError(
            f"{label}: not valid {named} (first impossible byte at offset {max(faults)[0]:,}); the file mixes "
            "encodings or is damaged, export it again as UTF-8 or GB18030"
        )


def refuse_mojibake(path: Path, label: str, mixed: set[int]) -> None:
    """UserError if what decodes as GB18030 is hardly text in it: nearly every character a Chinese system writes is
    one of GB 2312's 6,763, of Big5 or of UTF-8 cut short read as GB18030 hardly one in three. Rare names beyond
    the Basic Multilingual Plane and in extension A say nothing either way, nor do `mixed` lines, which are set aside
    one by one."""
    usual = seen = line = 0
    for block in islice(utf8_blocks(path, "gb18030"), BLOCKS_TO_TELL):
        if mixed:
            texts = block.split(b"\n")
            judged = b"\n".join(text for i, text in enumerate(texts, start=line + 1) if i not in mixed)
            line += len(texts) - 1
        at = np.frombuffer((judged if mixed else block).decode().encode("utf-32-le"), np.uint32)
        kinds = _kinds()[at[(at > 0x7F) & (at < 0x10000)]]
        seen += int(np.count_nonzero(kinds))
        usual += int(np.count_nonzero(kinds == 2))
        if seen > ENOUGH_TO_TELL:
            break
    if seen >= FEWEST_TO_TELL and usual < USUAL * seen:
        raise UserError(
            f"{label}: it is no valid UTF-8, and read as GB18030 {seen - usual} of {seen} characters are none that "
            "Chinese systems write; it is Big5, or UTF-8 cut in the middle of a character. Export it again as UTF-8"
        )


@functools.cache
def _kinds() -> np.ndarray:
    """Of each character of the Basic Multilingual Plane: 2 a Chinese one of GB 2312, 1 another that Big5 or cut UTF-8
    would give, 0 one that says nothing."""
    kinds = np.zeros(0x10000, np.uint8)
    for begin, end in ((0x4E00, 0xA000), (0x3041, 0x3130), (0xE000, 0xF900), (0x370, 0x530)):
        kinds[begin:end] = 1
    for at in range(0x4E00, 0xA000):
        kinds[at] += _in_gb2312(chr(at))
    return kinds


def _in_gb2312(char: str) -> bool:
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def utf8_blocks(path: Path, encoding: str) -> Iterator[bytes]:
    """The file as UTF-8 blocks ending at a line end; CR LF and lone CR become LF. UnicodeDecodeError if it is not in
    that encoding."""
    rest = b""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with _open(path) as file:
        while block := file.read(BLOCK):
            # plain UTF-8 was decoded as a whole when it was chosen
            data = rest + (block if encoding == "utf-8" else decoder.decode(block).encode())
            if data.endswith(b"\r"):  # the LF may follow in the next block
                cut = data.rfind(b"\n") + 1
            else:
                cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
            data, rest = data[:cut], data[cut:]
            if data:
                yield _lf(data)
    if data := rest + decoder.decode(b"", final=True).encode():
        yield _lf(data)


def _lf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def _mixed(raw: bytes) -> bool:
    """Whether a line of a GB18030 file holds a run that is plainly Chinese in UTF-8 and not in GB18030."""
    for run in UTF8_RUN.findall(raw):
        try:
            as_utf8 = run.decode("utf-8")
            as_utf8.encode("gb2312")
        except UnicodeError:
            continue
        try:
            run.decode("gb2312")
        except UnicodeDecodeError:
            return True
        if any(pair[0] >= 0xD8 for pair in (c.encode("gb2312") for c in run.decode("gb2312"))) and all(
            c.encode("gb2312")[0] < 0xD8 for c in as_utf8
        ):
            return True
    return False


def _suspicious(data: bytes) -> bool:
    """Whether two Chinese characters in UTF-8 stand right behind an ASCII byte somewhere (vectorised; `_mixed` looks
    closer)."""
    raw = np.frombuffer(b"\n" + data, np.uint8)
    if len(raw) < 7:
        return False
    starts = np.flatnonzero((raw[:-6] < 0x80) & (raw[1:-5] >= 0xE3) & (raw[1:-5] <= 0xE9))
    starts = starts[(raw[starts + 4] >= 0xE3) & (raw[starts + 4] <= 0xE9)]
    for k in (2, 3, 5, 6):
        starts = starts[(raw[starts + k] >= 0x80) & (raw[starts + k] <= 0xBF)]
    return bool(len(starts))


def mixed_lines(path: Path) -> set[int]:
    """Lines of a GB18030 file that are really UTF-8 (files concatenated from two systems)."""
    found: set[int] = set()
    line = 0
    with _open(path) as file:
        rest = b""
        while True:
            block = file.read(BLOCK)
            data = rest + block
            cut = data.rfind(b"\n") + 1 if block else len(data)
            data, rest = data[:cut], data[cut:]
            if _suspicious(data):
                found |= {line + i for i, raw in enumerate(data.split(b"\n"), start=1) if _mixed(raw)}
            line += data.count(b"\n")
            if not block:
                return found
