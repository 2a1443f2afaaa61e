"""From a place on the list to a chance of being confirmed, with the interval that few findings leave.

The log odds of a confirmation rise in a line with the tail rank t (−ln of the share of the county at least as suspect). Level and slope begin from a guess about any
county and are moved by what the office found, each as far as its cases reach: a Bayesian logistic, its posterior taken as normal around the mode (Laplace; MacKay,
Neural Computation 4, 1992). Two more things move the level:

- why a case was looked at: callers know what no claim shows. A chance is said for somebody picked by chance at that place of the list; the others' lead
  sources take their own level out of it.
- age band × chronic registry (models/parity.py): a group in which more or less is confirmed than the common curve foretells has an offset of its own, shrunk
  towards none by as much as the groups' differences are what chance alone would make (empirical Bayes: the spread at which the findings are likeliest).

Said is what an inspection would confirm, which is less than what is true. Without a confirmed or without a refuted case nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

PRESUMED: Final = 0.02
"""Share of a county that an inspection would confirm, before anything is known: a guess of the order of bed checks (0.8 %, seeds.md S002)."""
LEVEL_SPREAD: Final = 1.5
"""Standard deviation of that guess in log odds: from 0.1 % to 30 % nothing surprises."""
EDGE: Final = -float(np.log(PRESUMED))
"""Tail rank at which the presumed share stands above: where the level is guessed, so that it and the slope are guesses about different things."""
SLOPE: Final = 1.0
SLOPE_SPREAD: Final = 0.5
"""How the odds rise with the rank before anything is known: from flat to twice as steep as one over the share that stands above."""
SOURCE_SPREAD: Final = 1.0
"""How far apart the log odds of lead sources may be."""
GROUP_SPREADS: Final = (0.0, 0.25, 0.5, 1.0)
"""Candidate spreads of the groups' offsets, the likeliest is taken."""
RANDOM: Final = "random"
EVERYBODY: Final = ""
GRID: Final = tuple(float(x) for x in np.arange(0.0, 20.25, 0.25))
"""Tail ranks at which a curve is kept."""
Z80: Final = 1.2815515655446004
"""Half width of an 80 % interval in standard deviations."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
"""Where and how much a mean over a normal law is taken."""

Curve = Mapping[str, tuple[float, ...]]
"""p, low, high at GRID: chance and the ends of its 80 % interval, rising."""


@dataclass(frozen=True)
class Calibration:
    """kind 'curve': chance by tail rank, {group: Curve}, '' for whoever is in none. kind 'none': cannot say yet. n, positives: cases used;
    told: {group: [cases, confirmed, foretold]} of the cases it was drawn from."""

    kind: Literal["curve", "none"]
    n: int = 0
    positives: int = 0
    curves: Mapping[str, Curve] = field(default_factory=dict)
    told: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    def probability(self, t: np.ndarray, group: np.ndarray | None = None) -> np.ndarray:
        """Chance per tail rank; NaN throughout where it cannot be said. group: of each, '' or unknown = the common curve."""
        return self._read("p", t, group)

    def interval(self, t: np.ndarray, group: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the 80 % interval of the chance."""
        return self._read("low", t, group), self._read("high", t, group)

    def _read(self, what: str, t: np.ndarray, group: np.ndarray | None) -> np.ndarray:
        t = np.asarray(t, dtype=np.float64)
        if self.kind == "none":
            return np.full(t.shape, np.nan)
        out: np.ndarray = np.interp(t, GRID, self.curves[EVERYBODY][what])
        for name in self.curves.keys() - {EVERYBODY} if group is not None else ():
            inside = np.asarray(group) == name
            out[inside] = np.interp(t[inside], GRID, self.curves[name][what])
        return out

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibration:
        curves = {g: {k: tuple(v) for k, v in c.items()} for g, c in values["curves"].items()}
        return cls(**{**values, "curves": curves, "told": {g: tuple(v) for g, v in values["told"].items()}})


@dataclass(frozen=True)
class Posterior:
    """Normal around the mode. evidence: log of how likely the findings are, up to what all spreads share."""

    mean: np.ndarray
    covariance: np.ndarray
    evidence: float

    def chance(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """p, low, high at rows x: the mean of the chance over the posterior and its 80 % interval."""
        middle = x @ self.mean
        spread = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", x, self.covariance, x), 0.0))
        mean = expit(middle[:, None] + spread[:, None] * NODES) @ (WEIGHTS / WEIGHTS.sum())
        return {"p": mean, "low": expit(middle - Z80 * spread), "high": expit(middle + Z80 * spread)}


def calibrate(
    t: np.ndarray, y: np.ndarray, source: np.ndarray | None = None, group: np.ndarray | None = None
) -> Calibration:
    """Curve from tail ranks of cases by a model that had not seen them. y in {0, 1}; source: why each was looked at; group: '' = none."""
    t, y = np.asarray(t, float), np.asarray(y, float)
    source = np.full(len(t), RANDOM) if source is None else np.asarray(source, dtype=str)
    group = np.full(len(t), EVERYBODY) if group is None else np.asarray(group, dtype=str)
    n, positives = len(y), int(y.sum())
    if not positives or positives == n:
        what = "查实" if not positives else "排除"
        return Calibration("none", n, positives, reason=f"尚无可对照的{what}结论，暂不能给出概率")
    sources, groups = (
        sorted(set(map(str, names)) - drop) for names, drop in ((source, {RANDOM}), (group, {EVERYBODY}))
    )
    picked = np.column_stack([np.ones(n), t - EDGE, *(source == s for s in sources)]).astype(float)
    inside = np.column_stack([group == g for g in groups]).astype(float) if groups else np.empty((n, 0))
    spread, found = _likeliest(picked, inside, y)
    if found.mean[1] <= 0:
        return Calibration("none", n, positives, reason="结论与风险高低无关，暂不能给出概率")
    offsets = dict(zip(groups, found.mean[picked.shape[1] :], strict=True)) if spread else {}
    told = found.chance(np.column_stack([picked, inside]) if spread else picked)["p"]
    return Calibration(
        "curve",
        n,
        positives,
        {g: _curve(found, picked.shape[1], groups, g) for g in (EVERYBODY, *offsets)},
        {g: _told(y, told, group == g) for g in groups},
        {g: round(float(v), 6) for g, v in offsets.items()},
        f"按{n}例核查结论（查实{positives}例）与一般县的先验定曲线，区间为80%",
    )


def _told(y: np.ndarray, told: np.ndarray, inside: np.ndarray) -> tuple[float, float, float]:
    return float(inside.sum()), float(y[inside].sum()), round(float(told[inside].sum()), 4)


def _likeliest(picked: np.ndarray, inside: np.ndarray, y: np.ndarray) -> tuple[float, Posterior]:
    """(spread of the groups' offsets, posterior): the spread under which the findings are likeliest."""
    prior = np.array([level_at_edge(), SLOPE, *np.zeros(picked.shape[1] - 2)])
    spreads = np.array([LEVEL_SPREAD, SLOPE_SPREAD, *np.full(picked.shape[1] - 2, SOURCE_SPREAD)])
    tried = []
    for spread in GROUP_SPREADS if inside.shape[1] > 1 else (0.0,):
        x = np.column_stack([picked, inside]) if spread else picked
        extra = np.full(x.shape[1] - len(prior), spread)
        tried.append((spread, posterior(x, y, np.r_[prior, 0.0 * extra], np.r_[spreads, extra])))
    return max(tried, key=lambda s: s[1].evidence)


def posterior(x: np.ndarray, y: np.ndarray, prior: np.ndarray, spread: np.ndarray) -> Posterior:
    """Logistic of y on x under independent normal priors, by Newton's steps."""
    precision = spread**-2.0
    theta = prior.copy()
    for _ in range(100):
        p = expit(x @ theta)
        hessian = (x.T * (p * (1 - p))) @ x + np.diag(precision)
        step = np.linalg.solve(hessian, x.T @ (y - p) - precision * (theta - prior))
        # a step is cut where the line would overshoot
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        theta = theta + step
        if np.abs(step).max() < 1e-10:
            break
    lines = x @ theta
    likelihood = float((y * lines - np.logaddexp(0.0, lines)).sum())
    likelihood += float(0.5 * np.log(precision).sum() - 0.5 * (precision * (theta - prior) ** 2).sum())
    return Posterior(theta, np.linalg.inv(hessian), likelihood - 0.5 * float(np.linalg.slogdet(hessian)[1]))


def _curve(found: Posterior, fixed: int, groups: list[str], group: str) -> dict[str, tuple[float, ...]]:
    x = np.zeros((len(GRID), len(found.mean)))
    x[:, 0], x[:, 1] = 1.0, np.array(GRID) - EDGE
    if group in groups and len(found.mean) > fixed:
        x[:, fixed + groups.index(group)] = 1.0
    # the mean over an uncertain slope may bend at the far end; a chance must not fall where the risk rises
    return {k: tuple(np.round(np.maximum.accumulate(v), 8).tolist()) for k, v in found.chance(x).items()}


def level_at_edge() -> float:
    """Log odds at `EDGE` at which the curve of slope `SLOPE` confirms `PRESUMED` of a county, whose tail ranks are exponential."""
    ranks = -np.log1p(-(np.arange(2000) + 0.5) / 2000) - EDGE
    return float(brentq(lambda level: float(expit(level + SLOPE * ranks).mean()) - PRESUMED, -20.0, 20.0))
