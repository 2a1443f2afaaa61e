"""Too good to be honest? What a score must not do: separate by one column, learn from shuffled outcomes, know the future."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from training.dataset import Rows
from training.fit_ranker import measured, out_of_fold
from training.labels import load_labels
from training.metrics import auc

LEAK_AUC: Final = 0.98
FEWEST: Final = 50


def leaks(X: pd.DataFrame, truth: pd.Series, limit: float = LEAK_AUC) -> list[dict[str, Any]]:
    """Columns that separate almost perfectly by themselves: too good to be honest."""
    out = []
    y = truth.to_numpy()
    if len(np.unique(y)) < 2:
        return []
    for column in X.columns:
        x = X[column].to_numpy()
        ok = np.isfinite(x)
        if ok.sum() < FEWEST or len(np.unique(y[ok])) < 2 or np.ptp(x[ok]) == 0:
            continue
        alone = auc(y[ok], x[ok])
        if max(alone, 1 - alone) > limit:
            out.append({"column": column, "auc": alone})
    return out


def permuted(rows: Rows, *, draws: int = 3, seed: int = 0) -> dict[str, Any]:
    """Out-of-fold AUC with the outcomes of the decided rows shuffled, mean over `draws`; an honest road gives a coin's 0.5.

    alarm: the mean lies further from 0.5 than 3 standard errors of so many shuffled AUCs.
    """
    known = rows.info["y"].notna().to_numpy()
    found = []
    for draw in range(draws):
        mixed = rows.info.copy()
        mixed.loc[known, "y"] = np.random.default_rng([seed, draw]).permutation(mixed.loc[known, "y"].to_numpy())
        shuffled = Rows(rows.grain, rows.X, rows.tails, mixed)
        found.append(measured(shuffled, out_of_fold(shuffled, seed=draw).raw)["auc_all"])
    y = rows.info["y"][known & ~rows.info["soft"].to_numpy(dtype=bool)]
    n, m = max(int((y == 1).sum()), 1), max(int((y == 0).sum()), 1)
    error = float(np.sqrt((n + m + 1) / (12.0 * n * m) / draws))
    mean = float(np.nanmean(found))
    return {"auc": mean, "draws": draws, "error": error, "alarm": abs(mean - 0.5) > 3 * error}


def future_blind(inspections: pd.DataFrame | None, presence: pd.DataFrame | None, day: date, *, seed: int = 0) -> bool:
    """True when the labels of `day` stay the same after all that became known later was shuffled among itself: no list of that day can know it.

    That features do not see later claims is tested where they are made (tests/features); a score depends on nothing else.
    """
    before = load_labels(inspections, presence, None, day)
    late = [_shuffled(t, day, seed) for t in (inspections, presence)]
    return before.equals(load_labels(late[0], late[1], None, day))


def _shuffled(table: pd.DataFrame | None, day: date, seed: int) -> pd.DataFrame | None:
    """The table with the outcomes of the rows known after `day` dealt out anew."""
    if table is None or "known_at" not in table:
        return table
    late = (pd.to_datetime(table["known_at"]) >= pd.Timestamp(day + timedelta(days=1))).to_numpy()
    mixed = table.copy()
    for column in ("outcome_code", "result_code", "amt_confirmed_fen", "typology_code"):
        if column in mixed:
            values = mixed.loc[late, column].to_numpy()
            mixed.loc[late, column] = values[np.random.default_rng([seed, len(values)]).permutation(len(values))]
    return mixed
