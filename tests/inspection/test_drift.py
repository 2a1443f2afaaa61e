"""The alarm rings when draws confirm more or less than the lists promised, and seldom where they keep their promises."""

import numpy as np
import pytest

from inspection.drift import FALSE_ALARMS, LESS, MORE, NONE, Cases, evidence, needed, ringing, watch
from inspection.seed import random_for

OFFICES, CASES = 200, 250


def some(promised: np.ndarray, found: np.ndarray, a_week: int = 5) -> Cases:
    return Cases(promised, found, np.arange(len(promised)) // a_week + 1)


def rung(change: float, at: int = 0) -> np.ndarray:
    """For each office the case at which the alarm first rings, CASES where it never does; odds are `change` times those promised from case `at` on. It looks after every case."""
    rng = random_for("offices", change, at)
    first = np.full(OFFICES, CASES)
    for i in range(OFFICES):
        p = rng.choice([0.01, 0.05, 0.1, 0.3], CASES)
        true = np.where(np.arange(CASES) < at, p, change * p / (1 - p + change * p))
        y = rng.random(CASES) < true
        ringing = np.flatnonzero((evidence(some(p, y), MORE) + evidence(some(p, y), LESS)) / 2 >= 1 / FALSE_ALARMS)
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
    one, p = np.ones(1), np.array([0.2])
    both = [0.2 * evidence(Cases(p, one, 9 * one), odds)[0] + 0.8 * evidence(Cases(p, 0 * one, 9 * one), odds)[0] for odds in (MORE, LESS)]  # fmt: skip
    assert both == pytest.approx([1.0, 1.0])


def test_it_says_which_way_and_nothing_where_too_few_are_decided() -> None:
    promised = np.full(40, 0.1)
    more = watch(some(promised, np.arange(40) % 2))
    assert (more.alarm, more.confirmed) == ("more", 20)
    assert "明显偏多" in more.text
    assert watch(some(np.full(60, 0.6), np.zeros(60))).alarm == "less"
    assert watch(some(promised, np.arange(40) % 10 == 0)).alarm == ""
    few = watch(some(promised[:9], np.ones(9)))
    assert few.alarm is None
    assert few.text.startswith("样本不足")


def test_a_list_whose_schemes_moved_rings_within_weeks_and_one_that_keeps_its_promises_seldom() -> None:
    rng, early, late = random_for("lists"), 0, 0
    for _ in range(100):
        p = rng.beta(4, 4, 27 * 30)
        kept, moved = rng.random(len(p)) < p, rng.random(len(p)) < np.where(np.arange(len(p)) < 27 * 28, p, 0.05)
        ever = max(ringing(NONE, some(p[:n], kept[:n], 27))[0] for n in range(27, len(p), 27))
        early += ever >= 1 / FALSE_ALARMS
        late += watch(NONE, some(p, moved, 27)).alarm == "listed"
    assert early <= 5
    assert late >= 95, "in two weeks, with hundreds of cases before"


def test_more_among_the_listed_than_promised_is_no_alarm() -> None:
    assert watch(NONE, some(np.full(200, 0.3), np.arange(200) % 2)).alarm == ""


def test_draws_among_the_unlisted_need_hundreds_to_hear_and_it_says_so() -> None:
    assert 400 < needed(0.02, 2.0) < 2000
    assert needed(0.02, 8.0) < needed(0.02, 2.0) / 10
    rng, heard, p = random_for("needed"), [], np.full(3000, 0.02)
    for _ in range(60):
        drawn = Cases(p, rng.random(3000) < 0.0392, np.ones(3000))
        first = np.flatnonzero(evidence(drawn, MORE) / 4 + 3 / 4 >= 1 / FALSE_ALARMS)
        heard.append(first[0] if len(first) else 3000)
    assert 0.6 < np.median(heard) / needed(0.02, 2.0) < 1.4
    assert "个抽查才听得出" in watch(some(np.full(60, 0.02), np.zeros(60))).text
