"""The index is nought for the same people, rises when they move or go missing, and is told beside what chance alone makes of so few."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.shift import USED, index_of, said_of, spread_of, spreads
from tests.column import a_column
from tests.models.conftest import Toy


def test_the_same_people_have_not_moved() -> None:
    values = np.random.default_rng(1).gamma(2.0, 1.0, 5000)
    found = index_of(spread_of(values), values)
    assert found["psi"] == pytest.approx(0, abs=1e-6)
    assert said_of(found["psi"], found["chance"]) == "stable"


def test_the_index_is_the_sum_over_training_deciles() -> None:
    """Everybody of the lower five deciles moves into the upper five: Σ over bins of (0 − .1)·ln(0/.1) and (.2 − .1)·ln 2, half an entity in each."""
    then, now = np.arange(1000.0), np.tile(np.arange(500.0, 1000.0), 2)
    n = 1000 + 5
    want = 5 * (0.5 - 100.5) / n * np.log(0.5 / 100.5) + 5 * (200.5 - 100.5) / n * np.log(200.5 / 100.5)
    found = index_of(spread_of(then), now)
    assert found["psi"] == pytest.approx(want, abs=1e-4)
    assert said_of(found["psi"], found["chance"]) == "shifted"


def test_what_goes_missing_is_a_move() -> None:
    values = np.arange(1000.0)
    found = index_of(spread_of(values), np.where(values % 2, np.nan, values))
    assert (found["missing_then"], found["missing_now"]) == (0.0, 0.5)
    assert said_of(found["psi"], found["chance"]) == "shifted"


def test_chance_alone_is_not_called_a_move() -> None:
    """Of a hundred pairs of samples of one population of eighty, many pass 0.1, and about one in twenty what chance allows."""
    rng = np.random.default_rng(2)
    told = [index_of(spread_of(rng.normal(size=80)), rng.normal(size=80)) for _ in range(400)]
    assert sum(f["psi"] > 0.1 for f in told) > 200
    assert sum(said_of(f["psi"], f["chance"]) in ("moved", "shifted") for f in told) < 40


def test_nobody_is_no_number_and_equal_values_are_one_bin() -> None:
    assert index_of(spread_of(np.zeros(0)), np.ones(3))["psi"] is None
    assert index_of(spread_of(np.ones(3)), np.zeros(0))["psi"] is None
    found = index_of(spread_of(np.zeros(50)), np.zeros(40))
    assert (found["psi"], found["chance"]) == (0.0, 0.0)
    assert index_of(spread_of(np.full(50, np.nan)), np.full(50, np.nan))["psi"] == 0.0
    assert said_of(None, None) == ""


def test_a_fit_keeps_the_columns_that_move_risk_and_the_rules_nobody_could_judge(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    known = {
        f"rule_{r}": a_column(f"rule_{r}", "", "T01", "high", "rule", family="stay", kind="lead", rule=r)
        for r in ("R01", "R03")
    }
    blind = replace(matrix, X=matrix.X.assign(rule_R03=np.nan), columns=matrix.columns | known)
    weight = pd.Series({c: 1.0 / (i + 1) for i, c in enumerate(matrix.X.columns)})
    kept = spreads(blind, matrix.X["age"], matrix.X.notna() * weight)
    assert next(iter(kept["columns"])) == matrix.X.columns[0]
    assert len(kept["columns"]) <= USED
    assert kept["unjudged"]["R03"] == 1.0
    assert kept["unjudged"]["R01"] < 1.0
    assert kept["raw"]["n"] == len(matrix.X)
