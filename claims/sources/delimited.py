"""Delimited text made safe for the database: whole-file strict decoding, and every broken line set aside
(contract.md §6.2).

The encoding is decided for the whole file: BOM → strict UTF-8 → strict GB18030 → refusal with the byte offset. The
text is then written as UTF-8 CSV with the same records in the same order; a record that is no record (wrong number of
columns, unclosed quote, control characters, a repeated header, a page total, two encodings in one file) becomes a
`TextFault` with its line and its text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np

from claims.errors import UserError
from claims.sources.encoding import decide_encoding, mixed_lines, refuse_mojibake, require, utf8_blocks

MAX_HEADER_LINES = 200
HEADER_WITHIN = 10  # titles stand above the header
MAX_QUOTED_LINES = 50  # an open quote that spans more lines than this was never closed
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
CONTROL_BYTES = bytes(b for b in (*range(32), 127) if b not in (9, 10, 13))
TOTALS = ("合计", "小计", "总计", "本页合计", "共计", "本页小计", "累计")
#: How a line under a table begins that tells of the table.
NOTES = (
    "注",
    "备注",
    "说明",
    "制表",
    "填报",
    "填表",
    "审核",
    "复核",
    "打印",
    "导出",
    "统计",
    "数据来源",
    "单位负责",
    "报送",
)
_LAST_OF_A_TOTAL = "计".encode()
#: What stands before it, and how a note begins: each character as the number its three bytes make.
_BEFORE_THE_LAST, _MAY_BE_NOTE = (
    np.array(sorted({int.from_bytes(c.encode()) for c in signs}))
    for signs in ("合小总共累\u3000", {n[0] for n in NOTES})
)
MOJIBAKE = ("锟斤拷", "烫烫烫", "Ã¥", "â€")
_MAY_BE_MOJIBAKE = tuple(m.encode() for m in MOJIBAKE if not m.isascii() and ord(m[0]) > 255)


#: Chinese bytes that somebody read as Latin letters: ÇàÊ¯ is 青石 in GB18030, é\x9d\x92 (or é’) one character in UTF-8.
_AS_CP1252 = "\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2026\u2030\u2039\u203a\u20ac\u2122"
LATIN = re.compile(
    f"(?:[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff][\u00a1-\u00d6\u00d8-\u00ff]){{2}}|[\u00e3-\u00e9][\u0080-\u00bf{_AS_CP1252}]{{2}}"
)
_MAY_BE_LATIN = re.compile(rb"\xc3[\x80-\xbf][\xc2\xc3\xc5\xc6\xcb\xe2]")
SEPARATOR = re.compile(rb'"?sep=(.)"?[ ,;\t]*', re.I)


@dataclass(frozen=True)
class TextFault:
    """A line that could not become a row."""

    line: int
    code: str
    raw: str
    detail: str = ""


@dataclass(frozen=True)
class CleanText:
    """A cleaned file: UTF-8, comma-separated, no header; `header` names the columns, row n began on line n + shift
    (see `jumps`)."""

    path: Path
    header: tuple[str, ...]
    rows: int
    first_line: int
    jumps: tuple[tuple[int, int], ...]
    faults: tuple[TextFault, ...]
    encoding: str
    above: int = 0  # lines of title above the header


def _delimiter(line: str, label: str) -> str:
    counts = {d: line.count(d) for d in (",", "\t", "|", "^", ";", "，")}
    best = max(counts, key=lambda d: counts[d])
    if not counts[best]:
        raise UserError(
            f"{label}: line 1 has no recognisable header (no comma, tab, | or ^ in it); the first line must name "
            "the columns"
        )
    return best


def _record(line: str, delimiter: str) -> list[str]:
    """The cells of one record; csv.Error where its quotes do not say what is one (two lines, a stray quote each)."""
    found = list(csv.reader(io.StringIO(line), delimiter=delimiter, strict=True))
    if len(found) > 1:
        raise csv.Error("more than one record")
    return found[0] if found else []


def clean_csv(path: Path, out: Path, label: str, named: Callable[[Sequence[str]], bool] | None = None) -> CleanText:
    """Decode and check `path`, write its sound records to `out`. UserError if the file as a whole cannot be read.
    `named`: whether cells are a whole header; lines above the one such line among the first are a title."""
    if path.is_dir():
        raise UserError(f"{label} is a folder where a file was expected")
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{label} is empty; expected a header and rows")
    except OSError as error:
        raise UserError(f"cannot read {label}: {error.strerror}") from None
    encoding = decide_encoding(path, label)
    mixed = mixed_lines(path) if encoding == "gb18030" else set()
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            records = _Records(label, file, mixed, named)
            for block in utf8_blocks(path, encoding):
                records.read(block)
            records.finish()
    except (UserError, UnicodeDecodeError):
        require(path, encoding, label)  # bytes that are no text explain any other fault
        raise
    if encoding == "gb18030":
        refuse_mojibake(path, label, mixed)
    header = tuple(h.strip().removeprefix("\ufeff") or f"column_{i + 1}" for i, h in enumerate(records.header))
    first = records.jumps[0][1] if records.jumps else 2
    found = tuple(records.jumps), tuple(records.faults)
    return CleanText(out, header, records.rows, first, *found, encoding, records.above)


@dataclass
class _Records:
    """The records of one file while it is read: sound ones go to `file`, the others become faults."""

    label: str
    file: TextIOWrapper
    mixed: set[int]  # lines in another encoding than the file
    named: Callable[[Sequence[str]], bool] | None = None  # whether cells are a whole header
    above: int = 0  # lines of title above it
    header: list[str] = field(default_factory=list)
    delimiter: str = ","
    told: str = ""  # what a line sep=; says it is
    rows: int = 0  # written
    line: int = 0  # number of the last line read
    jumps: list[tuple[int, int]] = field(default_factory=list)
    faults: list[TextFault] = field(default_factory=list)
    held: list[str] = field(default_factory=list)  # lines of a record whose quote is still open

    def read(self, block: bytes) -> None:
        """Whole lines: written at once where every one is plainly sound, else record by record."""
        if not self.header and not (block := self._begin(block)):
            return
        if not self.held and not self.mixed:
            sound = _fast(block, self.delimiter, len(self.header), self.header)
            if sound is not None:
                self._write(sound)
                return
        for text in block.decode().split("\n")[: -1 if block.endswith(b"\n") else None]:
            self.line += 1
            self._add(text)

    def finish(self) -> None:
        """The end of the file: a quote that is still open was never closed. UserError if there was no header."""
        for i, text in enumerate(self.held):
            self._take(text, self.line - len(self.held) + 1 + i, final=True)
        if not self.header:
            raise UserError(f"{self.label} holds no header; expected one line naming the columns, then rows")

    def _begin(self, block: bytes) -> bytes:
        """Read the header; what follows it, empty if the block holds none."""
        start = len(block) - len(block.lstrip(b"\n "))
        self.line += block[:start].count(b"\n")
        top, _, rest = block[start:].partition(b"\n")
        if not top:
            return b""
        breaks = 0  # a name broken over two lines stands in quotes
        while top.count(b'"') % 2 and rest and breaks < MAX_HEADER_LINES:
            more, _, rest = rest.partition(b"\n")
            top, breaks = top + b"\n" + more, breaks + 1
        self.line += 1 + breaks
        if told := SEPARATOR.fullmatch(top):  # a line for Excel, above the header
            self.told = told[1].decode("ascii", "replace")
            return self._begin(rest) if rest else b""
        if not self.above and (titles := self._titles(block[start:])):
            self.above = titles
            self.line += titles - 1 - breaks
            return self._begin(block[start:].split(b"\n", titles)[titles])
        first = top.decode()
        if CONTROL.search(first):
            raise UserError(
                f"{self.label}: line {self.line} holds control characters where the header should be; this is not "
                "a text table"
            )
        self.delimiter = self.told or _delimiter(first, self.label)
        try:
            self.header = _record(first, self.delimiter)
        except csv.Error:
            raise UserError(f"{self.label}: the quotes of the header on line {self.line} are not closed") from None
        names = [h.strip() for h in self.header]
        if twice := sorted({n for n in names if names.count(n) > 1 and n}):
            raise UserError(f"{self.label}: the header names the column {twice[0]!r} twice; rename one of them")
        return rest

    def _titles(self, block: bytes) -> int:
        """How many lines of title stand above the header: 0 unless just one of the first lines names every column
        that has to be there."""
        headers = []
        for i, line in enumerate(block.split(b"\n", HEADER_WITHIN)[:HEADER_WITHIN] if self.named else ()):
            try:
                text = line.decode()
                cells = _record(text, self.told or _delimiter(text, self.label))
            except (UserError, csv.Error):
                continue
            if self.named and self.named([cell.strip().removeprefix("\ufeff") for cell in cells]):
                headers.append(i)
        return headers[0] if len(headers) == 1 else 0

    def _write(self, sound: bytes) -> None:
        if count := sound.count(b"\n"):
            self._note(self.line + 1)
            self.file.flush()
            self.file.buffer.write(sound)
            self.rows += count
            self.line += count

    def _note(self, at: int) -> None:
        """Remember where row numbers and line numbers part."""
        if not self.jumps or at - self.rows != self.jumps[-1][1]:
            self.jumps.append((self.rows, at - self.rows))

    def _fault(self, at: int, code: str, raw: str, detail: str = "") -> None:
        self.faults.append(TextFault(at, code, raw[:4000], detail))

    def _add(self, text: str) -> None:
        """One more line: it ends the record, leaves it open, or shows that its quote was never closed."""
        self.held.append(text)
        at = self.line - len(self.held) + 1
        if self._take("\n".join(self.held), at):
            self.held = []
        elif len(self.held) > MAX_QUOTED_LINES or (len(self.held) > 1 and self._whole(text)):
            # give up the line that opened the quote, read the others again
            given_up, self.held = self.held, []
            self._fault(at, "Q06", given_up[0], "引号未闭合")
            for i, again in enumerate(given_up[1:], start=1):
                self.held.append(again)
                if self._take("\n".join(self.held), at + i - len(self.held) + 1):
                    self.held = []

    def _whole(self, text: str) -> bool:
        """Whether a line is a complete record by itself: then a quote left open above it was never closed."""
        return text.count(self.delimiter) == len(self.header) - 1 and text.count('"') % 2 == 0

    def _take(self, record: str, at: int, final: bool = False) -> bool:
        """One record; False if its quote is still open."""
        if record.count('"') % 2:
            if final:
                self._fault(at, "Q06", record, "引号未闭合")
            return final
        if not record.strip():
            return True
        if found := CONTROL.search(record):
            self._fault(at, "Q05" if found[0] == "\ufffd" else "Q11", record)
        elif at in self.mixed or read_as_latin(record) or any(m in record for m in MOJIBAKE):
            self._fault(at, "Q05", record, "同一文件混用两种编码" if at in self.mixed else "")
        else:
            self._split(record, at)
        return True

    def _split(self, record: str, at: int) -> None:
        try:
            cells = [c.removeprefix("\ufeff") for c in _record(record, self.delimiter)]
        except csv.Error:
            self._fault(at, "Q06", record, "引号错位")
            return
        if cells == self.header:
            self._fault(at, "Q06", record, "重复的表头")
        elif len(cells) != len(self.header):
            self._fault(at, "Q06", record, f"应有{len(self.header)}列，实有{len(cells)}列")
        elif why := no_row(cells):
            self._fault(at, "Q06", record, why)
        else:
            self._note(at)
            csv.writer(self.file, lineterminator="\n").writerow(cells)
            self.rows += 1


def read_as_latin(record: str) -> bool:
    """Whether a record holds Chinese that somebody decoded as Latin letters."""
    return bool(LATIN.search(record)) if not record.isascii() else False


def no_row(cells: Sequence[str | None]) -> str:
    """What a record is that is no row of its table: a total, a note beneath it; empty for a row."""
    filled = [bare for c in cells if c and (bare := "".join(c.split()).rstrip(":："))]
    if any(c in TOTALS for c in filled):
        return "合计行"
    return "说明行" if len(cells) > 3 and 0 < len(filled) <= 2 and filled[0].startswith(NOTES) else ""


def _marked(block: bytes, raw: np.ndarray) -> bool:
    """Whether a block holds a word that may be a total or mojibake, or a sign that is none, so that its records are
    looked at one by one. A word is only looked for where a byte of it stands that little else has."""
    ends = _places(raw, _LAST_OF_A_TOTAL)
    before = _character(raw, ends - 3)
    if np.isin(before, _BEFORE_THE_LAST).any() or (raw[np.maximum(ends - 1, 0)] == 0x20).any():
        return True
    if len(_places(raw, b"\xef\xbf\xbd")) or len(_places(raw, b"\xef\xbb\xbf")):
        return True
    if b"\xc3" in block and (_MAY_BE_LATIN.search(block) or any(m.encode() in block for m in MOJIBAKE)):
        return True
    return any(m in block for m in _MAY_BE_MOJIBAKE)


def _places(raw: Any, sign: bytes) -> Any:
    """Where a sign of three bytes stands."""
    at = np.flatnonzero(raw[:-2] == sign[0])
    at = at[raw[at + 1] == sign[1]]
    return at[raw[at + 2] == sign[2]]


def _character(raw: Any, at: Any) -> Any:
    """The three bytes at each place within the block as one number."""
    at = at[(at >= 0) & (at + 2 < len(raw))]
    return raw[at].astype(np.int64) << 16 | raw[at + 1].astype(np.int64) << 8 | raw[at + 2]


def _controls(block: bytes, raw: np.ndarray, lines: int) -> bool:
    """Whether a block of so many lines holds control bytes."""
    few = np.count_nonzero(raw < 32) == lines and b"\x7f" not in block
    return not few and len(block.translate(None, CONTROL_BYTES)) != len(block)


def _fast(block: bytes, delimiter: str, width: int, header: list[str]) -> bytes | None:
    """The block itself if every line is plainly sound (no quotes, the right number of delimiters, no control bytes,
    no word of a total or a note); else None."""
    mark = delimiter.encode()
    if b'"' in block or len(mark) != 1 or width < 2 or (mark != b"," and b"," in block):
        return None
    if delimiter.join(header).encode() in block:
        return None
    if not block.endswith(b"\n"):
        block += b"\n"
    raw = np.frombuffer(block, np.uint8)
    ends = raw == 10
    parts = np.flatnonzero(ends | (raw == mark[0]))
    if len(parts) % width:
        return None
    last = parts[width - 1 :: width]  # of the cells of each line; every line ends there, and nowhere else
    if not ends[last].all() or np.count_nonzero(ends) != len(last):
        return None
    starts = np.append(0, last[:-1] + 1)
    if np.isin(_character(raw, starts[raw[starts] >= 0xE0]), _MAY_BE_NOTE).any():
        return None
    if _controls(block, raw, len(last)) or _marked(block, raw):
        return None
    return block.replace(mark, b",") if mark != b"," else block
