"""Where a raw risk stands in a reference population: t = −ln(1 − F(raw)), the tail rank all scorers are compared by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GRID = 512
"""Points kept of a reference distribution; spaced so that half of them lie in the worst two percent."""


@dataclass(frozen=True)
class Tail:
    """Reference distribution of raw risk: knots x (rising) → t = −ln(1 − F(x)), continued logarithmically above the last."""

    x: np.ndarray
    t: np.ndarray

    def at(self, raw: np.ndarray) -> np.ndarray:
        """Tail rank per raw risk."""
        out = np.interp(raw, self.x, self.t)
        above = raw > self.x[-1]
        if above.any():
            out = np.where(above, self.t[-1] + np.log1p(np.maximum(raw - self.x[-1], 0) / self._spread), out)
        return np.asarray(out)

    def value(self, t: np.ndarray) -> np.ndarray:
        """Raw risk per tail rank: the inverse of `at` on its range."""
        out = np.interp(t, self.t, self.x)
        above = t > self.t[-1]
        if above.any():
            out = np.where(above, self.x[-1] + np.expm1(np.maximum(t - self.t[-1], 0)) * self._spread, out)
        return np.asarray(out)

    @property
    def _spread(self) -> float:
        return max(float(self.x[-1] - self.x[0]), 1e-9)


def tail_of(raw: np.ndarray, grid: int = GRID) -> Tail:
    """The Tail of a population's raw risks (midranks, so ties share), kept at `grid` points at most.

    Risks are read to nine decimals: sums differ in the last bits with the order of rows, and the points are kept in models.
    """
    raw = np.sort(np.round(np.asarray(raw, dtype=np.float64), 9))
    if not len(raw):
        return Tail(np.array([0.0]), np.array([0.0]))
    x, first, count = np.unique(raw, return_index=True, return_counts=True)
    t = -np.log1p(-((first + count / 2.0) / len(raw)) * (1.0 - 0.5 / len(raw)))
    if len(x) > grid:
        share = (first + count / 2.0) / len(raw)
        want = np.concatenate([np.linspace(0, 0.98, grid // 2), 1 - np.geomspace(0.02, 1.0 / len(raw), grid // 2)])
        keep = np.unique(np.clip(np.searchsorted(share, want), 0, len(x) - 1))
        keep = np.unique(np.concatenate([[0], keep, [len(x) - 1]]))
        x, t = x[keep], t[keep]
    return Tail(x, t)
