"""Which shares of a population a draw does not speak against.

How many are guilty is tested number by number: were so many spread over the population by chance, how likely is an estimate as far out as the one of this draw? The
draw's weights are as they are, who was drawn lacks nothing of the population, so neither the effective sample nor the correction for a finite population is an approximation.
Both tails are one test (Blaker 2000), its steps halved (mid-p; Hwang & Yang 2001): at a given truth one outcome alone decides how far the cover is from its level, where two
one-sided tests have two that do and fewer of the level (over every truth of 83 units of which 17 are drawn: 96.9 % on average, here 95.7 %).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.special import gammaln

MANY = 200_000
"""Above so many a population is as good as endless."""
OUTCOMES = 100_000
"""So many combinations of hits at most; beyond, samples are so large that steps do not matter."""
GRID = 120
"""Numbers of guilty looked at before the ends are refined: what is not refused need not be without gaps."""


class Design:
    """Who was drawn, as classes of equal weight: (weight, number) each; and of how many."""

    def __init__(self, classes: Sequence[tuple[float, int]], population: int, level: float) -> None:
        self.sizes = [n for _, n in classes]
        self.weights = np.array([w for w, _ in classes])
        self.n, self.population, self.level = sum(self.sizes), population, level
        grids = np.meshgrid(*(np.arange(n + 1) for n in self.sizes), indexing="ij")
        outcomes = np.array([g.ravel() for g in grids])
        self.hits = outcomes.sum(axis=0)
        estimates = np.round(self.weights @ outcomes, 9)
        self.told, self.place = np.unique(estimates, return_inverse=True)
        self.given_hits = np.ones(len(estimates))  # which of the drawn, given how many: the same for every truth
        drawn, hits = self.n, self.hits
        for n, mine in zip(self.sizes[:-1], outcomes[:-1], strict=True):
            self.given_hits *= _chance(mine, drawn, n, hits)
            drawn, hits = drawn - n, hits - mine
        self._kept: dict[int, tuple[float, float]] = {}

    def accepted(self, guilty: int) -> tuple[float, float]:
        """The least and the largest weighted number of hits that do not speak against so many guilty."""
        if guilty not in self._kept:
            some = _chance(np.arange(self.n + 1), self.population, self.n, np.array(guilty))
            p = np.bincount(self.place, self.given_hits * some[self.hits], minlength=len(self.told))
            tail = np.round(np.minimum(np.cumsum(p), np.cumsum(p[::-1])[::-1]), 12)
            order = np.lexsort((-p, -tail))
            inside = order[np.cumsum(p[order]) - p[order] / 2 < self.level]
            self._kept[guilty] = (float(self.told[inside.min()]), float(self.told[inside.max()]))
        return self._kept[guilty]

    def interval(self, hits: Sequence[int]) -> tuple[float, float]:
        """Shares of the population not refused, by the hits of each class."""
        seen, whole = round(float(np.dot(self.weights, hits)), 9), self.population
        least, most = sum(hits), whole - self.n + sum(hits)

        def holds(guilty: int) -> bool:
            low, high = self.accepted(guilty)
            return low <= seen <= high

        best = min(max(round(seen / float(np.dot(self.weights, self.sizes)) * whole), least), most)
        spread = max(8 * np.sqrt(max(best, 1) * whole / self.n), whole / self.n * 8)
        first, last = max(least, int(best - spread)), min(most, int(best + spread) + 1)
        looked = sorted({best, first, last, *np.linspace(first, last, GRID).astype(int).tolist()})
        inside = [k for k in looked if holds(k)] or [best]
        low, high = inside[0], inside[-1]
        out_low, out_high = max((k for k in looked if k < low), default=low), min((k for k in looked if k > high), default=high)  # fmt: skip
        while low - out_low > 1:
            middle = (low + out_low) // 2
            low, out_low = (middle, out_low) if holds(middle) else (low, middle)
        while out_high - high > 1:
            middle = (high + out_high) // 2
            high, out_high = (middle, out_high) if holds(middle) else (high, middle)
        return low / whole, high / whole


def interval(found: np.ndarray, weight: np.ndarray, population: int, level: float) -> tuple[float, float] | None:
    """Shares that a draw does not speak against; None where it is too large to be counted out."""
    of = classes(weight)
    if of is None:
        return None
    told = tuple((round(float(weight[of == g].mean()), 9), int((of == g).sum())) for g in range(of.max() + 1))
    hits = [int(found[of == g].sum()) for g in range(of.max() + 1)]
    return _design(told, max(min(population, MANY), len(found)), level).interval(hits)


@lru_cache(maxsize=64)
def _design(told: tuple[tuple[float, int], ...], population: int, level: float) -> Design:
    return Design(told, population, level)


def _chance(hits: np.ndarray, population: int | np.ndarray, drawn: int, guilty: np.ndarray) -> np.ndarray:
    """Hypergeometric: of `hits` among `drawn` without replacement."""
    missed, clean = guilty - hits, population - guilty - (drawn - hits)
    can = (missed >= 0) & (clean >= 0) & (hits <= drawn)
    hits = np.where(can, hits, 0)
    logs = _ways(guilty, hits) + _ways(population - guilty, drawn - hits) - _ways(population, drawn)
    return np.where(can, np.exp(logs), 0.0)


def _ways(n: int | np.ndarray, k: int | np.ndarray) -> np.ndarray:
    return np.asarray(gammaln(np.asarray(n) + 1.0) - gammaln(np.asarray(k) + 1.0) - gammaln(np.asarray(n) - k + 1.0))


def classes(weight: np.ndarray) -> np.ndarray | None:
    """Class of each by weight: equal weights, then neighbours joined, those whose join loses least first, until the combinations can be counted out. None where two classes are too many."""
    _, of = np.unique(np.round(np.log(weight), 6), return_inverse=True)
    logs = np.log(weight)
    while True:
        sizes = np.bincount(of)
        if np.prod(sizes + 1.0) <= OUTCOMES:
            return np.asarray(of)
        if len(sizes) <= 2:
            return None
        means = np.bincount(of, logs) / sizes
        lost = np.diff(means) ** 2 * sizes[1:] * sizes[:-1] / (sizes[1:] + sizes[:-1])
        of = np.where(of > int(lost.argmin()), of - 1, of)
