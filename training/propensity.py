"""How often a draw by chance finds something, with the chances it was drawn by."""

from __future__ import annotations

from typing import Final

import numpy as np

FLOOR: Final = 1e-3
"""Least chance of being drawn that is believed: one case must not stand for a whole county."""


def drawn_rate(y: np.ndarray, probability: np.ndarray) -> tuple[float, float]:
    """(rate, standard error) of confirmed cases in the county from random draws with known chances (Hájek's ratio estimator)."""
    weight = 1.0 / np.clip(probability, FLOOR, 1.0)
    rate = float((weight * y).sum() / weight.sum())
    error = float(np.sqrt((weight**2 * (y - rate) ** 2).sum()) / weight.sum())
    return rate, error
