"""Has the county changed, or only the dice? Thresholds are calibrated for sample size and for how many things were looked at.

A fixed PSI of 0.1 cries wolf in 85 % of unchanged weeks at n = 100. Here each column gets the p-value of its own permutation-free test, the
family is held by Holm at 2 % a week, and the same test is used for features, scores, reasons and volumes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, ks_2samp, norm

FAMILY = 0.02
"""Chance of any false alarm in an unchanged week, over everything looked at (REL19)."""
FEW_VALUES = 12
"""A column with at most so many values is compared by its table, not by its curve."""


@dataclass(frozen=True)
class Drift:
    """What changed. `alarms` are family-wise significant; psi is shown for habit, never used to decide."""

    table: pd.DataFrame

    @property
    def alarms(self) -> list[str]:
        """Names that changed."""
        return list(self.table.index[self.table["alarm"]])


def drift(before: pd.DataFrame, after: pd.DataFrame, *, family: float = FAMILY) -> Drift:
    """Compare two weeks' values column by column (features, or scores). Independent rows are assumed: give each entity once.

    table: index column; n_before, n_after, p, psi, missing_before, missing_after, alarm. Missingness is tested as its own change.
    """
    rows = {}
    for column in before.columns.intersection(after.columns):
        a, b = before[column].to_numpy(dtype=float), after[column].to_numpy(dtype=float)
        gone = (np.isnan(a).sum(), np.isnan(b).sum())
        p_gone = _table_p(np.array([[gone[0], len(a) - gone[0]], [gone[1], len(b) - gone[1]]], dtype=float))
        x, y = a[~np.isnan(a)], b[~np.isnan(b)]
        p_value = _values_p(x, y)
        p = min(1.0, 2.0 * min(p_gone, p_value))
        rows[column] = {
            "n_before": len(x), "n_after": len(y), "p": p, "psi": psi(x, y), "missing_before": gone[0] / max(len(a), 1), "missing_after": gone[1] / max(len(b), 1)
        }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index")
    return Drift(table.assign(alarm=holm(table["p"].to_numpy(), family)) if len(table) else table.assign(alarm=[]))


def volumes(
    before: pd.Series, after: pd.Series, *, ratio: float = 1.0, spread: float = 0.1, family: float = FAMILY
) -> Drift:
    """Rows per unit in two weeks. ratio: expected after / before (working days); spread: usual week-to-week sd of ln volume beyond chance."""
    units = before.index.union(after.index)
    a, b = before.reindex(units).fillna(0).to_numpy(dtype=float), after.reindex(units).fillna(0).to_numpy(dtype=float)
    move = np.log(b + 0.5) - np.log(a * ratio + 0.5)
    error = np.sqrt(1 / (a + 0.5) + 1 / (b + 0.5) + spread**2)
    p = 2 * norm.sf(np.abs(move) / error)
    table = pd.DataFrame({"n_before": a, "n_after": b, "p": p, "change": np.expm1(move)}, index=units)
    return Drift(table.assign(alarm=holm(p, family)))


def reasons(before: Mapping[str, int], after: Mapping[str, int], *, family: float = FAMILY) -> Drift:
    """Counts of lead reasons in two weeks' lists: each reason against all others."""
    names = sorted({*before, *after})
    total = (max(sum(before.values()), 1), max(sum(after.values()), 1))
    p = [
        _table_p(
            np.array(
                [[before.get(n, 0), total[0] - before.get(n, 0)], [after.get(n, 0), total[1] - after.get(n, 0)]],
                dtype=float,
            )
        )
        for n in names
    ]
    table = pd.DataFrame(
        {"n_before": [before.get(n, 0) for n in names], "n_after": [after.get(n, 0) for n in names], "p": p},
        index=names,
    )
    return Drift(table.assign(alarm=holm(np.array(p), family)))


def holm(p: np.ndarray, family: float) -> np.ndarray:
    """Holm 1979: which of the p-values stand when the chance of any false one is held at `family`, whatever their dependence."""
    p = np.nan_to_num(np.asarray(p, dtype=float), nan=1.0)
    order = np.argsort(p, kind="stable")
    passed = np.cumprod(p[order] <= family / (len(p) - np.arange(len(p)))).astype(bool)
    out = np.zeros(len(p), dtype=bool)
    out[order] = passed
    return out


def psi(x: np.ndarray, y: np.ndarray, bins: int = 10) -> float:
    """Population stability index on the quantiles of x; shown because officers know it."""
    if len(x) < bins or len(y) < bins:
        return float("nan")
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)))[1:-1]
    a = np.bincount(np.searchsorted(edges, x, side="right"), minlength=len(edges) + 1) / len(x)
    b = np.bincount(np.searchsorted(edges, y, side="right"), minlength=len(edges) + 1) / len(y)
    a, b = np.maximum(a, 1e-4), np.maximum(b, 1e-4)
    return float(((b - a) * np.log(b / a)).sum())


def _values_p(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) < 5 or len(y) < 5:
        return 1.0
    values = np.unique(np.concatenate([x, y]))
    if len(values) == 1:
        return 1.0
    if len(values) <= FEW_VALUES:
        return _table_p(np.array([[(x == v).sum() for v in values], [(y == v).sum() for v in values]], dtype=float))
    # ties only make Kolmogorov–Smirnov more cautious
    return float(ks_2samp(x, y, method="asymp").pvalue)


def _table_p(table: np.ndarray) -> float:
    """Chi-square of a 2 × k table, rare columns pooled until each expects five; 1 when nothing can be compared."""
    table = table[:, table.sum(axis=0) > 0]
    order = np.argsort(table.sum(axis=0), kind="stable")
    table = table[:, order]
    share = table.sum(axis=1) / max(table.sum(), 1.0)
    while table.shape[1] > 1 and (table[:, 0].sum() * share).min() < 5:
        table = np.column_stack([table[:, 0] + table[:, 1], table[:, 2:]])
        table = table[:, np.argsort(table.sum(axis=0), kind="stable")]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        return 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(chi2.sf(((table - expected) ** 2 / expected).sum(), table.shape[1] - 1))
