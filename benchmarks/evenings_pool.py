"""Sixty checks in a county of 400,000: evenings put together as if they were one county's, all open stays ranked together by chance.

Evenings of one county-date share stays, and a stay open on several of them counts on each; so beside it stands one evening of each county-date, with as many checks a head.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.accuracy_judge import PRODUCT

COUNTY: Final = 400_000
CHECKS: Final = 60
DRAWS: Final = 400
OPPONENT: Final = "lightgbm"


@dataclass(frozen=True)
class Pool:
    """Means over draws: evenings, insured, checks and open stays a draw, empty beds found by chance, by the product's chance, by its place and by an opponent's place; each: found /
    by chance, by draw."""

    evenings: float
    insured: float
    checks: float
    open: float
    random: float
    found: float
    by_place: float
    opponent: float
    each: tuple[float, ...]

    @property
    def times(self) -> float:
        """Found over what chance finds, all draws together."""
        return self.found / self.random if self.random else 1.0

    @property
    def low(self) -> float:
        return float(np.quantile(self.each, 0.05))

    @property
    def high(self) -> float:
        return float(np.quantile(self.each, 0.95))

    def enough(self, times: float) -> float:
        """Share of draws with at least so many times what chance finds."""
        return float(np.mean(np.asarray(self.each) >= times))


def together(evenings: Sequence[dict[str, Any]], checks: int = CHECKS) -> tuple[float, float, float, float]:
    """Empty beds that `checks` find in the open stays of all these evenings as one county: (by chance, by the product's chance, by its place, by the opponent's place).

    Of equal chances the earlier evening's goes first. By place: the places of a list as shares of the evening's open stays, so that every evening gives its part.
    """
    stays = sum(e["open"] for e in evenings)
    ranked = sorted(((-s[1], i, k) for i, e in enumerate(evenings) for k, s in enumerate(e["stays"])))[:checks]
    found = float(sum(evenings[i]["stays"][k][3] for _, i, k in ranked))
    return (
        checks * sum(e["guilty"] for e in evenings) / max(1, stays),
        found,
        _by_place(evenings, PRODUCT, checks),
        _by_place(evenings, OPPONENT, checks),
    )


def _by_place(evenings: Sequence[dict[str, Any]], who: str, checks: int) -> float:
    places = [((k + 1) / e["open"], i, k) for i, e in enumerate(evenings) for k in range(len(e["hits"][who]))]
    return float(sum(evenings[i]["hits"][who][k] for _, i, k in sorted(places)[:checks]))


def drawn(evenings: Sequence[dict[str, Any]], rng: np.random.Generator, insured: int = COUNTY) -> list[dict[str, Any]]:
    """Evenings in random order, none twice, until their counties have so many insured (all of them where they have fewer)."""
    taken: list[dict[str, Any]] = []
    total = 0
    for i in rng.permutation(len(evenings)):
        if total >= insured:
            break
        taken.append(evenings[i])
        total += evenings[i]["insured"]
    return taken


def apart(evenings: Sequence[dict[str, Any]], rng: np.random.Generator) -> list[dict[str, Any]]:
    """One evening of each county-date: no stay twice."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for e in evenings:
        groups.setdefault((e["world"], e["fitted"]), []).append(e)
    return [here[int(rng.integers(0, len(here)))] for here in groups.values()]


def checks_of(insured: int) -> int:
    """As many checks a head as sixty in 400,000, at most sixty."""
    return min(CHECKS, max(1, round(CHECKS * insured / COUNTY)))


def pooled(
    evenings: Sequence[dict[str, Any]],
    draw: Callable[[Sequence[dict[str, Any]], np.random.Generator], list[dict[str, Any]]] = drawn,
    draws: int = DRAWS,
    seed: int = 0,
) -> Pool:
    """Many draws of a county."""
    rng = np.random.default_rng(seed)
    counts, results = [], []
    for _ in range(draws):
        taken = draw(evenings, rng)
        insured = sum(e["insured"] for e in taken)
        counts.append((len(taken), insured, checks_of(insured), sum(e["open"] for e in taken)))
        results.append(together(taken, checks_of(insured)))
    means = [float(x) for x in (*np.mean(counts, axis=0), *np.mean(results, axis=0))]
    return Pool(*means, each=tuple(f / r if r else 1.0 for r, f, *_ in results))
