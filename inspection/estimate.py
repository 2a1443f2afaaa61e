"""What chance found, and what it says of everybody: rate and amount with intervals, and the honest lift of a list.

Weights are 1 / chance of being drawn, divided by their sum (Hájek); findings that could not be made (无法核查, 证据不足) are missing, not clean. Below
`FEW` decided cases, or without any amount, nothing is said but 样本不足. Whether something is said hardly depends on what was found: who speaks only after five finds, speaks
mostly where he found too many.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, betaincc
from scipy.stats import shapiro

from inspection.seed import random_for
from inspection.shares import MANY, interval
from inspection.undrawn import LARGEST_SPREAD, Everybody, guilty, middle, sums

FEW = 10
FEW_POSITIVE = 5
"""Amounts below which their spread is mostly what is supposed of it, and told so."""
SMALL = "样本不足"
ENOUGH = 20
"""Amounts from which one can see whether they are lognormal."""
SPREAD, AS_OF = 1.2, 2.0
"""Of amounts whose sizes are not known: standard deviation of their logs supposed before any was seen, and of how many amounts the supposition is worth. From drawn populations of nine kinds of
tails: a firmer supposition covers nearer to 80 % on average there, and too little where it is wrong, as it was for persons of two worlds (`python -m benchmarks.inspection tails` for what it gives)."""
LEAST_EXPONENT = 0.7
"""Of a Pareto tail: below it a few amounts would be all of the money there is."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; `value` None where the sample is too small to say, with the reason in `note`; else `note` says what the interval supposes."""

    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    n: int = 0
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def told(self, form: str = ".1%") -> str:
        """In Chinese, as lists print it."""
        if self.value is None or self.low is None or self.high is None:
            return self.note or SMALL
        note = f"；{self.note}" if self.note else ""
        return f"{self.value:{form}}（{self.level:.0%} 区间 {self.low:{form}} 至 {self.high:{form}}，n={self.n}{note}）"


def meaning(level: float) -> str:
    """What an interval of that level says, in one sentence for whoever reads it."""
    return f"区间的意思：同样抽查 100 次，约 {100 * level:.0f} 次包住逐个查遍才知道的真数"


def _short(n: int, level: float, what: str = "有结论的抽查") -> Estimate:
    return Estimate(None, level=level, n=n, note=f"{SMALL}：{what}只有 {n} 个")


def rate(
    found: np.ndarray, chance: np.ndarray, population: int, level: float = 0.95, among: Everybody | None = None
) -> Estimate:
    """Share of the population that an inspection would confirm. found: 0/1 per decided draw; chance: of being drawn; population: how many could be.

    Interval: with `among` (who could be drawn, by stratum) what the undrawn of each stratum may hold (`inspection.undrawn`). Without: shares of the others that the draw does not speak against (`inspection.shares`); who was sure to be drawn is known. Draws too large for it: mid-p of the effective sample
    (Kish 1965), where the variance of a weighted mean without who was sure to be drawn is that of w (w - 1), not of w².
    """
    y, w = np.asarray(found, dtype=float), 1.0 / np.asarray(chance, dtype=float)
    n = len(y)
    if n < FEW:
        return _short(n, level)
    value = float((w * y).sum() / w.sum())
    sure = w <= 1 + 1e-9
    known, rest = float(y[sure].sum()), float(w[~sure].sum())
    if sure.all():
        return Estimate(value, value, value, level, n)
    if among is not None:
        low, high = ((float(y.sum()) + k) / len(among) for k in middle(guilty(y, 1 / w, among), level))
        return Estimate(value, min(low, value), max(high, value), level, n)
    told = interval(y[~sure], w[~sure], max(population, n) - int(sure.sum()), level)
    if told is None:
        doubt = (w * (w - 1)).sum() if population <= MANY else (w**2).sum()
        effective = w.sum() ** 2 / max(float(doubt), 1e-9)
        low, high = mid_p_interval(value * effective, effective, level)
    else:
        low, high = ((known + rest * share) / w.sum() for share in told)
    return Estimate(value, min(low, value), max(high, value), level, n)


def mid_p_interval(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Binomial mid-p interval, for counts that need not be whole (effective samples)."""
    alpha = (1 - level) / 2

    def at_most(p: float) -> float:  # P(X < hits) + P(X = hits) / 2, falling in p
        upper = 1.0 if hits >= n else float(betaincc(hits + 1, n - hits, p))
        lower = 1.0 if hits <= 0 else float(betainc(hits, n - hits + 1, p))
        return (upper + 1 - lower) / 2

    low = 0.0 if hits <= 0 else brentq(lambda p: at_most(p) - 1 + alpha, 0.0, 1.0)
    high = 1.0 if hits >= n else brentq(lambda p: at_most(p) - alpha, 0.0, 1.0)
    return float(low), float(high)


def total(
    amount: np.ndarray, chance: np.ndarray, population: int, level: float = 0.8, among: Everybody | None = None
) -> Estimate:
    """What the population would add up to (same unit as `amount`): Hájek's mean times the population.

    Amounts are mostly nothing and seldom much, and an interval by the standard error or the bootstrap covers too little. The interval is what the undrawn may hold, drawn again and
    again: how many, given that some were found (draws without any say nothing), and how much each. With `among` (who could be drawn, by stratum and size) by `inspection.undrawn.sums`; without it by one rate for all,
    and the lognormal that the amounts found and a weak supposition of their spread allow (the fiducial of mean and spread, Krishnamoorthy & Mathew 2003, its variance scaled inverse χ² before). Of few amounts the
    supposition is most of it: the interval is wide, and says so. Where twenty amounts or more are plainly not lognormal, those found speak for themselves (`_seen`).
    The generator depends on the numbers alone.
    """
    y, p = np.asarray(amount, dtype=float), np.asarray(chance, dtype=float)
    n, positive = len(y), int((y > 0).sum())
    if n < FEW:
        return _short(n, level)
    if not positive:
        return Estimate(None, level=level, n=n, note=f"{SMALL}：抽查 {n} 个均未查出金额")
    share = 1.0 / p / (1.0 / p).sum()
    value = float((share * y).sum()) * population
    rng = random_for("total", *np.sort(y).tolist(), population)
    undrawn = _undrawn(y, share, max(population - n, 0), rng) if among is None else sums(y, p, among, rng)
    low, high = float(y.sum()) + np.quantile(undrawn, [(1 - level) / 2, (1 + level) / 2])
    few = f"有金额的只有 {positive} 个，金额分布多凭假定，区间仅供参考" if positive < FEW_POSITIVE else ""
    return Estimate(value, min(float(low), value), max(float(high), value), level, n, few)


def _undrawn(y: np.ndarray, share: np.ndarray, rest: int, rng: np.random.Generator, draws: int = 2000) -> np.ndarray:
    """What `rest` undrawn, alike for all that is known, may add up to, `draws` times."""
    bad = y > 0
    effective = 1.0 / float((share**2).sum())
    hits = float(share[bad].sum()) * effective
    p = rng.beta(hits + 0.5, max(effective - hits, 0.0) + 0.5, 4 * draws)
    spoken = 1 / np.maximum(1 - (1 - p) ** effective, 1e-9)
    counts = rng.binomial(rest, p[rng.choice(len(p), draws, p=spoken / spoken.sum())])
    logs, weight = np.log(y[bad]), share[bad] / share[bad].sum()
    if len(logs) >= ENOUGH and shapiro(logs).pvalue < 0.05:
        return _seen(y[bad], weight, counts, rng)
    m = 1.0 / float((weight**2).sum())
    middle = float((weight * logs).sum())
    squares = float((weight * (logs - middle) ** 2).sum()) * m + AS_OF * SPREAD**2
    sigma = np.sqrt(np.minimum(squares / rng.chisquare(m - 1 + AS_OF, draws), LARGEST_SPREAD**2))
    mu = middle + sigma / np.sqrt(m) * rng.standard_normal(draws)
    around = np.sqrt(
        np.log1p(np.expm1(sigma**2) / np.maximum(counts, 1))
    )  # spread of a mean of `counts` lognormals (Fenton 1960)
    mean = np.exp(mu + sigma**2 / 2 + around * rng.standard_normal(draws) - around**2 / 2)
    return np.asarray(counts * mean)


def _seen(found: np.ndarray, weight: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sums of `counts` amounts like those found: the largest fifth as a Pareto tail whose exponent they tell (Hill 1975), the others by the Bayesian bootstrap (Rubin 1981)."""
    order = np.argsort(found, kind="stable")
    y, top = found[order], len(found) // 5
    least, logs = y[-top - 1], np.log(y[-top:] / y[-top - 1]).sum()
    part = rng.exponential(1.0, (len(counts), len(y))) * weight[order]
    body = (part[:, :-top] @ y[:-top]) / part[:, :-top].sum(axis=1)
    large = rng.binomial(counts, part[:, -top:].sum(axis=1) / part.sum(axis=1))
    exponent = np.maximum(rng.gamma(top, 1 / max(float(logs), 1e-9), len(counts)), LEAST_EXPONENT)
    of = np.repeat(np.arange(len(counts)), large)
    tail = np.bincount(of, least * rng.random(len(of)) ** (-1 / exponent[of]), minlength=len(counts))
    return np.asarray((counts - large) * body + tail)


def lift(ranked_hits: int, ranked: int, drawn_hits: int, drawn: int, level: float = 0.95) -> Estimate:
    """Honest lift of a list: share confirmed among its ranked rows over that among the drawn, interval by MOVER-R on mid-p limits (Donner & Zou 2012)."""
    if ranked < FEW or drawn < FEW:
        return _short(min(ranked, drawn), level, "排序行或抽查行中有结论的")
    a, b = ranked_hits / ranked, drawn_hits / drawn
    a_low, a_high = mid_p_interval(ranked_hits, ranked, level)
    b_low, b_high = mid_p_interval(drawn_hits, drawn, level)
    low = _ratio_limit(a, b, a_low, b_high, -1.0)
    if b == 0:
        return Estimate(None, low, None, level, drawn, f"抽查 {drawn} 个均未查实，至少为 {low:.1f} 倍")
    return Estimate(a / b, low, _ratio_limit(a, b, a_high, b_low, 1.0), level, drawn)


def _ratio_limit(a: float, b: float, a_limit: float, b_limit: float, sign: float) -> float:
    bottom = b_limit * (2 * b - b_limit)
    inside = (a * b) ** 2 - a_limit * b_limit * (2 * a - a_limit) * (2 * b - b_limit)
    if abs(bottom) < 1e-12:
        return 0.0 if sign < 0 else float("inf")
    return float((a * b + sign * np.sqrt(max(inside, 0.0))) / bottom)
