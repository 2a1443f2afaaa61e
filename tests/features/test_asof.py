"""The as-of views of every table in the registry: what happens after T is not there at T, and of each key the last word known by T counts, once."""

from __future__ import annotations

import shutil
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import pytest

from claims.intake.pipeline import intake
from claims.schema.knowledge import Dated, Derived, Dimension, Ledger
from claims.schema.table import Table
from claims.schema.tables import CANONICAL, FACTS, PARTS, SOURCE
from claims.store.warehouse import Warehouse
from features.asof import open_views
from tests.claims.county import UNIT, VISIT, write
from tests.claims.every_table import all_rows, changed

EARLY, LATE = "2025-03-01", "2025-05-20"
T, AFTER = date(2025, 4, 5), date(2025, 6, 30)
#: Tables that no delivery holds: the warehouse makes them.
MADE = {name for name, table in CANONICAL.items() if isinstance(table.knowledge, Derived | Ledger)}
SENT = [name for name in CANONICAL if name not in MADE]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every table with one row, as the extract of T holds it."""
    folder = tmp_path_factory.mktemp("once")
    intake(write(folder / "claims", **all_rows(EARLY)), folder / "house", known_at=T)
    return folder / "house"


@pytest.fixture(scope="module")
def twice(once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, and each row corrected by the next extract."""
    folder = tmp_path_factory.mktemp("twice")
    shutil.copytree(once, folder / "house")
    intake(write(folder / "corrected", **all_rows(EARLY, correct=True)), folder / "house", known_at=AFTER)
    return folder / "house"


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every table with one row that tells of something after T."""
    folder = tmp_path_factory.mktemp("later")
    intake(write(folder / "claims", **all_rows(LATE)), folder / "house", known_at=AFTER)
    return folder / "house"


def view(house: Path, table: str, at: date, layout: str = "person") -> list[dict[str, object]]:
    """The rows of one table as the views of a moment show them."""
    return views(house, Warehouse.open(house).version, at, layout)[table]


@cache
def views(house: Path, version: str, at: date, layout: str) -> dict[str, list[dict[str, object]]]:
    """All of them at once: opening a bucket costs more than reading it."""
    shown = [name for name, table in CANONICAL.items() if not isinstance(table.knowledge, Ledger)]
    with open_views(Warehouse.open(house), at, layout, 0) as con:  # type: ignore[arg-type]
        return {name: rows(con, f"{'base' if name in FACTS else 'main'}.{name}") for name in shown}


def rows(con: duckdb.DuckDBPyConnection, relation: str) -> list[dict[str, object]]:
    found = con.execute(f"FROM {relation}")
    names = [d[0] for d in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def told(table: str) -> list[str]:
    """Canonical cells that the correction of a table changes."""
    declared = CANONICAL[table]
    source = SOURCE["settlements" if table in PARTS else table]
    return [declared[c].canonical for c in changed(source) if c in declared]


def test_every_table_is_delivered_here() -> None:
    assert {"superseded", "clock_collapsed"} == MADE


@pytest.mark.parametrize("table", SENT)
def test_a_correction_changes_nothing_before_it_was_known(table: str, once: Path, twice: Path) -> None:
    assert view(once, table, T) == view(twice, table, T) != []


@pytest.mark.parametrize("layout", ["person", "institution"])
@pytest.mark.parametrize("table", SENT)
def test_afterwards_the_last_word_counts_and_no_key_doubles(table: str, layout: str, once: Path, twice: Path) -> None:
    (before,), (after,) = view(once, table, AFTER, layout), view(twice, table, AFTER, layout)
    cells = told(table)
    assert cells
    assert all(before[c] != after[c] for c in cells)
    assert {c: v for c, v in before.items() if c not in (*cells, "known_at", "version_no", "level")} == {
        c: v for c, v in after.items() if c not in (*cells, "known_at", "version_no", "level")
    }


@pytest.mark.parametrize("table", SENT)
def test_what_happens_after_t_is_not_there_at_t(table: str, later: Path) -> None:
    knowledge = CANONICAL[table].knowledge
    at_t, after = view(later, table, T), view(later, table, AFTER)
    assert len(after) == 1
    if not isinstance(knowledge, Dimension):
        assert at_t == []
        return
    dated = {CANONICAL[table][c].canonical for group in knowledge.dated for c in group}
    assert all(at_t[0][c] is None and after[0][c] is not None for c in dated)
    assert {c: v for c, v in at_t[0].items() if c not in (*dated, "age")} == {
        c: v for c, v in after[0].items() if c not in (*dated, "age")
    }


@pytest.mark.parametrize("table", [t for t in SENT if isinstance(CANONICAL[t].knowledge, Dimension | Dated)])
def test_no_view_shows_a_state_of_today_or_a_last_day_to_come(table: str, once: Path) -> None:
    knowledge = CANONICAL[table].knowledge
    shown = view(once, table, date(2025, 2, 28) if isinstance(knowledge, Dimension) else T)[0]
    if isinstance(knowledge, Dimension):
        assert not {CANONICAL[table][c].canonical for c in knowledge.current} & set(shown)


def test_an_agreement_shows_its_last_day_once_it_is_past(tmp_path: Path) -> None:
    period = {"fixmedins_code": "H1", "begndate": EARLY, "stas": "suspended", "enddate": LATE}
    intake(write(tmp_path / "claims", agreement_periods=[period], settlements=[VISIT]), tmp_path / "house")
    ends = [view(tmp_path / "house", "agreement_periods", at)[0]["enddate"] for at in (T, date(2025, 5, 20))]
    assert ends == [None, date(2025, 5, 20)]


def test_a_hospital_delivered_again_doubles_no_settlement(tmp_path: Path) -> None:
    house = tmp_path / "house"
    intake(write(tmp_path / "one", settlements=[VISIT | {"med_type": "21"}]), house, known_at=T)
    for day, beds in ((1, 30), (2, 40), (3, 30)):
        units = [UNIT | {"aprv_bed_cnt": beds}, UNIT | {"fixmedins_code": f"H{day + 1}"}]
        intake(write(tmp_path / f"more{day}", persons=[], institutions=units), house, known_at=date(2025, 5, day))
    seen = {}
    for at in (T, date(2025, 5, 1), date(2025, 5, 2), date(2025, 5, 3)):
        for layout in ("person", "institution"):
            with open_views(Warehouse.open(house), at, layout, 0) as con:  # type: ignore[arg-type]
                assert [con.execute(f"SELECT count(*) FROM net.{v}").fetchall() for v in ("settlements", "stays")] == [
                    [(1,)]
                ] * 2
                seen[at] = con.execute(
                    "SELECT list(aprv_bed_cnt) FROM institutions WHERE fixmedins_code = 'H1'"
                ).fetchall()[0][0]
    assert list(seen.values()) == [[20], [30], [40], [30]], "a hospital may be again what it was"


def test_a_key_told_twice_in_its_first_delivery_means_its_last_row(tmp_path: Path) -> None:
    units = [UNIT, UNIT | {"aprv_bed_cnt": 35}]
    intake(write(tmp_path / "claims", institutions=units, settlements=[VISIT]), tmp_path / "house", known_at=AFTER)
    assert [r["aprv_bed_cnt"] for r in view(tmp_path / "house", "institutions", T)] == [35]


def test_a_day_whose_clock_collapsed_in_two_deliveries_doubles_nothing(tmp_path: Path) -> None:
    house = tmp_path / "house"
    for batch in "ab":
        burst = [
            VISIT | {"setl_id": f"{batch}{i}", "mdtrt_id": f"{batch}{i}", "begntime": f"{EARLY} 09:00:{i:02}"}
            for i in range(5)
        ]
        intake(write(tmp_path / batch, settlements=burst), house, known_at=T)
    with open_views(Warehouse.open(house), T, "person", 0) as con:
        assert con.execute("SELECT count(*), bool_and(clock_collapsed) FROM net.settlements").fetchall() == [(10, True)]


def test_an_undated_operation_is_known_when_its_stay_ended(tmp_path: Path) -> None:
    stay = VISIT | {"med_type": "21", "endtime": LATE, "setl_time": LATE}
    operation = {"mdtrt_id": "M1", "seq": "1", "oprn_oprt_code": "47.01"}
    intake(write(tmp_path / "claims", settlements=[stay], operations=[operation]), tmp_path / "house", known_at=AFTER)
    days = (date(2025, 5, 19), date(2025, 5, 20))
    assert [len(view(tmp_path / "house", "operations", at)) for at in days] == [0, 1]


def test_a_verdict_without_a_date_is_known_when_it_was_delivered(tmp_path: Path) -> None:
    case = {"case_no": "1", "psn_no": "P1", "mdtrt_id": "M1", "verdict": "无第三方"}
    intake(write(tmp_path / "claims", settlements=[VISIT], injury_cases=[case]), tmp_path / "house", known_at=AFTER)
    assert [len(view(tmp_path / "house", "injury_cases", at)) for at in (T, AFTER)] == [0, 1]


def test_bed_checks_without_a_number_are_not_one(tmp_path: Path) -> None:
    checks = [{"mdtrt_id": "M1", "check_time": f"2025-03-01 2{i}:00", "result_code": "B1_IN_BED"} for i in range(3)]
    intake(write(tmp_path / "claims", settlements=[VISIT], presence_checks=checks), tmp_path / "house", known_at=T)
    assert len(view(tmp_path / "house", "presence_checks", T)) == 3


def test_the_views_name_no_table() -> None:
    words = set(Path("features/asof.py").read_text(encoding="utf-8").replace('"', " ").replace(".", " ").split())
    assert not words & set(CANONICAL), "knowledge is declared with a table, not spelled in the views"


def test_a_new_table_is_one_declaration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from claims.schema.knowledge import Event
    from claims.schema.table import columns

    parking = Table(
        "parking_fines",
        "违停",
        ("fine_no",),
        columns("fine_no 编号 code !!\nfined_at 时间 datetime !\nfine 罚款 money"),
        knowledge=Event("fined_at"),
    )
    monkeypatch.setitem(SOURCE, parking.name, parking)
    monkeypatch.setitem(CANONICAL, parking.name, parking)
    sent = [{"fine_no": "1", "fined_at": EARLY, "fine": "20"}, {"fine_no": "2", "fined_at": LATE, "fine": "20"}]
    intake(write(tmp_path / "one", settlements=[VISIT], parking_fines=sent), tmp_path / "house", known_at=AFTER)
    corrected = [{"fine_no": "1", "fined_at": EARLY, "fine": "50"}]
    intake(write(tmp_path / "two", parking_fines=corrected), tmp_path / "house", known_at=date(2025, 7, 31))
    for at, fines in (
        (T, [("1", 2000)]),
        (AFTER, [("1", 2000), ("2", 2000)]),
        (date(2025, 8, 1), [("1", 5000), ("2", 2000)]),
    ):
        assert sorted((r["fine_no"], r["fine_fen"]) for r in view(tmp_path / "house", "parking_fines", at)) == fines
