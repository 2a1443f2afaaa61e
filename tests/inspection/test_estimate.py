"""Estimates from the draw: right on average, intervals that cover, silence where the sample is small."""

import numpy as np
import pytest

from inspection.draw import pivotal, spread
from inspection.estimate import lift, mid_p_interval, rate, total
from inspection.seed import random_for


def test_rate_and_amount_are_right_on_average_and_cover() -> None:
    rng = random_for("world")
    n, rounds = 1500, 150
    bad = rng.random(n) < 0.1
    amount = np.where(bad, np.exp(rng.normal(7, 1.0, n)), 0.0)
    chance = spread(150, np.where(np.arange(n) % 4 == 0, 2.0, 1.0))
    rates, totals = [], []
    for i in range(rounds):
        drawn = pivotal(chance, [str(j % 5) for j in range(n)], random_for("d", i))
        rates.append(rate(bad[drawn], chance[drawn], n))
        totals.append(total(amount[drawn], chance[drawn], n))
    assert np.mean([r.value for r in rates]) == pytest.approx(bad.mean(), rel=0.07)
    assert np.mean([t.value for t in totals]) == pytest.approx(amount.sum(), rel=0.08)
    assert np.mean([r.low <= bad.mean() <= r.high for r in rates]) >= 0.9  # type: ignore[operator]
    assert 0.7 <= np.mean([t.low <= amount.sum() <= t.high for t in totals]) <= 0.9  # type: ignore[operator]


def test_a_census_has_no_doubt() -> None:
    found = np.array([1, 0] * 10)
    said = rate(found, np.ones(20), 20)
    assert (said.value, said.low, said.high) == (0.5, 0.5, 0.5)


def test_who_was_sure_to_be_drawn_has_no_doubt_and_who_was_not_keeps_it() -> None:
    said = rate(np.r_[np.zeros(20), np.ones(5), np.zeros(5)], np.r_[np.ones(20), np.full(10, 0.5)], 40)
    assert said.value == pytest.approx(0.25)
    assert (said.low, said.high) == pytest.approx(mid_p_interval(0.25 * 80, 80)), "40² / Σ w (w - 1) = 1600 / 20"


def test_below_ten_nothing_is_said() -> None:
    assert rate(np.ones(9), np.full(9, 0.1), 90).told() == "样本不足：有结论的抽查只有 9 个"
    assert total(np.r_[np.ones(4), np.zeros(40)], np.full(44, 0.1), 440).value is None
    assert lift(5, 20, 1, 9).value is None


def test_lift_of_nothing_drawn_says_at_least() -> None:
    said = lift(15, 30, 0, 40)
    assert said.value is None
    assert said.low is not None
    assert said.low > 3
    usual = lift(15, 30, 4, 40)
    assert usual.value == pytest.approx(5.0)
    assert usual.low is not None
    assert usual.high is not None
    assert 1.5 < usual.low < 5 < usual.high < 30


def test_mid_p_limits_agree_with_the_whole_counts() -> None:
    low, high = mid_p_interval(3, 20)
    assert (low, high) == (pytest.approx(0.040, abs=0.003), pytest.approx(0.358, abs=0.005))
    assert mid_p_interval(0, 20)[0] == 0.0
    assert mid_p_interval(20, 20)[1] == 1.0
