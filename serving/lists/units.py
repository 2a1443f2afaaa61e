"""An institution over months, beside its peers: what it billed, its doctors and cards, and the gap in yuan if it were like them.

Normal is what the peers bill for the same visits: each visit at the county's mean for its kind and main diagnosis, times the median peer's ratio of own to
expected. So half of all peers lie above and half below zero: the gap says how far a unit is from its peers, not what it did wrong.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.build import build
from features.peers import MIN_PEERS, choose_groups
from serving.lists.plain import plain
from serving.lists.who import units_and_doctors

MONTHS: Final = 12
ENOUGH: Final = 30
"""Visits in the year from which a unit is compared."""
TOP: Final = 12
_MONTHS = """
WITH v AS (
    SELECT fixmedins_code, psn_no, visit_class AS class, dx3, end_at AS moment, coalesce(fund_fen, 0) + coalesce(acct_fen, 0) AS paid, coalesce(medfee_fen, 0) AS fee, bed_days AS days
    FROM net.stays WHERE settled
    UNION ALL
    SELECT fixmedins_code, psn_no, visit_class, NULL, happened_at, coalesce(fund_pay_sumamt_fen, 0) + coalesce(acct_pay_fen, 0), coalesce(medfee_sumamt_fen, 0), 0
    FROM net.settlements WHERE is_inpatient IS NOT TRUE AND coalesce(manual_flag, '0') <> '1'
)
SELECT fixmedins_code AS unit, strftime(moment, '%Y-%m') AS month, class, coalesce(dx3, '') AS dx3, count(*)::INTEGER AS visits, sum(paid)::BIGINT AS paid, sum(fee)::BIGINT AS fee,
    sum(days)::INTEGER AS days, count(DISTINCT psn_no)::INTEGER AS persons
FROM v, main.asof a WHERE moment >= date_trunc('month', a.d) - INTERVAL 11 MONTH AND moment <= a.t GROUP BY ALL ORDER BY ALL
"""
_CARDS = """
SELECT fixmedins_code AS unit, psn_no, count(*)::INTEGER AS visits, sum(medfee_sumamt_fen)::BIGINT AS fee, sum(acct_pay_fen)::BIGINT AS account
FROM net.swipes s, main.asof a WHERE happened_at > a.d - INTERVAL 365 DAY GROUP BY 1, 2
QUALIFY row_number() OVER (PARTITION BY unit ORDER BY fee DESC, psn_no) <= 12 ORDER BY unit, fee DESC, psn_no
"""
_STAYS = """
SELECT fixmedins_code AS unit, count(*)::INTEGER AS stays, count(*) FILTER ("open")::INTEGER AS open_now, median(bed_days) AS days,
    count(DISTINCT psn_no)::INTEGER AS persons
FROM net.stays s, main.asof a WHERE end_at > a.d - INTERVAL 365 DAY GROUP BY 1
"""
_WORDS: Final = frozenset(
    [
        "settlements",
        "stays",
        "swipes",
        "is_inpatient",
        "manual_flag",
        "visits",
        "discharges",
        "fund_pay_sumamt_fen",
        "acct_pay_fen",
        "medfee_sumamt_fen",
        "visit_class",
    ]
)


def units_of(warehouse: Path, as_of: date) -> dict[str, dict[str, Any]]:
    """A document for every unit active in its grain's window: by code. Empty where the warehouse knows none."""
    house = Warehouse.open(warehouse)
    frames: dict[str, list[pd.DataFrame]] = {"months": [], "cards": [], "stays": []}
    for bucket in range(house.buckets):
        con = open_views(house, as_of, "institution", bucket, lines=False, words=_WORDS)
        try:
            for name, sql in (("months", _MONTHS), ("cards", _CARDS), ("stays", _STAYS)):
                frames[name].append(con.execute(sql).df())
        finally:
            con.close()
    months, cards, stays = (pd.concat(frames[n], ignore_index=True) for n in ("months", "cards", "stays"))
    entities = build(warehouse, as_of, "institution").entities()
    doctors = build(warehouse, as_of, "doctor").entities()
    names, told_of = units_and_doctors(warehouse, as_of)
    gaps = gaps_of(months[months["class"] != "unknown"], entities)  # what a visit is, is what it is compared by
    every = [
        f"{m:%Y-%m}" for m in pd.period_range(end=pd.Timestamp(as_of).to_period("M"), periods=MONTHS).to_timestamp()
    ]
    peers = _peer_means(months, entities)
    by_unit = {str(u): f for u, f in months.groupby("unit")}
    by_cards = {str(u): f for u, f in cards.groupby("unit")}
    by_stays = stays.set_index("unit").to_dict(orient="index")
    by_doctor = {str(u): f for u, f in doctors.groupby("fixmedins_code")}
    return {
        str(code): plain(
            {
                "code": str(code),
                **names.get(
                    str(code), {"name": str(code), "kind": "", "level": None, "area": "", "beds": None, "biznat": ""}
                ),
                "peer_group": entities.at[code, "peer_group"],
                "months": _months(by_unit.get(str(code)), peers.get(str(code), {}), every),
                "gap": gaps.get(str(code)),
                "kinds": _kinds(by_unit.get(str(code))),
                "stays": by_stays.get(code),
                "cards": _cards(by_cards.get(str(code))),
                "doctors": _doctors(by_doctor.get(str(code)), told_of),
            }
        )
        for code in sorted(entities.index.astype(str))
    }


def gaps_of(months: pd.DataFrame, entities: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """{unit: own, expected of the median peer, gap with the middle half of the peers, all in yuan, and how many peers}; of fewer than ten peers or ENOUGH
    visits only their numbers.

    months: unit, class, dx3, visits, paid (fen); entities: index unit, peer_group, peer_group_coarse.
    """
    stratum = ["class", "dx3"]
    total = months.groupby(stratum)[["visits", "paid"]].sum()
    plain_mean = months.groupby("class")[["visits", "paid"]].sum()
    means = (total["paid"] / total["visits"]).where(total["visits"] >= MIN_PEERS)
    by_class = plain_mean["paid"] / plain_mean["visits"]
    mean = means.reindex(pd.MultiIndex.from_frame(months[stratum])).to_numpy()
    expected = months["visits"] * np.where(np.isnan(mean), by_class.reindex(months["class"]).to_numpy(), mean)
    own = months.assign(expected=expected).groupby("unit")[["visits", "paid", "expected"]].sum()
    own = own.reindex(entities.index).fillna(0)
    sums: dict[Any, dict[str, float]] = dict(
        zip(own.index, own.astype(float).to_dict(orient="records"), strict=True)  # type: ignore[arg-type]
    )
    ratio = (own["paid"] / own["expected"]).where((own["visits"] >= ENOUGH) & (own["expected"] > 0))
    fine, coarse = (entities[c].fillna("?").astype(str) for c in ("peer_group", "peer_group_coarse"))
    compared = ratio.notna()
    group, _ = choose_groups(fine[compared], coarse[compared])
    out: dict[str, dict[str, Any]] = {}
    for unit in entities.index:
        mine = sums[unit]
        told: dict[str, Any] = {"visits": int(mine["visits"]), "own_yuan": mine["paid"] / 100}
        if unit in group.index:
            name = str(group.at[unit])
            place = {"a": fine, "b": coarse}.get(name[0])
            peers = ratio[compared] if place is None else ratio[compared & (place == name[2:])]
            told["n"] = len(peers)
            if len(peers) >= MIN_PEERS:
                low, middle, high = (float(q) * mine["expected"] / 100 for q in peers.quantile([0.25, 0.5, 0.75]))
                told |= {
                    "normal_yuan": middle,
                    "gap_yuan": told["own_yuan"] - middle,
                    "low_yuan": low,
                    "high_yuan": high,
                }
                told["wide"] = name[0] == "c"
        out[str(unit)] = {k: round(v, 2) if isinstance(v, float) else v for k, v in told.items()}
    return out


def _peer_means(months: pd.DataFrame, entities: pd.DataFrame) -> dict[str, dict[str, float]]:
    """{unit: {month: median over its coarse peers of what they are paid a visit}}, of at least ten."""
    each = months.groupby(["unit", "month"])[["visits", "paid"]].sum()
    mean = (each["paid"] / each["visits"] / 100).rename("mean").reset_index()
    mean["group"] = mean["unit"].map(entities["peer_group_coarse"])
    told = mean.groupby(["group", "month"])["mean"].agg(["median", "size"]).reset_index()
    by_group: dict[str, dict[str, float]] = {}
    for row in told[told["size"] >= MIN_PEERS].to_dict(orient="records"):
        by_group.setdefault(str(row["group"]), {})[str(row["month"])] = round(float(row["median"]), 2)
    return {str(u): by_group.get(str(g), {}) for u, g in entities["peer_group_coarse"].items()}


def _months(frame: pd.DataFrame | None, peers: Mapping[str, float], every: list[str]) -> list[dict[str, Any]]:
    by_month: dict[str, dict[Any, Any]] = {}
    if frame is not None:
        summed = frame.groupby("month")[["visits", "paid", "fee"]].sum().reset_index()
        by_month = {str(r["month"]): r for r in summed.to_dict(orient="records")}
    out = []
    for month in every:
        row = by_month.get(month, {"visits": 0, "paid": 0, "fee": 0})
        visits, paid = int(row["visits"]), row["paid"] / 100
        told = {"month": month, "visits": visits, "paid_yuan": paid, "fee_yuan": row["fee"] / 100}
        out.append(told | {"mean_yuan": round(paid / visits, 2) if visits else None, "peer_yuan": peers.get(month)})
    return out


def _kinds(frame: pd.DataFrame | None) -> list[dict[str, Any]]:
    if frame is None:
        return []
    sums = frame.groupby("class")[["visits", "paid", "fee"]].sum().sort_values("paid", ascending=False)
    return [
        {"what": str(kind), "visits": int(row["visits"]), "paid_yuan": row["paid"] / 100, "fee_yuan": row["fee"] / 100}
        for kind, row in sums.iterrows()
    ]


def _cards(frame: pd.DataFrame | None) -> list[dict[str, Any]]:
    if frame is None:
        return []
    return [
        {
            "psn_no": str(r["psn_no"]),
            "visits": int(r["visits"]),
            "fee_yuan": r["fee"] / 100,
            "account_yuan": r["account"] / 100,
        }
        for r in frame.to_dict(orient="records")
    ]


def _doctors(frame: pd.DataFrame | None, told_of: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    if frame is None:
        return []
    top = (
        frame.assign(code=frame.index.astype(str)).sort_values(["fund_fen", "code"], ascending=[False, True]).head(TOP)
    )
    return [
        {
            "dr_codg": r["code"],
            "dept": (told_of.get(r["code"]) or {}).get("dept") or "",
            "duty": (told_of.get(r["code"]) or {}).get("duty") or "",
            "fund_yuan": r["fund_fen"] / 100,
            "total_yuan": r["total_fen"] / 100,
        }
        for r in top.to_dict(orient="records")
    ]
