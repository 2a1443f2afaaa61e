"""What earlier published lists say of this week's: in which of them a suspect stood, and what was found among those they named, ranked against drawn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from features.intervals import wilson
from inspection.estimate import FEW as ENOUGH
from inspection.estimate import lift, meaning
from serving.lists.earlier import concluded, rows_before, since_listed


@dataclass(frozen=True)
class Slot:
    """Of those a list named in one way: how many have a conclusion since, how many were confirmed."""

    followed: int = 0
    confirmed: int = 0

    @property
    def rate(self) -> float:
        return self.confirmed / self.followed

    def interval(self) -> tuple[float, float]:
        """Wilson's 80 % interval of the rate."""
        return wilson(self.confirmed, self.followed, 0.8)


@dataclass(frozen=True)
class Lift:
    """Ranked against drawn by chance, of lists before."""

    ranked: Slot
    draw: Slot

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"said": self.said()}

    def said(self) -> str:
        """In one sentence; it says so where nothing can be told yet."""
        if not self.ranked.followed and not self.draw.followed:
            return "此前名单中尚无已有结论的对象，命中率未知"
        told = f"此前名单中按风险排序者已有结论 {self.ranked.followed} 个、查实 {self.ranked.confirmed} 个{_rate(self.ranked)}；"
        told += f"随机抽取者已有结论 {self.draw.followed} 个、查实 {self.draw.confirmed} 个{_rate(self.draw)}"
        if min(self.ranked.followed, self.draw.followed) < ENOUGH:
            return told + f"；两者中有一方的结论不足 {ENOUGH} 个，提升倍数未知"
        times = lift(self.ranked.confirmed, self.ranked.followed, self.draw.confirmed, self.draw.followed)
        if times.value is None or times.low is None or times.high is None:
            return told + f"；随机抽取者无一查实，提升至少为 {times.low or 0.0:.1f} 倍（95%区间的下限）"
        return (
            told
            + f"；为随机抽取的 {times.value:.1f} 倍（95%区间 {times.low:.1f}～{times.high:.1f}，{meaning(times.level)}）"
        )


def _rate(slot: Slot) -> str:
    if not slot.followed:
        return ""
    low, high = slot.interval()
    return f"（{slot.rate:.0%}，80%区间 {low:.0%}～{high:.0%}）"


def told_before(
    warehouse: Path, as_of: date | datetime, name: str, grain: str
) -> tuple[dict[str, list[dict[str, Any]]], Lift]:
    """({entity: earlier rows about it, `as_of`, `run`, `lead`, oldest first; one a day}, the lift of the lists of that name).

    A finding counts for the first list that named its subject in that slot, if it inspected after that day and was known by `as_of`.
    """
    seen: dict[str, dict[str, dict[str, Any]]] = {}
    first: dict[str, dict[str, str]] = {"ranked": {}, "draw": {}}
    for run, row in rows_before(warehouse, as_of, name)[0]:
        entity, day = str(row["entity_id"]), str(row["as_of"])
        seen.setdefault(entity, {})[day] = {"as_of": day, "run": run, "lead": int(row["lead"])}
        if row["slot"] in first and not row.get("returning"):
            first[row["slot"]].setdefault(entity, day)
    slots = {"ranked": Slot(), "draw": Slot()}
    if seen:
        held = concluded(warehouse, as_of, grain)
        slots = {slot: _followed(since_listed(held, days)) for slot, days in first.items()}
    return {e: [days[d] for d in sorted(days)] for e, days in seen.items()}, Lift(slots["ranked"], slots["draw"])


def _followed(found: pd.DataFrame) -> Slot:
    return Slot(len(found), int(found["outcome"].eq("confirmed").sum()))
