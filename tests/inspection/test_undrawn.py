"""What the undrawn may hold: intervals that cover in counties with strata, told the same twice, narrower where strata tell something."""

import numpy as np
import pytest
from scipy.stats import betabinom, t

from inspection.draw import pivotal, spread
from inspection.estimate import rate, total
from inspection.seed import random_for
from inspection.undrawn import AS_OF, SIZE_SLOPE, SPREAD, Everybody, _beta_binomial, guilty, line, middle

STRATA = np.repeat(np.arange(14), [20, 20, 8, 7, 5, 5, 4, 4, 3, 2, 2, 1, 1, 1])
CHANCE = spread(42, np.where(STRATA % 5 == 0, 3.0, 1.0))


def county(i: int) -> tuple[np.ndarray, np.ndarray]:
    """Size and amount of everybody."""
    rng = random_for("county", i)
    size = np.exp(rng.normal(13, 1.5, 14)[STRATA] + rng.normal(0, 0.7, len(STRATA)))
    bad = rng.random(len(STRATA)) < rng.beta(0.5, 2.0, 14)[STRATA]
    bad[:: len(STRATA) // 3] = True
    return size, np.where(bad, np.sqrt(size) * np.exp(rng.normal(2, 1.2, len(size))), 0.0)


def test_intervals_cover_what_they_say_in_counties_with_strata() -> None:
    rates, amounts, narrower = [], [], []
    for i in range(24):
        size, amount = county(i)
        for j in range(5):
            drawn = np.flatnonzero(pivotal(CHANCE, STRATA, random_for("d", i, j)))
            among = Everybody(STRATA, size, drawn)
            y, p, n = amount[drawn], CHANCE[drawn], len(amount)
            said, sums, plain = rate(y > 0, p, n, among=among), total(y, p, n, among=among), rate(y > 0, p, n)
            rates.append(said.low - 1e-9 <= (amount > 0).mean() <= said.high + 1e-9)  # type: ignore[operator]
            amounts.append(sums.low <= amount.sum() <= sums.high)  # type: ignore[operator]
            narrower.append((said.high - said.low) / (plain.high - plain.low))  # type: ignore[operator]
    assert 0.92 <= np.mean(rates) <= 0.98
    assert 0.74 <= np.mean(amounts) <= 0.86
    assert np.mean(narrower) < 0.95, "strata that differ tell more than as many drawn of all"


def test_the_order_of_those_drawn_changes_nothing_nor_do_names_of_strata_the_rate() -> None:
    size, amount = county(3)
    drawn = np.flatnonzero(pivotal(CHANCE, STRATA, random_for("d", 0)))
    once, again = (Everybody(STRATA, size, who) for who in (drawn, drawn[::-1]))
    sums = [total(amount[e.decided], CHANCE[e.decided], 83, among=e) for e in (once, once, again)]
    assert sums[0] == sums[1]
    assert (sums[0].low, sums[0].high) == pytest.approx((sums[2].low, sums[2].high))
    named = Everybody(np.array([f"{s:02d}" for s in STRATA]), size, drawn[::-1])
    a, b = (rate(amount[e.decided] > 0, CHANCE[e.decided], 83, among=e) for e in (once, named))
    assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))


def test_a_stratum_without_anybody_left_has_no_doubt() -> None:
    of = np.repeat([0, 1], [6, 14])
    drawn = np.r_[np.arange(6), np.arange(6, 20)]
    found = np.r_[np.ones(6), np.zeros(14)]
    said = rate(found, np.full(20, 0.7), 20, among=Everybody(of, np.ones(20), drawn))
    assert (said.low, said.value, said.high) == pytest.approx((0.3, 0.3, 0.3))


def test_counts_of_one_stratum_are_beta_binomial_and_counts_are_chances() -> None:
    share = _beta_binomial(np.array([2.5, 400.0]), np.array([7.0, 3.0]), 300)
    assert share[0] == pytest.approx(betabinom(300, 2.5, 7.0).pmf(np.arange(301)), abs=1e-9)
    assert share[1] == pytest.approx(betabinom(300, 400.0, 3.0).pmf(np.arange(301)), abs=1e-9)
    size, amount = county(5)
    drawn = np.flatnonzero(pivotal(CHANCE, STRATA, random_for("d", 5)))
    counts = guilty(amount[drawn] > 0, CHANCE[drawn], Everybody(STRATA, size, drawn))
    assert len(counts) == 83 - len(drawn) + 1
    assert counts.sum() == pytest.approx(1.0)
    low, high = middle(counts, 0.95)
    assert low < high
    assert middle(np.array([0.0, 0.01, 0.98, 0.01]), 0.95) == (2, 2)


def test_units_that_bill_more_are_supposed_to_have_more_until_amounts_say_otherwise() -> None:
    _, slope, sigma = line(np.array([10.0]), np.array([8.0]), random_for("l"), 4000)
    assert slope.mean() == pytest.approx(SIZE_SLOPE, abs=0.05)
    assert np.median(sigma) == pytest.approx(SPREAD * np.sqrt(AS_OF / 3.36), rel=0.05), "scaled inverse χ² of four"
    x = np.linspace(8, 14, 60)
    level, slope, sigma = line(x, 2.0 + 0.0 * x + 0.3 * np.sin(7 * x), random_for("l"), 4000)
    assert abs(slope.mean()) < 0.1
    assert level.mean() == pytest.approx(2.0, abs=0.1)
    spread_of_level = np.std((level - level.mean()) / sigma * np.sqrt(60))
    assert spread_of_level == pytest.approx(t(1e6).std(), rel=0.1)
