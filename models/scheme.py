"""Which scheme does the evidence support, and how much of it?

Evidence of a column: its positive contribution to the entity's risk, how far out in the bad tail it lies, and rule hits; summed per scheme tag,
of persons then counted in standard deviations above what the population shows: schemes with many columns, or columns that most people have some of,
would otherwise be everybody's. The share tells the officer how mixed the picture is. A scheme is a direction for the check, never a finding.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.columns import Column

TAIL = 0.9
"""Percentiles below this say nothing about a scheme."""
PARENT = 0.3
SPREAD = 1e-4
"""Least standard deviation of a scheme's evidence: where nobody shows any, the first trace is not infinitely unusual."""


Usual = Mapping[str, tuple[float, float]]
"""Scheme → (mean, standard deviation) of its evidence in a population."""
FEWEST_USUAL = 30
"""Fewer entities than this are no population to compare with."""
SAMPLE = 1000
"""Entities of the population that a fitted model remembers the usual evidence of."""


def attribute(
    contributions: pd.DataFrame,
    X: pd.DataFrame,
    percentile: pd.DataFrame,
    columns: Mapping[str, Column],
    usual: Usual | None = None,
) -> pd.DataFrame:
    """Columns scheme (T-code, '' when nothing speaks), scheme_share in [0, 1]; index = contributions' index.

    usual: what the population shows of each scheme (`usual_evidence`); None or empty = the plain sums are compared.
    """
    found = evidence(contributions, X, percentile, columns)
    if found.shape[1] == 0 or found.empty:
        return pd.DataFrame({"scheme": "", "scheme_share": np.nan}, index=contributions.index)
    plain = found.to_numpy()
    strength = plain
    if usual:
        told = np.array([usual.get(name, (0.0, 0.0)) for name in found.columns], dtype=np.float64)
        above = np.maximum((plain - told[:, 0]) / np.maximum(told[:, 1], SPREAD), 0.0) * (plain > 0)
        strength = np.where(above.sum(axis=1, keepdims=True) > 0, above, plain)
    sums = strength.sum(axis=1)
    best = strength.argmax(axis=1)
    share = np.divide(strength[np.arange(len(best)), best], sums, out=np.full(len(best), np.nan), where=sums > 0)
    scheme = np.where(sums > 0, found.columns.to_numpy(dtype=object)[best], "")
    return pd.DataFrame({"scheme": scheme.astype(str), "scheme_share": share}, index=contributions.index)


def usual_evidence(
    contributions: pd.DataFrame, X: pd.DataFrame, percentile: pd.DataFrame, columns: Mapping[str, Column]
) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of each scheme's evidence over these entities; {} where they are too few."""
    found = evidence(contributions, X, percentile, columns)
    if len(found) < FEWEST_USUAL:
        return {}
    # rounded: threads may differ in the last bits, and a bundle's hash must not
    return {str(n): (round(float(found[n].mean()), 6), round(float(found[n].std(ddof=0)), 6)) for n in found.columns}


def evidence(
    contributions: pd.DataFrame, X: pd.DataFrame, percentile: pd.DataFrame, columns: Mapping[str, Column]
) -> pd.DataFrame:
    """Evidence per entity and scheme (columns = T-codes in order), ≥ 0."""
    kept = {n: columns[n] for n in X.columns if n in columns and columns[n].scheme}
    names = sorted({c.scheme for c in kept.values()})
    belongs = np.zeros((len(kept), len(names)))
    for j, column in enumerate(kept.values()):
        # a hospital's habits hint at what to look for in one of its stays, but are not evidence about it; money is none at all
        weight = PARENT if column.parent else 0.0 if column.role == "amount" else 1.0
        belongs[j, names.index(column.scheme)] = weight
    pushed = np.maximum(contributions.reindex(columns=list(kept), fill_value=0.0).to_numpy(dtype=np.float64), 0.0)
    total = pushed.sum(axis=1, keepdims=True)
    pushed = np.divide(pushed, total, out=np.zeros_like(pushed), where=total > 0)
    tail = _tail(percentile.reindex(columns=list(kept)).to_numpy(dtype=np.float64), [c.worse for c in kept.values()])
    hits = np.nan_to_num(X[list(kept)].to_numpy(dtype=np.float64)) > 0
    rule = np.array([c.hit for c in kept.values()], dtype=bool)
    strength = pushed * (1.0 + tail) + 0.25 * (hits & rule) + 0.02 * tail
    return pd.DataFrame(strength @ belongs, index=contributions.index, columns=names)


def _tail(percentile: np.ndarray, worse: list[str]) -> np.ndarray:
    """0 below the 90th bad percentile (of 100), rising to 1 at the 100th; missing says nothing."""
    p = np.nan_to_num(percentile, nan=50.0) / 100.0
    for j, way in enumerate(worse):
        if way == "low":
            p[:, j] = 1.0 - p[:, j]
        elif way == "either":
            p[:, j] = 2.0 * np.abs(p[:, j] - 0.5)
    return np.asarray(np.clip((p - TAIL) / (1.0 - TAIL), 0.0, 1.0))
