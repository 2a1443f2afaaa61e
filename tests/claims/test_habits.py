"""Habits of exports that change what a row means: flags in words, places that are none, numbers nobody has."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.quality import check
from claims.store.warehouse import Warehouse
from tests.claims.county import PERSON, UNIT, VISIT, write
from tests.claims.test_inputs import held, visits
from tests.claims.test_spellings import parsed

FLAGS = {
    "0": ("否", "N", "FALSE", "f", "0.0", "00", "×", "off", "b'\\x00'"),
    "1": ("是", "Y", "true", "T", "1.0", "01", "√", "有", "on", "b'\\x01'"),
}


def test_every_flag_is_read_in_all_spellings_and_what_is_neither_is_told(tmp_path: Path) -> None:
    said = [(word, flag) for flag, words in FLAGS.items() for word in words] + [("2", "2"), ("", None)]
    rows = [
        VISIT | {"setl_id": f"S{i:02d}", "mdtrt_id": f"M{i}", "manual_flag": word} for i, (word, _) in enumerate(said)
    ]
    done = intake(write(tmp_path / "in", settlements=rows), tmp_path / "house")
    assert [flag for _, flag in held(tmp_path / "house", "settlements", "setl_id, manual_flag")] == [f for _, f in said]
    assert done.notes == ["settlements.manual_flag: 1 of 21 rows carry codes nobody mapped (2×1)"]
    assert [f.scope for f in check(Warehouse.open(tmp_path / "house")) if f.code == "unmapped_codes"] == ["settlements"]


PLACES = {
    ("106.7", "26.6"): (106.7, 26.6),
    ("0", "0"): (None, None),
    ("26.6", "106.7"): (None, None),
    ("106.7", ""): (None, None),
    ("1067000", "266000"): (None, None),
    ("-106.7", "26.6"): (None, None),
    ("1", "1"): (None, None),
    ("", ""): (None, None),
}


def test_coordinates_that_are_no_place_are_unknown(tmp_path: Path) -> None:
    units = [UNIT | {"fixmedins_code": f"H{i}", "lnt": a, "lat": b} for i, (a, b) in enumerate(PLACES)]
    done = intake(
        write(tmp_path / "in", institutions=units, settlements=[VISIT | {"fixmedins_code": "H0"}]), tmp_path / "house"
    )
    found = held(tmp_path / "house", "institutions", "fixmedins_code, lnt, lat")
    assert {str(code): tuple(place) for code, *place in found} == {f"H{i}": p for i, p in enumerate(PLACES.values())}
    assert any("6 rows with coordinates that are no place in China" in n for n in done.notes)


CARDS = {
    "52010119500602123X": "52010119500602123X",
    "520101500602123": "52010119500602123X",
    "52010119500602123ｘ": "52010119500602123X",
    "5201 0119 5006 02123X": "52010119500602123X",
    "520101195006021231": None,  # not its check digit
    "111111111111111111": None,
    "123456789012345678": None,
    "520101195013021239": None,  # no such month
    "520101********123X": None,
    "未办理": None,
    "拒绝提供": None,
    "新生儿": None,
    "0": None,
    "H12345678": "H12345678",
    "军字第1234567号": "军字第1234567号",
    "新生儿2": None,
    "deadbeefdeadbeefdead": "deadbeefdeadbeefdead",
}


@pytest.mark.parametrize("written", CARDS)
def test_a_certificate_nobody_can_have_is_missing(written: str) -> None:
    assert parsed(written, "code", "certno", "persons")[0] == CARDS[written]


SEXES = {
    "1": "1",
    "2": "2",
    "9": "9",
    "男": "1",
    "女": "2",
    "M": "1",
    "f": "2",
    "Female": "2",
    "男性": "1",
    "0": "9",
    "3": "3",
}


@pytest.mark.parametrize("written", SEXES)
def test_a_sex_in_a_word_is_its_code(written: str) -> None:
    assert parsed(written, "code", "gend", "persons")[0] == SEXES[written]


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#VALUE!", "#NAME?"])
def test_a_formula_s_error_is_no_number_of_a_person(tmp_path: Path, error: str) -> None:
    people = [PERSON, PERSON | {"psn_no": error}]
    done = intake(write(tmp_path / "in", persons=people, settlements=[VISIT]), tmp_path / "house")
    assert done.tables["persons"].quarantined == 1


@pytest.mark.parametrize(
    "file", ["settlements_2.dat", "settlements.json", "账单.rar", "data.accdb", "settlements.csv.bz2", "settlements"]
)
def test_data_of_a_kind_that_is_not_read_stop_the_delivery_until_named(tmp_path: Path, file: str) -> None:
    folder = write(tmp_path / "in", settlements=[VISIT])
    (folder / file).write_text("x")
    with pytest.raises(UserError, match="would not be read"):
        intake(folder, tmp_path / "house")
    assert intake(folder, tmp_path / "house", allow_ignored=[file]).tables["settlements"].accepted == 1


@pytest.mark.parametrize("file", ["README.md", "说明.docx", "Thumbs.db", "desktop.ini", "流程图.png", "sum.md5"])
def test_what_is_no_data_is_listed_and_does_not_stop(tmp_path: Path, file: str) -> None:
    folder = write(tmp_path / "in", settlements=[VISIT])
    (folder / file).write_text("x")
    assert [i.name for i in intake(folder, tmp_path / "house").ignored] == [file]


def test_a_sheet_with_rows_beside_others_is_not_left_out_in_silence(tmp_path: Path) -> None:
    folder = write(tmp_path / "in")
    rows = visits(2)
    with xlsxwriter.Workbook(str(folder / "三月.xlsx")) as book:
        for title in ("settlements", "结算历史", "说明", "Sheet3"):
            sheet = book.add_worksheet(title)
            if title != "Sheet3":
                sheet.write_row(0, 0, list(rows[0]))
                sheet.write_row(1, 0, list(rows[0].values()))
    with pytest.raises(UserError, match=r"三月.xlsx\[结算历史\] \(the sheet's name is no table's\) would not be read"):
        intake(folder, tmp_path / "house")
    done = intake(folder, tmp_path / "house", allow_ignored=["三月.xlsx"])
    assert {i.name for i in done.ignored} == {"三月.xlsx[结算历史]", "三月.xlsx[说明]", "三月.xlsx[Sheet3]"}


def test_a_moment_of_any_zone_and_unit_and_a_flag_in_bytes_in_parquet(tmp_path: Path) -> None:
    folder = write(tmp_path / "in")
    table = pa.Table.from_pylist([VISIT])
    for column, unit in (("begntime", "ms"), ("endtime", "ns"), ("setl_time", "s")):
        moment = pa.array([datetime(2025, 2, 28, 23, 30, tzinfo=UTC)], pa.timestamp(unit, tz="America/New_York"))
        table = table.set_column(table.schema.get_field_index(column), column, moment)
    place = table.schema.get_field_index("refd_setl_flag")
    table = table.set_column(place, "refd_setl_flag", pa.array([b"\x00"], pa.binary()))
    pq.write_table(table, folder / "settlements.parquet")
    intake(folder, tmp_path / "house")
    there = datetime(2025, 3, 1, 7, 30)
    columns = "begntime, endtime, setl_time, refd_setl_flag"
    assert held(tmp_path / "house", "settlements", columns) == [(there, there, there, "0")]


def test_a_header_with_characters_nobody_sees(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", settlements=[VISIT])
    path = folder / "settlements.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("begntime", "begn\u200btime\u200e"), encoding="utf-8")
    assert intake(folder, tmp_path / "house").tables["settlements"].accepted == 1
