"""An unchanged county raises no alarm; a changed one does."""

import numpy as np
import pandas as pd

from training.drift import drift, holm, psi, reasons, volumes


def week(r, n=400, columns=40, shift=0.0):
    frame = pd.DataFrame(r.lognormal(0, 1, (n, columns)))
    frame[1] = r.poisson(0.3, n)
    frame[2] = np.where(r.random(n) < 0.9, 0.0, frame[2])
    frame.iloc[r.random(n) < 0.05, 3] = np.nan
    frame[5] = frame[5] * np.exp(shift)
    return frame.set_axis([f"f{i}" for i in range(columns)], axis=1)


def test_two_hundred_quiet_weeks():
    """Family-wise at 2 %: of 200 unchanged weeks with 40 columns, at most 9 may cry (99 % of Binomial(200, 0.02))."""
    r = np.random.default_rng(0)
    cries = sum(bool(drift(week(r), week(r)).alarms) for _ in range(200))
    assert cries <= 9


def test_planted_shift_is_found_and_named():
    r = np.random.default_rng(1)
    found = [drift(week(r), week(r, shift=0.5)).alarms for _ in range(20)]
    assert sum("f5" in a for a in found) >= 18


def test_missing_values_are_a_change_of_their_own():
    r = np.random.default_rng(2)
    after = week(r)
    after.loc[r.random(400) < 0.25, "f7"] = np.nan
    assert "f7" in drift(week(r), after).alarms


def test_volume_and_reasons():
    r = np.random.default_rng(3)
    before, after = pd.Series(r.poisson(200, 30)), pd.Series(r.poisson(200, 30))
    assert not volumes(before, after).alarms
    after[4] = 20
    assert volumes(before, after).alarms == [4]
    assert reasons({"R01": 40, "R27": 60}, {"R01": 5, "R27": 95}).alarms
    assert not reasons({"R01": 40, "R27": 60}, {"R01": 44, "R27": 56}).alarms


def test_holm_and_psi():
    assert holm(np.array([0.0001, 0.5, 0.009]), 0.02).tolist() == [True, False, True]
    assert holm(np.array([]), 0.02).tolist() == []
    x = np.arange(1000.0)
    assert psi(x, x) < 1e-9 < psi(x, x + 300)
