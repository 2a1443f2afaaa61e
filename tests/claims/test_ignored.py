"""What is not read is named, and data that fill no table stop the delivery; names in all their forms are read."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.schema.mapping import Mapping, parse_mapping
from claims.sources.naming import table_of
from claims.store.warehouse import Warehouse
from tests.claims.county import LINE, VISIT, write

SETTLEMENTS = (
    "settlements_2025年2月", "结算_2025-03", "结算数据2026上半年", "settlements ", "settlements(1)", "结算（2）", "结算 (2)",
    "settlements - 副本", "settlements_feb", "结算第3批", "settlements-part-2", "2025年第一季度结算表", "SETTLEMENTS_202504",
)  # fmt: skip


@pytest.mark.parametrize("stem", SETTLEMENTS)
def test_a_name_with_its_delivery_around_it(stem: str) -> None:
    assert table_of(stem, Mapping()) == "settlements"


@pytest.mark.parametrize("stem", ["说明", "Sheet1", "结算明细", "settlements_old", "2025-01", "目录", "truth_person"])
def test_a_name_of_no_table_is_guessed_for_none(stem: str) -> None:
    assert table_of(stem, Mapping()) is None


def test_a_table_whose_files_a_mapping_names_is_found_by_them_alone() -> None:
    named = parse_mapping('[tables.settlements]\nfiles = ["账单*"]')
    assert table_of("账单2025", named) == "settlements"
    assert table_of("结算_2025", named) is None


def _months(folder: Path) -> tuple[Path, Path]:
    """Two months as text, each its own settlement."""
    months = (write(folder / "1", settlements=[VISIT]), write(folder / "2", settlements=[_second()]))
    return months[0] / "settlements.csv", months[1] / "settlements.csv"


def _second() -> dict[str, object]:
    return VISIT | {"setl_id": "S2", "mdtrt_id": "M2"}


@pytest.mark.parametrize("packed", [False, True])
def test_files_of_one_name_in_two_folders_are_both_read(tmp_path: Path, packed: bool) -> None:
    january, february = _months(tmp_path / "months")
    inside = write(tmp_path / "in")
    for name, file in (("2025-01", january), ("2025-02", february)):
        (inside / name).mkdir()
        (inside / name / "settlements.csv").write_bytes(file.read_bytes())
    source = inside
    if packed:
        source = tmp_path / "in.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for file in sorted(inside.rglob("*.csv")):
                archive.write(file, file.relative_to(inside))
    done = intake(source, tmp_path / "house")
    assert (done.tables["settlements"].accepted, done.tables["settlements"].duplicates) == (2, 0)
    assert done.ignored == []


def test_a_folder_of_a_zip_named_like_a_table_is_the_table(tmp_path: Path) -> None:
    january, february = _months(tmp_path / "months")
    persons = (write(tmp_path / "in") / "persons.csv").read_bytes()
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("persons.csv", persons)
        archive.writestr("settlements/part-1.csv", january.read_bytes())
        archive.writestr("settlements/part-2.csv", february.read_bytes())
    assert intake(tmp_path / "in.zip", tmp_path / "house").tables["settlements"].accepted == 2


class _OfWindows(zipfile.ZipInfo):
    """A member as Chinese Windows packs it: its name in GBK, and no mark that says so."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gb18030"), self.flag_bits


def test_member_names_in_gbk(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", settlements=[VISIT], fee_details=[LINE])
    names = {"settlements": "医保\\结算.csv", "fee_details": "费用明细.csv", "persons": "persons.csv"}
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for table, shown in names.items():
            archive.writestr(_OfWindows(shown), (folder / f"{table}.csv").read_bytes())
    done = intake(tmp_path / "in.zip", tmp_path / "house")
    assert [done.tables[table].accepted for table in names] == [1, 1, 2]


def test_data_of_no_table_stop_the_delivery_until_they_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", settlements=[VISIT])
    (folder / "账单.csv").write_bytes((folder / "settlements.csv").read_bytes())
    (folder / "settlements_202504.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    (folder / "README.txt").write_text("what is what")
    (folder / "schema.sql").write_text("")
    with pytest.raises(
        UserError, match=r"settlements_202504\.xls \(.*\), 账单\.csv \(.*would not be read.*--allow-ignored"
    ):
        intake(folder, tmp_path / "house", allow_ignored=["other.csv"])
    assert not (tmp_path / "house" / "CURRENT").exists()
    done = intake(folder, tmp_path / "house", allow_ignored=["账单.csv", "*.xls"])
    assert {i.name for i in done.ignored} == {"README.txt", "schema.sql", "settlements_202504.xls", "账单.csv"}
    kept = Warehouse.open(tmp_path / "house").facts["by_batch"]["b0001"]["ignored"]
    assert [k["name"] for k in kept] == [i.name for i in done.ignored]


def test_sheets_and_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "county.xlsx")) as book:
        rows = [VISIT | {"旧系统备注": "x"}]
        sheet = book.add_worksheet("settlements ")
        sheet.write_row(0, 0, list(rows[0]))
        sheet.write_row(1, 0, list(rows[0].values()))
        book.add_worksheet("说明").write(0, 0, "这一页不是表")
    done = intake(tmp_path / "county.xlsx", tmp_path / "house")
    assert done.tables["settlements"].accepted == 1
    assert [i.name for i in done.ignored] == ["county.xlsx[说明]", "county.xlsx[settlements ]: 旧系统备注"]


def test_tables_of_a_database_that_are_not_read_are_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as link:
        link.execute(f"CREATE TABLE settlements ({', '.join(VISIT)})")
        link.execute(f"INSERT INTO settlements VALUES ({', '.join('?' * len(VISIT))})", list(VISIT.values()))
        link.execute("CREATE TABLE sys_log (a)")
        link.execute("INSERT INTO sys_log VALUES (1)")
    url = f"sqlite:///{tmp_path / 'old.db'}"
    with pytest.raises(UserError, match=r"sys_log .* would not be read"):
        intake(url, tmp_path / "house")
    done = intake(url, tmp_path / "house", allow_ignored=["sys_log"])
    assert [i.name for i in done.ignored] == ["sys_log"]


def test_the_command_says_what_was_not_read(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from commands.intake import app

    folder = write(tmp_path / "in", settlements=[VISIT])
    (folder / "账单.csv").write_text("a,b\n1,2\n")
    told = [str(folder), "--warehouse", str(tmp_path / "house"), "--allow-ignored", "账单.csv"]
    shown = CliRunner().invoke(app, ["intake", *told, "--json"])
    assert json.loads(shown.stdout)["ignored"] == [{"name": "账单.csv", "reason": "its name is no table's"}]
    assert "not read: 账单.csv" in CliRunner().invoke(app, ["intake", *told]).stderr
