"""What a list says of each group of people: how many it holds, how many of them an inspection should confirm, and what became of those listed before.

A group is age band × chronic registry (models/parity.py); of a grain without groups there is one row, everybody. A list is fair where a chance means the same in every
group (calibration within groups), not where every group has its share of places: who is old and ill uses more care and is cheated with more often. Whether
the chances hold is seen by what was found among those that earlier published lists named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

EVERYBODY: Final = "全体"
ENOUGH: Final = 30
"""Cases from which a rate of a group is told from luck."""
BAND: Final = 0.3
"""A chance holds where what was found lies within ± 30 % of what was foretold."""


@dataclass(frozen=True)
class Group:
    """One group on a list. population, listed: how many there are and are ranked on it; expected, low, high: how many of the listed an inspection should
    confirm, with 80 % (None = no chance is said). followed, confirmed, foretold: of those listed before, how many have a finding since, how many were confirmed, and how
    many of them their lists foretold (None = not said). false_flags: share of the group's open cases that earlier lists named and inspections cleared, over that share among
    all others (None = too few cleared)."""

    name: str
    population: int
    listed: int
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    followed: int = 0
    confirmed: int = 0
    foretold: float | None = None
    false_flags: float | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the chance held among those followed up; None below `ENOUGH` of them."""
        if self.followed < ENOUGH or not self.foretold:
            return None
        return abs(self.confirmed - self.foretold) <= BAND * self.foretold

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"holds": self.holds}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Group:
        """Back from JSON."""
        return cls(**{k: v for k, v in said.items() if k != "holds"})

    def row(self) -> tuple[str, ...]:
        """As pages and workbooks print it, under `HEAD`."""
        expected = "" if self.expected is None else f"{self.expected:.1f}（{self.low:.1f}～{self.high:.1f}）"
        hits = f"{self.confirmed}/{self.followed}" if self.followed else ""
        foretold = "" if self.foretold is None else f"{self.foretold:.1f}"
        holds = {None: "不足以判断", True: "相符", False: "不相符"}[self.holds]
        flags = "" if self.false_flags is None else f"{self.false_flags:.2f}"
        return self.name, str(self.population), str(self.listed), expected, hits, foretold, holds, flags


HEAD: Final = (
    "人群",
    "总体",
    "入列",
    "预计查实（80%区间）",
    "此前入列者查实/有结论",
    "其中当时预计查实",
    "预计与查实",
    "误列比（对其他人群）",
)
SAID: Final = (
    "人群按年龄（60岁）与是否登记慢特病划分。预计查实由校准概率相加；概率是“若核查会被查实”的可能，不是结论。此前入列者取已发布的历次名单中其后有结论的；"
    f"不足{ENOUGH}例不作判断，相差在±{BAND:.0%}以内为相符。某一人群的概率不准时，在校准中为该人群单独修正，不按人数配额。"
)


def groups_of(table: pd.DataFrame, listed: Sequence[str], earlier: pd.DataFrame) -> list[Group]:
    """Everybody, then each stratum. table: who stands open, index entity_id, columns stratum, probability, …_low, …_high; listed: the ranked; earlier: serving.lists.earlier."""
    names = sorted(set(table["stratum"]) - {""}) if "stratum" in table else []
    on_list = np.isin(table.index.to_numpy(dtype=object), list(listed))
    out = []
    for name in (EVERYBODY, *names):
        inside = table["stratum"].eq(name).to_numpy() if name in names else np.ones(len(table), dtype=bool)
        followed = earlier[earlier["stratum"].eq(name)] if name in names else earlier
        said = followed["probability"].notna()
        out.append(
            Group(
                name,
                int(inside.sum()),
                int((inside & on_list).sum()),
                *expected(table[inside & on_list]),
                len(followed),
                int(followed["confirmed"].sum()),
                round(float(followed["probability"].sum()), 2) if len(followed) and said.all() else None,
                false_flags(table, earlier, name) if name in names else None,
            )
        )
    return out


def expected(listed: pd.DataFrame) -> tuple[float | None, float | None, float | None]:
    """Sums of the chances and of both ends: the ends move together, as level and slope of one curve do."""
    ends = ("probability", "probability_low", "probability_high")
    if not len(listed) or not set(ends) <= set(listed) or listed["probability"].isna().any():
        return None, None, None
    p, low, high = (round(float(listed[c].sum()), 2) for c in ends)
    return p, low, high


def false_flags(table: pd.DataFrame, earlier: pd.DataFrame, name: str) -> float | None:
    """Cleared after being listed, per open case, over the same among all others; None where fewer than ten were cleared on either side."""
    cleared = earlier[~earlier["confirmed"].astype(bool)]
    own, sizes = cleared["stratum"].eq(name).sum(), table["stratum"].eq(name).sum()
    others, rest = len(cleared) - own, len(table) - sizes
    if min(own, others) < 10 or not sizes or not rest:
        return None
    return round(float((own / sizes) / (others / rest)), 2)
