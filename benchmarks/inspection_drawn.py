"""The draw's intervals on populations drawn for the purpose: rates counted out over every truth, amounts of nine kinds of tails, both in counties with strata and sizes. Here intervals are chosen; worlds are looked at afterwards."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import hypergeom

from inspection.draw import pivotal, spread
from inspection.estimate import rate, total
from inspection.seed import random_for
from inspection.undrawn import Everybody

TAILS: Mapping[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "lognormal 0.7": lambda r, k: np.exp(r.normal(8, 0.7, k)),
    "lognormal 1": lambda r, k: np.exp(r.normal(8, 1.0, k)),
    "lognormal 1.5": lambda r, k: np.exp(r.normal(8, 1.5, k)),
    "lognormal 2": lambda r, k: np.exp(r.normal(8, 2.0, k)),
    "Pareto 1.3": lambda r, k: 1000 * (1 + r.pareto(1.3, k)),
    "Pareto 2.5": lambda r, k: 1000 * (1 + r.pareto(2.5, k)),
    "gamma 0.5": lambda r, k: 1 + 1e4 * r.gamma(0.5, 1, k),
    "gamma 2": lambda r, k: 1 + 1e4 * r.gamma(2.0, 1, k),
    "small and large": lambda r, k: np.where(r.random(k) < 0.8, np.exp(r.normal(7, 0.7, k)), np.exp(r.normal(10, 0.7, k))),
}  # fmt: skip
DESIGNS = ((83, 11, 17), (47, 10, 24), (8000, 67, 400), (5000, 600, 500))
"""Population, guilty, drawn."""
POPULATIONS, REDRAWS = 12, 15
UNEQUAL = ((83, 0.2), (47, 0.2), (200, 0.1))
"""Population, share drawn; a fifth of them three times as likely as the others."""
ODDS = (1 / 3, 1.0, 3.0)
"""Odds of guilt where draws are likelier against elsewhere."""


def amounts() -> list[dict[str, Any]]:
    """Cover of 80 % intervals by design and tail."""
    rows = []
    for n, guilty, drawn in DESIGNS:
        for tail, make in TAILS.items():
            held: list[bool] = []
            for i in range(POPULATIONS):
                rng = random_for("tails", n, tail, i)
                people = np.r_[make(rng, guilty), np.zeros(n - guilty)]
                for _ in range(REDRAWS):
                    said = total(people[rng.permutation(n)[:drawn]], np.full(drawn, drawn / n), n)
                    if said.low is not None and said.high is not None:
                        held.append(said.low <= people.sum() <= said.high)
            rows.append({"population": n, "guilty": guilty, "drawn": drawn, "tail": tail, "said": len(held) / POPULATIONS / REDRAWS, "covered": float(np.mean(held))})  # fmt: skip
    return rows


def rates() -> list[dict[str, Any]]:
    """Cover of 95 % intervals, counted out for every number of guilty up to a third."""
    rows = []
    for n, share in UNEQUAL:
        likely = round(n / 5)
        other = n - likely
        first = round(3 * np.ceil(share * n) * likely / (3 * likely + other))
        second = int(np.ceil(share * n)) - first
        chance = np.r_[np.full(first, first / likely), np.full(second, second / other)]
        held = {}
        for a in range(first + 1):
            for b in range(second + 1):
                held[a, b] = rate(np.r_[np.arange(first) < a, np.arange(second) < b], chance, n)
        for odds in ODDS:
            cover = []
            for guilty in range(2, n // 3 + 1):
                there = _split(guilty, likely, other, odds)
                p = np.outer(hypergeom.pmf(np.arange(first + 1), likely, there, first), hypergeom.pmf(np.arange(second + 1), other, guilty - there, second))  # fmt: skip
                cover.append(sum(p[k] for k, e in held.items() if e.low is not None and e.high is not None and e.low - 1e-9 <= guilty / n <= e.high + 1e-9))  # fmt: skip
            x = np.array(cover)
            rows.append({"population": n, "drawn": first + second, "odds": odds, "truths": len(x), "within": float((np.abs(x - 0.95) <= 0.02).mean()), "mean": float(x.mean()), "least": float(x.min()), "most": float(x.max())})  # fmt: skip
    return rows


def _split(guilty: int, likely: int, other: int, odds: float) -> int:
    """How many of `guilty` are among the `likely`, at these odds against the others."""
    rest = brentq(lambda r: likely * odds * r / (1 + odds * r) + other * r / (1 + r) - guilty, 1e-9, 1e6)
    return round(float(likely * odds * rest / (1 + odds * rest)))


COUNTIES = ((83, 0.2), (83, 0.5), (47, 0.2), (47, 0.5), (200, 0.1))
"""Units, share drawn."""
GUILT: Mapping[str, Callable[[np.random.Generator, float, np.ndarray, np.ndarray], np.ndarray]] = {
    "all alike": lambda r, p, odd, size: np.full(len(odd), p),
    "strata of their own": lambda r, p, odd, size: r.beta(2 * p, 2 * (1 - p), len(odd)),
    "three times the odds where draws are likelier": lambda r, p, odd, size: _odds(p, np.where(odd, 3.0, 1.0)),
    "a third there": lambda r, p, odd, size: _odds(p, np.where(odd, 1 / 3, 1.0)),
    "the larger the likelier": lambda r, p, odd, size: _odds(p, np.exp(size)),
}  # fmt: skip
"""Rate of each stratum, about `p`, by whether draws are likelier there and by its size (log)."""


def _odds(p: float, times: np.ndarray) -> np.ndarray:
    return np.asarray(times * p / (1 - p + times * p))


def county(n: int, rng: np.random.Generator, guilt: str, tail: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """(stratum, whether draws are likelier, size, amount) of everybody: half of the units in two strata, the others in ever smaller ones; amounts grow with size not at all, by its root or in proportion."""
    sizes = [round(0.24 * n)] * 2 + [round(0.09 * n)] * 2 + [round(0.05 * n)] * 2
    while sum(sizes) < n:
        sizes.append(min(int(rng.integers(1, 6)), n - sum(sizes)))
    of, many = np.repeat(np.arange(len(sizes)), sizes), len(sizes)
    odd, log_size = rng.permutation(many) % 5 == 0, rng.normal(0, 1.5, many)
    bad = rng.random(n) < GUILT[guilt](rng, rng.uniform(0.06, 0.3), odd, log_size)[of]
    if bad.sum() < 3:
        bad[rng.choice(n, 3, replace=False)] = True
    size = log_size[of] + rng.normal(0, 0.7, n)
    amount = np.where(bad, TAILS[tail](rng, n) * np.exp(rng.choice([0.0, 0.5, 1.0]) * size), 0.0)
    return of, odd[of], 1e7 * np.exp(size), amount


def counties(populations: int = 1, redraws: int = 12) -> list[dict[str, Any]]:
    """Cover of 95 % intervals of the rate and 80 % intervals of the amount in counties with strata, with and without what is known of everybody: `populations` of each kind of tail."""
    rows = []
    for (n, share), guilt in itertools.product(COUNTIES, GUILT):
        held: dict[str, list[float]] = {}
        for tail, i in itertools.product(TAILS, range(populations)):
            rng = random_for("county", n, share, guilt, tail, i)
            of, odd, size, amount = county(n, rng, guilt, tail)
            chance = spread(int(np.ceil(share * n)), np.where(odd, 3.0, 1.0))
            for _ in range(redraws):
                drawn = np.flatnonzero(pivotal(chance, of, rng))
                for name, among in (("", None), ("known ", Everybody(of, size, drawn))):
                    y = amount[drawn]
                    for what, said, true in (("rate", rate(y > 0, chance[drawn], n, among=among), (amount > 0).mean()), ("amount", total(y, chance[drawn], n, among=among), amount.sum())):  # fmt: skip
                        if said.low is not None and said.high is not None:
                            held.setdefault(f"{name}{what}", []).append(said.low - 1e-9 <= true <= said.high + 1e-9)
                            held.setdefault(f"{name}{what} width", []).append((said.high - said.low) / true)
        rows.append({"population": n, "share": share, "guilt": guilt, **{k: float(np.median(v) if "width" in k else np.mean(v)) for k, v in held.items()}})  # fmt: skip
    return rows


def section(told: Mapping[str, Any], losses: list[str]) -> list[str]:
    """As Markdown."""
    if "tails" not in told:
        return []
    counted, drawn = told["tails"]["rates"], told["tails"]["amounts"]
    out = ["### On drawn populations", "", "Where intervals were chosen. Rates: a fifth three times as likely to be drawn; cover counted out for every number of guilty up to a third of all.", "",
           "| population | drawn | odds of guilt where draws are likelier | truths within 95 ± 2 % | mean cover | least | most |", "|---:|---:|---:|---:|---:|---:|---:|",
           *(f"| {r['population']} | {r['drawn']} | {r['odds']:.2g} | {r['within']:.0%} of {r['truths']} | {r['mean']:.1%} | {r['least']:.1%} | {r['most']:.1%} |" for r in counted), "",
           f"Amounts: cover of 80 % intervals, {POPULATIONS} populations × {REDRAWS} draws each (standard error about 3 points).", "",
           f"| population, guilty, drawn | {' | '.join(TAILS)} | mean |", "|---|" + "---:|" * (len(TAILS) + 1)]  # fmt: skip
    for design in DESIGNS:
        mine = {r["tail"]: r for r in drawn if (r["population"], r["guilty"], r["drawn"]) == design}
        covers = [mine[t]["covered"] for t in TAILS]
        out.append(f"| {', '.join(map(str, design))} | {' | '.join(f'{c:.0%}' for c in covers)} | {np.mean(covers):.0%} |")  # fmt: skip
    out += ["", "What the undrawn may hold where strata and sizes of everybody are known, as of units (`inspection.undrawn`), beside the same draws without: counties of five sizes, a fifth of the strata three times as likely, half of the units in "
            f"two strata, amounts of all tails above that grow with size not at all, by its root or in proportion; {12 * len(TAILS)} draws a row (standard error of a rate's cover about 2 points, of an amount's about 4; of the means less than half).", "",
            "| units, share drawn | guilt | rate, 95 %, known | without | width known ÷ without | amount, 80 %, known | without | width known ÷ without |", "|---|---|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
    known = told["tails"]["counties"]
    cells = [*known, *({"share": s, "population": n, "guilt": "**mean**"} | {k: float(np.mean([r[k] for r in known if (r["population"], r["share"]) == (n, s)])) for k in known[0] if isinstance(known[0][k], float) and k != "share"} for n, s in COUNTIES)]  # fmt: skip
    for r in cells:
        out.append(f"| {r['population']}, {r['share']:.0%} | {r['guilt']} | {r['known rate']:.1%} | {r['rate']:.1%} | {r['known rate width'] / r['rate width']:.2f} | {r['known amount']:.1%} | {r['amount']:.1%} | {r['known amount width'] / r['amount width']:.2f} |")  # fmt: skip
    for n, s in COUNTIES:
        mean = {k: float(np.mean([r[k] for r in known if (r["population"], r["share"]) == (n, s)])) for k in ("known rate", "known amount")}  # fmt: skip
        if not 0.93 <= mean["known rate"] <= 0.97 or not 0.76 <= mean["known amount"] <= 0.84:
            losses.append(f"drawn counties of {n} units, {s:.0%} drawn: rates {mean['known rate']:.1%} covered instead of 95 ± 2 %, amounts {mean['known amount']:.1%} instead of 80 ± 4 %")  # fmt: skip
    far = [r for r in drawn if not 0.74 <= r["covered"] <= 0.86]
    losses.append(f"amounts on drawn populations: {len(far)} of {len(drawn)} kinds of tails and designs cover more than 6 points off 80 % (few amounts: what the supposed spread gives, too much where amounts are alike and too little where they are not; tails without a variance: too little)")  # fmt: skip
    return [*out, ""]
