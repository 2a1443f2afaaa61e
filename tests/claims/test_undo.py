"""A batch taken back: the warehouse is as if it had never come, and history says that it did."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from claims.errors import UserError
from claims.intake.layout import compact, contents_of
from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from claims.intake.undo import history, undo
from claims.store.sql import parquet
from claims.store.warehouse import Warehouse
from tests.claims.county import LINE, PERSON, UNIT, VISIT, people, refund, write

NAMES = ("version", "parent", "sha256", "undone")
SECOND = VISIT | {"setl_id": "S2", "mdtrt_id": "M2"}
EARLY_LINE = LINE | {"mdtrt_id": "M2", "setl_id": "S2"}


def told(house: Path) -> dict[str, Any]:
    """All that a manifest says but its own number and what was taken back."""
    return {k: v for k, v in Warehouse.open(house).manifest.items() if k not in NAMES}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A delivery with a line and a refund that wait for their settlements."""
    waiting = refund(SECOND, setl_id="R2", mdtrt_id="R2")
    intake(write(tmp_path / "a", settlements=[VISIT, waiting], fee_details=[LINE, EARLY_LINE]), tmp_path / "house")
    assert len(list_quarantine(tmp_path / "house")) == 2
    return tmp_path / "house"


def second(folder: Path) -> Path:
    """What touches everything: a correction, what the waiting rows wait for, a death, another number of beds, bad rows."""
    rows = [
        VISIT | {"medfee_sumamt": "90.10", "psn_cash_pay": "0.00"},
        SECOND,
        SECOND | {"setl_id": "S3", "begntime": "?"},
    ]
    dead = [PERSON | {"death_date": "2025-03-09"}]
    return write(folder, settlements=rows, persons=dead, institutions=[UNIT | {"aprv_bed_cnt": "99"}])


def test_the_last_batch_taken_back_leaves_no_trace_but_history(house: Path, tmp_path: Path) -> None:
    before, rows, waiting = told(house), contents_of(Warehouse.open(house)), list_quarantine(house)
    intake(second(tmp_path / "b"), house)
    assert contents_of(Warehouse.open(house)) != rows
    assert len(list_quarantine(house)) == 1
    done = undo(house, "b0002")
    assert [b["batch"] for b in done.batches] == ["b0002"]
    assert told(house) == before
    assert contents_of(Warehouse.open(house)) == rows
    assert list_quarantine(house).equals(waiting)
    assert Warehouse.open(house).verify_all() > 0
    assert [(b["batch"], bool(b["undone_at"])) for b in history(house)] == [("b0001", False), ("b0002", True)]


def test_what_comes_after_is_judged_as_if_it_had_never_come(house: Path, tmp_path: Path) -> None:
    """The same rows again are no duplicates, a correction is no third version; a folder that never saw it says the same."""
    intake(second(tmp_path / "b"), house)
    undo(house, "b0002")
    intake(
        write(
            tmp_path / "a2",
            settlements=[VISIT, refund(SECOND, setl_id="R2", mdtrt_id="R2")],
            fee_details=[LINE, EARLY_LINE],
        ),
        tmp_path / "fresh",
    )
    taken = [intake(second(tmp_path / "b"), h) for h in (house, tmp_path / "fresh")]
    assert taken[0].tables == taken[1].tables
    assert contents_of(Warehouse.open(house)) == contents_of(Warehouse.open(tmp_path / "fresh"))
    assert [taken[0].batch, taken[1].batch] == ["b0003", "b0002"], "no name is given twice"


def test_taken_in_again_with_another_mapping(house: Path, tmp_path: Path) -> None:
    """As if the first reading had never been, by hash of every table; history tells it."""
    wrong, right = tmp_path / "fen.toml", tmp_path / "yuan.toml"
    wrong.write_text('[tables.settlements]\nunit = "fen"\n')
    right.write_text('[tables.settlements]\nunit = "yuan"\n')
    folder = write(
        tmp_path / "b", settlements=[SECOND | {"medfee_sumamt": "200", "fund_pay_sumamt": "160", "hifp_pay": "160"}]
    )
    shutil.copytree(house, tmp_path / "never")
    intake(folder, house, wrong)
    undo(house, "b0002")
    intake(folder, tmp_path / "never", right)
    assert intake(folder, house, right).tables["settlements"].accepted == 1
    rows = parquet(Warehouse.open(house).files("settlements", "person"))
    with duckdb.connect() as con:
        found = con.execute(f"SELECT version_no, medfee_sumamt_fen FROM {rows} WHERE setl_id = 'S2'").fetchall()
    assert found == [(1, 20000)]
    assert contents_of(Warehouse.open(house)) == contents_of(Warehouse.open(tmp_path / "never"))
    said = [(b["batch"], bool(b["undone_at"])) for b in history(house)]
    assert said == [("b0001", False), ("b0002", True), ("b0003", False)]


def test_a_batch_in_the_middle_goes_only_with_those_judged_against_it(house: Path, tmp_path: Path) -> None:
    rows = contents_of(Warehouse.open(house))
    intake(second(tmp_path / "b"), house)
    intake(write(tmp_path / "c", settlements=[SECOND, SECOND | {"setl_id": "S4", "mdtrt_id": "M4"}]), house)
    held = Warehouse.open(house).manifest
    with pytest.raises(
        UserError, match=r"b0003 \(c\) came after it and were judged against it.*--with-later.*nothing was changed"
    ):
        undo(house, "b0002")
    assert Warehouse.open(house).manifest == held
    assert [b["source"] for b in undo(house, "b0002", with_later=True).batches] == ["c", "b"]
    assert contents_of(Warehouse.open(house)) == rows


def test_the_first_batch_taken_back_leaves_an_empty_warehouse_that_takes_in_again(house: Path, tmp_path: Path) -> None:
    undo(house, "b0001")
    assert Warehouse.open(house).tables() == []
    with pytest.raises(UserError, match="holds no claims"):
        Warehouse.open(house).span()
    assert intake(write(tmp_path / "b", settlements=[VISIT]), house, buckets=3).tables["settlements"].accepted == 1
    assert Warehouse.open(house).buckets == 3


def test_an_unknown_batch_and_a_swept_state_are_told(house: Path, tmp_path: Path) -> None:
    intake(second(tmp_path / "b"), house)
    with pytest.raises(UserError, match=r"no batch 'b0009'.*b0001, b0002"):
        undo(house, "b0009")
    compact(house, sweep=True)
    with pytest.raises(UserError, match=r"b0002 cannot be taken back: \d+ files of the state before it were swept"):
        undo(house, "b0002")


def test_a_killed_undo_changes_nothing(house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from claims.store import publish

    intake(second(tmp_path / "b"), house)
    held = Warehouse.open(house).manifest

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(publish, "point", killed)
        with pytest.raises(KeyboardInterrupt):
            undo(house, "b0002")
    assert Warehouse.open(house).manifest == held
    undo(house, "b0002")


def test_partitions_are_of_the_contents(house: Path, tmp_path: Path) -> None:
    """Built before the batch they hold again, built on it they do not."""
    first = Warehouse.open(house).content
    intake(second(tmp_path / "b"), house)
    on_it = Warehouse.open(house).content
    undo(house, "b0002")
    assert Warehouse.open(house).content == first
    intake(write(tmp_path / "c", persons=[*people(), PERSON | {"psn_no": "P3"}], settlements=[VISIT]), house)
    assert Warehouse.open(house).content not in (first, on_it)
