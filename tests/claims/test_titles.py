"""Lines of title above the header of a text table."""

from __future__ import annotations

from pathlib import Path

import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from tests.claims.county import VISIT, write

HEADER = ",".join(VISIT)
ROWS = "\n".join(",".join(str(c) for c in (VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}"}).values()) for i in (1, 2))
BROKEN = ",".join(str(c) for c in (VISIT | {"setl_id": "S3", "mdtrt_id": "M3", "begntime": "某日"}).values())


def delivered(folder: Path, above: str, encoding: str = "utf-8") -> Path:
    """A county whose settlements have these lines above their header."""
    source = write(folder)
    text = f"{above}{HEADER}\n{ROWS}\n{BROKEN}\n"
    (source / "settlements.csv").write_text(text, encoding=encoding, newline="")
    return source


@pytest.mark.parametrize(
    ("above", "lines"),
    [
        ("2026年1月结算明细\n制表人：甲\n\n", 3),
        ("2026年1月结算明细,,,,\n,制表日期：2026-02-01,,,\n", 2),
        ("\n\n结算明细\n", 1),
        ('"结算明细\n', 1),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_the_header_is_the_one_line_that_names_every_column(
    tmp_path: Path, above: str, lines: int, encoding: str
) -> None:
    told = intake(delivered(tmp_path / "in", above, encoding), tmp_path / "house")
    counts = told.tables["settlements"]
    assert (counts.rows_in, counts.accepted, counts.quarantined) == (3, 2, 1)
    assert [i.name for i in told.ignored] == [f"settlements.csv: {lines} lines above the header"]
    assert list(list_quarantine(tmp_path / "house")["line"]) == [above.count("\n") + 4]


@pytest.mark.parametrize(
    ("above", "sentence"),
    [
        (f"结算明细\n{HEADER}\n", "line 1 has no recognisable header"),  # two lines fit: which one is meant?
        ("结算明细\n" * 10, "line 1 has no recognisable header"),
        ("结算明细,2026年1月\n" * 10, "no column for mdtrt_id"),
    ],
)
def test_where_none_or_several_lines_fit_the_file_is_refused(tmp_path: Path, above: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        intake(delivered(tmp_path / "in", above), tmp_path / "house")
