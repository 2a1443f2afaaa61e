"""Sixty checks in a county of 400,000: evenings put together as if they were one county's, all open stays ranked together by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.accuracy_judge import PRODUCT

COUNTY: Final = 400_000
CHECKS: Final = 60
DRAWS: Final = 1000
OPPONENT: Final = "lightgbm"


@dataclass(frozen=True)
class Pool:
    """Means over draws: evenings and open stays a draw, empty beds found by chance, by the product's chance, by its place and by an opponent's place; each: found / by chance, by draw."""

    evenings: float
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


def pooled(evenings: Sequence[dict[str, Any]], draws: int = DRAWS, seed: int = 0) -> Pool:
    """Many draws of a county."""
    rng = np.random.default_rng(seed)
    counts, results = [], []
    for _ in range(draws):
        taken = drawn(evenings, rng)
        counts.append((len(taken), sum(e["open"] for e in taken)))
        results.append(together(taken))
    size, stays = np.mean(counts, axis=0)
    random, found, by_place, opponent = np.mean(results, axis=0)
    each = tuple(f / r if r else 1.0 for r, f, *_ in results)
    return Pool(float(size), float(stays), float(random), float(found), float(by_place), float(opponent), each)
