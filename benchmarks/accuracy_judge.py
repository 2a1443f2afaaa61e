"""What a list found and how sure one may be that it found more than another: plain functions on hits by position (1 guilty, 0 not)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

SIZES: Final = {"admission": (20, 100), "person": (20, 100), "institution": (10,), "bedcheck": (10,)}
"""How far down each list the table looks."""
PRODUCT: Final = "product"
TAUGHT: Final = "truth-trained"
"""The referee's scorer that was taught by the truth: a ceiling, no opponent."""
YARDSTICKS: Final = (TAUGHT, "lgbm-rich-feat")
DEEPEST: Final = 100
SLACK: Final = 0.1
"""A list is not below an opponent when the lower end of the interval is above minus a tenth of what the opponent finds."""

Record = dict[str, Any]
"""One world at one date: world, date, commit, drift, cpu {step: s}, grains {grain: {open, guilty, hits {who: [...]}}}, and what only some worlds have."""


def first_hits(guilty: pd.Series, ranked: Sequence[str], depth: int = DEEPEST) -> list[float]:
    """Hits at the first `depth` positions of a list, among the entities of `guilty` (0/1 by id) only.

    Places that the list leaves empty count as drawn by chance from those it does not name: the share of guilty among them.
    """
    listed = [i for i in dict.fromkeys(ranked) if i in guilty.index]
    rest = guilty[~guilty.index.isin(listed)]
    chance = float(rest.mean()) if len(rest) else 0.0
    hits = [float(h) for h in guilty[listed[:depth]]]
    return [round(h, 4) for h in hits + [chance] * (min(depth, len(guilty)) - len(hits))]


def judged(guilty: pd.Series, lists: Mapping[str, Sequence[str]], depth: int = DEEPEST) -> dict[str, Any]:
    """One grain of a record: how many stand open, how many of them are guilty, and each list's hits; `random` is the base rate itself."""
    chance = round(float(guilty.mean()), 4) if len(guilty) else 0.0
    hits = {who: first_hits(guilty, ranked, depth) for who, ranked in lists.items()}
    return {
        "open": len(guilty),
        "guilty": int(guilty.sum()),
        "hits": hits | {"random": [chance] * min(depth, len(guilty))},
    }


def paired(ours: Sequence[float], theirs: Sequence[float], draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """90 % bootstrap interval of the difference in precision; the same positions are drawn from both lists."""
    gain = np.asarray(ours) - np.asarray(theirs)
    picked = np.random.default_rng(seed).integers(0, len(gain), (draws, len(gain)))
    low, high = np.quantile(gain[picked].mean(axis=1), [0.05, 0.95])
    return float(low), float(high)


@dataclass(frozen=True)
class Compared:
    """A product's list beside the best opponent's, dates pooled. low, high: 90 % of product − opponent. base: share of guilty among all."""

    world: str
    grain: str
    size: int
    dates: int
    base: float
    product: float
    opponent: str
    theirs: float
    low: float
    high: float
    taught: float | None

    @property
    def ratio(self) -> float:
        """Product over opponent; 1 where both found nothing."""
        return self.product / self.theirs if self.theirs else (np.inf if self.product else 1.0)

    @property
    def lost(self) -> bool:
        return self.product < self.theirs

    @property
    def holds(self) -> bool:
        return self.low >= -SLACK * self.theirs


def pooled(records: Iterable[Record], grain: str, size: int) -> dict[str, list[float]]:
    """{who: hits of the first `size` positions, one date after the other}, of those who made a list at every date."""
    parts = [r["grains"][grain]["hits"] for r in records if grain in r["grains"]]
    everywhere = [who for who in parts[0] if all(who in p for p in parts)] if parts else []
    return {who: [h for p in parts for h in p[who][:size]] for who in everywhere}


def compare(records: Sequence[Record]) -> list[Compared]:
    """Every world × grain × size where the product made a list, somebody else too, and anybody is guilty: losses first, the worst first."""
    out = []
    for world in dict.fromkeys(r["world"] for r in records):
        here = [r for r in records if r["world"] == world]
        for grain, sizes in SIZES.items():
            for size in sizes:
                hits = pooled(here, grain, size)
                others = {w: float(np.mean(h)) for w, h in hits.items() if w != PRODUCT and w not in YARDSTICKS}
                shown = [r["grains"][grain] for r in here if grain in r["grains"]]
                if not others or not hits.get(PRODUCT) or not any(g["guilty"] for g in shown):
                    continue
                best = max(others, key=lambda w: others[w])
                low, high = paired(hits[PRODUCT], hits[best])
                out.append(
                    Compared(
                        world=world,
                        grain=grain,
                        size=size,
                        dates=len(shown),
                        base=sum(g["guilty"] for g in shown) / max(1, sum(g["open"] for g in shown)),
                        product=float(np.mean(hits[PRODUCT])),
                        opponent=best,
                        theirs=others[best],
                        low=low,
                        high=high,
                        taught=float(np.mean(hits[TAUGHT])) if TAUGHT in hits else None,
                    )
                )
    return sorted(out, key=lambda c: (not c.lost, c.ratio))


def worst(rows: Sequence[Compared]) -> set[tuple[str, str, int]]:
    """(world, grain, size) of the world where the product does worst beside the best opponent, per grain and size."""
    out = set()
    for grain, size in {(c.grain, c.size) for c in rows}:
        low = min((c for c in rows if (c.grain, c.size) == (grain, size)), key=lambda c: c.ratio)
        out.add((low.world, grain, size))
    return out
