"""Many evenings of bed checks: what the first tenth is, whole evenings drawn, losses first. All evenings are made up."""

import re
from typing import Any

import pytest

from benchmarks.accuracy_judge import PRODUCT
from benchmarks.evenings import APART, EVENINGS, evenings_of
from benchmarks.evenings_page import difference, first_ten, first_tenth, page, tenth


def evening(ours: list[float], theirs: list[float], day: int = 1, guilty: int = 2, stays: int = 30) -> dict[str, Any]:
    hits = {PRODUCT: ours, "largest": theirs, "random": [guilty / stays] * 10}
    return {"world": "one", "at": f"2025-08-{day:02d} 20:00:00", "open": stays, "guilty": guilty, "hits": hits}


EMPTY = [0.0] * 10
BOTH = [1.0, 1.0] + [0.0] * 8


def test_evenings_follow_the_fit_some_days_apart() -> None:
    found = evenings_of("2025-07-30")
    assert len(found) == EVENINGS
    assert (found[0], found[1]) == ("2025-08-02 20:00:00", "2025-08-05 20:00:00")
    assert APART == 3


def test_the_first_tenth_is_of_the_open_stays_and_all_empty_beds_count() -> None:
    late = [0.0] * 5 + [1.0] + [0.0] * 4
    told = [evening(BOTH, late, stays=30), evening(EMPTY, late, stays=60, guilty=1)]
    assert [tenth(e) for e in told] == [3, 6]
    assert first_tenth(told, PRODUCT) == pytest.approx(2 / 3)
    assert first_tenth(told, "largest") == pytest.approx(1 / 3)
    assert first_ten(told, "largest") == pytest.approx(0.1)


def test_whole_evenings_are_drawn() -> None:
    same = [evening(BOTH, BOTH, day) for day in (1, 4)]
    assert difference(same, first_ten, "largest", draws=50) == (0.0, 0.0)
    low, high = difference([evening(BOTH, EMPTY), evening(EMPTY, EMPTY)], first_ten, "largest", draws=200)
    assert (low, high) == (0.0, pytest.approx(0.2))


def test_losses_stand_first_and_an_evening_without_an_empty_bed_counts() -> None:
    made = page(
        [evening(EMPTY, BOTH), evening(BOTH, EMPTY, 4, 0) | {"world": "two", "hits": {PRODUCT: EMPTY, "largest": EMPTY, "random": EMPTY}}],
        ["abc1234"],
    )  # fmt: skip
    assert "4 of 6 figures lie below" in made
    rows = [
        line for line in made.splitlines() if line.startswith(("| all", "| one", "| two")) and "evening" not in line
    ]
    assert made.index("| one | of the empty") < made.index("| two | of the empty")
    assert len(rows) >= 6
    assert "make evenings" in made
    assert not re.search(r"(?<![\w.])/(\w+/)+\w+", made)
