"""Published whole or not at all: killed at any step, on a full disk, or rotted on disk, a reader sees the old state or an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

from claims.errors import Damaged, UserError
from claims.intake.pipeline import intake
from claims.intake.quarantine import export_quarantine, list_quarantine
from claims.intake.readmit import readmit
from claims.sources.excel import read_sheets
from claims.store.warehouse import Warehouse
from tests.claims.county import LINE, VISIT, write


class Killed(BaseException):
    """Stands for SIGKILL: no handler of ours may catch it."""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    intake(write(tmp_path / "a", settlements=[VISIT], fee_details=[LINE]), tmp_path / "house")
    return tmp_path / "house"


def test_a_kill_at_any_step_leaves_the_old_state_and_the_next_run_completes(house: Path, tmp_path: Path) -> None:
    more = write(tmp_path / "b", settlements=[VISIT | {"setl_id": "S2", "mdtrt_id": "M2"}])
    before = Warehouse.open(house)
    points: list[str] = []

    def stop_at(n: int) -> Callable[[str], None]:
        def check(point: str) -> None:
            points.append(point)
            if len(points) == n:
                raise Killed(point)

        return check

    steps = []
    with pytest.raises(Killed):  # the first run only learns the names of the steps
        intake(more, house, check=lambda p: steps.append(p) if p != "pointer" else (_ for _ in ()).throw(Killed(p)))
    chosen = sorted({1, len(steps) // 4, len(steps) // 2, 3 * len(steps) // 4, len(steps)} - {0})
    for n in chosen:
        points.clear()
        with pytest.raises(Killed):
            intake(more, house, check=stop_at(n))
        now = Warehouse.open(house)
        assert now.manifest == before.manifest, points[-1]
        assert now.verify_all() > 0
    assert intake(more, house).tables["settlements"].accepted == 1
    assert Warehouse.open(house).verify_all() > 0


def test_a_full_disk_publishes_nothing(house: Path, tmp_path: Path) -> None:
    import errno

    def full(point: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = (house / "CURRENT").read_text()
    with pytest.raises(UserError, match=r"disk .* is full; nothing was published"):
        intake(write(tmp_path / "b", settlements=[VISIT | {"setl_id": "S2", "mdtrt_id": "M2"}]), house, check=full)
    assert (house / "CURRENT").read_text() == before
    assert not (house / ".staging").exists()


def test_every_flipped_bit_is_found(house: Path) -> None:
    opened = Warehouse.open(house)
    files = [
        house / e["path"]
        for t in opened.manifest["tables"].values()
        for b in t.values()
        for es in b.values()
        for e in es
    ]
    found = 0
    for i in range(100):
        path = files[i % len(files)]
        sound = path.read_bytes()
        at = (i * 7919) % len(sound)
        path.write_bytes(sound[:at] + bytes([sound[at] ^ (1 << i % 8)]) + sound[at + 1 :])
        with pytest.raises(UserError, match="damaged"):
            opened.verify_all()
        found += 1
        path.write_bytes(sound)
    assert found == 100
    assert opened.verify_all()


def test_a_missing_warehouse_and_a_damaged_manifest_are_told(tmp_path: Path, house: Path) -> None:
    with pytest.raises(UserError, match="no warehouse"):
        Warehouse.open(tmp_path / "none")
    name = (house / "CURRENT").read_text().split()[0]
    (house / "manifests" / f"{name}.json").write_text("{")
    with pytest.raises(UserError, match="missing or damaged"):
        Warehouse.open(house)


def test_every_flipped_bit_of_the_manifest_and_of_the_pointer_is_found(house: Path, tmp_path: Path) -> None:
    """Also one that turns the pointer to the state before: that manifest is sound, but not the one that was published last."""
    intake(write(tmp_path / "b", settlements=[VISIT | {"setl_id": "S2", "mdtrt_id": "M2"}]), house)
    pointer = house / "CURRENT"
    for path in (pointer, house / "manifests" / f"{pointer.read_text().split()[0]}.json"):
        sound = path.read_bytes()
        for bit in range(0, 8 * len(sound), 1 if path == pointer else 101):
            body = bytearray(sound)
            body[bit // 8] ^= 1 << bit % 8
            path.write_bytes(bytes(body))
            with pytest.raises(UserError, match=r"backup, or run `xiezhi intake`"):
                Warehouse.open(house)
        path.write_bytes(sound)
    assert Warehouse.open(house).verify_all() > 0


def test_the_quarantine_is_exported_and_readmitted_with_a_mended_mapping(tmp_path: Path) -> None:
    house = tmp_path / "house"
    odd = VISIT | {"setl_id": "S2", "mdtrt_id": "M2", "begntime": "03.01.2025", "endtime": ""}
    intake(write(tmp_path / "a", settlements=[VISIT, odd]), house)
    assert list(list_quarantine(house)["reason_code"]) == ["Q02"]
    assert export_quarantine(house, tmp_path / "q.xlsx") == 1
    mended = tmp_path / "m.toml"
    mended.write_text('[tables.settlements.columns]\nbegntime = { from = "begntime", formats = ["%d.%m.%Y"] }\n')
    assert readmit(house, mapping=mended).readmitted == {"settlements": 1}
    assert list_quarantine(house).empty
    assert Warehouse.open(house).rows("visits") == 2


def test_a_row_mended_in_the_workbook_is_taken_in_and_an_unmended_one_stays(tmp_path: Path) -> None:
    house = tmp_path / "house"
    odd = VISIT | {"setl_id": "S2", "mdtrt_id": "M2", "begntime": "昨天", "endtime": ""}
    intake(write(tmp_path / "a", settlements=[VISIT, odd, odd | {"setl_id": "S3", "mdtrt_id": "M3"}]), house)
    assert export_quarantine(house, tmp_path / "q.xlsx") == 2
    sheet = read_sheets(tmp_path / "q.xlsx")["settlements"]
    sheet.loc[0, "begntime"] = "2025-03-02 10:00:00"
    with xlsxwriter.Workbook(str(tmp_path / "mended.xlsx")) as book:
        for i, row in enumerate([list(sheet.columns), *sheet.itertuples(index=False)]):
            (book.get_worksheet_by_name("settlements") or book.add_worksheet("settlements")).write_row(i, 0, row)
    done = readmit(house, tmp_path / "mended.xlsx")
    assert done.readmitted == {"settlements": 1}
    assert len(list_quarantine(house)) == 1
    assert Warehouse.open(house).rows("visits") == 2
    with pytest.raises(UserError, match="no quarantined row"):
        readmit(house, tmp_path / "mended.xlsx")


def test_a_workbook_without_rows_is_refused(tmp_path: Path) -> None:
    house = tmp_path / "house"
    intake(write(tmp_path / "a", settlements=[VISIT, VISIT | {"begntime": "昨天"}]), house)
    xlsxwriter.Workbook(str(tmp_path / "none.xlsx")).close()
    with pytest.raises(UserError, match="no mended row"):
        readmit(house, tmp_path / "none.xlsx")


def test_a_warehouse_of_an_earlier_version_is_told_apart_from_a_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "CURRENT").write_text("00000001\n")
    with pytest.raises(Damaged, match="made by an earlier version of xiezhi; take the claims in again"):
        Warehouse.open(tmp_path)
