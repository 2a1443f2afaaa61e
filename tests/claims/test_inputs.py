"""Ordinary exports that are easily read wrongly: each is read as it was meant, or set aside, or refused in a sentence."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
import xlsxwriter

from claims.errors import UserError
from claims.intake.batch import IntakeSummary
from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from claims.quality import check
from claims.schema.codes import HOSPITAL_LEVEL, NO_LEVEL, hospital_level_sql
from claims.sources.database import _text
from claims.sources.delimited import no_row
from claims.store.sql import parquet, quote
from claims.store.warehouse import Warehouse
from tests.claims.county import UNIT, VISIT, Row, people, write


def held(house: Path, table: str, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as con:
        rows = parquet(Warehouse.open(house).files(table))
        return con.execute(f"SELECT {columns} FROM {rows} ORDER BY 1").fetchall()


def visits(n: int, **cells: object) -> list[Row]:
    return [
        VISIT | dict.fromkeys(("begntime", "endtime", "setl_time"), f"2025-03-{i + 1:02d} 09:00:00") | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}"} | cells
        for i in range(n)
    ]  # fmt: skip


LEVELS = {
    "01": 3,
    "2": 3,
    "三级甲等": 3,
    "三甲": 3,
    "三级": 3,
    "3级": 3,
    "三级医院": 3,
    "二级乙等": 2,
    "二甲": 2,
    "一级": 1,
    "一级未定等": 1,
    "未定级": 0,
    "9": 0,
}


@pytest.mark.parametrize("written", LEVELS)
def test_a_hospital_level_in_words_is_that_level(written: str) -> None:
    sql = hospital_level_sql(quote(written))
    assert duckdb.execute(f"SELECT {sql}").fetchall() == [(LEVELS[written],)]
    assert written in HOSPITAL_LEVEL or written in NO_LEVEL, "and is no code that nobody mapped"


def test_what_keeps_excel_from_cutting_zeros_is_no_part_of_a_value(tmp_path: Path) -> None:
    row = {k: f'="{v}"' if v else v for k, v in VISIT.items()}
    done = intake(write(tmp_path / "in", settlements=[row]), tmp_path / "house")
    assert done.tables["settlements"].accepted == 1
    assert held(tmp_path / "house", "settlements", "setl_id, psn_no, medfee_sumamt_fen, setl_time") == [("S1", "P1", 10010, datetime(2025, 3, 1, 9, 30))]  # fmt: skip


CHINESE = {"setl_id": "结算ID", "mdtrt_id": "就诊ID", "psn_no": "人员编号", "fixmedins_code": "定点医药机构编号", "begntime": "就诊\n开始时间", "setl_time": " 结算 时间", "medfee_sumamt": "医疗费\r\n总额（元）", "fund_pay_sumamt": "基金支付总额(单位：分)", "med_type": "医疗类别"}  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_header_with_line_breaks_blanks_and_units(tmp_path: Path, kind: str) -> None:
    row = {CHINESE[c]: v for c, v in (VISIT | {"fund_pay_sumamt": "6000"}).items() if c in CHINESE}
    folder = write(tmp_path / "in", settlements=[row] if kind == "csv" else [])
    if kind == "xlsx":
        with xlsxwriter.Workbook(str(folder / "settlements.xlsx")) as book:
            sheet = book.add_worksheet("settlements")
            sheet.write_row(0, 0, list(row))
            sheet.write_row(1, 0, list(row.values()))
    done = intake(folder, tmp_path / "house")
    assert done.ignored == []
    assert held(tmp_path / "house", "settlements", "medfee_sumamt_fen, fund_pay_sumamt_fen") == [(10010, 6000)]


@pytest.mark.parametrize(
    ("cells", "set_aside"),
    [
        ({"setl_time": "2062-03-01 09:30:00"}, 1),
        ({"begntime": "2062-03-01 09:00:00", "endtime": "", "setl_time": "2062-03-01 09:30:00"}, 1),
        ({"begntime": "2025-12-01 09:00:00", "endtime": "", "setl_time": "2025-12-01 09:30:00"}, 1),
        ({"begntime": "2025-06-01 09:00:00", "endtime": "", "setl_time": "2025-06-01 09:30:00"}, 0),
    ],
)
def test_one_year_typed_wrong_does_not_move_the_clock(tmp_path: Path, cells: Row, set_aside: int) -> None:
    rows = [*visits(25), VISIT | {"setl_id": "X", "mdtrt_id": "X"} | cells]
    done = intake(write(tmp_path / "in", settlements=rows), tmp_path / "house")
    assert done.tables["settlements"].quarantined == set_aside
    end = Warehouse.open(tmp_path / "house").manifest["extracts"]["settlements"]
    assert end == ("2025-03-25T09:00:00" if set_aside else "2025-06-01T09:30:00")


@pytest.mark.parametrize("first", ["合计", "合计：", "总 计", "本页小计", "共计"])
def test_a_total_is_no_row(first: str) -> None:
    assert no_row([first, "", "1,234.00", ""]) == "合计行"
    assert no_row(["", first, "1,234.00", "2"]) == "合计行"


@pytest.mark.parametrize(
    "cells", [["注：以上不含异地", "", "", ""], ["制表人：某", None, None, None], ["填报单位", "某局", "", ""]]
)
def test_a_note_beneath_a_table_is_no_row(cells: list[str | None]) -> None:
    assert no_row(cells) == "说明行"


@pytest.mark.parametrize(
    "cells",
    [["H1", "说明书印刷厂医院", "1", ""], ["注射用水", "1", "2", "3"], ["H1", "", "", ""], ["累计量", "1", "2", "3"]],
)
def test_a_row_is_a_row(cells: list[str | None]) -> None:
    assert no_row(cells) == ""


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_totals_and_notes_form_no_unit(tmp_path: Path, kind: str) -> None:
    under = [["合计：", "", "", "", "", "20"], ["注：不含异地", "", "", "", "", ""]]
    folder = write(tmp_path / "in", institutions=[UNIT] if kind == "csv" else [], settlements=[VISIT])
    if kind == "csv":
        with (folder / "institutions.csv").open("a", encoding="utf-8") as file:
            file.writelines(",".join(cells) + "\n" for cells in under)
    else:
        with xlsxwriter.Workbook(str(folder / "institutions.xlsx")) as book:
            sheet = book.add_worksheet("institutions")
            for i, cells in enumerate([list(UNIT), under[0], list(UNIT.values()), under[1]]):
                sheet.write_row(i, 0, cells)
    done = intake(folder, tmp_path / "house").tables["institutions"]
    assert (done.rows_in, done.accepted, done.quarantined) == (3, 1, 2)
    assert held(tmp_path / "house", "institutions", "fixmedins_code") == [("H1",)]
    lines = sorted(list_quarantine(tmp_path / "house")["line"])
    assert lines == ([3, 4] if kind == "csv" else [2, 4])


def _encoded(tmp_path: Path, name: str, body: bytes) -> IntakeSummary:
    folder = write(tmp_path / "in", institutions=[], settlements=[VISIT])
    (folder / "institutions.csv").write_bytes((",".join(UNIT) + "\n").encode() + body)
    return intake(folder, tmp_path / name)


def _unit(name: str) -> str:
    return ",".join(str(v) for v in (UNIT | {"fixmedins_name": name}).values()) + "\n"


def test_big5_is_not_gb18030(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"institutions.csv.*Big5.*Export it again as UTF-8"):
        _encoded(tmp_path, "house", _unit("青石鎮衛生院").encode("big5"))


def test_utf8_cut_short_is_not_gb18030(tmp_path: Path) -> None:
    cut = "堯元醫院".encode()  # one byte of the last character is lost: pairs of bytes that GB18030 all knows
    with pytest.raises(UserError, match=r"institutions.csv"):
        _encoded(tmp_path, "house", _unit("@").encode().replace(b"@", cut[:-2]) + _unit("青石镇卫生院").encode())


@pytest.mark.parametrize(
    "name", ["青石镇卫生院", "㛃𬭎龴䶮鿏𠮷医院青石镇卫生所", "堃喆鑫淼医院", "臺灣同胞醫院定點機構", "Ａ１医院"]
)
def test_rare_and_traditional_names_in_gb18030_are_text(tmp_path: Path, name: str) -> None:
    done = _encoded(
        tmp_path, "house", (_unit("某某县人民医院及其分院") + _unit(name).replace("H1", "H2")).encode("gb18030")
    )
    assert done.tables["institutions"].accepted == 2
    assert ("H2", name.replace("Ａ１", "Ａ１")) in held(
        tmp_path / "house", "institutions", "fixmedins_code, fixmedins_name"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), (True, "1"), (b"\x00", "0"), (b"\x01", "1"), (b"Y", "Y"), (b"S1", "S1"), (b"\xff\x00", "ff00"), (memoryview(b"\x01"), "1"), (1.5, "1.5"), ({"a": 1}, "{'a': 1}")],
)  # fmt: skip
def test_what_a_driver_hands_on_as_text(value: object, text: str | None) -> None:
    assert _text(value) == text


def test_a_view_that_fails_in_the_middle_publishes_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", settlements=visits(20))
    with sqlite3.connect(tmp_path / "old.db") as link:
        for file in sorted(folder.glob("*.csv")):
            head, *rows = (line.split(",") for line in file.read_text("utf-8").splitlines())
            stem = "sent" if file.stem == "settlements" else file.stem
            link.execute(f"CREATE TABLE {stem} ({', '.join(head)})")
            link.executemany(f"INSERT INTO {stem} VALUES ({', '.join('?' * len(head))})", rows)
        shown = ", ".join(c for c in VISIT if c != "med_type")
        # the smallest integer has no absolute value: an error of the database, once it comes to that row
        link.execute(
            f"CREATE VIEW settlements AS SELECT {shown}, CASE WHEN setl_id = 'S7' THEN abs(-9223372036854775808) ELSE med_type END AS med_type FROM sent"
        )
    with pytest.raises(UserError, match=r"settlements cannot be read: .*nothing was published"):
        intake(f"sqlite:///{tmp_path / 'old.db'}", tmp_path / "house", allow_ignored=["sent"])
    assert not (tmp_path / "house" / "CURRENT").exists()


def test_a_unit_s_level_and_codes_of_words_raise_nothing(tmp_path: Path) -> None:
    units = [
        UNIT | {"fixmedins_code": f"H{i}", "hosp_lv": word}
        for i, word in enumerate(("三级甲等", "二甲", "未定级", ""), 1)
    ]
    intake(write(tmp_path / "in", institutions=units, persons=people(), settlements=[VISIT]), tmp_path / "house")
    assert [f.code for f in check(Warehouse.open(tmp_path / "house")) if f.code == "unmapped_codes"] == []
