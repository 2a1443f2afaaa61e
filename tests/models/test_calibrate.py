"""Chances from few findings: honest about how little is known, moved by what is found, mended per group."""

import numpy as np
import pytest
from scipy.special import expit

from models.calibrate import EVERYBODY, PRESUMED, Calibration, calibrate

GROUPS = np.array(["a", "b", "c", "d"])


def county(n: int, seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tail ranks, guilt, group, chance; group a is guilty more often by `shift` in log odds."""
    r = np.random.default_rng(seed)
    t, group = r.exponential(size=n), r.choice(GROUPS, n)
    chance = expit(-5.5 + 1.2 * t + np.where(group == "a", shift, 0.0))
    return t, (r.random(n) < chance).astype(float), group, chance


def test_without_a_confirmed_or_a_refuted_case_nothing_is_said() -> None:
    t = np.linspace(0, 5, 40)
    for y in (np.zeros(40), np.ones(40)):
        curve = calibrate(t, y)
        assert curve.kind == "none"
        assert "暂不能" in curve.reason
        assert np.isnan(curve.probability(t)).all()
        assert np.isnan(curve.interval(t)).all()


def test_findings_that_contradict_the_risk_give_no_probability() -> None:
    """A curve that falls would say the same of everybody, and a list in its order would be sorted by something else."""
    r = np.random.default_rng(3)
    t = r.exponential(size=4000)
    y = (r.random(4000) < expit(1.0 - 2.0 * t)).astype(float)
    curve = calibrate(t, y)
    assert curve.kind == "none"
    assert "无关" in curve.reason


@pytest.mark.parametrize("n", [20, 100])
def test_the_interval_narrows_with_findings_and_mostly_holds_the_chance(n: int) -> None:
    t, y, _, chance = county(20_000, 1)
    top = np.argsort(-t)[:200]
    inside, widths = [], []
    for seed in range(30):
        looked = np.random.default_rng(seed).choice(len(t), n, replace=False, p=(t + 0.1) ** 2 / ((t + 0.1) ** 2).sum())
        curve = calibrate(t[looked], y[looked])
        p, (low, high) = curve.probability(t[top]), curve.interval(t[top])
        assert low.sum() <= p.sum() <= high.sum()
        inside.append(low.sum() <= chance[top].sum() <= high.sum())
        widths.append(float((high - low).mean()))
    assert np.mean(inside) >= 0.7
    many = calibrate(t[:4000], y[:4000])
    low, high = many.interval(t[top])
    assert float((high - low).mean()) < 0.5 * np.median(widths)


def test_one_confirmed_case_already_says_something_and_that_it_is_little() -> None:
    curve = calibrate(np.array([4.0, 1.0, 2.0]), np.array([1.0, 0.0, 0.0]))
    low, high = (float(v[0]) for v in curve.interval(np.array([5.0])))
    assert high - low > 0.3
    assert float(curve.probability(np.array([0.5]))[0]) < 5 * PRESUMED


def test_why_a_case_was_looked_at_does_not_raise_the_others() -> None:
    """Callers are right half the time wherever their case stands; chances must follow the draw."""
    r = np.random.default_rng(2)
    t = np.r_[r.exponential(size=600), r.exponential(size=300)]
    y = np.r_[r.random(600) < expit(-5 + t[:600]), r.random(300) < 0.5].astype(float)
    source = np.r_[np.full(600, "random"), np.full(300, "complaint")]
    asked, all_alike = calibrate(t, y, source), calibrate(t, y)
    truth = expit(-5 + t[:600]).sum()
    assert asked.probability(t[:600]).sum() < 2 * truth < all_alike.probability(t[:600]).sum()


def test_a_group_whose_chance_does_not_hold_is_mended_and_equal_groups_are_left_alike() -> None:
    t, y, group, chance = county(6000, 4, shift=1.5)
    common, mended = calibrate(t, y), calibrate(t, y, group=group)
    inside = group == "a"
    assert common.probability(t[inside]).sum() < 0.75 * chance[inside].sum()
    assert mended.probability(t[inside], group[inside]).sum() == pytest.approx(chance[inside].sum(), rel=0.2)
    assert mended.offsets["a"] > 0.5
    alike = calibrate(*county(400, 6)[:2], group=county(400, 6)[2])
    assert max(map(abs, alike.offsets.values()), default=0.0) < 0.3, "what chance makes of equal groups is shrunk away"


def test_chances_rise_with_the_risk_and_survive_the_file() -> None:
    t, y, group, _ = county(300, 7)
    curve = calibrate(t, y, group=group)
    grid = np.linspace(0, 25, 400)
    for name in (EVERYBODY, *curve.offsets):
        for values in (curve.probability(grid, np.full(400, name)), *curve.interval(grid, np.full(400, name))):
            assert (np.diff(values) >= 0).all()
            assert (values > 0).all()
    assert Calibration.from_json(curve.to_json()) == curve
    assert curve.told[group[0]][0] == (group == group[0]).sum()
