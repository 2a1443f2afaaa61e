"""A partition is kept across deliveries while what was known at its as-of is the same, and only then."""

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from claims.intake.pipeline import intake
from claims.store.content import known_content
from claims.store.warehouse import Warehouse
from features.build import build
from tests.features.county import MOMENT, T, house, only, read_tables, source, write_tables
from tests.worlds import Worlds

pytestmark = pytest.mark.slow
FEW = frozenset({"stays_in_year", "nights_in_year", "outside_swipe_days"})


@pytest.fixture
def cut(worlds: Worlds, tmp_path: Path) -> Iterator[Path]:
    """A warehouse of what was known at T, with the partition of stays at T, of a few features."""
    shutil.copytree(house(worlds, "cut"), tmp_path / "w")
    with only(FEW):
        build(tmp_path / "w", T, "admission")
        yield tmp_path / "w"


def stamp(warehouse: Path, when: date) -> tuple[int, pd.DataFrame]:
    made = build(warehouse, when, "admission")
    return made.path.stat().st_ino, made.values()


def test_the_next_delivery_leaves_the_past_as_it_was(cut: Path, worlds: Worlds) -> None:
    """The whole county comes after its state at T: corrections, refunds, settlements of stays that were open. The partition at T is found, and equals one built anew."""
    before, _ = stamp(cut, T)
    intake(source(worlds), cut)
    assert Warehouse.open(cut).span()[1] > MOMENT
    kept, found = stamp(cut, T)
    assert kept == before
    shutil.rmtree(cut / "features")
    _, anew = stamp(cut, T)
    pd.testing.assert_frame_equal(found, anew)


def test_a_delivery_of_what_was_known_by_then_makes_it_another(cut: Path, worlds: Worlds, tmp_path: Path) -> None:
    """Claims that happened before T and come late, with nothing that says they were unknown: the view at T holds them, so it is built again."""
    before, _ = stamp(cut, T)
    tables = read_tables(source(worlds))
    old = tables["settlements"]
    moved = old[old["setl_time"] < pd.Timestamp(T - timedelta(days=30))].head(40).copy()
    for column in ("setl_id", "mdtrt_id"):
        moved[column] = moved[column] + "9"
    intake(write_tables({"settlements": moved}, tmp_path / "late"), cut)
    after, _ = stamp(cut, T)
    assert after != before


def test_what_was_known_is_one_hash(cut: Path) -> None:
    warehouse = Warehouse.open(cut)
    assert known_content(warehouse, MOMENT) == known_content(Warehouse.open(cut), MOMENT)
    assert known_content(warehouse, MOMENT) != known_content(warehouse, MOMENT - timedelta(days=30))
