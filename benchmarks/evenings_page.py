"""Evenings of bed checks as Markdown: pooled over worlds and per world, losses first, intervals from drawing whole evenings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from benchmarks.accuracy_judge import PRODUCT
from benchmarks.accuracy_page import number, table

Evening = dict[str, Any]
"""world, at, open, guilty (empty beds), hits {who: 0/1 of the first ten places}."""
Figure = Callable[[Sequence[Evening], str], float]
RANDOM: Final = "random"


def first_ten(evenings: Sequence[Evening], who: str) -> float:
    """Empty beds a place among the first ten."""
    return sum(sum(e["hits"][who]) for e in evenings) / max(1, sum(len(e["hits"][who]) for e in evenings))


def first_tenth(evenings: Sequence[Evening], who: str) -> float:
    """Of all empty beds, the share that stands in the first tenth of the evening's open stays (rounded)."""
    return sum(sum(e["hits"][who][: tenth(e)]) for e in evenings) / max(1, sum(e["guilty"] for e in evenings))


def tenth(evening: Evening) -> int:
    return max(1, min(round(evening["open"] / 10), len(evening["hits"][PRODUCT])))


FIGURES: Final[tuple[tuple[str, Figure], ...]] = (
    ("in the first ten, a place", first_ten),
    ("of the empty, in the first tenth", first_tenth),
)


def difference(
    evenings: Sequence[Evening], figure: Figure, other: str, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """90 % bootstrap interval of product − other; whole evenings are drawn, the same for both."""
    rng = np.random.default_rng(seed)
    gains = []
    for _ in range(draws):
        drawn = [evenings[i] for i in rng.integers(0, len(evenings), len(evenings))]
        gains.append(figure(drawn, PRODUCT) - figure(drawn, other))
    low, high = np.quantile(gains, [0.05, 0.95])
    return float(low), float(high)


def page(evenings: Sequence[Evening], commits: Sequence[str]) -> str:
    """The whole page."""
    worlds = list(dict.fromkeys(e["world"] for e in evenings))
    groups = {"all": list(evenings)} | {w: [e for e in evenings if e["world"] == w] for w in worlds}
    names = [who for who in evenings[0]["hits"] if who != PRODUCT]
    rows = []
    for world, here in groups.items():
        for said, figure in FIGURES:
            ours = figure(here, PRODUCT)
            theirs = {who: figure(here, who) for who in names}
            best = max((w for w in names if w != RANDOM), key=lambda w: theirs[w])
            low, high = difference(here, figure, best)
            beds = f"{sum(e['guilty'] for e in here)} of {sum(e['open'] for e in here):,}"
            cells = (world, said, str(len(here)), beds, number(ours), *(number(theirs[w]) for w in names))
            rows.append((ours - theirs[best], (*cells, best, f"{low:+.2f} … {high:+.2f}")))
    lost = sum(gain < 0 for gain, _ in rows)
    rows.sort(key=lambda r: r[0])
    head = ("world", "empty beds", "evenings", "empty of open", PRODUCT, *names, "best opponent", "product − it, 90 %")
    each = [
        (e["world"], e["at"][:10], f"{e['guilty']} of {e['open']}", *(number(sum(e["hits"][w])) for w in (PRODUCT, *names)))
        for e in evenings
    ]  # fmt: skip
    return "\n".join(
        [
            "# Empty beds over many evenings",
            "",
            "    make evenings",
            "",
            f"Commit {', '.join(commits)}. `xiezhi bedcheck --at \"DAY 20:00\"` on every third evening of the month after one fit, as an office would that fits every four weeks;",
            "opponents are fitted anew on every evening, on what was found by then. Whole evenings are drawn for the intervals; neighbouring ones share stays.",
            "",
            f"**{lost} of {len(rows)} figures lie below the best simple opponent's** (the best afterwards, of four). Losses first.",
            "",
            *table(head, [r for _, r in rows], left=2),
            "## Every evening",
            "",
            "Empty beds among the first ten.",
            "",
            *table(("world", "evening", "empty of open", PRODUCT, *names), each, left=2),
        ]
    )  # fmt: skip
