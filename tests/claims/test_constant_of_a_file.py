"""A mapping's constant for each file: what a delivery says by its files' names and by no column."""

from pathlib import Path

import duckdb
import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.schema.mapping import parse_mapping
from claims.store.sql import parquet
from claims.store.warehouse import Warehouse
from tests.claims.county import LINE, PERSON, UNIT, VISIT, write

BY_FILE = """
[tables.settlements]
files = ["结算_*"]
[tables.settlements.columns]
insuplc_admdvs = { constant = { "*江陵*" = "421024", "*公安*" = "421022" } }
"""


def said(house: Path) -> list[tuple[str, str]]:
    with duckdb.connect() as con:
        rows = parquet(Warehouse.open(house).files("settlements", "person"))
        return con.execute(f"SELECT setl_id, insuplc_admdvs FROM {rows} ORDER BY 1").fetchall()


def delivery(folder: Path) -> Path:
    bare = {k: v for k, v in VISIT.items() if k != "insuplc_admdvs"}
    write(folder, persons=[PERSON], institutions=[UNIT], settlements=[bare])
    (folder / "settlements.csv").rename(folder / "结算_江陵_2025.csv")
    (folder / "公安县").mkdir()
    write(folder / "other", settlements=[bare | {"setl_id": "S2", "mdtrt_id": "M2"}])
    (folder / "other" / "settlements.csv").rename(folder / "公安县" / "结算_2025.csv")
    for left in (folder / "other").iterdir():
        left.unlink()
    (folder / "other").rmdir()
    return folder


def test_each_file_has_its_own_and_a_folder_s_name_counts(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(BY_FILE, "utf-8")
    intake(delivery(tmp_path / "in"), tmp_path / "house", tmp_path / "m.toml")
    assert said(tmp_path / "house") == [("S1", "421024"), ("S2", "421022")]


def test_a_file_that_no_name_fits_lacks_the_column(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(BY_FILE.replace("insuplc_admdvs", "psn_no").replace("*江陵*", "潜江"), "utf-8")
    bare = {k: v for k, v in VISIT.items() if k != "psn_no"}
    folder = write(tmp_path / "in", persons=[PERSON], institutions=[UNIT], settlements=[bare])
    (folder / "settlements.csv").rename(folder / "结算_江陵_2025.csv")
    with pytest.raises(UserError, match=r"结算_江陵_2025\.csv: no column for psn_no"):
        intake(folder, tmp_path / "house", tmp_path / "m.toml")


def test_a_row_that_waited_keeps_that_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(
        '[tables.fee_details]\nfiles = ["明细_*"]\n'
        '[tables.fee_details.columns]\nhilist_name = { constant = { "*药*" = "西药", "*" = "其他" } }\n',
        "utf-8",
    )
    bare = {k: v for k, v in LINE.items() if k != "hilist_name"} | {"mdtrt_id": "M2", "setl_id": "S2"}
    folder = write(tmp_path / "in", persons=[PERSON], institutions=[UNIT], settlements=[VISIT], fee_details=[bare])
    (folder / "fee_details.csv").rename(folder / "明细_药.csv")
    intake(folder, tmp_path / "house", tmp_path / "m.toml")
    intake(write(tmp_path / "b", settlements=[VISIT | {"mdtrt_id": "M2", "setl_id": "S2"}]), tmp_path / "house")
    with duckdb.connect() as con:
        rows = parquet(Warehouse.open(tmp_path / "house").files("fee_details", "person"))
        assert con.execute(f"SELECT hilist_name FROM {rows}").fetchall() == [("西药",)]


@pytest.mark.parametrize("wrong", ["{}", "3", '{ "a" = 3 }'])
def test_what_is_no_constant_is_refused(wrong: str) -> None:
    with pytest.raises(UserError, match="column psn_no: constant is a text"):
        parse_mapping(f"[tables.settlements.columns]\npsn_no = {{ constant = {wrong} }}")
