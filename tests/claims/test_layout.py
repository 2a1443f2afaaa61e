"""A year of deliveries laid out like one: the same rows, fewer files, as many buckets as they ask for."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from claims.errors import UserError
from claims.intake import layout
from claims.intake.layout import compact, contents_of
from claims.intake.pipeline import intake
from claims.intake.undo import undo
from claims.store.warehouse import Warehouse, bucket_of
from tests.claims.county import LINE, VISIT, Row, people, refund, write


def month(folder: Path, n: int) -> Path:
    visits: list[Row] = []
    for person in ("P1", "P2"):
        made = {"setl_id": f"S{n}{person}", "mdtrt_id": f"M{n}{person}", "psn_no": person}
        made |= dict.fromkeys(("begntime", "endtime"), f"2025-{n:02d}-01 09:00:00")
        visits.append(VISIT | made | {"setl_time": f"2025-{n:02d}-01 09:30:00"})
    lines = [
        LINE | {c: v[c] for c in ("setl_id", "mdtrt_id", "psn_no")} | {"fee_ocur_time": v["begntime"]} for v in visits
    ]
    back = refund(
        visits[0], setl_time=f"2025-{n:02d}-01 09:35:00", begntime=visits[0]["begntime"], endtime=visits[0]["endtime"]
    )
    return write(
        folder / str(n),
        persons=[p | {"tel_hash": str(n)} for p in people()],
        settlements=[*visits, back],
        fee_details=lines,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for n in (1, 2, 3):
        intake(month(tmp_path, n), tmp_path / "house")
    return tmp_path / "house"


def files(house: Path) -> list[int]:
    tables = Warehouse.open(house).manifest["tables"]
    return [len(entries) for layouts in tables.values() for held in layouts.values() for entries in held.values()]


@pytest.mark.parametrize("buckets", [None, 3])
def test_the_same_rows_in_one_file_a_bucket(house: Path, buckets: int | None) -> None:
    before, reader = contents_of(Warehouse.open(house)), Warehouse.open(house)
    done = compact(house, buckets=buckets)
    assert done.buckets == (1, buckets or 1)
    assert max(files(house)) == 1
    assert contents_of(Warehouse.open(house)) == before
    assert contents_of(reader) == before, "a reader of the state before is not disturbed"
    assert Warehouse.open(house).content == reader.content, "nothing that was built on it is built again"
    now = Warehouse.open(house)
    for bucket in range(now.buckets):
        for path in now.files("visits", "person", bucket):
            keys = {r[0] for r in duckdb.read_parquet(str(path)).project("psn_no").fetchall()}
            assert {bucket_of(key, now.buckets) for key in keys} == {bucket}


def test_rows_are_sorted_as_one_delivery_would_be(house: Path, tmp_path: Path) -> None:
    compact(house)
    (path,) = Warehouse.open(house).files("settlements", "person")
    found = duckdb.read_parquet(str(path)).project("psn_no, happened_at, setl_id").fetchall()
    assert found == sorted(found)


def test_buckets_come_and_go_and_come_back(house: Path) -> None:
    rows = contents_of(Warehouse.open(house))
    for buckets in (4, 6):
        compact(house, buckets=buckets)
        assert contents_of(Warehouse.open(house)) == rows
    compact(house)
    version = Warehouse.open(house).version
    compact(house)
    assert Warehouse.open(house).version == version, "what lies well is left alone"


def test_what_comes_later_is_judged_as_before(house: Path, tmp_path: Path) -> None:
    compact(house, buckets=3)
    assert intake(month(tmp_path, 3), house).tables["settlements"].accepted == 0
    assert intake(month(tmp_path, 4), house).tables["settlements"].accepted == 3
    twin = tmp_path / "twin"
    for n in (1, 2, 3, 4):
        intake(month(tmp_path, n), twin)
    assert contents_of(Warehouse.open(twin)) == contents_of(Warehouse.open(house))


def test_a_batch_before_the_new_layout_can_still_be_taken_back(house: Path, tmp_path: Path) -> None:
    compact(house, buckets=2)
    undo(house, "b0003")
    twin = tmp_path / "twin"
    for n in (1, 2):
        intake(month(tmp_path, n), twin)
    assert contents_of(Warehouse.open(twin)) == contents_of(Warehouse.open(house))


def test_files_of_older_layouts_are_swept_those_of_the_last_are_not(house: Path, tmp_path: Path) -> None:
    assert compact(house).swept == 0
    between = Warehouse.open(house)
    intake(month(tmp_path, 4), house)
    assert compact(house).swept > 0
    assert between.verify_all() > 0
    assert compact(house, sweep=True).swept > 0
    assert set((house / "tables").rglob("*.parquet")) == set(Warehouse.open(house).paths())


def test_an_intake_lays_out_anew_what_fits_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "LINES_A_BUCKET", 3)
    for n in range(1, 7):
        intake(month(tmp_path, n), tmp_path / "house")
    assert Warehouse.open(tmp_path / "house").buckets == 4, "ten lines before the last delivery"
    monkeypatch.setattr(layout, "MOST_FILES", 2)
    intake(month(tmp_path, 7), tmp_path / "house")
    assert max(files(tmp_path / "house")) == 2


def test_damage_is_told_and_nothing_changes(house: Path) -> None:
    held = (house / "CURRENT").read_text()
    path = Warehouse.open(house).files("settlements", "person")[0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="missing or damaged"):
        compact(house)
    assert (house / "CURRENT").read_text() == held
