"""From raw risk to a probability that survives the truth, or the honest "cannot say yet".

Three cases, by what the office has looked at: enough random-draw outcomes → isotonic on them; enough outcomes of any kind → a two-parameter
curve on all, its level set by the random draw and shrunk; else no probability at all (NaN), and the list shows ranks only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

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
    slope = _slope(raw, y)
    if slope <= 0:
        return Calibration("none", len(y), positives, reason="结论与风险高低无关，暂不能给出概率")
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


def _slope(raw: np.ndarray, y: np.ndarray) -> float:
    """Ridge logistic on standardised risk with Platt's targets; a slope below zero is set to zero (then risk says nothing and neither do we)."""
    n1, n0 = y.sum(), len(y) - y.sum()
    target = np.where(y > 0, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    scale = raw.std() or 1.0
    x = ((raw - raw.mean()) / scale)[:, None]
    # a target between 0 and 1 is two weighted cases
    model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10, max_iter=200).fit(
        np.r_[x, x], np.r_[np.ones(len(x)), np.zeros(len(x))], sample_weight=np.r_[target, 1 - target]
    )
    return max(float(model.coef_[0, 0] / scale), 0.0)


def _intercept(raw: np.ndarray, slope: float, level: float) -> float:
    """The intercept at which the mean probability of `raw` equals `level`."""
    return float(brentq(lambda b: float(expit(slope * raw + b).mean()) - level, -200.0, 200.0, xtol=1e-12))
