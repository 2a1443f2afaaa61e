"""From raw risk to a probability that survives the truth, or the honest "cannot say yet".

Three cases, by what the office has looked at: enough random-draw outcomes → isotonic on them; enough outcomes of any kind → a two-parameter
curve on all, its level set by the random draw and shrunk; else no probability at all (NaN), and the list shows ranks only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from sklearn.isotonic import IsotonicRegression

MIN_POSITIVES = 30
"""Below this many confirmed cases a curve is noise (issue 6)."""
MIN_RANDOM = 50
"""Random-draw cases needed before their rate may set the level."""


@dataclass(frozen=True)
class Calibration:
    """kind 'isotonic': knots x → y. kind 'shrunk': sigmoid(slope · raw + intercept). kind 'none': cannot say yet. n, positives: cases used."""

    kind: Literal["isotonic", "shrunk", "none"]
    n: int = 0
    positives: int = 0
    slope: float = 0.0
    intercept: float = 0.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    reason: str = ""

    def probability(self, raw: np.ndarray) -> np.ndarray:
        """Probability per raw risk; NaN throughout where it cannot be said."""
        raw = np.asarray(raw, dtype=np.float64)
        if self.kind == "none":
            return np.full(raw.shape, np.nan)
        if self.kind == "isotonic":
            return np.asarray(np.interp(raw, np.array(self.x), np.array(self.y)))
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(self.slope * raw + self.intercept, -40, 40))))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibration:
        return cls(**{**values, "x": tuple(values["x"]), "y": tuple(values["y"])})


def calibrate(raw: np.ndarray, y: np.ndarray, random: np.ndarray) -> Calibration:
    """Curve from out-of-fold raw risks. y in {0, 1}; random: True where the case was drawn by chance (the only unbiased ones)."""
    raw, y, random = np.asarray(raw, float), np.asarray(y, float), np.asarray(random, bool)
    positives, by_draw = int(y.sum()), int(y[random].sum())
    if by_draw >= MIN_POSITIVES and int((y[random] == 0).sum()) >= MIN_POSITIVES:
        return _isotonic(raw[random], y[random])
    if positives < MIN_POSITIVES or len(y) - positives < MIN_POSITIVES:
        return Calibration(
            "none", len(y), positives, reason=f"已查实{positives}例，不足{MIN_POSITIVES}例，暂不能给出概率"
        )
    if random.sum() < MIN_RANDOM:
        return Calibration(
            "none", len(y), positives, reason=f"随机抽查仅{int(random.sum())}例，不足{MIN_RANDOM}例，暂不能给出概率"
        )
    slope, _ = _logistic(raw, y)
    # cases were picked by suspicion, so their rate is not the county's: the draw sets the level (Jeffreys' half case keeps it off zero)
    level = (y[random].sum() + 0.5) / (random.sum() + 1.0)
    intercept = _intercept(raw[random], slope, level)
    return Calibration("shrunk", len(y), positives, slope, intercept, reason="以随机抽查的查实率定水平，曲线收缩")


def _isotonic(raw: np.ndarray, y: np.ndarray) -> Calibration:
    # two half cases at the ends keep the curve off 0 and 1, which no finite draw can prove
    x = np.concatenate([[raw.min()], raw, [raw.max()]])
    target = np.concatenate([[0.5], y, [0.5]])
    curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(
        x, target, sample_weight=np.r_[1.0, np.ones(len(y)), 1.0]
    )
    return Calibration(
        "isotonic",
        len(y),
        int(y.sum()),
        x=tuple(float(v) for v in curve.X_thresholds_),
        y=tuple(float(v) for v in curve.y_thresholds_),
    )


def _logistic(raw: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Ridge logistic by Newton; Platt's targets; a slope below zero is set to zero (then risk says nothing and neither do we)."""
    n1, n0 = y.sum(), len(y) - y.sum()
    target = np.where(y > 0, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    centre, scale = raw.mean(), raw.std() or 1.0
    design = np.column_stack([(raw - centre) / scale, np.ones(len(raw))])
    beta = np.array([0.0, np.log((n1 + 0.5) / (n0 + 0.5))])
    ridge = np.diag([1.0, 1e-6])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ beta))
        step = np.linalg.solve(
            design.T @ (design * (p * (1 - p))[:, None]) + ridge, design.T @ (target - p) - ridge @ beta
        )
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    slope = max(float(beta[0] / scale), 0.0)
    return slope, float(beta[1] - slope * centre)


def _intercept(raw: np.ndarray, slope: float, level: float) -> float:
    """The intercept at which the mean probability of `raw` equals `level`, by bisection."""
    low, high = -200.0, 200.0
    for _ in range(200):
        middle = (low + high) / 2
        mean = float(np.mean(1 / (1 + np.exp(-np.clip(slope * raw + middle, -500, 500)))))
        low, high = (middle, high) if mean < level else (low, middle)
    return (low + high) / 2
