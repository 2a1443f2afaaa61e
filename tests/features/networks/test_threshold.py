"""The threshold is what chance would need, by its definition and in simulated counties without any lockstep."""

import numpy as np
import pytest
from scipy.stats import poisson

from features.networks.pairs.events import DAY, sort_visits
from features.networks.pairs.loads import coincidence_rates, count_loads
from features.networks.pairs.significance import surprising_pairs
from features.networks.pairs.threshold import EXPECTED_GROUPS, Z_MIN, _pass_chance, chance_pairs, chance_threshold


@pytest.mark.parametrize("z", [2.0, 6.0])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_chance_to_pass_equals_its_definition(z: float, k: int) -> None:
    for expected in (1e-6, 1e-3, 0.02, 0.7, 6.0, 40.0):
        c = next(c for c in range(k, 400) if poisson.sf(c - 1, expected) <= 10**-z)
        assert _pass_chance(expected, k, z) == pytest.approx(poisson.sf(c - 1, expected), rel=1e-9)
    assert _pass_chance(0.0, k, z) == 0


SCALES = ((60, 2),)


def county(seed: int, cards: int = 900, visits: int = 18_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    minute = rng.integers(0, 300, visits) * DAY + rng.integers(480, 1080, visits)
    return rng.integers(0, cards, visits), rng.integers(0, 12, visits), minute


def test_about_as_many_chance_pairs_pass_as_expected_and_not_more() -> None:
    z, seen, expected = 3.0, 0, 0.0
    for seed in range(4):
        events = county(seed)
        visits = sort_visits(*events)
        rates = {dt: coincidence_rates(visits, dt) for dt, _ in SCALES}
        expected += chance_pairs(count_loads(visits), rates, SCALES, z)[0]
        seen += len(surprising_pairs(*events, scales=SCALES, z_min=z))
    # visits are finite, so a Poisson count of their coincidences is a little too generous: a bound, and a near one
    assert 0.7 * expected < seen < 1.1 * expected
    assert seen > 300


def test_the_threshold_rises_until_chance_makes_no_group() -> None:
    visits = sort_visits(*county(0))
    loads, rates = count_loads(visits), {dt: coincidence_rates(visits, dt) for dt, _ in SCALES}
    z = chance_threshold(loads, rates, SCALES)
    assert z >= Z_MIN
    assert chance_pairs(loads, rates, SCALES, z)[1] <= EXPECTED_GROUPS
    assert chance_pairs(loads, rates, ((60, 1),), 1.0)[1] > EXPECTED_GROUPS
    lone = sort_visits([0, 1], [0, 0], [5, 6])
    assert chance_threshold(count_loads(lone), {dt: coincidence_rates(lone, dt) for dt, _ in SCALES}, SCALES) == Z_MIN
