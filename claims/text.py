"""Delimited text made safe for the database: whole-file strict decoding, and every broken line set aside (trust.md findings 4, 5).

The encoding is decided for the whole file: BOM → strict UTF-8 → strict GB18030 → refusal with the byte offset. The text is then written as UTF-8
CSV with the same records in the same order; a record that is no record (wrong number of columns, unclosed quote, control characters, a
repeated header, a page total, two encodings in one file) becomes a `TextFault` with its line and its text.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from claims.errors import UserError

BLOCK = 1 << 22
MAX_QUOTED_LINES = 50  # an open quote that spans more lines than this was never closed
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
CONTROL_BYTES = bytes(b for b in (*range(32), 127) if b not in (9, 10, 13))
#: a run of bytes that is nothing but Chinese in UTF-8, inside a file that as a whole is GB18030
UTF8_RUN = re.compile(rb"(?<![\x80-\xff])(?:[\xe3-\xe9][\x80-\xbf]{2}){2,}(?![\x80-\xff])")
TOTALS = ("合计", "小计", "总计", "本页合计", "共计")
MOJIBAKE = ("锟斤拷", "烫烫烫", "Ã¥", "â€")


@dataclass(frozen=True)
class TextFault:
    """A line that could not become a row."""

    line: int
    code: str
    raw: str
    detail: str = ""


@dataclass(frozen=True)
class CleanText:
    """A cleaned file: UTF-8, comma-separated, no header; `header` names the columns, row n began on line n + shift (see `jumps`)."""

    path: Path
    header: tuple[str, ...]
    rows: int
    first_line: int
    jumps: tuple[tuple[int, int], ...]
    faults: tuple[TextFault, ...]
    encoding: str


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def decide_encoding(path: Path, label: str) -> str:
    """The one encoding in which the whole file is valid. UserError with the byte offset if there is none."""
    try:
        with _open(path) as file:
            head = file.read(4)
        if head.startswith(codecs.BOM_UTF8):
            return _strict(path, label, ("utf-8-sig",))
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return _strict(path, label, ("utf-16",))
        return _strict(path, label, ("utf-8", "gb18030"))
    except (OSError, EOFError) as error:
        raise UserError(f"cannot read {label}: {getattr(error, 'strerror', None) or error}") from None


def _strict(path: Path, label: str, names: tuple[str, ...]) -> str:
    worst = (0, names[-1])
    for name in names:
        decoder = codecs.getincrementaldecoder(name)("strict")
        done = 0
        try:
            with _open(path) as file:
                while block := file.read(BLOCK):
                    held = len(decoder.getstate()[0])
                    decoder.decode(block)
                    done += len(block)
                held = len(decoder.getstate()[0])
                decoder.decode(b"", final=True)
            return name
        except UnicodeDecodeError as error:
            worst = max(worst, (done - held + error.start, name))
    raise UserError(
        f"{label}: not valid {' nor '.join(n.upper() for n in names)} (first impossible byte at offset {worst[0]:,}); "
        "the file mixes encodings or is damaged, export it again as UTF-8 or GB18030"
    )


def _blocks(path: Path, encoding: str) -> Iterator[bytes]:
    """The file as UTF-8 blocks ending at a line end; CR LF and lone CR become LF."""
    rest = b""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    plain = encoding in ("utf-8", "utf-8-sig")
    if encoding == "utf-8-sig":
        decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
    with _open(path) as file:
        first = True
        while True:
            block = file.read(BLOCK)
            data = block if plain and not first else decoder.decode(block, final=not block).encode()
            if plain and first:
                data = block.removeprefix(codecs.BOM_UTF8)
            first = False
            data = rest + data
            if not block:
                break
            if data.endswith(b"\r"):  # the LF may follow in the next block
                cut = data.rfind(b"\n") + 1
            else:
                cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
            data, rest = data[:cut], data[cut:]
            if data:
                yield _lf(data)
    if data:
        yield _lf(data)


def _lf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def _delimiter(line: str, label: str) -> str:
    counts = {d: line.count(d) for d in (",", "\t", "|", "^", ";", "，")}
    best = max(counts, key=lambda d: counts[d])
    if not counts[best]:
        raise UserError(
            f"{label}: line 1 has no recognisable header (no comma, tab, | or ^ in it); the first line must name the columns"
        )
    return best


def _record(line: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(line), delimiter=delimiter, strict=True), [])


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


def clean_csv(path: Path, out: Path, label: str) -> CleanText:
    """Decode and check `path`, write its sound records to `out`. UserError if the file as a whole cannot be read."""
    if path.is_dir():
        raise UserError(f"{label} is a folder where a file was expected")
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{label} is empty; expected a header and rows")
    except OSError as error:
        raise UserError(f"cannot read {label}: {error.strerror}") from None
    encoding = decide_encoding(path, label)
    mixed_lines = _mixed_lines(path) if encoding == "gb18030" else set()
    header: list[str] | None = None
    delimiter = ","
    width = rows = 0
    line = 0  # line number of the last line read
    jumps: list[tuple[int, int]] = []
    faults: list[TextFault] = []
    shift = 0
    open_record: list[str] = []

    def fault(at: int, code: str, raw: str, detail: str = "") -> None:
        faults.append(TextFault(at, code, raw[:4000], detail))

    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)

        def note(at: int) -> None:
            nonlocal shift
            if at - rows != shift or not jumps:
                shift = at - rows
                jumps.append((rows, shift))

        def take(record_text: str, at: int, final: bool = False) -> bool:
            """One record; False if its quote is still open."""
            nonlocal rows
            quotes = record_text.count('"')
            if quotes % 2:
                if not final:
                    return False
                fault(at, "Q06", record_text, "引号未闭合")
                return True
            if not record_text.strip():
                if not final or record_text:
                    pass
                return True
            if found := CONTROL.search(record_text):
                fault(at, "Q05" if found[0] == "\ufffd" else "Q11", record_text)
                return True
            if at in mixed_lines or any(m in record_text for m in MOJIBAKE):
                fault(at, "Q05", record_text, "同一文件混用两种编码" if at in mixed_lines else "")
                return True
            try:
                cells = _record(record_text, delimiter)
            except csv.Error:
                fault(at, "Q06", record_text, "引号错位")
                return True
            cells = [c.removeprefix("\ufeff") for c in cells]
            if cells == header:
                fault(at, "Q06", record_text, "重复的表头")
            elif len(cells) != width:
                fault(at, "Q06", record_text, f"应有{width}列，实有{len(cells)}列")
            elif cells[0].strip() in TOTALS or sum(c.strip() in TOTALS for c in cells):
                fault(at, "Q06", record_text, "合计行")
            else:
                note(at)
                writer.writerow(cells)
                rows += 1
            return True

        for block in _blocks(path, encoding):
            if header is None:
                start = len(block) - len(block.lstrip(b"\n "))
                line += block[:start].count(b"\n")
                block = block[start:]
                if not block:
                    continue
                top, _, block = block.partition(b"\n")
                line += 1
                first = top.decode()
                if CONTROL.search(first):
                    raise UserError(
                        f"{label}: line {line} holds control characters where the header should be; this is not a text table"
                    )
                delimiter = _delimiter(first, label)
                try:
                    header = _record(first, delimiter)
                except csv.Error:
                    raise UserError(f"{label}: the quotes of the header on line {line} are not closed") from None
                names = [h.strip() for h in header]
                twice = sorted({n for n in names if names.count(n) > 1 and n})
                if twice:
                    raise UserError(f"{label}: the header names the column {twice[0]!r} twice; rename one of them")
                width = len(header)
            if not open_record and not mixed_lines and not any(t.encode() in block for t in (*TOTALS, *MOJIBAKE)):
                sound = _fast(block, delimiter, width, header)
                if sound is not None:
                    count = sound.count(b"\n")
                    if count:
                        note(line + 1)
                        file.flush()
                        file.buffer.write(sound)
                        rows += count
                        line += count
                    continue
            for text in block.decode().split("\n")[: None if not block.endswith(b"\n") else -1]:
                line += 1
                open_record.append(text)
                at = line - len(open_record) + 1
                if take("\n".join(open_record), at):
                    open_record = []
                elif len(open_record) > MAX_QUOTED_LINES or (len(open_record) > 1 and _whole(text, delimiter, width)):
                    # the quote was never closed: give up the line that opened it, read the others again
                    held, open_record = open_record, []
                    fault(at, "Q06", held[0], "引号未闭合")
                    for i, again in enumerate(held[1:], start=1):
                        open_record.append(again)
                        if take("\n".join(open_record), at + i - len(open_record) + 1):
                            open_record = []
        for i, text in enumerate(open_record):
            take(text, line - len(open_record) + 1 + i, final=True)
    if header is None:
        raise UserError(f"{label} holds no header; expected one line naming the columns, then rows")
    names = [h.strip().removeprefix("\ufeff") or f"column_{i + 1}" for i, h in enumerate(header)]
    return CleanText(out, tuple(names), rows, jumps[0][1] if jumps else 2, tuple(jumps), tuple(faults), encoding)


def _whole(text: str, delimiter: str, width: int) -> bool:
    """Whether a line is a complete record by itself: then a quote left open above it was never closed."""
    return text.count(delimiter) == width - 1 and text.count('"') % 2 == 0


def _fast(block: bytes, delimiter: str, width: int, header: list[str]) -> bytes | None:
    """The block itself if every line is plainly sound (no quotes, the right number of delimiters, no control bytes); else None."""
    mark = delimiter.encode()
    if b'"' in block or len(mark) != 1 or b"\n\n" in block or block.startswith(b"\n") or b"\xef\xbb\xbf" in block:
        return None
    if (
        len(block.translate(None, CONTROL_BYTES)) != len(block)
        or b"\xef\xbf\xbd" in block
        or (mark != b"," and b"," in block)
        or delimiter.join(header).encode() in block
    ):
        return None
    if not block.endswith(b"\n"):
        block += b"\n"
    raw = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(raw == 10)
    upto = np.cumsum(raw == mark[0], dtype=np.int32)[ends]
    if not (np.diff(upto, prepend=np.int32(0)) == width - 1).all():
        return None
    return block.replace(mark, b",") if mark != b"," else block


def _suspicious(data: bytes) -> bool:
    """Whether two Chinese characters in UTF-8 stand right behind an ASCII byte somewhere (vectorised; `_mixed` looks closer)."""
    raw = np.frombuffer(b"\n" + data, np.uint8)
    if len(raw) < 7:
        return False
    lead = (raw >= 0xE3) & (raw <= 0xE9)
    tail = (raw >= 0x80) & (raw <= 0xBF)
    n = len(raw) - 6
    starts = (raw[:n] < 0x80) & lead[1 : n + 1] & lead[4 : n + 4]
    for k in (2, 3, 5, 6):
        starts &= tail[k : n + k]
    return bool(starts.any())


def _mixed_lines(path: Path) -> set[int]:
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
