"""How the same value is written by different systems: one canonical value, or set aside; never another value."""

from __future__ import annotations

import functools
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from claims.drafting.draft import draft_mapping
from claims.errors import UserError
from claims.intake.batch import connect
from claims.intake.normalize import LEVELS, parse_column, step
from claims.intake.pipeline import intake
from claims.schema.mapping import ColumnRule, parse_mapping
from claims.schema.tables import SOURCE
from claims.sources.load import written_in
from claims.store.sql import quote
from tests.claims.county import VISIT, write

TIMES = {
    "2025-03-01 09:05:00": "2025-03-01 09:05:00",
    "2025-03-01 9:05:00": "2025-03-01 09:05:00",
    "2025-3-1 9:5:0": "2025-03-01 09:05:00",
    "2025-03-01 09:05": "2025-03-01 09:05:00",
    "2025-03-01": "2025-03-01 00:00:00",
    "2025/03/01 09:05:00": "2025-03-01 09:05:00",
    "2025/3/1 9:05": "2025-03-01 09:05:00",
    "2025.03.01 09:05:00": "2025-03-01 09:05:00",
    "2025.3.1": "2025-03-01 00:00:00",
    "2025年03月01日 09时05分00秒": "2025-03-01 09:05:00",
    "2025年3月1日9时5分": "2025-03-01 09:05:00",
    "2025年3月1日 9:05": "2025-03-01 09:05:00",
    "2025年3月1日": "2025-03-01 00:00:00",
    "2025年03月01日09:05:00": "2025-03-01 09:05:00",
    "20250301": "2025-03-01 00:00:00",
    "20250301090500": "2025-03-01 09:05:00",
    "202503010905": "2025-03-01 09:05:00",
    "20250301 09:05:00": "2025-03-01 09:05:00",
    "20250301 090500": "2025-03-01 09:05:00",
    "20250301T090500": "2025-03-01 09:05:00",
    "20250301090500123": "2025-03-01 09:05:00",
    "2025-03-01T09:05:00": "2025-03-01 09:05:00",
    "2025-03-01T09:05:00.000": "2025-03-01 09:05:00",
    "2025-03-01T09:05:00.000+08:00": "2025-03-01 09:05:00",
    "2025-03-01T09:05:00+0800": "2025-03-01 09:05:00",
    "2025-03-01T09:05:00+08": "2025-03-01 09:05:00",
    "2025-03-01 09:05:00 +08:00": "2025-03-01 09:05:00",
    "2025-03-01 09:05:00+08:00": "2025-03-01 09:05:00",
    "2025-03-01 09:05:00.0": "2025-03-01 09:05:00",
    "2025-03-01 09:05:00.123": "2025-03-01 09:05:00",
    "2025-03-01 09:05:00.123456": "2025-03-01 09:05:00",
    "2025-03-01 09:05:00.123456789": "2025-03-01 09:05:00",
    "2025-03-01 09:05:00,123": "2025-03-01 09:05:00",
    "2025-03-01-09.05.00.000000": "2025-03-01 09:05:00",
    "2025-03-01 09.05.00": "2025-03-01 09:05:00",
    "2025/3/1 3:05:00 PM": "2025-03-01 15:05:00",
    "2025/3/1 9:05:00 PM": "2025-03-01 21:05:00",
    "2025/3/1 9:05:00 pm": "2025-03-01 21:05:00",
    "2025/3/1 9:05:00PM": "2025-03-01 21:05:00",
    "2025/3/1 9:05 p.m.": "2025-03-01 21:05:00",
    "2025/3/1 11:05:00 PM": "2025-03-01 23:05:00",
    "2025/3/1 12:05:00 AM": "2025-03-01 00:05:00",
    "2025/3/1 12:05:00 PM": "2025-03-01 12:05:00",
    "2025/3/1 下午 3:05:00": "2025-03-01 15:05:00",
    "2025/3/1 下午3:05": "2025-03-01 15:05:00",
    "2025-03-01 下午 03:05:00": "2025-03-01 15:05:00",
    "下午 3:05:00 2025/3/1": None,
    "2025年3月1日 上午9:05": "2025-03-01 09:05:00",
    "2025年3月1日 下午3时05分": "2025-03-01 15:05:00",
    "2025年3月1日 晚上9:05": "2025-03-01 21:05:00",
    "2025年3月1日 凌晨3:05": "2025-03-01 03:05:00",
    "2025年3月1日 中午12:05": "2025-03-01 12:05:00",
    "3/1/2025 9:05:00 AM": None,
    "01/03/2025 09:05:00": None,
    "1-Mar-2025 09:05:00": "2025-03-01 09:05:00",
    "01-MAR-25 09.05.00.000000 AM": "2025-03-01 09:05:00",
    "01-MAR-25": "2025-03-01 00:00:00",
    "01-3月 -25": "2025-03-01 00:00:00",
    "01-3月-25": "2025-03-01 00:00:00",
    "Mar 1 2025 9:05AM": "2025-03-01 09:05:00",
    "Sat Mar 01 09:05:00 CST 2025": None,
    "Sat, 01 Mar 2025 09:05:00 GMT": None,
    "45717.3784722222": "2025-03-01 09:05:00",
    "45717": "2025-03-01 00:00:00",
    "1740791100": None,
    "1740791100000": None,
    "2025-03-01 24:00:00": "2025-03-02 00:00:00",
    "2025-03-01 23:59:60": None,
    "2025-03-01T01:05:00Z": None,
    "2025-03-01T01:05:00.000Z": None,
    "2025-03-01 01:05:00 UTC": None,
    "2025-03-01 01:05:00+00": None,
    "2025-03-01 01:05:00+00:00": None,
    "2025-3-1 9:00:00-05": None,
    "2025-02-30 09:00:00": None,
    "2025-13-01": None,
    "2025-03-01 25:00:00": None,
    "2025-03-01 15:05:00 PM": None,
    "2025-03-01 09:05:00 abc": None,
    "2025-03-01abc": None,
    "03.01.2025": None,
    "25-03-01": None,
    "250301": None,
    "gestern": None,
    "２０２５－０３－０１\u3000０９：０５：００": "2025-03-01 09:05:00",
    " 2025-03-01 09:05:00 ": "2025-03-01 09:05:00",
    "'2025-03-01 09:05:00": "2025-03-01 09:05:00",
    '="2025-03-01 09:05:00"': "2025-03-01 09:05:00",
    "2099-12-31": "2099-12-31 00:00:00",
    "2025-03-01 09:05:00.000 +0800": "2025-03-01 09:05:00",
    "2025-03-01 09:05:00 Asia/Shanghai": None,
    "2025-W09-6": None,
    "12:05": None,
    "2025-03": None,
    "2025年3月": None,
    "2025-03-01T09:05:00.000+0800": "2025-03-01 09:05:00",
    "2025-03-01 1:00:00Z": None,
    "2025-12-01 10:00 PM": "2025-12-01 22:00:00",
    "03-JAN-25": "2025-01-03 00:00:00",
    "03-Jan-25": "2025-01-03 00:00:00",
    "03-JAN-25 08.15.00.000000 AM": "2025-01-03 08:15:00",
    "03-JAN-25 08.15.00.000000 PM": "2025-01-03 20:15:00",
    "03-JAN-25 12.15.00.000000000 AM": "2025-01-03 00:15:00",
    "03-JAN-25 08.15.00 AM": "2025-01-03 08:15:00",
    "03-JAN-25 08:15:00": "2025-01-03 08:15:00",
    "03-JAN-25 08.15.00.000000 AM +08:00": "2025-01-03 08:15:00",
    "03-1月-25 08.15.00.000000 上午": "2025-01-03 08:15:00",
    "03-1月 -25 08.15.00.000000 上午": "2025-01-03 08:15:00",
    "03-1月 -25 08.15.00.000000000 下午": "2025-01-03 20:15:00",
    "03-12月-24 12.15.00.000000 下午": "2024-12-03 12:15:00",
    "03-1月 -60": "1960-01-03 00:00:00",
    "03-1月-2025": "2025-01-03 00:00:00",
    "03-1月-2025 08:15:00": "2025-01-03 08:15:00",
    "Mar  1 2025  9:05AM": "2025-03-01 09:05:00",
    "Mar 1, 2025 9:05:00 AM": "2025-03-01 09:05:00",
    "Mar 1, 2025": "2025-03-01 00:00:00",
    "March 1, 2025": "2025-03-01 00:00:00",
    "01 Mar 2025": "2025-03-01 00:00:00",
    "01 Mar 2025 09:05:00": "2025-03-01 09:05:00",
    "1-Mar-25": "2025-03-01 00:00:00",
    "2025-Mar-01": "2025-03-01 00:00:00",
    "2025-MAR-01 09:05:00": "2025-03-01 09:05:00",
    "2025-03-01 09:05:00 +0800 CST": "2025-03-01 09:05:00",
    "20250301T090500+0800": "2025-03-01 09:05:00",
    "2025/3/1 中午 11:50": "2025-03-01 11:50:00",
    "2025/3/1 晚上 12:10": None,
    "2025年3月1日9点5分": "2025-03-01 09:05:00",
    "2025年3月1日9点": "2025-03-01 09:00:00",
    "2025年3月1日9时": "2025-03-01 09:00:00",
    "2025-03-01 9時05分": "2025-03-01 09:05:00",
    "2025-03-01(周六)": "2025-03-01 00:00:00",
    "2025-03-01 星期六": "2025-03-01 00:00:00",
    "2025-03-01 星期六 09:05:00": "2025-03-01 09:05:00",
    "2025-03-01 周六 09:05": "2025-03-01 09:05:00",
    "2025年3月1日 星期六": "2025-03-01 00:00:00",
    "2025-03-01 09:05:00 星期六": "2025-03-01 09:05:00",
    "31-12月-99": None,
    "03-JAN-45": None,
}
NO_END = [
    "9999-12-31",
    "9999-12-31 23:59:59",
    "99991231",
    "99991231235959",
    "9999/12/31",
    "2999-12-31",
    "0001-01-01",
    "0001-01-01 00:00:00",
    "1899-12-30",
    "1900-01-01",
    "1900/1/1 0:00:00",
    "1900-01-01T00:00:00",
    "0000-00-00",
    "0000-00-00 00:00:00",
    "00000000",
    "infinity",
    "-infinity",
    "9999-12-30",
    "9999年12月31日",
    "3000-01-01",
    "4712-12-31",
    "31-DEC-9999",
    "1753-01-01 00:00:00.000",
    "1900-01-00",
    "1900-01-01 08:05:43",
    "(null)",
    "(NULL)",
    "<null>",
    "N/A",
    "/",
    "——",
    "空",
]


@functools.cache
def _parser() -> duckdb.DuckDBPyConnection:
    return connect(Path("/nonexistent"))


def parsed(text: str, kind: str, column: str, table: str = "settlements") -> tuple[object, object]:
    """(canonical value, what was written that has none) of one cell."""
    declared = SOURCE[table][column]
    made = parse_column(declared, ColumnRule(), "VARCHAR", "yuan", "x")
    sql = f"SELECT {quote(text)} AS x"
    for level in LEVELS:
        if level in made.steps:
            sql = f"SELECT *, {made.steps[level]} AS {step(level, column)} FROM ({sql})"
    return _parser().execute(f"SELECT {made.typed}, {made.written} FROM ({sql})").fetchall()[0]


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_the_moment_it_says_or_none(text: str) -> None:
    value, written = parsed(text, "datetime", "begntime")
    wanted = TIMES[text]
    assert (None if value is None else str(value)) == wanted
    assert wanted is not None or written is not None, "what has no value is set aside, not taken for missing"


@pytest.mark.parametrize("text", NO_END)
def test_a_date_that_stands_for_none_is_missing(text: str) -> None:
    assert parsed(text, "datetime", "endtime") == (None, None)


def test_refund_flags_in_all_spellings(tmp_path: Path) -> None:
    rows = [
        VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"V{i}", "refd_setl_flag": flag}
        for i, flag in enumerate(("0", "否", "false"))
    ]
    rows += [
        VISIT | {"setl_id": f"R{i}", "mdtrt_id": f"W{i}", "refd_setl_flag": flag, "init_setl_id": f"S{i}"}
        for i, flag in enumerate(("是", "Y", "TRUE"))
    ]
    rows.append(VISIT | {"setl_id": "X", "mdtrt_id": "X", "refd_setl_flag": "vielleicht"})
    done = intake(write(tmp_path / "in", settlements=rows), tmp_path / "house")
    assert (done.tables["settlements"].accepted, done.tables["settlements"].quarantined) == (6, 1)
    file = next((tmp_path / "house" / "tables" / "settlements" / "person").rglob("*.parquet"))
    held = duckdb.execute(
        f"SELECT refd_setl_flag, medfee_sumamt_fen > 0 FROM {quote(file)} ORDER BY setl_id"
    ).fetchall()
    assert held == [("1", False)] * 3 + [("0", True)] * 3


def _parquet_visit(folder: Path, zone: str | None, footer: dict[str, str] | None = None) -> Path:
    """A delivery with one visit whose every time is written as half past eleven at night of 1 March; no zone: INT96."""
    write(folder, settlements=[VISIT])
    (folder / "settlements.csv").unlink()
    at = datetime(2025, 3, 1, 23, 30, tzinfo=UTC)
    columns = {k: pa.array([v]) for k, v in VISIT.items()}
    for column in ("begntime", "endtime", "setl_time"):
        columns[column] = pa.array([at if zone else at.replace(tzinfo=None)], pa.timestamp("us", zone))
    table = pa.table(columns).replace_schema_metadata(footer)
    pq.write_table(table, folder / "settlements.parquet", use_deprecated_int96_timestamps=zone is None)
    return folder


def _settled(house: Path) -> str:
    file = next((house / "tables" / "settlements" / "person").rglob("*.parquet"))
    return str(duckdb.execute(f"SELECT setl_time FROM {quote(file)}").fetchall()[0][0])


def test_an_instant_is_wall_time_in_shanghai(tmp_path: Path) -> None:
    intake(_parquet_visit(tmp_path / "in", "UTC"), tmp_path / "house")
    assert _settled(tmp_path / "house") == "2025-03-02 07:30:00"


@pytest.mark.parametrize("mark", ["org.apache.spark.version", "org.apache.spark.sql.parquet.row.metadata", "writer.time.zone"])  # fmt: skip
def test_int96_of_spark_and_hive_is_an_instant(tmp_path: Path, mark: str) -> None:
    intake(_parquet_visit(tmp_path / "in", None, {mark: "3.5.1"}), tmp_path / "house")
    assert _settled(tmp_path / "house") == "2025-03-02 07:30:00"


def test_int96_of_impala_is_the_clock_on_the_wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _parquet_visit(tmp_path / "in", None)
    footer = SimpleNamespace(created_by="impala version 4.4.0-RELEASE (build 1)", metadata={})
    monkeypatch.setattr(pq, "read_metadata", lambda path: footer)
    assert written_in(folder / "settlements.parquet") == "local"


def test_int96_of_nobody_knows_whom_is_asked_for_with_both_readings(tmp_path: Path) -> None:
    folder = _parquet_visit(tmp_path / "in", None)
    with pytest.raises(UserError, match=r"2025-03-02 07:30:00\? Then put int96 = .utc.*2025-03-01 23:30:00\?.*local"):
        intake(folder, tmp_path / "house")
    assert not (tmp_path / "house" / "CURRENT").exists()
    for said, read in (("utc", "2025-03-02 07:30:00"), ("local", "2025-03-01 23:30:00")):
        (tmp_path / "m.toml").write_text(f'int96 = "{said}"', "utf-8")
        intake(folder, tmp_path / said, tmp_path / "m.toml")
        assert _settled(tmp_path / said) == read
    draft = draft_mapping(folder)
    assert 'int96 = "utc"' in draft.text
    assert "int96" in draft.check
    with pytest.raises(UserError, match='int96 is "utc" or "local"'):
        parse_mapping('int96 = "beijing"')


def test_brackets_in_a_name_are_no_pattern(tmp_path: Path) -> None:
    folder = write(tmp_path / "in[1]", settlements=[VISIT, VISIT | {"setl_id": "2", "mdtrt_id": "2"}])
    done = intake(folder, tmp_path / "house[1]")
    assert done.tables["settlements"].accepted == 2
    again = intake(folder, tmp_path / "house[1]")
    assert again.tables["settlements"].duplicates == 2


def test_a_delta_table_is_refused_and_leftovers_are_no_data(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", settlements=[VISIT])
    table = folder / "settlements"
    table.mkdir()
    (folder / "settlements.csv").rename(table / "part-1.csv")
    (table / "_temporary").mkdir()
    (table / "_temporary" / "part-1.csv").write_bytes((table / "part-1.csv").read_bytes())
    done = intake(folder, tmp_path / "house")
    assert (done.tables["settlements"].rows_in, done.tables["settlements"].accepted) == (1, 1)
    (table / "_delta_log").mkdir()
    with pytest.raises(UserError, match=r"settlements is a Delta table.*spark\.table\('NAME'\)\.write\.parquet"):
        intake(folder, tmp_path / "other")


def test_a_column_of_a_database_that_does_not_keep_its_word(tmp_path: Path) -> None:
    """Declared DATETIME and BOOLEAN, holding what an old system wrote."""
    folder = write(tmp_path / "in", settlements=[VISIT])
    with sqlite3.connect(tmp_path / "old.db") as link:
        for file in sorted(folder.glob("*.csv")):
            head, *rows = (line.split(",") for line in file.read_text("utf-8").splitlines())
            kinds = {"begntime": "DATETIME", "refd_setl_flag": "BOOLEAN", "brdy": "DATE"}
            columns = ", ".join(c + " " + kinds.get(c, "TEXT") for c in head)
            link.execute(f"CREATE TABLE {file.stem} ({columns})")
            link.executemany(f"INSERT INTO {file.stem} VALUES ({', '.join('?' * len(head))})", rows)
        link.execute("UPDATE settlements SET begntime = '2025/3/1 9:00', refd_setl_flag = x'00'")
    done = intake(f"sqlite:///{tmp_path / 'old.db'}", tmp_path / "house")
    assert done.tables["settlements"].accepted == 1


CERTIFICATES = {
    "52010119500602123X": "52010119500602123X",
    "520101500602123": "52010119500602123X",
    "52010119500602123Ｘ": "52010119500602123X",
    "５２０１０１19500602 123x": "52010119500602123X",
    "'52010119500602123X": "52010119500602123X",
    "军字第0123号": "军字第0123号",
    "fd1ebb6fa54fc2939116": "fd1ebb6fa54fc2939116",
    "000000000000000000": None,
    "111111111111111": None,
    "123456789012345678": None,
    "无身份证": None,
    "无": None,
}


@pytest.mark.parametrize("text", CERTIFICATES)
def test_a_certificate_is_one_human_s_or_missing(text: str) -> None:
    declared = SOURCE["persons"]["certno"]
    made = parse_column(declared, ColumnRule(), "VARCHAR", "yuan", "x")
    sql = f"SELECT {quote(text)} AS x"
    for level in LEVELS:
        if level in made.steps:
            sql = f"SELECT *, {made.steps[level]} AS {step(level, 'certno')} FROM ({sql})"
    with connect(Path("/nonexistent")) as con:
        assert con.execute(f"SELECT {made.typed} FROM ({sql})").fetchall() == [(CERTIFICATES[text],)]


def test_two_lines_with_a_stray_quote_each_are_set_aside_not_lost(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", settlements=[VISIT | {"setl_id": i, "mdtrt_id": i} for i in "123"])
    file = folder / "settlements.csv"
    head, one, two, three = file.read_text("utf-8").splitlines()
    file.write_text("\n".join((head, one.replace("1,", '1",', 1), '"' + two, three)) + "\n", "utf-8")
    done = intake(folder, tmp_path / "house").tables["settlements"]
    assert (done.accepted, done.quarantined) == (1, 1), "the two lines are one record that is none"
