"""The units that could be visited, as the warehouse knew them on a day: kind, area, coordinates, size, and when somebody was there last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from claims.errors import UserError
from claims.store.findings import read_findings
from claims.store.warehouse import Warehouse
from features.asof import moment_of, open_views

EARTH_KM = 6371.0
_PAID = """
    SELECT fixmedins_code, sum(medfee_sumamt_fen) AS fen, max(happened_at)::DATE AS last_claim, bool_or(coalesce(is_inpatient, false)) AS inpatient
    FROM net.settlements WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL 365 DAY GROUP BY 1
"""
TYPES = {"1": "医疗机构", "2": "零售药店"}


@dataclass(frozen=True)
class Site:
    """A unit. place: (longitude, latitude) or None; fen: billed in the last 365 days; last_visit: of inspectors; last_claim: of patients."""

    id: str
    name: str
    kind: str
    level: int
    area: str
    place: tuple[float, float] | None = None
    beds: int = 0
    fen: int = 0
    inpatient: bool = False
    last_visit: date | None = None
    last_claim: date | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def load_sites(warehouse: Path | str, as_of: date | datetime) -> list[Site]:
    """Every unit known by `as_of`, by code. UserError where the warehouse has none."""
    house = Warehouse.open(warehouse)
    units, paid = pd.DataFrame(), []
    for bucket in range(house.buckets):
        con = open_views(house, as_of, "institution", bucket, lines=False)
        try:
            if bucket == 0:
                units = con.execute("SELECT * FROM main.institutions ORDER BY fixmedins_code").df()
            paid.append(con.execute(_PAID).df())
        finally:
            con.close()
    if units.empty:
        raise UserError(f"{warehouse} 中没有定点医药机构；请先用 xiezhi intake 接收机构表")
    money = pd.concat(paid).groupby("fixmedins_code").agg({"fen": "sum", "last_claim": "max", "inpatient": "max"})
    found = read_findings(house, moment_of(as_of))
    seen = found[found["grain"] == "institution"].groupby("entity_id")["inspected_at"].max()
    return [_site(row, money, seen) for row in units.to_dict("records")]


def _site(row: dict[Any, Any], money: pd.DataFrame, seen: pd.Series) -> Site:
    code = str(row["fixmedins_code"])
    kind = _text(row.get("medins_type")) or TYPES.get(_text(row.get("fixmedins_type")), "其他")
    lng, lat = (_number(row.get(c)) for c in ("lnt", "lat"))
    mine: dict[Any, Any] = money.loc[code].to_dict() if code in money.index else {}
    return Site(
        id=code,
        name=_text(row.get("fixmedins_name")) or code,
        kind=kind,
        level=int(_number(row.get("level")) or 0),
        area=_text(row.get("area")),
        place=(lng, lat) if lng is not None and lat is not None and abs(lng) <= 180 and 0 < abs(lat) <= 90 else None,
        beds=int(_number(row.get("aprv_bed_cnt")) or 0),
        fen=int(mine.get("fen", 0)),
        inpatient=bool(mine.get("inpatient", False)),
        last_visit=pd.Timestamp(str(seen[code])).date() if code in seen.index else None,
        last_claim=pd.Timestamp(mine["last_claim"]).date() if mine else None,
    )


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def strata_of(sites: Sequence[Site]) -> pd.DataFrame:
    """entity_id, stratum (area × kind and level × size), region (area × kind): what `inspection.draw.take` draws from. Size: above or below the kind's median bill."""
    middle: dict[str, float] = {}
    for kind in {s.kind for s in sites}:
        middle[kind] = float(np.median([s.fen for s in sites if s.kind == kind]))
    return pd.DataFrame(
        [
            {
                "entity_id": s.id,
                "stratum": f"{s.area}|{s.kind}|{s.level}|{'大' if s.fen > middle[s.kind] else '小'}",
                "region": f"{s.area}|{s.kind}",
            }
            for s in sites
        ],
        columns=["entity_id", "stratum", "region"],
    )


def placed(sites: Sequence[Site]) -> tuple[list[Site], list[str]]:
    """All sites with a place: unknown ones at the median of their area, else of all; and a sentence that names those. Without any known place all stay None."""
    known = [s for s in sites if s.place]
    lost = [s for s in sites if not s.place]
    if not known:
        return list(sites), ([f"{len(lost)} 家机构均无坐标，路程按固定时间计"] if lost else [])
    areas: dict[str, tuple[float, float]] = {}
    for area in {s.area for s in lost}:
        near = [s.place for s in known if s.area == area and s.place] or [s.place for s in known if s.place]
        areas[area] = (float(np.median([p[0] for p in near])), float(np.median([p[1] for p in near])))
    names = "、".join(s.name for s in lost[:5]) + ("等" if len(lost) > 5 else "")
    told = [f"{len(lost)} 家机构无坐标（{names}），按所在片区中位位置计路程，实际路程未知"] if lost else []
    return [s if s.place else replace(s, place=areas[s.area]) for s in sites], told


def kilometres(a: tuple[float, float] | None, b: tuple[float, float] | None) -> float | None:
    """Great-circle distance; None where a place is unknown."""
    if a is None or b is None:
        return None
    lng1, lat1, lng2, lat2 = map(np.radians, (*a, *b))
    half = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lng2 - lng1) / 2) ** 2
    return float(2 * EARTH_KM * np.arcsin(np.sqrt(half)))
