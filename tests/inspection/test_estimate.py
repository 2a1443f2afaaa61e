"""Estimates from the draw: right on average, intervals that cover, silence where the sample is small."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from inspection.draw import pivotal, spread
from inspection.estimate import lift, meaning, mid_p_interval, rate, total
from inspection.seed import random_for
from inspection.shares import classes


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
    others = rate(np.r_[np.ones(5), np.zeros(5)], np.full(10, 0.5), 20)
    assert others.low is not None
    assert others.high is not None
    assert said.value == pytest.approx(0.25)
    assert (said.low, said.high) == pytest.approx((others.low / 2, others.high / 2)), "half of all, none of the sure"


def covered(population: int, guilty: int, drawn: int) -> float:
    held = 0.0
    for hits in range(min(guilty, drawn) + 1):
        said = rate(np.arange(drawn) < hits, np.full(drawn, drawn / population), population)
        assert said.low is not None
        assert said.high is not None
        inside = said.low - 1e-9 <= guilty / population <= said.high + 1e-9
        held += inside * hypergeom.pmf(hits, population, guilty, drawn)
    return float(held)


def test_rates_of_a_small_population_cover_what_they_say_counted_out_over_every_draw() -> None:
    covers = np.array([covered(83, guilty, 17) for guilty in range(1, 28)])
    assert covers.mean() == pytest.approx(0.95, abs=0.01), "two one-sided tests make 96.9 %"
    assert covers.min() > 0.9
    assert covered(83, 11, 17) == pytest.approx(0.957, abs=0.001)


def test_weights_enter_as_they_are() -> None:
    chance = np.r_[np.full(6, 0.35), np.full(11, 0.165)]
    one_of_the_heavy, one_of_the_light = (rate(np.eye(17)[i], chance, 83) for i in (16, 0))
    assert one_of_the_heavy.value > one_of_the_light.value  # type: ignore[operator]
    assert one_of_the_heavy.high > one_of_the_light.high  # type: ignore[operator]


def test_chances_of_every_size_are_joined_until_they_can_be_counted_out() -> None:
    weight = 1 + np.random.default_rng(3).random(400) * 9
    of = classes(weight)
    assert of is not None
    assert 2 <= of.max() + 1 <= 4
    assert (np.diff(of[np.argsort(weight)]) >= 0).all(), "neighbours by weight"
    assert classes(np.r_[np.full(2000, 2.0), np.full(2000, 3.0)]) is None
    found = np.random.default_rng(4).random(400) < 0.2
    said, flat = rate(found, 1 / weight, 2200), rate(found, np.full(400, 0.2), 2200)
    assert (said.high - said.low) > (flat.high - flat.low), "unequal weights tell less"  # type: ignore[operator]


def test_below_ten_nothing_is_said() -> None:
    assert rate(np.ones(9), np.full(9, 0.1), 90).told() == "样本不足：有结论的抽查只有 9 个"
    assert total(np.zeros(44), np.full(44, 0.1), 440).told() == "样本不足：抽查 44 个均未查出金额"
    assert lift(5, 20, 1, 9).value is None


def test_of_few_amounts_the_interval_is_wide_and_says_what_it_supposes() -> None:
    few = total(np.r_[1000.0, np.zeros(43)], np.full(44, 0.1), 440)
    assert few.high > 10 * few.low  # type: ignore[operator]
    assert "有金额的只有 1 个" in few.told(",.0f")
    assert total(np.r_[np.full(9, 1000.0), np.zeros(35)], np.full(44, 0.1), 440).note == ""


def test_whether_an_amount_is_told_does_not_lean_on_what_was_found() -> None:
    rng = random_for("rare")
    people = np.r_[np.exp(rng.normal(8, 1, 60)), np.zeros(7940)]
    said = [total(people[rng.permutation(8000)[:400]], np.full(400, 0.05), 8000) for _ in range(150)]
    values = [s.value for s in said if s.value is not None]
    assert len(values) > 0.9 * len(said)
    assert np.mean(values) == pytest.approx(people.sum(), rel=0.2)
    assert 0.7 <= np.mean([s.low <= people.sum() <= s.high for s in said if s.low is not None and s.high is not None]) <= 0.95  # fmt: skip


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


def test_of_many_amounts_with_a_heavy_tail_the_largest_are_not_the_most_there_can_be() -> None:
    rng = random_for("heavy")
    people = np.r_[1000 * (1 + rng.pareto(1.1, 600)), np.zeros(4400)]
    held, reach = [], []
    for _ in range(60):
        y = people[rng.permutation(5000)[:500]]
        said = total(y, np.full(500, 0.1), 5000)
        held.append(said.low <= people.sum() <= said.high)  # type: ignore[operator]
        reach.append((said.high - said.value) / (said.value - said.low))  # type: ignore[operator]
    assert np.mean(held) > 0.6, "resampling those found holds the truth in half of the draws"
    assert np.median(reach) > 1.5, "much more than estimated is likelier than much less"


def test_what_an_interval_means_is_said_by_number() -> None:
    assert meaning(0.95) == "区间的意思：同样抽查 100 次，约 95 次包住逐个查遍才知道的真数"
