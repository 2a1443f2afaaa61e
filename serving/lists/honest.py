"""How much better than chance the lists were: what was confirmed of those they ranked, beside what was confirmed of those drawn by lot.

The draw is a simple random sample of everybody who was not ranked, unmarked among the others; so its share is the only unbiased figure of what a list misses.
Counted are leads of published lists that have a conclusive finding since; the controls, drawn from the least suspect half, are left out.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import pandas as pd
from scipy.stats import binomtest

ENOUGH: Final = 10
"""Findings on either side from which the two are compared."""
Z: Final = 1.959964
"""95 %."""


@dataclass(frozen=True)
class Honest:
    """Leads with a finding and confirmed ones among them: of the ranked, of the drawn."""

    ranked: int
    ranked_confirmed: int
    drawn: int
    drawn_confirmed: int

    @classmethod
    def of(cls, earlier: pd.DataFrame) -> Honest:
        """earlier: `serving.lists.earlier`."""
        counts = {}
        for slot in ("ranked", "draw"):
            found = earlier.loc[earlier["slot"].eq(slot), "confirmed"].astype(bool)
            counts[slot] = (len(found), int(found.sum()))
        return cls(*counts["ranked"], *counts["draw"])

    @property
    def lift(self) -> tuple[float, float, float] | None:
        """Share of the ranked over share of the drawn, with 95 % (logs with a half added to each count, after Walter 1975, so that none confirmed
        by lot still says something); None below `ENOUGH` on either side."""
        if min(self.ranked, self.drawn) < ENOUGH:
            return None
        a, b = self.ranked_confirmed + 0.5, self.drawn_confirmed + 0.5
        n, m = self.ranked + 0.5, self.drawn + 0.5
        middle = math.log(a / n) - math.log(b / m)
        half = Z * math.sqrt(max(1 / a - 1 / n + 1 / b - 1 / m, 0.0))
        return math.exp(middle), math.exp(middle - half), math.exp(middle + half)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"lift": self.lift}

    def text(self) -> str:
        """As every list says it."""
        told = f"此前入列并有结论者查实 {share(self.ranked_confirmed, self.ranked)}，随机抽取并有结论者查实 {share(self.drawn_confirmed, self.drawn)}"
        if self.lift is None:
            return f"{told}；样本不足（两边各满{ENOUGH}例才作比较）"
        middle, low, high = self.lift
        return f"{told}；名单为随机的 {middle:.1f} 倍（95%区间 {low:.1f}～{high:.1f}）"


def share(k: int, n: int) -> str:
    """k of n; from `ENOUGH` on with its share and Wilson's 95 %."""
    if n < ENOUGH:
        return f"{k}/{n}"
    interval = binomtest(k, n).proportion_ci(method="wilson")
    return f"{k}/{n}（{k / n:.0%}，95%区间 {interval.low:.0%}～{interval.high:.0%}）"
