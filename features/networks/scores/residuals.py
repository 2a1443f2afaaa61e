"""Cash-out is no group signal: a pharmacy that empties cards moves too much money for the cards it sees (OddBall,
Akoglu et al., PAKDD 2010)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def fit_line(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[float, float]:
    """Theil–Sen line through (log x, log y) of the rows where both are positive: (slope, intercept), (0, median) where
    x does not vary.

    The median of slopes is not moved by the fraudsters it must show. More than 600 rows are thinned evenly by x before
    slopes are formed.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    good = (a > 0) & (b > 0)
    if not good.any():
        return 0.0, 0.0
    lx, ly = np.log(a[good]), np.log(b[good])
    order = np.lexsort((ly, lx))
    thin = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), 600)).astype(np.int64))]
    i, j = np.triu_indices(len(thin), 1)
    dx, dy = lx[thin][j] - lx[thin][i], ly[thin][j] - ly[thin][i]
    slope = float(np.median(dy[dx > 0] / dx[dx > 0])) if (dx > 0).any() else 0.0
    return slope, float(np.median(ly - slope * lx))


def log_residual(x: npt.ArrayLike, y: npt.ArrayLike, line: tuple[float, float] | None = None) -> Floats:
    """How far log y lies above the line of its peers, in robust standard deviations [n]; NaN where x or y is not
    positive.

    Institutions: x = cards, y = amount. Cards: x = visits, y = amount. Egonets: x = edges, y = weight.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    slope, level = fit_line(a, b) if line is None else line
    good = (a > 0) & (b > 0)
    out = np.full(len(a), np.nan)
    out[good] = np.log(b[good]) - slope * np.log(a[good]) - level
    spread = 1.4826 * float(np.median(np.abs(out[good] - np.median(out[good])))) if good.any() else 0.0
    return out / spread if spread > 0 else out
