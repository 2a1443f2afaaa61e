"""What is wrong with a delivery as a whole: one code for two, cut at a sheet's end, read wrongly from first to last."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlsxwriter

from claims.errors import UserError
from claims.intake import pipeline
from claims.intake.pipeline import intake
from claims.quality import check
from claims.sources.delimited import TextFault
from claims.sources.source import Loaded, Source
from claims.store.warehouse import Warehouse
from tests.claims.county import PERSON, UNIT, VISIT, Row, refund, write


def _found(house: Path, code: str) -> list[tuple[str, str]]:
    return [(f.severity, f.scope) for f in check(Warehouse.open(house)) if f.code == code]


def _visits(n: int, **cells: object) -> list[Row]:
    return [VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}"} | cells for i in range(n)]


def test_one_code_for_two_is_told(tmp_path: Path) -> None:
    persons = [PERSON, PERSON | {"gend": "2", "brdy": "1999-01-01"}, PERSON | {"psn_no": "P2"}]
    units = [UNIT, UNIT | {"fixmedins_name": "红旗医院", "hosp_lv": "09"}]
    done = intake(write(tmp_path / "in", persons=persons, institutions=units, settlements=[VISIT]), tmp_path / "house")
    assert [note.split(":")[0] for note in done.notes] == ["persons", "institutions"]
    assert _found(tmp_path / "house", "shared_codes") == [("warn", "institutions"), ("warn", "persons")]


def test_one_person_in_two_schemes_is_one(tmp_path: Path) -> None:
    persons = [PERSON, PERSON | {"insutype": "390"}]
    assert intake(write(tmp_path / "in", persons=persons, settlements=[VISIT]), tmp_path / "house").notes == []


@pytest.mark.parametrize(("rows", "told"), [(4, True), (3, False), (5, False)])
def test_a_sheet_that_ends_at_its_last_row_is_told(
    tmp_path: Path, rows: int, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "ROW_LIMITS", (5, 99))
    write(tmp_path / "in", settlements=[])
    with xlsxwriter.Workbook(str(tmp_path / "in" / "settlements.xlsx")) as book:
        sheet = book.add_worksheet("settlements")
        for i, row in enumerate([list(VISIT), *(list(v.values()) for v in _visits(rows))]):
            sheet.write_row(i, 0, row)
    done = intake(tmp_path / "in", tmp_path / "house")
    assert [n.startswith("settlements.xlsx[settlements] ends at") and "(5)" in n for n in done.notes] == [True] * told
    assert _found(tmp_path / "house", "row_limit") == [("warn", "files")] * told


@pytest.mark.parametrize("limit", [65_536, 1_048_576])
@pytest.mark.parametrize(
    ("kind", "rows", "jumps", "faults", "told"),
    [
        ("xlsx", -1, (), 0, True),  # a header and limit - 1 rows
        ("xlsx", -4, ((0, 5),), 0, True),  # three lines of title above the header
        ("xlsx", -2, (), 1, True),  # a total in the last row
        ("csv", -1, ((0, 2), (10, 7)), 0, True),  # saved from a sheet; an address of six lines in quotes
        ("xlsx", -2, (), 0, False),
        ("xlsx", 0, (), 0, False),
        ("parquet", -1, (), 0, False),
    ],
)
def test_the_last_row_of_a_sheet(
    limit: int, kind: str, rows: int, jumps: tuple[tuple[int, int], ...], faults: int, told: bool
) -> None:
    source = Source("settlements", "账.xlsx[结算]", kind=kind)
    first = jumps[0][1] if jumps else 2
    loaded = Loaded("r", {}, limit + rows, first, jumps, tuple(TextFault(limit, "Q06", "") for _ in range(faults)))
    assert pipeline._last_row_of_a_sheet(source, loaded) == (limit if told else 0)


def test_a_table_refused_row_by_row_is_refused_whole(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", settlements=_visits(30, begntime="morning"))
    with pytest.raises(UserError, match=r"none of the 30 rows of settlements.*Q02.*begntime.*nothing was published"):
        intake(folder, tmp_path / "house")
    assert not (tmp_path / "house" / "CURRENT").exists()


def test_refunds_that_wait_for_their_settlements_are_no_fault(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", settlements=[refund(v) for v in _visits(30)])
    assert intake(folder, tmp_path / "house").tables["settlements"].quarantined == 30


@pytest.mark.parametrize(("strange", "severity"), [(0, []), (1, ["warn"]), (24, ["warn"]), (25, ["stop"])])
def test_visit_types_nobody_mapped(tmp_path: Path, strange: int, severity: list[str]) -> None:
    rows = _visits(50)
    for row in rows[:strange]:
        row["med_type"] = "住院"
    done = intake(write(tmp_path / "in", settlements=rows), tmp_path / "house")
    assert len(done.notes) == bool(strange)
    found = [f for f in check(Warehouse.open(tmp_path / "house")) if f.code == "unmapped_codes"]
    assert [(f.severity, f.scope) for f in found] == [(s, "settlements") for s in severity]
    assert all(f"住院×{strange}" in f.zh for f in found)


def test_levels_in_unknown_words_are_told_and_blank_ones_are_none(tmp_path: Path) -> None:
    units = [UNIT | {"fixmedins_code": f"H{i}", "hosp_lv": "" if i else "上等"} for i in range(10)]
    intake(write(tmp_path / "in", institutions=units, settlements=[VISIT]), tmp_path / "house")
    assert _found(tmp_path / "house", "unmapped_codes") == [("warn", "institutions")]
