"""The study of draws: what no interval can avoid, when a sum is ahead for good, a year that repeats."""

import numpy as np
import pytest

from benchmarks.inspection import DAYS, pooled
from benchmarks.inspection_cover import attainable, counted_out
from benchmarks.inspection_year import POLICIES, crossing, known, play, section
from inspection.seed import random_for


def test_what_any_interval_must_cover_counts_whole_outcomes() -> None:
    values = np.repeat([0.0, 0.1, 0.2, 0.3], [10, 60, 28, 2])
    assert attainable(values, 0.1) == pytest.approx(0.98), "10 and 60 and 28: without the 10 only 88 %"
    assert attainable(values[:0], 0.1) is None
    assert attainable(random_for("x").random(1000), 0.5) == pytest.approx(0.95)


def test_ahead_from_the_week_after_the_last_behind() -> None:
    assert crossing(np.array([-1.0, 1, -1, 2, 3])) == 4
    assert crossing(np.array([1.0, 1, 1])) == 1
    assert crossing(np.array([1.0, -1])) is None


def test_a_year_repeats_and_drawing_draws() -> None:
    once, again = (play(1, 30, "every found gang moves", POLICIES[2]) for _ in range(2))
    assert (once.found == again.found).all()
    assert (once.drawn == 3).all()
    assert play(1, 30, "nobody moves", POLICIES[0]).drawn.sum() == 0


def test_a_year_that_was_not_run_is_said() -> None:
    losses: list[str] = []
    assert section({}, losses) == []
    assert "not measured" in losses[0]


def test_what_is_known_of_cases_ends_two_weeks_ago() -> None:
    cases = [(w, np.full(2, 0.5), np.array([True, False])) for w in range(4)]
    assert known(cases, 1).week.tolist() == [1, 1, 2, 2]
    assert len(known(cases, -1)) == 0


def test_cover_without_redraws_is_that_of_the_hypergeometric() -> None:
    assert counted_out({"population": 83, "guilty": 11, "drawn": 17}) == pytest.approx(0.957, abs=0.001)


def test_worlds_are_pooled_by_their_sums_and_what_is_lost_is_said() -> None:
    def world(amount: float, cases: float, size: float) -> dict[str, object]:
        yuan = {"amount": amount, "list": amount, "cases": cases, "size": size}
        return {f"{way} {d}": {"yuan": y, "guilty": 1, "visits": 2} for way, y in yuan.items() for d in DAYS}

    losses: list[str] = []
    rows = pooled([world(100, 0, 50), world(200, 100, 400)], losses)
    assert len(rows) == len(DAYS) + 1
    assert rows[-1].endswith("| **3.00** |")
    assert any("largest first meets 1.50" in x for x in losses)
    assert pooled([world(1, 1, 1)], []) == []
