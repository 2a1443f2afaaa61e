"""The contract of models/scorer.py as code: one check, one clause. Every scorer's tests run every check (tests/models/test_scorers.py).

Each check gets an unfitted scorer, the fitted one, X and y, and raises AssertionError naming the clause that is broken.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from models.scorer import BASE, Scorer

Check = Callable[[Scorer, Scorer, pd.DataFrame, pd.Series | None], None]


def fit_returns_itself(scorer: Scorer, fitted: Scorer, X: pd.DataFrame, y: pd.Series | None) -> None:
    assert scorer.fit(X, y) is scorer, "fit returns the scorer itself"


def risk_keeps_the_index(scorer: Scorer, fitted: Scorer, X: pd.DataFrame, y: pd.Series | None) -> None:
    assert list(fitted.risk(X).index) == list(X.index), "risk has X's index"


def risk_lies_in_the_unit_interval(scorer: Scorer, fitted: Scorer, X: pd.DataFrame, y: pd.Series | None) -> None:
    assert fitted.risk(X).between(0, 1).all(), "risk lies in [0, 1] and is never NaN"


def contributions_have_the_columns(scorer: Scorer, fitted: Scorer, X: pd.DataFrame, y: pd.Series | None) -> None:
    assert list(fitted.contributions(X).columns) == [*X.columns, BASE], "contributions: X's columns, then base"


def contributions_add_up(scorer: Scorer, fitted: Scorer, X: pd.DataFrame, y: pd.Series | None) -> None:
    raw = fitted.raw(X)
    gap = float(np.abs(fitted.contributions(X).sum(axis=1) - raw).max())
    assert gap <= 1e-9 * max(1.0, float(np.abs(raw).max())), f"contributions add up to raw (gap {gap:g})"


def risk_rises_with_raw(scorer: Scorer, fitted: Scorer, X: pd.DataFrame, y: pd.Series | None) -> None:
    order = np.argsort(fitted.raw(X).to_numpy(), kind="stable")
    assert (np.diff(fitted.risk(X).to_numpy()[order]) >= 0).all(), "risk rises with raw"


def row_order_does_not_matter(scorer: Scorer, fitted: Scorer, X: pd.DataFrame, y: pd.Series | None) -> None:
    shuffled = fitted.risk(X.sample(frac=1.0, random_state=1)).loc[X.index]
    pd.testing.assert_series_equal(shuffled, fitted.risk(X), check_exact=True)


def one_row_alone_scores_the_same(scorer: Scorer, fitted: Scorer, X: pd.DataFrame, y: pd.Series | None) -> None:
    assert fitted.risk(X.iloc[[0]]).iloc[0] == fitted.risk(X).iloc[0], "one row alone scores as it does among many"


def no_rows_in_no_rows_out(scorer: Scorer, fitted: Scorer, X: pd.DataFrame, y: pd.Series | None) -> None:
    assert len(fitted.risk(X.iloc[:0])) == 0, "no rows in, no rows out"


def restore_gives_an_equal_scorer(scorer: Scorer, fitted: Scorer, X: pd.DataFrame, y: pd.Series | None) -> None:
    twin = type(fitted).restore(*fitted.state())
    pd.testing.assert_series_equal(twin.risk(X), fitted.risk(X), check_exact=True)
    pd.testing.assert_frame_equal(twin.contributions(X), fitted.contributions(X), check_exact=True)


def equal_settings_give_an_equal_scorer(scorer: Scorer, fitted: Scorer, X: pd.DataFrame, y: pd.Series | None) -> None:
    again = type(scorer)(**scorer.get_params()).fit(X, y)
    pd.testing.assert_series_equal(again.risk(X), fitted.risk(X), check_exact=True)


CHECKS: tuple[Check, ...] = (
    fit_returns_itself,
    risk_keeps_the_index,
    risk_lies_in_the_unit_interval,
    contributions_have_the_columns,
    contributions_add_up,
    risk_rises_with_raw,
    row_order_does_not_matter,
    one_row_alone_scores_the_same,
    no_rows_in_no_rows_out,
    restore_gives_an_equal_scorer,
    equal_settings_give_an_equal_scorer,
)
