"""Ordinary exports that are easily read wrongly, and what becomes of each: the middle part of docs/figures/intake.md.

    python -m benchmarks.intake_inputs

Every input is made and taken in here; names and times are those of the tests (tests/claims/test_ignored.py, tests/claims/test_spellings.py).
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from claims.schema.mapping import Mapping
from claims.sources.naming import table_of
from claims.store.files import put
from claims.store.sql import parquet
from claims.store.warehouse import Warehouse
from tests.claims.county import LINE, PERSON, UNIT, VISIT, Row, refund, write
from tests.claims.test_control_totals import lines_of, visits
from tests.claims.test_ignored import SETTLEMENTS
from tests.claims.test_spellings import NO_END, TIMES, parsed

PAGE = Path(__file__).parents[1] / "docs" / "figures" / "intake.md"
HEADING, NEXT = "## Ordinary exports", "## Reversals"
Made = Callable[[Path], str | Path]
NAMES = (
    *SETTLEMENTS,
    "结算汇总表",
    "账单2025",
    "settlements_old",
    "参保人员信息表2025",
    "费用明细（3月）",
    "定点医药机构 (1)",
    "2025-01",
    "Sheet1",
)


def _text(file: str, change: Callable[[bytes], bytes], **tables: list[Row]) -> Made:
    def made(folder: Path) -> Path:
        source = write(folder / "in", **tables)
        (source / file).write_bytes(change((source / file).read_bytes()))
        return source

    return made


def _tables(**tables: list[Row]) -> Made:
    return lambda folder: write(folder / "in", **tables)


def _database(view: str = "", kinds: dict[str, str] | None = None, change: str = "") -> Made:
    def made(folder: Path) -> str:
        with sqlite3.connect(folder / "old.db") as link:
            for file in sorted(write(folder / "in", settlements=visits(9)).glob("*.csv")):
                head, *rows = (line.split(",") for line in file.read_text("utf-8").splitlines())
                columns = ", ".join(c + " " + (kinds or {}).get(c, "") for c in head)
                link.execute(f"CREATE TABLE {file.stem} ({columns})")
                link.executemany(f"INSERT INTO {file.stem} VALUES ({', '.join('?' * len(head))})", rows)
            for statement in filter(None, (change, view)):
                link.execute(statement)
        return f"sqlite:///{folder / 'old.db'}"

    return made


def _delta(folder: Path) -> Path:
    source = write(folder / "in", settlements=[VISIT])
    (source / "settlements").mkdir()
    (source / "settlements.csv").rename(source / "settlements" / "part-1.csv")
    (source / "settlements" / "_delta_log").mkdir()
    return source


def _leftovers(folder: Path) -> Path:
    source = _delta(folder)
    (source / "settlements" / "_delta_log").rename(source / "settlements" / "_temporary")
    (source / "settlements" / "_temporary" / "part-1.csv").write_bytes(
        (source / "settlements" / "part-1.csv").read_bytes()
    )
    return source


def _folders(folder: Path) -> Path:
    source = write(folder / "in")
    for i, month in enumerate(("2025-01", "2025-02")):
        write(
            source / month, persons=[], institutions=[], settlements=[VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}"}]
        )
    return source


def _utc(folder: Path) -> Path:
    source = write(folder / "in", settlements=[VISIT])
    (source / "settlements.csv").unlink()
    at = pa.array([datetime(2025, 2, 28, 23, 30, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    columns = {k: at if k in ("begntime", "endtime", "setl_time") else pa.array([v]) for k, v in VISIT.items()}
    pq.write_table(pa.table(columns), source / "settlements.parquet")
    return source


def _sheet(folder: Path) -> Path:
    source = write(folder / "in", institutions=[], settlements=[VISIT])
    with xlsxwriter.Workbook(str(source / "institutions.xlsx")) as book:
        sheet = book.add_worksheet("institutions")
        for i, cells in enumerate([list(UNIT), list(UNIT.values()), ["合计：", "", "", "", "", "20"], ["制表人：某"]]):
            sheet.write_row(i, 0, cells)
    return source


LEVEL_WORDS = [
    UNIT | {"fixmedins_code": f"H{i}", "hosp_lv": w} for i, w in enumerate(("三级甲等", "二甲", "一级", "未定级"), 1)
]
FLAGS = [
    VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}", "refd_setl_flag": f} for i, f in enumerate(("否", "N", "false"))
]
FLAGS += [
    VISIT | {"setl_id": f"R{i}", "mdtrt_id": f"W{i}", "refd_setl_flag": f, "init_setl_id": f"S{i}"}
    for i, f in enumerate(("是", "Y", "T"))
]
HEADER = {"setl_id": "结算ID", "medfee_sumamt": "医疗费\n总额（元）", "begntime": "就诊\n开始时间"}
FEW = visits(5)
#: What is sent → (how it is made, SQL that shows what was read: table and columns).
CASES: dict[str, tuple[Made, tuple[str, str] | None]] = {
    "hospital levels in words": (_tables(institutions=LEVEL_WORDS, settlements=[VISIT]), ("institutions", "hosp_lv")),
    '`="00123"` in every cell': (_tables(settlements=[{k: f'="{v}"' if v else v for k, v in VISIT.items()}]), ("settlements", "setl_id, medfee_sumamt_fen")),
    "headers over two lines, with units": (_tables(settlements=[{HEADER.get(k, k): v for k, v in VISIT.items()}]), ("settlements", "medfee_sumamt_fen, begntime")),
    "one year typed 2062": (_tables(settlements=[*visits(25), VISIT | {"setl_time": "2062-03-01 09:30:00"}]), ("settlements", "max(known_at)")),
    "one year typed 2026 for 2025": (_tables(settlements=[*visits(25), VISIT | {"begntime": "2026-03-01 09:00:00", "endtime": "", "setl_time": "2026-03-01 09:30:00"}]), ("settlements", "max(known_at)")),
    "a total and a note beneath a sheet": (_sheet, ("institutions", "fixmedins_code")),
    "Big5": (_text("institutions.csv", lambda b: b.replace("某医院".encode(), "青石鎮衛生院".encode("big5")), settlements=[VISIT]), None),
    "UTF-8 cut in a character": (_text("institutions.csv", lambda b: b.replace("某医院".encode(), "堯元醫院青石".encode()[:-2]), settlements=[VISIT]), None),
    "refund flags 否 N false 是 Y T": (_tables(settlements=FLAGS), ("settlements", "refd_setl_flag, sum(medfee_sumamt_fen)")),
    "a unit that refunds all it settles": (_tables(settlements=[VISIT, refund(VISIT)]), ("settlements", "count(*)")),
    "settlements in 分, lines in 元": (_tables(settlements=visits(5, times=100), fee_details=lines_of(FEW)), None),
    "lines in 分, settlements in 元": (_tables(settlements=FEW, fee_details=lines_of(FEW, "10010.00")), None),
    "one visit of ten in 分": (_tables(settlements=[*visits(9), *visits(1, month=4, times=100)], fee_details=lines_of([*visits(9), *visits(1, month=4)])), ("settlements", "count(*)")),
    "all in 分": (_tables(settlements=visits(20, times=100)), None),
    "one unit in 分": (_tables(institutions=[UNIT, UNIT | {"fixmedins_code": "H2"}], settlements=[*visits(40), *visits(20, "H2", times=100)]), None),
    "control totals that hold": (_tables(settlements=visits(50), 对账总数=[{"表名": "结算", "月份": "2025-03", "行数": "50", "总费用": "5005.00"}]), None),
    "control totals of more rows than came": (_tables(settlements=visits(50), 对账总数=[{"表名": "结算", "月份": "2025-03", "行数": "60"}]), None),
    "a last line 合计 that does not add up": (_text("settlements.csv", lambda b: b + ("合计" + ",".join("9999.00" if c == "medfee_sumamt" else "" for c in VISIT) + "\n").encode(), settlements=visits(50)), None),
    "visit types nobody mapped": (_tables(settlements=[VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}", "med_type": t} for i, t in enumerate(("21", "住院", "9901"))]), ("settlements", "med_type, visit_class")),
    "one number for two people": (_tables(persons=[PERSON, PERSON | {"gend": "2", "brdy": "1999-01-01"}], settlements=[VISIT]), None),
    "files of one name in two folders": (_folders, ("settlements", "count(*)")),
    "a file whose name is no table's": (_text("settlements.csv", lambda b: b, settlements=[VISIT], 账单=[VISIT]), None),
    "a Delta table": (_delta, None),
    "a `_temporary` folder of Spark": (_leftovers, ("settlements", "count(*)")),
    "Parquet of a cluster, in UTC": (_utc, ("settlements", "begntime")),
    "a database: times as text, bits as bytes": (_database(kinds={"begntime": "DATETIME", "refd_setl_flag": "BOOLEAN"}, change="UPDATE settlements SET begntime = '2025/3/1 9:00', endtime = '2025/3/1 9:00', refd_setl_flag = x'00'"), ("settlements", "DISTINCT begntime, refd_setl_flag")),
    "a view that fails in the middle": (_database(change="ALTER TABLE settlements RENAME TO sent", view="CREATE VIEW settlements AS SELECT *, CASE WHEN setl_id LIKE '%7' THEN abs(-9223372036854775808) END AS x FROM sent"), None),
    "a line that is corrected by its visit's other unit": (_tables(settlements=[VISIT], fee_details=[LINE, LINE | {"feedetl_sn": "2", "fixmedins_code": "H9"}]), None),
}  # fmt: skip


def outcome(made: Made, look: tuple[str, str] | None) -> tuple[str, str]:
    """(what happened, what was read) of one input."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            done = intake(made(folder), folder / "house", allow_ignored=["sent"])
        except UserError as error:
            return f"refused: {error}".replace(str(folder), "…"), ""
        counts = ", ".join(f"{t} {c.accepted} of {c.rows_in}" for t, c in done.tables.items() if t not in ("persons",))
        aside = list_quarantine(folder / "house")
        reasons = ", ".join(f"{code}×{n}" for code, n in aside["reason_code"].value_counts().sort_index().items())
        said = "; ".join(
            filter(
                None,
                (
                    f"taken in: {counts}",
                    f"set aside {reasons}" if reasons else "",
                    *done.notes,
                    *(f"not read: {i.name}" for i in done.ignored),
                ),
            )
        )
        read = ""
        if look:
            with duckdb.connect() as con:
                rows = con.execute(f"SELECT {look[1]} FROM {parquet(Warehouse.open(folder / 'house').files(look[0]))}{' GROUP BY 1' if 'sum(' in look[1] else ''} ORDER BY ALL")  # fmt: skip
                read = "; ".join(" ".join(str(v) for v in row) for row in rows.fetchall())
        return said, read


def lines() -> Iterator[str]:
    """The part of the page."""
    yield from (HEADING, "", "Made by `python -m benchmarks.intake_inputs`; each kind is a test of `tests/claims`.", "")
    yield from ("| input | outcome | what was read |", "|---|---|---|")
    for name, (made, look) in CASES.items():
        said, read = outcome(made, look)
        yield f"| {name} | {said} | {read} |".replace("\n", " ")
    yield from ("", "Names of files, sheets and database tables:", "", "| name | table |", "|---|---|")
    for stem in NAMES:
        yield f"| `{stem}` | {table_of(stem, Mapping()) or 'none: the delivery stops until it is named'} |"
    yield from (
        "",
        "Times, wall time in Shanghai; what has no value here is set aside (Q02):",
        "",
        "| written | read |",
        "|---|---|",
    )
    for text in TIMES:
        yield f"| `{text}` | {parsed(text, 'datetime', 'begntime')[0] or 'set aside'} |"
    yield f"| {', '.join(f'`{text}`' for text in NO_END)} | missing: no end, no date |"
    yield ""


def main() -> None:
    """Put the part into the page."""
    page = PAGE.read_text("utf-8")
    head, _, rest = page.partition(HEADING)
    tail = rest[rest.index(NEXT) :] if rest else page[page.index(NEXT) :]
    head = head if rest else page[: page.index(NEXT)]
    put(PAGE, (head + "\n".join(lines()) + "\n" + tail).encode())


if __name__ == "__main__":
    main()
