"""How far a share of few cases can be trusted."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson(hits: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of hits out of n (Wilson 1927): right where a bootstrap fails, at no hit and at all hits.
    Without cases (0, 1): anything may be. What `scipy.stats.binomtest(…).proportion_ci(method="wilson")` says,
    without the second that importing scipy costs every command."""
    k = round(hits)
    if n == 0:
        return 0.0, 1.0
    if not 0 <= k <= n:
        raise ValueError(f"{k} hits of {n}")
    z, p = NormalDist().inv_cdf(0.5 + 0.5 * level), k / n
    whole = 2 * (n + z**2)
    middle, half = (2 * n * p + z**2) / whole, z / whole * sqrt(4 * n * p * (1 - p) + z**2)
    return (0.0 if k == 0 else middle - half), (1.0 if k == n else middle + half)
