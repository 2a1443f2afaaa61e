"""The chance that an entity was inspected. Exact where a draw logged it, estimated where inspectors followed a lead.

Inspected cases are not a sample: complaints and rules pointed at them. Weighing a case by 1 / (its chance) makes the inspected look like the
county (Horvitz & Thompson 1952); clipping keeps one lucky case from ruling. Uninspected stays missing, never negative.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from training.dataset import Rows

CLIP = 10.0
"""Largest weight of a case relative to the median: the price of bias for less variance."""
FLOOR = 1e-3


def propensities(rows: Rows) -> np.ndarray:
    """Chance of inspection per row in (0, 1]: logged `selection_prob` where there is one, else a ridge logistic of 'was inspected' on the
    unlabelled scorers' tails and log money: what an inspector could see, and few enough columns for a few hundred cases."""
    inspected = rows.info["y"].notna().to_numpy()
    logged = rows.info["selection_prob"].to_numpy(dtype=float)
    known = inspected & np.isfinite(logged) & (logged > 0) & (logged <= 1)
    money = np.log1p(rows.info["fund_fen"].to_numpy(dtype=float))
    design = np.column_stack([rows.tails.to_numpy(dtype=float), money])
    spread = design.std(axis=0)
    design = (design - design.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    if inspected.all() or not inspected.any():
        estimate = np.full(len(inspected), 0.5)
    else:
        estimate = LogisticRegression(C=0.1, max_iter=500).fit(design, inspected).predict_proba(design)[:, 1]
    return np.clip(np.where(known, logged, estimate), FLOOR, 1.0)


def inverse_weights(rows: Rows) -> np.ndarray:
    """Clipped inverse-propensity weights, mean 1 over inspected rows; uninspected rows get 1."""
    inspected = rows.info["y"].notna().to_numpy()
    weight = 1.0 / propensities(rows)
    if not inspected.any():
        return np.ones(len(weight))
    middle = float(np.median(weight[inspected]))
    weight = np.clip(weight, middle / CLIP, middle * CLIP)
    return np.where(inspected, weight / weight[inspected].mean(), 1.0)


def drawn_rate(y: np.ndarray, probability: np.ndarray) -> tuple[float, float]:
    """(rate, standard error) of confirmed cases in the county from random draws with known chances (Hájek's ratio estimator)."""
    weight = 1.0 / np.clip(probability, FLOOR, 1.0)
    rate = float((weight * y).sum() / weight.sum())
    error = float(np.sqrt((weight**2 * (y - rate) ** 2).sum()) / weight.sum())
    return rate, error
