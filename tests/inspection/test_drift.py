"""The alarm rings when draws confirm more or less than the lists promised, and seldom where they keep their promises."""

import numpy as np
import pytest

from inspection.drift import FALSE_ALARMS, LESS, MORE, evidence, watch
from inspection.seed import random_for

OFFICES, CASES = 200, 250


def rung(change: float, at: int = 0) -> np.ndarray:
    """For each office the case at which the alarm first rings, CASES where it never does; odds are `change` times those promised from case `at` on. It looks after every case."""
    rng = random_for("offices", change, at)
    first = np.full(OFFICES, CASES)
    for i in range(OFFICES):
        p = rng.choice([0.01, 0.05, 0.1, 0.3], CASES)
        true = np.where(np.arange(CASES) < at, p, change * p / (1 - p + change * p))
        y = rng.random(CASES) < true
        ringing = np.flatnonzero((evidence(p, y, MORE) + evidence(p, y, LESS)) / 2 >= 1 / FALSE_ALARMS)
        first[i] = ringing[0] if len(ringing) else CASES
    return first


def test_promises_that_are_kept_seldom_ring_however_often_one_looks() -> None:
    assert (rung(1.0) < CASES).mean() <= FALSE_ALARMS


@pytest.mark.parametrize(("change", "within"), [(4.0, 60), (0.2, 150)])
def test_promises_that_are_broken_ring(change: float, within: int) -> None:
    first = rung(change, at=50)
    late = first[first >= 50]
    assert len(late) > 0.9 * OFFICES
    assert np.median(late - 50) <= within


def test_the_expected_evidence_of_one_case_is_one() -> None:
    p = np.array([0.2])
    both = [0.2 * evidence(p, np.array([1]), odds)[0] + 0.8 * evidence(p, np.array([0]), odds)[0] for odds in (MORE, LESS)]  # fmt: skip
    assert both == pytest.approx([1.0, 1.0])


def test_it_says_which_way_and_nothing_where_too_few_are_decided() -> None:
    promised = np.full(40, 0.1)
    more = watch(promised, np.arange(40) % 2)
    assert (more.alarm, more.confirmed) == ("more", 20)
    assert "明显偏多" in more.text
    assert watch(np.full(60, 0.6), np.zeros(60)).alarm == "less"
    assert watch(promised, np.arange(40) % 10 == 0).alarm == ""
    few = watch(promised[:9], np.ones(9))
    assert few.alarm is None
    assert few.text.startswith("样本不足")
