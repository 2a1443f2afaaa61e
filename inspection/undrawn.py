"""What those not drawn may hold: how many of each stratum would be confirmed, and how much each, given what was found in those drawn.

How many: units of a stratum are alike, strata more or less so. Every stratum has a rate of its own, these lie around a common line (one rate, and a slope by how likely a stratum was to be drawn, so that
drawing where guilt is likelier, or seldomer, does not mislead), and how close they lie is unknown too (a beta-binomial hierarchy on a grid; Gelman et al. 2013, ch. 5). A draw spread over the strata tells more than one of the
same size thrown over all; a count that takes everybody for alike cannot say so. How much: lognormal around a line by what the unit billed, its slope and spread moved from what is supposed by what was found (normal-inverse-χ²).

Estimates of the amount speak only where an amount was found. So draws without any are no part of what could have been said, and the posterior is that given at least one (`spoken`).
Grid and suppositions were chosen on drawn populations (`python -m benchmarks.inspection tails`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

RATES = np.sin((np.arange(16) + 0.5) / 16 * np.pi / 2) ** 2
"""Common rates, each as likely (Jeffreys)."""
ALIKE = (1.0, 4.0, 16.0, 64.0, 1e4)
"""How many units' worth the common line is to a stratum: from strata of their own to all the same."""
SLOPES, SLOPE_SPREAD = (-0.8, 0.0, 0.8), 0.6
"""Log odds by a standard deviation of a stratum's log chance, and what is supposed of them."""
BY_SIZE, BY_SIZE_SPREAD = (-0.8, 0.0, 0.8, 1.6), 0.8
"""The same by a standard deviation of log size."""
LEAST_WEIGHT = 1e-3
"""Points of the grid that are this much less likely than the likeliest are left out."""
SPREAD, AS_OF = 1.0, 4.0
"""Standard deviation of log amounts around their line by size, supposed before any was seen, and of how many amounts the supposition is worth."""
LARGEST_SPREAD = 3.0
"""Standard deviation of log amounts that nothing exceeds: of few amounts the tail is endless."""
SIZE_SLOPE, SIZE_SLOPE_SPREAD = 0.75, 0.5
"""Of twice the size, how much more: from nothing (0) to twice (1). So supposed, intervals cover alike whichever it is; a firmer slope covers too little where it is another."""


@dataclass(frozen=True)
class Everybody:
    """Who could be drawn: stratum and size (billed, in the unit of the amounts) of each; decided: places of those drawn with a conclusion, in the order of what was found."""

    stratum: np.ndarray
    size: np.ndarray
    decided: np.ndarray

    def __len__(self) -> int:
        return len(self.stratum)


@dataclass(frozen=True)
class Strata:
    """Of each stratum: found, decided, left (without a conclusion), by name; weight, a, b: of each point of the grid, its chance and the beta of each stratum's rate there."""

    found: np.ndarray
    decided: np.ndarray
    left: np.ndarray
    weight: np.ndarray
    a: np.ndarray
    b: np.ndarray


def hierarchy(found: np.ndarray, chance: np.ndarray, among: Everybody, of: np.ndarray, spoken: bool) -> Strata:
    """of: stratum of everybody, as a number; spoken: given that something was found."""
    mine, many = of[among.decided], int(of.max()) + 1
    y = np.bincount(mine, np.asarray(found, dtype=float), minlength=many)
    n = np.bincount(mine, minlength=many).astype(float)
    likely = _leaning(mine, np.asarray(chance, dtype=float), of)
    large = _standard(np.bincount(of, np.log(np.maximum(among.size, 1.0))) / np.bincount(of), np.bincount(of))
    axes = np.log(RATES / (1 - RATES)), ALIKE, SLOPES if likely.any() else (0.0,), BY_SIZE if large.any() else (0.0,)
    log_rate, alike, slope, by_size = (g.ravel() for g in np.meshgrid(*axes, indexing="ij"))
    kinds, times = np.unique(np.stack([y, n, likely, large]).round(9), axis=1, return_counts=True)
    centre = expit(log_rate[:, None] + slope[:, None] * kinds[2] + by_size[:, None] * kinds[3])
    a, b = centre * alike[:, None], (1 - centre) * alike[:, None]
    log = np.zeros(len(log_rate))
    none = np.zeros(len(log_rate))
    for k, (hits, seen) in enumerate(kinds[:2].T.astype(int)):
        both = _rising(alike, seen)
        log += times[k] * (_rising(a[:, k], hits) + _rising(b[:, k], seen - hits) - both)
        none += times[k] * (_rising(b[:, k], seen) - both)
    log -= (slope / SLOPE_SPREAD) ** 2 / 2 + (by_size / BY_SIZE_SPREAD) ** 2 / 2
    if spoken:
        log -= np.log(np.maximum(1 - np.exp(none), 1e-9))
    weight = np.exp(log - log.max())
    keep = weight > LEAST_WEIGHT
    centre = expit(log_rate[keep, None] + slope[keep, None] * likely + by_size[keep, None] * large)
    a, b = centre * alike[keep, None], (1 - centre) * alike[keep, None]
    return Strata(y, n, np.bincount(of, minlength=many) - n, weight[keep] / weight[keep].sum(), a + y, b + n - y)


def _rising(a: np.ndarray, k: int) -> np.ndarray:
    """log a (a + 1) … (a + k - 1)."""
    return np.asarray(np.log(a[:, None] + np.arange(k)).sum(axis=1))


def _beta_binomial(a: np.ndarray, b: np.ndarray, n: int) -> np.ndarray:
    """Chances of 0 … n, a row for each a and b."""
    i, start = np.arange(n), np.zeros((len(a), 1))
    hits = np.hstack([start, np.log((a[:, None] + i) / (1 + i)).cumsum(axis=1)])
    missed = np.hstack([start, np.log((b[:, None] + i) / (1 + i)).cumsum(axis=1)])[:, ::-1]
    log = hits + missed
    share = np.exp(log - log.max(axis=1, keepdims=True))
    return np.asarray(share / share.sum(axis=1, keepdims=True))


def _leaning(mine: np.ndarray, chance: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Standardised log chance of each stratum. Where nobody of it was drawn, what those left out had on average, as the drawn tell it: each stands for 1 / chance - 1 of them."""
    logs = np.log(np.clip(chance, 1e-12, 1.0))
    n = np.bincount(mine, minlength=of.max() + 1)
    odds = 1 / np.clip(chance, 1e-12, 1.0) - 1
    left_out = float((odds * logs).sum() / odds.sum()) if odds.sum() > 1e-9 else 0.0
    each = np.where(n > 0, np.bincount(mine, logs, minlength=len(n)) / np.maximum(n, 1), left_out)
    return _standard(each, np.bincount(of))


def _standard(each: np.ndarray, many: np.ndarray) -> np.ndarray:
    far = each - np.average(each, weights=many)
    spread = float(np.sqrt(np.average(far**2, weights=many)))
    return far / spread if spread > 1e-6 else np.zeros(len(each))


def numbered(among: Everybody) -> np.ndarray:
    """The stratum of everybody as a number, strata by name."""
    return np.asarray(np.unique(among.stratum.astype(str), return_inverse=True)[1])


def guilty(found: np.ndarray, chance: np.ndarray, among: Everybody) -> np.ndarray:
    """The chance that so many (0, 1, …) of those without a conclusion would be confirmed, counted out."""
    told = hierarchy(found, chance, among, numbered(among), spoken=False)
    most = int(told.left.sum())
    length = 1 << most.bit_length()
    product = np.ones((len(told.weight), length // 2 + 1), dtype=complex)
    alike = np.stack([told.left, told.a[0], told.b[0]])
    for h in np.flatnonzero(told.left):
        same = np.flatnonzero((alike == alike[:, h, None]).all(axis=0))
        if same[0] < h:
            continue
        each = np.fft.rfft(_beta_binomial(told.a[:, h], told.b[:, h], int(told.left[h])), length, axis=1)
        for _ in same:
            product *= each
    share = np.maximum(np.fft.irfft((told.weight[:, None] * product).sum(axis=0), length)[: most + 1], 0.0)
    return np.asarray(share / share.sum())


def middle(share: np.ndarray, level: float) -> tuple[int, int]:
    """The counts (of chances `share`) between which `level` of them lie, each step halved (mid-p): on average over truths what it says, not at least."""
    alpha, from_below, from_above = (1 - level) / 2, np.cumsum(share), np.cumsum(share[::-1])
    low = int(np.argmax(from_below - share / 2 >= alpha))
    return low, len(share) - 1 - int(np.argmax(from_above - share[::-1] / 2 >= alpha))


def sums(amount: np.ndarray, chance: np.ndarray, among: Everybody, rng: np.random.Generator, draws: int = 1000) -> np.ndarray:  # fmt: skip
    """What those without a conclusion may add up to, `draws` times. Nobody has more than he billed, unless one of those found had."""
    bad = amount > 0
    of = numbered(among)
    told = hierarchy(bad, chance, among, of, spoken=True)
    point = rng.choice(len(told.weight), draws, p=told.weight)
    p = rng.beta(told.a[point], told.b[point])
    size = np.maximum(among.size.astype(float), 1.0)
    theirs, logs = size[among.decided][bad], np.log(amount[bad])
    left, of_left = np.delete(size, among.decided), np.delete(of, among.decided)
    x = np.log(theirs)
    base, slope, sigma = line(x, logs, rng, draws)
    some = rng.random((draws, len(left))) < p[:, of_left]
    who, unit = np.nonzero(some)
    each = np.exp(base[who] + slope[who] * (np.log(left[unit]) - x.mean()) + sigma[who] * rng.standard_normal(len(who)))
    each = np.minimum(each, left[unit] * max(1.0, float((amount[bad] / theirs).max())))
    return np.asarray(np.bincount(who, each, minlength=draws))


def line(x: np.ndarray, logs: np.ndarray, rng: np.random.Generator, draws: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """(level at the mean of x, slope, spread) of log amounts by log size, `draws` times."""
    m, far = len(x), x - x.mean()
    firm = (SPREAD / SIZE_SLOPE_SPREAD) ** 2
    exact = float((far**2).sum()) + firm
    slope = (float((far * logs).sum()) + firm * SIZE_SLOPE) / exact
    rest = logs - logs.mean() - slope * far
    squares = float((rest**2).sum()) + firm * (slope - SIZE_SLOPE) ** 2 + AS_OF * SPREAD**2
    sigma = np.sqrt(np.minimum(squares / rng.chisquare(m - 1 + AS_OF, draws), LARGEST_SPREAD**2))
    level = logs.mean() + sigma / np.sqrt(m) * rng.standard_normal(draws)
    return level, slope + sigma / np.sqrt(exact) * rng.standard_normal(draws), sigma
