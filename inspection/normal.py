"""What a hospital's stays would have cost, and lasted, had they been a peer's: severity by age × diagnosis × operation × kind of admission × comorbidity, the gap in yuan
with an interval, and what it is made of.

A stay is expected to cost the mean of stays like it at other hospitals of its level, each cell shrunk towards the next wider one (CELLS, from all stays down to those of
one diagnosis, operation, kind of admission, age and number of other diagnoses). The unit itself never counts among its peers. Honest hospitals differ too: the interval holds
how far the peers themselves lie from their own expectation, beyond what their few stays explain. A hospital's own constant level cannot be told from an excess by
any of this; a *jump* can: the second witness is the same hospital's earlier stays, held against the same peers. Whether a stay should have been at all is another
question (lists, charts), and not in the gap; how many more there were than at peers, by persons served, is told beside it.
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
from features.reversal_modes import HORIZON_DAYS

SHRINK = 8.0
"""Stays' worth of the wider cell in a narrower one."""
FEW_STAYS, FEW_PEERS, FEW_ALIKE = 10, 3, 5
CELLS: tuple[tuple[str, ...], ...] = (
    (),
    ("level",),
    ("level", "admitted"),
    ("level", "admitted", "chapter", "operated"),
    ("level", "admitted", "dx", "operated"),
    ("level", "admitted", "dx", "operated", "age", "others"),
)
STAYS = """
    WITH c AS (SELECT mdtrt_id, count(DISTINCT diag_code) - 1 AS more FROM main.diagnoses GROUP BY 1),
    w AS (
        SELECT fixmedins_code, count(DISTINCT psn_no) AS served FROM net.settlements, main.asof a
        WHERE happened_at > a.d - INTERVAL (?) DAY AND happened_at::DATE <= a.d - INTERVAL (?) DAY GROUP BY 1
    )
    SELECT s.mdtrt_id, s.fixmedins_code AS unit, coalesce(s.level, 0) AS level, coalesce(s.dx3, '') AS dx, left(coalesce(s.dx3, ''), 1) AS chapter,
        s.oprn_oprt_code IS NOT NULL AS operated, CASE WHEN p.age IS NULL THEN '' WHEN p.age < 15 THEN '0' WHEN p.age < 45 THEN '15' WHEN p.age < 65 THEN '45' WHEN p.age < 80 THEN '65' ELSE '80' END AS age,
        coalesce(s.visit_class, '') AS admitted, CASE WHEN c.more IS NULL THEN '' WHEN c.more < 1 THEN '0' WHEN c.more < 3 THEN '1' ELSE '3' END AS others,
        greatest(coalesce(s.nights, 0), 0)::DOUBLE AS nights, s.medfee_fen / 100.0 AS cost, coalesce(s.fund_fen, 0) / 100.0 AS fund, s.end_date, coalesce(w.served, 0)::DOUBLE AS served
    FROM net.stays s LEFT JOIN (SELECT psn_no, any_value(age) AS age FROM main.persons GROUP BY 1) p USING (psn_no) LEFT JOIN c USING (mdtrt_id) LEFT JOIN w USING (fixmedins_code), main.asof a
    WHERE s.settled AND NOT s."open" AND s.medfee_fen > 0 AND s.end_date > a.d - INTERVAL (?) DAY AND s.end_date <= a.d - INTERVAL (?) DAY
"""


def load_stays(warehouse: Path | str, as_of: date | datetime, days: int = 365, until: int = 0) -> pd.DataFrame:
    """Settled stays ended in the last `days` (not in the last `until`), a row each: unit, level, dx, chapter, operated, age, kind of admission, other diagnoses ('' = not
    delivered), nights, cost and fund in yuan, served (persons the unit settled for meanwhile). UserError where there is none."""
    house, parts = Warehouse.open(warehouse), []
    for bucket in range(house.buckets):
        con = open_views(house, as_of, "institution", bucket, lines=False)
        try:
            parts.append(con.execute(STAYS, [days, until, days, until]).df())
        finally:
            con.close()
    stays = pd.concat(parts, ignore_index=True).sort_values("mdtrt_id").reset_index(drop=True)
    if stays.empty and not until:
        raise UserError(f"{as_of} 前 {days} 天没有已结算的住院；请换一个日期或加大 --days")
    return stays


def load_earlier(warehouse: Path | str, as_of: date | datetime, days: int = 365) -> pd.DataFrame:
    """The stays before those of `load_stays`, as far back as the views reach; none where the data are too short."""
    return load_stays(warehouse, as_of, HORIZON_DAYS, days) if days < HORIZON_DAYS else pd.DataFrame()


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

    @property
    def sure(self) -> str:
        """Whether the interval leaves nothing out."""
        return "高于同类" if self.low > 0 else ("低于同类" if self.high < 0 else "与同类无明显差别")


PARTS = {"more": "住院次数", "mix": "病情结构", "longer": "住院日", "dearer": "日均费用"}


@dataclass(frozen=True)
class Normal:
    """One hospital against its peers. cost in yuan, nights in nights, admissions in stays by persons served; jump: cost against its peers and its own earlier level.

    parts (yuan, of PARTS) add up to what it cost beyond as many stays, as grave, as its peers would have had: longer + dearer is the gap of `cost`. severity: expected cost of
    its stays over that of its level's; dearest: diagnoses with stays and gap.
    """

    unit: str
    stays: int
    peers: int
    cost: Gap | None
    nights: Gap | None
    severity: float
    dearest: tuple[tuple[str, int, float], ...]
    text: str
    admissions: Gap | None = None
    jump: Gap | None = None
    parts: dict[str, float] | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def normals(
    stays: pd.DataFrame, units: Sequence[str] | None = None, level: float = 0.8, earlier: pd.DataFrame | None = None
) -> list[Normal]:
    """Every unit (or `units`), largest gap first; with `earlier` stays also its jump."""
    whole = stays["unit"].unique()
    apart = stays.loc[~alike(stays), "unit"].value_counts()
    frame, sums = _summed(stays)
    before = _summed(earlier)[1] if earlier is not None and len(earlier) else None
    wanted = sorted(whole) if units is None else list(units)
    if missing := [u for u in wanted if u not in whole]:
        raise UserError(f"机构 {missing[0]} 在此期间没有已结算的住院；请检查编码和日期")
    found = [_one(frame, sums, before, str(u), int(apart.get(u, 0)), level) for u in wanted]
    return sorted(found, key=lambda x: (-(x.cost.gap if x.cost else -np.inf), x.unit))


def _summed(stays: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The comparable stays with what they should have been, and the sums of each unit; noise: relative standard error of its cost (nights) by the number of its stays alone."""
    stays = stays[alike(stays)].reset_index(drop=True)
    frame = stays.assign(e_cost=expected(stays, "cost"), e_nights=expected(stays, "nights"))
    frame["off_cost"], frame["off_nights"] = frame["cost"] - frame["e_cost"], frame["nights"] - frame["e_nights"]
    by = frame.groupby("unit")
    sums = by[["cost", "e_cost", "nights", "e_nights"]].sum()
    sums["n"], sums["level"], sums["served"] = by.size(), by["level"].first(), by["served"].first()
    for what in ("cost", "nights"):
        spread = by[f"off_{what}"].std(ddof=1).fillna(0.0) * np.sqrt(sums["n"])
        sums[f"noise_{what}"] = spread / sums[f"e_{what}"].clip(lower=1e-9)
    return frame, sums


def _one(
    frame: pd.DataFrame, sums: pd.DataFrame, before: pd.DataFrame | None, unit: str, apart: int, level: float
) -> Normal:
    left = f"，另有 {apart} 例他院无同病种，不计" if apart else ""
    if unit not in sums.index:
        return Normal(unit, 0, 0, None, None, float("nan"), (), f"样本不足：没有可比的住院{left}")
    own: dict[Any, Any] = sums.loc[unit].to_dict()
    n = int(own["n"])
    peers = sums[(sums["level"] == own["level"]) & (sums["n"] >= FEW_STAYS) & (sums.index != unit)]
    usual = float(peers["e_cost"].sum() / max(peers["n"].sum(), 1)) if len(peers) else float("nan")
    severity = own["e_cost"] / n / usual if len(peers) else float("nan")
    if n < FEW_STAYS or len(peers) < FEW_PEERS:
        why = f"样本不足：住院 {n} 例、同级可比医院 {len(peers)} 家{left}"
        return Normal(unit, n, len(peers), None, None, severity, (), why)
    mine = frame[frame["unit"] == unit]
    known = sums[(sums["n"] >= FEW_STAYS) & (sums.index != unit)]
    cost, nights = (_gap(own, known, what, level) for what in ("cost", "nights"))
    admissions = _admissions(own, peers, level)
    longer = _night(frame[(frame["level"] == own["level"]) & (frame["unit"] != unit)]) * nights.gap
    parts = {
        "more": admissions.gap * usual,
        "mix": own["e_cost"] - n * usual,
        "longer": longer,
        "dearer": cost.gap - longer,
    }
    jump = _jump(unit, sums, before, level)
    by_dx = mine.groupby("dx")["off_cost"].agg(["size", "sum"]).sort_values("sum", ascending=False)
    dearest = tuple(
        (str(dx), int(row["size"]), float(row["sum"])) for dx, row in by_dx.head(5).iterrows() if row["sum"] > 0
    )
    text = f"{n} 例住院实际费用 {cost.actual:,.0f} 元，按同级医院同龄、同病、同术预期为 {cost.expected:,.0f} 元，相差 {cost.gap:,.0f} 元（80% 区间 {cost.low:,.0f} 至 {cost.high:,.0f}），{cost.sure}；其中住院日 {parts['longer']:,.0f} 元、日均费用 {parts['dearer']:,.0f} 元；住院 {nights.actual:,.0f} 天，预期为 {nights.expected:,.0f} 天{left}。"
    text += f"按服务人数同级应住院 {admissions.expected:,.0f} 例（80% 区间差 {admissions.low:,.0f} 至 {admissions.high:,.0f}），次数之差约 {parts['more']:,.0f} 元、病情结构 {parts['mix']:,.0f} 元，均不计入相差。"
    if jump:
        text += f"与本院此前水平相比多 {jump.gap:,.0f} 元（80% 区间 {jump.low:,.0f} 至 {jump.high:,.0f}）。" if jump.gap >= 0 else f"与本院此前水平相比少 {-jump.gap:,.0f} 元（80% 区间 {jump.low:,.0f} 至 {jump.high:,.0f}）。"  # fmt: skip
    return Normal(unit, n, len(peers), cost, nights, severity, dearest, text + "推算，非认定", admissions, jump, parts)


def _between(ratios: np.ndarray, noise: np.ndarray) -> float:
    """Variance of what peers differ by beyond the chance of their own stays, from the middle of them: robust against the guilty among them."""
    spread = 1.4826 * float(np.median(np.abs(ratios - np.median(ratios))))
    return max(spread**2 - float(np.median(noise**2)), 0.0)


def _with_interval(actual: float, hoped: float, between: float, noise: float, peers: int, level: float) -> Gap:
    half = float(t.ppf((1 + level) / 2, peers - 1)) * float(np.sqrt(between * (1 + 1 / peers) + noise**2)) * hoped
    return Gap(actual, hoped, actual - hoped, actual - hoped - half, actual - hoped + half)


def _gap(own: dict[Any, Any], peers: pd.DataFrame, what: str, level: float) -> Gap:
    """How far hospitals differ is taken of those of all levels: of three or four of one level it cannot be known."""
    theirs = (peers[what] / peers[f"e_{what}"] - 1).to_numpy(dtype=float)
    between = _between(theirs, peers[f"noise_{what}"].to_numpy(dtype=float))
    return _with_interval(own[what], own[f"e_{what}"], between, own[f"noise_{what}"], len(peers), level)


def _admissions(own: dict[Any, Any], peers: pd.DataFrame, level: float) -> Gap:
    """How many stays the median peer would have had with as many persons served."""
    rates = (peers["n"] / peers["served"].clip(lower=1)).to_numpy(dtype=float)
    middle = float(np.median(rates))
    between = _between(rates / middle, 1 / np.sqrt(peers["n"].to_numpy(dtype=float)))
    hoped = middle * own["served"]
    return _with_interval(own["n"], hoped, between, float(np.sqrt(own["n"])) / max(hoped, 1e-9), len(peers), level)


def _night(others: pd.DataFrame) -> float:
    """Yuan that a night beyond what was expected costs at peers; none where more nights cost nothing."""
    nights, cost = others["off_nights"].to_numpy(dtype=float), others["off_cost"].to_numpy(dtype=float)
    return max(float((nights * cost).sum() / max((nights**2).sum(), 1e-9)), 0.0)


def _jump(unit: str, sums: pd.DataFrame, before: pd.DataFrame | None, level: float) -> Gap | None:
    """Cost against peers and the own earlier level, which counts as far as its stays are many enough to know it (empirical Bayes).

    How far hospitals differ, and how far they drift, is taken of those of all levels.
    """
    if before is None or unit not in before.index[before["n"] >= FEW_STAYS]:
        return None
    both = sums[(sums["n"] >= FEW_STAYS) & (sums.index != unit) & sums.index.isin(before.index[before["n"] >= FEW_STAYS])]  # fmt: skip
    if len(both) < FEW_PEERS:
        return None
    then = before.reindex([*both.index, unit])
    ratio, noise = (then["cost"] / then["e_cost"] - 1).to_numpy(), then["noise_cost"].to_numpy()
    between = _between(ratio[:-1], noise[:-1])
    prior = np.maximum(between, ratio**2 - noise**2)  # levels have heavy tails: one far out is its own, and no chance
    known = prior / np.maximum(prior + noise**2, 1e-12)
    now = sums.loc[[*both.index, unit]]
    hoped = now["e_cost"].to_numpy() * (1 + known * ratio)
    luck = np.sqrt(now["noise_cost"].to_numpy() ** 2 + (known * noise) ** 2 + (1 - known) * prior)
    left = _between((now["cost"].to_numpy() / hoped - 1)[:-1], luck[:-1])
    return _with_interval(float(now["cost"].iloc[-1]), float(hoped[-1]), left, float(luck[-1]), len(both), level)
