"""回头看: whether a practice went on after it was found: hits per 100 visits and yuan a month by the same rules, before and after, with intervals.

Both sides are counted alike: what the rules said on a day of the last so many days before it; before = the day of the list that led to the finding, after = now,
and nothing that happened before the decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from features.build import published
from features.checking.hits import hit_rows, rules_of
from features.grains import Grain
from inspection.estimate import FEW, lift, mid_p_interval
from inspection.known import BILL, Reader, not_refunded
from inspection.selfcheck import visit_fen

LEAST_DAYS: Final = 30
STAY_DAYS: Final = 60
"""A stay settled within the days may have rows from before them."""
FEWER, MORE, SAME, UNKNOWN = "下降", "上升", "未见明显变化", "样本不足"


@dataclass(frozen=True)
class Side:
    """One side: from and to (days), visits there, how many hit, share with its 95 % interval, yuan a month with its 95 % interval."""

    since: str
    until: str
    visits: int
    hits: int
    rate: float
    low: float
    high: float
    month_yuan: float
    month_low: float
    month_high: float

    def told(self) -> str:
        return (
            f"{self.since} 至 {self.until}：{self.visits} 次就诊中命中 {self.hits} 次，每百次 {100 * self.rate:.1f}（95% 区间 {100 * self.low:.1f} 至 {100 * self.high:.1f}），"
            f"每月 {self.month_yuan:,.0f} 元（{self.month_low:,.0f} 至 {self.month_high:,.0f}）"
        )


@dataclass(frozen=True)
class Practice:
    """before and after by the same rules; ratio of the shares with its 95 % interval; verdict: of FEWER, MORE, SAME, UNKNOWN."""

    rules: tuple[str, ...]
    before: Side | None
    after: Side | None
    ratio: float | None
    low: float | None
    high: float | None
    verdict: str
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def side(hits: pd.DataFrame, bills: pd.DataFrame, since: date, until: date) -> Side:
    """Visits of (since, until] and how many of them were hit by a row of these days. hits: with RECORDS; bills: BILL."""
    inside = bills[_within(bills["setl_time"], since, until)]
    visits = set(inside["mdtrt_id"])
    rows = hits[hits["record_visit"].isin(visits)]
    fen = np.array(list(visit_fen(rows, inside).values()), dtype=float) / 100
    n, k, months = len(visits), len(fen), (until - since).days / 30
    low, high = mid_p_interval(k, n) if n else (0.0, 1.0)
    total, around = float(fen.sum()), 1.96 * float(np.sqrt((fen**2).sum()))  # compound Poisson
    return Side(
        (since + timedelta(days=1)).isoformat(), until.isoformat(), n, k, k / n if n else 0.0, low, high,
        total / months, max(0.0, total - around) / months, (total + around) / months,
    )  # fmt: skip


def _within(times: pd.Series, since: date, until: date) -> pd.Series:
    return (times >= pd.Timestamp(since) + pd.Timedelta(days=1)) & (times < pd.Timestamp(until) + pd.Timedelta(days=1))


def compared(rules: Sequence[str], before: Side, after: Side) -> Practice:
    """Both sides side by side; below ten visits on either nothing is said of the change."""
    if not before.hits:
        return Practice(tuple(rules), before, after, None, None, None, UNKNOWN, "认定前这些规则没有命中，无从比较")
    told = lift(after.hits, after.visits, before.hits, before.visits)
    verdict = UNKNOWN
    if min(before.visits, after.visits) >= FEW:
        verdict = MORE if (told.low or 0.0) > 1 else FEWER if told.high is not None and told.high < 1 else SAME
    return Practice(tuple(rules), before, after, told.value, told.low, told.high, verdict)


def practice(
    warehouse: Path | str, unit: str, rules: Sequence[str], listed: date, decided: date, as_of: date, days: int
) -> Practice:
    """A unit's practice before a list of `listed` and after a decision of `decided`, as known on `as_of`. Rules that name no visit (KPI, DQ) are left out."""
    chosen = [r for r in rules if any(f.rule == r and f.kind in ("hard", "lead") for f in rules_of())]
    if not chosen:
        return Practice(tuple(rules), None, None, None, None, None, UNKNOWN, "没有可逐次比对的规则")
    since = max(decided, as_of - timedelta(days=days))
    if (as_of - since).days < LEAST_DAYS:
        return Practice(tuple(chosen), None, None, None, None, None, UNKNOWN, f"认定后不满{LEAST_DAYS}天")
    first = max((p.as_of for p in published(warehouse, "admission") if _day(p.as_of) <= listed), key=_day, default=None)
    start = _day(first) if first is not None else listed
    before = _side(warehouse, unit, chosen, start, start - timedelta(days=days))
    return compared(chosen, before, _side(warehouse, unit, chosen, as_of, since))


def _day(moment: Any) -> date:
    return pd.Timestamp(moment).date()


def _side(warehouse: Path | str, unit: str, rules: Sequence[str], until: date, since: date) -> Side:
    with Reader(warehouse, until) as reader:
        bills = reader.rows("settlements", BILL, "f.fixmedins_code IN (SELECT unnest($u))", u=[unit])
    bills = not_refunded(bills)
    bills = bills[_within(bills["setl_time"], since, until)]
    if _of_stays(rules):
        bills = bills[bills["is_inpatient"].fillna(False).astype(bool)]
    stays = set(bills.loc[bills["is_inpatient"].fillna(False).astype(bool), "mdtrt_id"])
    wanted: dict[Grain, set[str]] = {"admission": stays, "person": set(bills["psn_no"]), "institution": {unit}}
    days = (until - since).days
    windows: dict[Grain, int] = {"admission": days, "person": days} if days > 90 else {}
    hits = hit_rows(warehouse, until, rules, wanted, records=True, windows=windows) if len(bills) else pd.DataFrame()
    if hits.empty:
        hits = pd.DataFrame(columns=["record_visit", "row_table", "row_id", "fen", "happened_at"])
    return side(
        hits[_within(pd.to_datetime(hits["happened_at"]), since - timedelta(days=STAY_DAYS), until)],
        bills,
        since,
        until,
    )


def _of_stays(rules: Sequence[str]) -> bool:
    """Whether all these rules speak of stays: then stays are counted, else every visit."""
    return all(any(f.grain == "admission" for f in rules_of([r])) for r in rules)
