"""A mapping's word is obeyed or refused: when a row was known, and which local column is read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from claims.store.sql import quote
from tests.claims.county import VISIT, write

MAPPING = '[tables.settlements]\nknown_at = "crte_time"\n'


def _county(tmp_path: Path, *told: str) -> tuple[Path, Path]:
    rows = [VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}", "crte_time": t} for i, t in enumerate(told)]
    (tmp_path / "m.toml").write_text(MAPPING, encoding="utf-8")
    return write(tmp_path / "in", settlements=rows), tmp_path / "m.toml"


TIMES = ("2025-03-20 10:00:00.0", "2025-03-20T10:00:00.123456", "2025-03-20 10:00:00+08", "2025/3/20 上午 10:00")


@pytest.mark.parametrize("told", TIMES)
def test_a_told_time_is_the_time_it_was_known(tmp_path: Path, told: str) -> None:
    folder, mapping = _county(tmp_path, told)
    assert intake(folder, tmp_path / "house", mapping).ignored == [], "it is read"
    file = next((tmp_path / "house" / "tables" / "settlements" / "person").rglob("*.parquet"))
    assert duckdb.execute(f"SELECT known_at FROM {quote(file)}").fetchall() == [(datetime(2025, 3, 20, 10),)]


def test_a_told_time_nobody_can_read_sets_the_row_aside(tmp_path: Path) -> None:
    folder, mapping = _county(tmp_path, "soon", "")
    done = intake(folder, tmp_path / "house", mapping)
    assert (done.tables["settlements"].accepted, done.tables["settlements"].quarantined) == (1, 1)
    row = list_quarantine(tmp_path / "house").iloc[0]
    assert (row["reason_code"], row["column"]) == ("Q02", "crte_time")


@pytest.mark.parametrize(
    ("line", "absent"),
    [('known_at = "crte_tme"', "crte_tme"), ('[tables.settlements.columns]\nacct_pay = "个账"', "个账")],
)
def test_a_mapping_that_names_an_absent_column_is_refused(tmp_path: Path, line: str, absent: str) -> None:
    folder = write(tmp_path / "in", settlements=[VISIT])
    (tmp_path / "m.toml").write_text(f"[tables.settlements]\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=f"the mapping reads {absent} of table settlements, which it does not have"):
        intake(folder, tmp_path / "house", tmp_path / "m.toml")
    assert not (tmp_path / "house" / "CURRENT").exists()
