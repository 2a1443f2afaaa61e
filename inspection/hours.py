"""When to come to a hospital: the hour and weekday at which bed checks found most beds empty, and at which its in-patients' cards were used elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from claims.schema.outcomes import PRESENCE, last_word
from claims.store.findings import read_versions
from claims.store.warehouse import Warehouse
from features.asof import open_views
from inspection.estimate import FEW, SMALL
from inspection.settings import WEEKDAYS

_SWIPES = """
    SELECT s.fixmedins_code AS unit, extract(hour FROM w.happened_at)::INTEGER AS hour, extract(isodow FROM w.happened_at)::INTEGER AS weekday
    FROM net.stays s
    JOIN net.swipes w ON w.psn_no = s.psn_no AND w.fixmedins_code <> s.fixmedins_code AND w.happened_at::DATE > s.adm_date
        AND w.happened_at::DATE < CASE WHEN s."open" THEN s.end_date + 1 ELSE s.end_date END
    WHERE NOT s.day_surgery AND w.happened_at > (SELECT d FROM main.asof) - INTERVAL 365 DAY AND s.fixmedins_code IN (SELECT unnest(?::VARCHAR[]))
"""


@dataclass(frozen=True)
class Hour:
    """When to come to a hospital: absent of checked at that hour and weekday, shrunk towards all; `swipes`: card use elsewhere during its stays in a year; `text` says
    where too few were seen."""

    unit: str
    hour: int | None
    weekday: int | None
    rate: float | None
    checked: int
    swipes: int
    text: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def best_hours(warehouse: Path | str, at: datetime, units: Sequence[str]) -> list[Hour]:
    """From bed checks and card use known by `at`. Where somebody came tells more about the inspectors' habits than about the beds: below ten checks nothing is said."""
    house = Warehouse.open(warehouse)
    checks, away = _checks(house, at), _away(house, at, units)
    return [_hour(u, checks, away[away["unit"] == u]) for u in units]


def _checks(house: Warehouse, at: datetime) -> pd.DataFrame:
    checks = read_versions(house, "presence_checks")
    if checks is None or checks.empty:
        return pd.DataFrame({"fixmedins_code": [], "gone": [], "hour": [], "weekday": []})
    checks = last_word(checks, "presence_checks", at)
    kind = checks["result_code"].map({code: o.klass for code, o in PRESENCE.items()})
    checks = checks.assign(gone=(kind == "confirmed").astype(float))[kind.isin(["confirmed", "refuted"])]
    when = pd.to_datetime(checks["check_time"])
    return checks.assign(hour=when.dt.hour, weekday=when.dt.isocalendar().day)


def _away(house: Warehouse, at: datetime, units: Sequence[str]) -> pd.DataFrame:
    """Card use elsewhere on inner days of stays, a row each: unit, hour, weekday."""
    parts = []
    for bucket in range(house.buckets):
        con = open_views(house, at, "person", bucket, lines=False)
        try:
            parts.append(con.execute(_SWIPES, [list(units)]).df())
        finally:
            con.close()
    return pd.concat(parts, ignore_index=True)


def _hour(unit: str, checks: pd.DataFrame, away: pd.DataFrame) -> Hour:
    mine = checks[checks["fixmedins_code"].astype(str) == unit]
    swiped = _swiped(away)
    if len(mine) < FEW:
        told = f"{SMALL}：查床 {len(mine)} 次" if len(mine) else f"{SMALL}：尚无查床记录"
        return Hour(unit, None, None, None, len(mine), len(away), told + swiped)
    base = float(checks["gone"].mean())
    cells = mine.groupby(["hour", "weekday"])["gone"].agg(["sum", "size"]).reset_index()
    cells["rate"] = (cells["sum"] + FEW * base) / (cells["size"] + FEW)
    best = cells.sort_values(["rate", "hour", "weekday"], ascending=[False, True, True], kind="stable").iloc[0]
    hour, weekday = int(best["hour"]), int(best["weekday"])
    told = f"周{WEEKDAYS[weekday - 1]} {hour} 时，查床 {len(mine)} 次中该时段不在率最高"
    return Hour(unit, hour, weekday, float(best["rate"]), len(mine), len(away), told + swiped)


def _swiped(away: pd.DataFrame) -> str:
    """Which hour and which weekday have most card use elsewhere; below FEW uses nothing but that."""
    if len(away) < FEW:
        return f"；在院期间院外刷卡 {len(away)} 次，{SMALL}"
    hours, days = (away[c].value_counts().sort_index() for c in ("hour", "weekday"))
    hour, day = (int(c.index.to_numpy()[int(c.to_numpy().argmax())]) for c in (hours, days))
    return f"；在院期间院外刷卡 {len(away)} 次，{hour} 时最多（{int(hours.max())} 次），周{WEEKDAYS[day - 1]}最多（{int(days.max())} 次）"
