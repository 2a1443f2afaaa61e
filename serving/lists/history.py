"""What earlier published lists said: in which of them a suspect stood, and what was found among those they named, ranked against drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from claims.errors import Damaged
from claims.schema.outcomes import conclusions
from claims.store.findings import read_findings
from claims.store.publish import Published
from claims.store.warehouse import Warehouse
from features.asof import moment_of
from features.intervals import wilson
from serving.lists.earlier import REMEDY

ENOUGH: Final = 10
"""Findings among the drawn from which a lift is told."""


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
        if not self.ranked.followed or self.draw.followed < ENOUGH:
            return told + f"；随机抽取的结论不足 {ENOUGH} 个，提升倍数未知"
        if not self.draw.confirmed:
            return told + "；随机抽取者无一查实，提升倍数不能计算"
        return told + f"；为随机抽取的 {self.ranked.rate / self.draw.rate:.1f} 倍"


def _rate(slot: Slot) -> str:
    if not slot.followed:
        return ""
    low, high = slot.interval()
    return f"（{slot.rate:.0%}，80%区间 {low:.0%}～{high:.0%}）"


def earlier_runs(warehouse: Path, as_of: date | datetime) -> Iterator[tuple[str, Published]]:
    """(AS_OF/RUN, folder) of every sound run of a day before, the oldest first; damaged ones are told of elsewhere (serving/lists/earlier.py)."""
    day = f"{moment_of(as_of):%Y-%m-%d}"
    for root in sorted(p for p in (warehouse / "lists").glob("????-??-??/*") if p.is_dir()):
        if root.parent.name < day:
            try:
                yield f"{root.parent.name}/{root.name}", Published.open(root, REMEDY)
            except Damaged:
                continue


def listed_rows(warehouse: Path, as_of: date | datetime, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(AS_OF/RUN, row) of every row of a list in the earlier runs."""
    for run, folder in earlier_runs(warehouse, as_of):
        file = f"lists/{name}.json"
        if file in folder.manifest["files"]:
            try:
                rows = json.loads(folder.file(file).read_bytes())["rows"]
            except Damaged:
                continue
            yield from ((run, row) for row in rows)


def told_before(
    warehouse: Path, as_of: date | datetime, name: str, grain: str
) -> tuple[dict[str, list[dict[str, Any]]], Lift]:
    """({entity: earlier rows about it, `as_of`, `run`, `lead`, oldest first; one a day}, the lift of the lists of that name).

    A finding counts for the first list that named its subject in that slot, if it inspected after that day and was known by `as_of`.
    """
    seen: dict[str, dict[str, dict[str, Any]]] = {}
    first: dict[str, dict[str, str]] = {"ranked": {}, "draw": {}}
    for run, row in listed_rows(warehouse, as_of, name):
        entity, day = str(row["entity_id"]), str(row["as_of"])
        seen.setdefault(entity, {})[day] = {"as_of": day, "run": run, "lead": int(row["lead"])}
        if row["slot"] in first and not row.get("returning"):
            first[row["slot"]].setdefault(entity, day)
    slots = {"ranked": Slot(), "draw": Slot()}
    if seen:
        held = conclusions(read_findings(Warehouse.open(warehouse), moment_of(as_of)), grain)
        slots = {slot: _followed(held, days) for slot, days in first.items()}
    return {e: [days[d] for d in sorted(days)] for e, days in seen.items()}, Lift(slots["ranked"], slots["draw"])


def _followed(held: pd.DataFrame, days: Mapping[str, str]) -> Slot:
    mine = held[held.index.isin(list(days))]
    listed = pd.Series({str(e): pd.Timestamp(days[str(e)]) for e in mine.index}, dtype="datetime64[ns]")
    after = mine["inspected_at"].to_numpy() >= (listed.reindex(mine.index) + pd.Timedelta(days=1)).to_numpy()
    return Slot(int(after.sum()), int((mine["outcome"].eq("confirmed").to_numpy() & after).sum()))
