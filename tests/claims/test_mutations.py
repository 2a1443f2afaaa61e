"""Mutated CSVs: no traceback, no row unaccounted for, no mojibake accepted (Hypothesis and a seeded draw).

2,000 mutated files go through decoding and record splitting, where a byte can do harm; a sample of them goes through the whole intake; and 2,000
mutated cells, one a row, go through one whole intake.
"""

from __future__ import annotations

import csv
import io
import random
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from claims.sources.delimited import CONTROL, MOJIBAKE, clean_csv
from claims.store.warehouse import Warehouse
from tests.claims.county import VISIT, write

pytestmark = pytest.mark.slow
QUIET = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=False)

HEAD = [*VISIT, "dise_name"]
ROWS = [[*(VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}"}).values(), word] for i, word in enumerate(("高血压", "糖尿病", "㐀𠮷", "感冒", "胃炎"))]  # fmt: skip
ODD = st.sampled_from(
    [b'"', b"\n", b"\r", b"\r\n", b",", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\x81", "锟斤拷".encode(), "\ufffd".encode(), b"''", b'""', "，".encode(), "合计".encode(), b"\\", b"|"]
)  # fmt: skip


def sound(encoding: str, end: str) -> bytes:
    held = io.StringIO()
    csv.writer(held, lineterminator=end).writerows([HEAD, *ROWS])
    return held.getvalue().encode(encoding)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sound file with up to four bytes, pieces or lines inserted, dropped, doubled or cut."""
    body = sound(draw(st.sampled_from(["utf-8", "utf-8-sig", "gb18030"])), draw(st.sampled_from(["\n", "\r\n"])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        to = min(len(body), at + draw(st.integers(0, 40)))
        how = draw(st.sampled_from(["insert", "byte", "drop", "double", "cut", "swap"]))
        if how == "insert":
            body = body[:at] + draw(ODD) + body[at:]
        elif how == "byte":
            body = body[:at] + bytes([draw(st.integers(0, 255))]) + body[at + 1 :]
        elif how == "drop":
            body = body[:at] + body[to:]
        elif how == "double":
            body = body[:to] + body[at:]
        elif how == "cut" and at > len(body) // 2:
            body = body[:at]
        else:
            body = body[:at] + body[at:to][::-1] + body[to:]
    return body


@seed(1)
@settings(QUIET, max_examples=2000)
@given(mutated())
def test_two_thousand_mutated_files_are_split_or_refused(body: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "settlements.csv", Path(folder) / "clean.csv"
        path.write_bytes(body)
        try:
            cleaned = clean_csv(path, out, path.name)
        except UserError as refusal:
            assert path.name in str(refusal)  # noqa: PT017
            assert "\n" not in str(refusal)  # noqa: PT017
            return
        text = out.read_text(encoding="utf-8")
    records = list(csv.reader(io.StringIO(text), strict=True))
    assert len(records) == cleaned.rows
    assert {len(r) for r in records} <= {len(cleaned.header)}
    assert not CONTROL.search(text)
    assert not any(word in text for word in MOJIBAKE)
    # every line of the file that holds anything is in a row or in a fault
    decoded = body.decode(cleaned.encoding).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    kept = "\n".join(["\n".join(map(",".join, records)), *(f.raw for f in cleaned.faults)])
    held = {_bare(part) for part in kept.split("\n")}
    lines = [line for line in decoded.split("\n") if line.strip()][1:]
    lost = [line for line in lines if _bare(line) not in held]
    assert not lost, (lost, kept)


def _bare(line: str) -> str:
    """What a line says, without what separates and quotes it."""
    return re.sub('[",\t|^;，\ufeff ]', "", line)


@seed(2)
@settings(QUIET, max_examples=25)
@given(mutated())
def test_a_mutated_file_goes_through_the_whole_intake(body: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, house = write(Path(folder) / "in", settlements=[]), Path(folder) / "house"
        (source / "settlements.csv").write_bytes(body)
        try:
            done = intake(source, house)
        except UserError as refusal:
            assert "settlements.csv" in str(refusal)  # noqa: PT017
            assert not (house / "CURRENT").exists()
            return
        counts = done.tables["settlements"]
        assert counts.rows_in == counts.accepted + counts.quarantined + counts.duplicates
        assert len(list_quarantine(house)) == sum(c.quarantined for c in done.tables.values())
        assert Warehouse.open(house).verify_all()


PIECES = [*"0123456789０１２.,+-eE()￥元%/年月日: x\u3000٣_'", "inf", "nan", "1e400", "2025-02-30", "0000-00-00", "24:00:00", "=1+1", "#N/A", "0x1F", "NULL", "高血压", "2025-03-01"]  # fmt: skip


def test_two_thousand_mutated_cells_are_parsed_or_quarantined() -> None:
    drawn = random.Random(3)
    cells = [
        (drawn.choice(list(VISIT)[2:]), "".join(drawn.choices(PIECES, k=drawn.randint(0, 6)))) for _ in range(2000)
    ]
    rows = [VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}", column: cell} for i, (column, cell) in enumerate(cells)]
    with tempfile.TemporaryDirectory() as folder:
        house = Path(folder) / "house"
        done = intake(write(Path(folder) / "in", settlements=rows), house)
        counts = done.tables["settlements"]
        assert counts.rows_in == counts.accepted + counts.quarantined + counts.duplicates
        assert counts.rows_in >= len(rows)
        held = list_quarantine(house)
        assert len(held) == counts.quarantined
        assert held["raw"].str.len().min() > 0
        assert counts.accepted > 0
