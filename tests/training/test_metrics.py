"""Figures with the intervals they deserve."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from features.intervals import wilson
from training.metrics import auc, best, compared, paired


def test_ties_are_broken_by_id() -> None:
    s = pd.Series([1.0, 1.0, 2.0], index=["b", "a", "c"])
    assert best(s, 2).tolist() == ["c", "a"]
    assert best(s.iloc[::-1], 2).tolist() == ["c", "a"]


def test_auc_counts_ties_half_and_needs_both_classes() -> None:
    r = np.random.default_rng(0)
    y, s = (r.random(200) < 0.3).astype(float), r.integers(0, 9, 200).astype(float)
    assert auc(y, s) == pytest.approx(roc_auc_score(y, s), abs=1e-12)
    assert np.isnan(auc(np.zeros(3), np.arange(3.0)))


def test_wilson_at_the_ends() -> None:
    low, high = wilson(0, 20)
    assert low == 0.0
    assert 0.1 < high < 0.2


def test_lift_interval_covers_one_when_nothing_differs() -> None:
    r = np.random.default_rng(0)
    ids = [f"e{i}" for i in range(2000)]
    y = pd.Series((r.random(2000) < 0.1).astype(float), index=ids)
    a, b = (pd.Series(r.random(2000), index=ids) for _ in range(2))
    table = compared({"largest": [(a, y)], "full": [(b, y)]}, 200, random_rate=0.1).set_index("scorer")
    assert table.loc["full", "lift_largest_low"] < 1 < table.loc["full", "lift_largest_high"]


def test_paired_says_nothing_from_two() -> None:
    assert paired([1, 2], [0, 1]).value is None
    figure = paired([1.0, 1.1, 0.9, 1.0], [0, 0, 0, 0])
    assert 0 < figure.low < 1.0 < figure.high
