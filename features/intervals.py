"""How far a share of few cases can be trusted."""

from __future__ import annotations

from scipy.stats import binomtest


def wilson(hits: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of hits out of n (Wilson 1927): right where a bootstrap fails, at no hit and at all hits.
    Without cases (0, 1): anything may be."""
    if n == 0:
        return 0.0, 1.0
    found = binomtest(round(hits), n).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)
