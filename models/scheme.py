"""Which scheme does the evidence support, and how much of it?

Evidence of a column: its positive contribution to the entity's risk, how far out in the bad tail it lies, and rule hits; summed per scheme tag. To the sum comes, where the grain
says so (models/settings.py: by_usual), a tenth of what it is in standard deviations above what the population shows: schemes with many columns, or columns that most people have some
of, would otherwise be everybody's. What is mostly confirmed is likelier (`often`). Of a person who is listed for a stay, the stay's schemes count by as much of the risk as the
stay makes. The shares tell the officer how mixed the picture is; the second is shown beside the first. A scheme is a direction for the check, never a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from features.columns import Column

TAIL = 0.9
"""Percentiles below this say nothing about a scheme."""
PARENT = 0.3
SPREAD = 1e-4
"""Least standard deviation of a scheme's evidence: where nobody shows any, the first trace is not infinitely unusual."""


ABOVE: Final = 0.1
"""What one standard deviation above the usual counts, beside evidence whose contributions add up to one."""
STRANGERS: Final = 20.0
"""So many confirmed cases, spread evenly over all schemes, are added to those an office has."""
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
    often: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Share of each scheme in the evidence (columns = T-codes in order), rows adding up to one, or to nought where nothing speaks; index = contributions' index.

    usual: what the population shows of each scheme (`usual_evidence`); None or empty = the plain sums are compared. often: `often_confirmed`.
    """
    found = evidence(contributions, X, percentile, columns)
    strength = found.to_numpy()
    if usual:
        told = np.array([usual.get(name, (0.0, 0.0)) for name in found.columns], dtype=np.float64).reshape(-1, 2)
        above = np.maximum((strength - told[:, 0]) / np.maximum(told[:, 1], SPREAD), 0.0) * (strength > 0)
        strength = strength + ABOVE * above
    if often:
        strength = strength * np.array([often.get(name, min(often.values())) for name in found.columns])
    sums = strength.sum(axis=1, keepdims=True)
    shares = np.divide(strength, sums, out=np.zeros_like(strength), where=sums > 0)
    return pd.DataFrame(shares, index=found.index, columns=found.columns)


def named(shares: pd.DataFrame) -> pd.DataFrame:
    """Columns scheme (T-code of the largest share, '' when nothing speaks), scheme_share (NaN then), scheme_2 (the next, '' = none)."""
    names = np.array([*shares.columns, "", ""], dtype=object)
    values = np.column_stack([shares.to_numpy(dtype=np.float64), np.zeros((len(shares), 2))])
    order = np.argsort(-values, axis=1, kind="stable")[:, :2]
    best, second = (values[np.arange(len(values)), order[:, k]] for k in (0, 1))
    said = {
        "scheme": np.where(best > 0, names[order[:, 0]], ""),
        "scheme_share": np.where(best > 0, best, np.nan),
        "scheme_2": np.where(second > 0, names[order[:, 1]], ""),
    }
    return pd.DataFrame(said, index=shares.index).astype({"scheme": str, "scheme_2": str})


def with_stays_schemes(shares: pd.DataFrame, weight: np.ndarray, told: pd.Series) -> pd.DataFrame:
    """Shares of persons in which the worst stay's have their weight. weight: share of the risk that the stay makes; told: {scheme: share} of the stay, or NaN."""
    names = sorted({*shares.columns, *(s for t in told.dropna() for s in t)})
    stays = pd.DataFrame([t if isinstance(t, dict) else {} for t in told], index=shares.index, columns=names).fillna(
        0.0
    )
    part = np.where(stays.sum(axis=1) > 0, weight, 0.0)[:, None]
    mixed = (1.0 - part) * shares.reindex(columns=names, fill_value=0.0).to_numpy() + part * stays.to_numpy(
        dtype=np.float64
    )
    return pd.DataFrame(mixed, index=shares.index, columns=names)


def often_confirmed(schemes: pd.Series, columns: Mapping[str, Column], power: float) -> dict[str, float]:
    """How much likelier each scheme of these columns is made by confirmed cases (their T-codes, '' = not said), to the power the grain says; {} for power 0."""
    names = sorted({c.scheme for c in columns.values() if c.scheme})
    counted = schemes[schemes.isin(names)].value_counts()
    if not power or counted.empty:
        return {}
    even = STRANGERS / len(names)
    return {n: round(float(((counted.get(n, 0) + even) / (counted.sum() + STRANGERS)) ** power), 6) for n in names}


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
