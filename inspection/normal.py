"""What a hospital's stays would have cost, and lasted, had they been a peer's: severity by age × diagnosis × operation, the gap in yuan with an interval.

A stay is expected to cost the mean of stays like it at other hospitals of its level, each cell shrunk towards the next wider one (age × diagnosis × operation →
diagnosis × operation → chapter × operation → level → all). The unit itself never counts among its peers. Honest hospitals differ too: the interval holds how far the
peers themselves lie from their own expectation. Whether a stay should have been at all is another question (lists, charts), and not in the gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from claims.errors import UserError
from claims.store.warehouse import Warehouse
from features.asof import open_views

SHRINK = 8.0
"""Stays' worth of the wider cell in a narrower one."""
FEW_STAYS, FEW_PEERS, FEW_ALIKE = 10, 3, 5
CELLS: tuple[tuple[str, ...], ...] = (
    (),
    ("level",),
    ("level", "chapter", "operated"),
    ("level", "dx", "operated"),
    ("level", "dx", "operated", "age"),
)
_STAYS = """
    SELECT s.mdtrt_id, s.fixmedins_code AS unit, coalesce(s.level, 0) AS level, coalesce(s.dx3, '') AS dx, left(coalesce(s.dx3, ''), 1) AS chapter,
        s.oprn_oprt_code IS NOT NULL AS operated, CASE WHEN p.age IS NULL THEN '' WHEN p.age < 15 THEN '0' WHEN p.age < 45 THEN '15' WHEN p.age < 65 THEN '45' WHEN p.age < 80 THEN '65' ELSE '80' END AS age,
        greatest(coalesce(s.nights, 0), 0)::DOUBLE AS nights, s.medfee_fen / 100.0 AS cost, coalesce(s.fund_fen, 0) / 100.0 AS fund, s.end_date
    FROM net.stays s LEFT JOIN (SELECT psn_no, any_value(age) AS age FROM main.persons GROUP BY 1) p USING (psn_no)
    WHERE s.settled AND NOT s."open" AND s.medfee_fen > 0 AND s.end_date > (SELECT d FROM main.asof) - INTERVAL (?) DAY
"""


def load_stays(warehouse: Path | str, as_of: date | datetime, days: int = 365) -> pd.DataFrame:
    """Settled stays ended in the last `days`, a row each: unit, level, dx, chapter, operated, age, nights, cost and fund in yuan. UserError where there is none."""
    house, parts = Warehouse.open(warehouse), []
    for bucket in range(house.buckets):
        con = open_views(house, as_of, "institution", bucket, lines=False)
        try:
            parts.append(con.execute(_STAYS, [days]).df())
        finally:
            con.close()
    stays = pd.concat(parts, ignore_index=True).sort_values("mdtrt_id").reset_index(drop=True)
    if stays.empty:
        raise UserError(f"{as_of} 前 {days} 天没有已结算的住院；请换一个日期或加大 --days")
    return stays


def expected(stays: pd.DataFrame, what: str) -> np.ndarray:
    """What each stay's `what` (cost, nights) would be at its peers: leave-one-unit-out means, shrunk from wide cells to narrow."""
    value, unit = stays[what].to_numpy(dtype=float), stays["unit"]
    found = np.full(len(stays), value.mean())
    for keys in CELLS:
        cell = stays.groupby(list(keys), sort=False).ngroup() if keys else pd.Series(0, index=stays.index)
        sums, counts = _others(value, cell, unit)
        found = (
            (sums + SHRINK * found) / (counts + SHRINK)
            if keys
            else np.where(counts > 0, sums / np.maximum(counts, 1), found)
        )
    return np.asarray(found)


def alike(stays: pd.DataFrame) -> np.ndarray:
    """Which stays have at least FEW_ALIKE of their diagnosis at other hospitals: of the rest (a county's only psychiatric ward) nobody can say what is normal."""
    counts = _others(np.ones(len(stays)), stays.groupby("dx", sort=False).ngroup(), stays["unit"])[1]
    return counts >= FEW_ALIKE


def _others(value: np.ndarray, cell: pd.Series, unit: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Sum and number over the stays of the same cell at other units, by stay."""
    frame = pd.DataFrame({"v": value, "c": cell.to_numpy(), "u": unit.to_numpy()})
    whole, mine = frame.groupby("c")["v"], frame.groupby(["c", "u"])["v"]
    sums = whole.transform("sum") - mine.transform("sum")
    counts = whole.transform("count") - mine.transform("count")
    return sums.to_numpy(dtype=float), counts.to_numpy(dtype=float)


@dataclass(frozen=True)
class Gap:
    """Actual, expected and their difference with an 80 % interval, all for the unit's stays together."""

    actual: float
    expected: float
    gap: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Normal:
    """One hospital against its peers. cost in yuan, nights in nights; severity: expected cost of its stays over that of the level's; dearest: what it is made of."""

    unit: str
    stays: int
    peers: int
    cost: Gap | None
    nights: Gap | None
    severity: float
    dearest: tuple[tuple[str, int, float], ...]
    text: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def normals(stays: pd.DataFrame, units: Sequence[str] | None = None, level: float = 0.8) -> list[Normal]:
    """Every unit (or `units`), largest gap first."""
    comparable = alike(stays)
    apart = stays.loc[~comparable, "unit"].value_counts()
    whole = stays["unit"].unique()
    stays = stays[comparable].reset_index(drop=True)
    frame = stays.assign(e_cost=expected(stays, "cost"), e_nights=expected(stays, "nights"))
    sums = frame.groupby("unit").agg(
        n=("cost", "size"),
        level=("level", "first"),
        cost=("cost", "sum"),
        e_cost=("e_cost", "sum"),
        nights=("nights", "sum"),
        e_nights=("e_nights", "sum"),
    )
    wanted = sorted(whole) if units is None else list(units)
    if missing := [u for u in wanted if u not in whole]:
        raise UserError(f"机构 {missing[0]} 在此期间没有已结算的住院；请检查编码和日期")
    found = [_one(frame[frame["unit"] == u], sums, str(u), int(apart.get(u, 0)), level) for u in wanted]
    return sorted(found, key=lambda x: (-(x.cost.gap if x.cost else -np.inf), x.unit))


def _one(mine: pd.DataFrame, sums: pd.DataFrame, unit: str, apart: int, level: float) -> Normal:
    left = f"，另有 {apart} 例他院无同病种，不计" if apart else ""
    if unit not in sums.index:
        return Normal(unit, 0, 0, None, None, float("nan"), (), f"样本不足：没有可比的住院{left}")
    own: dict[Any, Any] = sums.loc[unit].to_dict()
    peers = sums[(sums["level"] == own["level"]) & (sums["n"] >= FEW_STAYS) & (sums.index != unit)]
    severity = (
        float(own["e_cost"] / own["n"] / (peers["e_cost"].sum() / max(peers["n"].sum(), 1)))
        if len(peers)
        else float("nan")
    )
    if own["n"] < FEW_STAYS or len(peers) < FEW_PEERS:
        why = f"样本不足：住院 {int(own['n'])} 例、同级可比医院 {len(peers)} 家{left}"
        return Normal(unit, int(own["n"]), len(peers), None, None, severity, (), why)
    cost, nights = (_gap(mine, peers, what, level) for what in ("cost", "nights"))
    by_dx = (
        mine.assign(over=mine["cost"] - mine["e_cost"])
        .groupby("dx")["over"]
        .agg(["size", "sum"])
        .sort_values("sum", ascending=False)
    )
    dearest = tuple(
        (str(dx), int(row["size"]), float(row["sum"])) for dx, row in by_dx.head(5).iterrows() if row["sum"] > 0
    )
    sure = "高于同类" if cost.low > 0 else ("低于同类" if cost.high < 0 else "与同类无明显差别")
    text = f"{len(mine)} 例住院实际费用 {cost.actual:,.0f} 元，按同级医院同龄、同病、同术预期为 {cost.expected:,.0f} 元，相差 {cost.gap:,.0f} 元（80% 区间 {cost.low:,.0f} 至 {cost.high:,.0f}），{sure}；住院 {nights.actual:,.0f} 天，预期为 {nights.expected:,.0f} 天{left}。推算，非认定"
    return Normal(unit, len(mine), len(peers), cost, nights, severity, dearest, text)


def _gap(mine: pd.DataFrame, peers: pd.DataFrame, what: str, level: float) -> Gap:
    """Interval: how far peers lie from their own expectation (robust), and the chance of the unit's own stays."""
    actual, hoped = float(mine[what].sum()), float(mine[f"e_{what}"].sum())
    theirs = (peers[what] / peers[f"e_{what}"] - 1).to_numpy(dtype=float)
    middle = float(np.median(theirs))
    between = 1.4826 * float(np.median(np.abs(theirs - middle)))
    own = float(np.std(mine[what] - mine[f"e_{what}"], ddof=1)) * np.sqrt(len(mine)) / max(hoped, 1e-9)
    half = (
        float(t.ppf((1 + level) / 2, len(peers) - 1))
        * float(np.hypot(between * np.sqrt(1 + 1 / len(peers)), own))
        * hoped
    )
    gap = actual - hoped
    return Gap(actual, hoped, gap, gap - half, gap + half)
