"""What inspectors take along to a unit, as the claims tell it: charts to pull, shelves to count, months to reconcile, fields that are filled. Leads and sentences come
from the published lists (serving/lists/briefs.py); nothing here knows them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from claims.errors import UserError
from claims.schema.code_tables import OF_COLUMN
from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.declarations import load_catalog
from features.evaluable import absent_features, unread_words
from features.reversal_modes import HORIZON_DAYS
from features.rules.drugs_registers import STOCK
from features.thresholds import setting
from inspection.charts import pull, stratum_zh
from inspection.normal import STAYS, Normal, normals

DAYS, RECEIPT_DAYS, MONTHS = 365, 90, 12
CHARTS, SHELVES = 20, 8
PEERS = 5
"""Units of a kind from which a share is compared."""
ON_SHELVES = ("08", "09", "10", "11")
"""Charge types that lie on shelves: consumables, medicines, herbs, patent medicines."""
_CHARGE = {c.code: c.zh for c in OF_COLUMN["med_chrgitm_type"].codes}
_MONTHS = f"""
    WITH v AS (
        SELECT fixmedins_code AS unit, psn_no, true AS stay, end_at AS moment, coalesce(medfee_fen, 0) AS fee, coalesce(fund_fen, 0) AS fund, coalesce(acct_fen, 0) AS account
        FROM net.stays WHERE settled
        UNION ALL
        SELECT fixmedins_code, psn_no, false, happened_at, coalesce(medfee_sumamt_fen, 0), coalesce(fund_pay_sumamt_fen, 0), coalesce(acct_pay_fen, 0)
        FROM net.settlements WHERE is_inpatient IS NOT TRUE AND coalesce(manual_flag, '0') <> '1'
    )
    SELECT unit, strftime(moment, '%Y-%m') AS month, count(*) FILTER (stay)::INTEGER AS stays, count(*) FILTER (NOT stay)::INTEGER AS visits, count(DISTINCT psn_no)::INTEGER AS persons,
        sum(fee) / 100.0 AS fee_yuan, sum(fund) / 100.0 AS fund_yuan, sum(account) / 100.0 AS account_yuan
    FROM v, main.asof a WHERE moment >= date_trunc('month', a.d) - INTERVAL {MONTHS - 1} MONTH AND moment <= a.t GROUP BY ALL
"""
_ITEMS = f"""
    SELECT l.fixmedins_code AS unit, l.med_list_codg AS item, any_value(l.med_chrgitm_type) AS type, coalesce(any_value(c.name), l.med_list_codg) AS name,
        sum(l.cnt) AS settled, median(l.pric) AS price, sum(l.fen) / 100.0 AS yuan, count(*)::INTEGER AS lines
    FROM net.lines l LEFT JOIN (SELECT med_list_codg, any_value(name) AS name FROM main.catalog GROUP BY 1) c USING (med_list_codg), main.asof a
    WHERE l.happened_at > a.d - INTERVAL {DAYS} DAY AND l.med_chrgitm_type IN {ON_SHELVES} AND l.med_list_codg IS NOT NULL GROUP BY 1, 2 HAVING sum(l.fen) > 0
"""
_FIELDS = f"""
    SELECT fixmedins_code AS unit, count(*)::INTEGER AS stays, count(dx)::INTEGER AS diagnosis, count(atddr_no)::INTEGER AS doctor, count(bed)::INTEGER AS bed, count(dept)::INTEGER AS ward,
        count(*) FILTER (abs(lines_fen - medfee_fen) <= 100)::INTEGER AS lines
    FROM net.stays, main.asof a WHERE settled AND NOT "open" AND end_date > a.d - INTERVAL {DAYS} DAY GROUP BY 1
"""
_RECEIPTS = f"""
    SELECT setl_id AS mdtrt_id, fixmedins_code AS unit, medfee_sumamt_fen / 100.0 AS cost, coalesce(fund_pay_sumamt_fen, 0) > 0 AS operated
    FROM net.settlements, main.asof a WHERE is_inpatient IS NOT TRUE AND coalesce(manual_flag, '0') <> '1' AND medfee_sumamt_fen > 0 AND happened_at > a.d - INTERVAL {RECEIPT_DAYS} DAY
        AND fixmedins_code NOT IN (SELECT fixmedins_code FROM net.stays WHERE settled AND NOT "open" AND medfee_fen > 0 AND end_date > a.d - INTERVAL {DAYS} DAY)
"""
FIELDS = {
    "diagnosis": "出院主诊断",
    "doctor": "经治医师",
    "bed": "床位号",
    "ward": "科室",
    "lines": "明细合计与结算总额相符",
}


@dataclass(frozen=True)
class Facts:
    """Of all units at once, a frame each; stays as `inspection.normal.load_stays` has them, receipts of units without stays (operated: the fund paid)."""

    as_of: date
    stays: pd.DataFrame
    receipts: pd.DataFrame
    months: pd.DataFrame
    items: pd.DataFrame
    oversold: pd.DataFrame
    fields: pd.DataFrame
    kinds: pd.Series
    shares: dict[str, pd.DataFrame]
    normals: dict[str, Normal]
    stocked: bool
    unevaluated: list[dict[str, Any]]


def load_facts(warehouse: Path | str, as_of: date) -> Facts:
    """One pass over the warehouse. Empty frames where nothing was delivered."""
    house = Warehouse.open(warehouse)
    stocked = "stock_moves" in house.tables()
    spans = {"stays": [DAYS, 0], "earlier": [HORIZON_DAYS, DAYS]}
    asked = {
        "stays": STAYS,
        "earlier": STAYS,
        "receipts": _RECEIPTS,
        "months": _MONTHS,
        "items": _ITEMS,
        "fields": _FIELDS,
    }
    if stocked:
        asked["oversold"] = f"SELECT fixmedins_code AS unit, med_list_codg AS item, settled, had FROM {STOCK} WHERE NOT unknown"  # fmt: skip
    words = frozenset(re.findall(r"\w+", " ".join(asked.values())))
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in (*asked, "oversold", "kinds")}
    for bucket in range(house.buckets):
        con = open_views(house, as_of, "institution", bucket, words=words)
        try:
            for name, sql in asked.items():
                parts[name].append(con.execute(sql, spans.get(name, []) * 2).df())
            if bucket == 0:
                parts["kinds"].append(con.execute("SELECT fixmedins_code AS unit, any_value(coalesce(medins_type, fixmedins_type, '')) AS kind FROM main.institutions GROUP BY 1").df())  # fmt: skip
        finally:
            con.close()
    found = {n: pd.concat(p, ignore_index=True) if p else pd.DataFrame(columns=["unit", "item", "settled", "had"]) for n, p in parts.items()}  # fmt: skip
    kinds = found["kinds"].set_index("unit")["kind"]
    stays = found["stays"].sort_values("mdtrt_id").reset_index(drop=True)
    return Facts(
        as_of, stays, found["receipts"], found["months"], found["items"], found["oversold"], found["fields"].set_index("unit"), kinds, shares_by_kind(found["items"], kinds),
        {n.unit: n for n in normals(stays, earlier=found["earlier"])} if len(stays) else {}, stocked, unevaluated(house, as_of),
    )  # fmt: skip


def unevaluated(house: Warehouse, as_of: date) -> list[dict[str, Any]]:
    """Reason → rules that this warehouse cannot answer (不可评估), most rules first: reason, rules (number and name)."""
    rules = [f for f in load_catalog().values() if f.rule]
    found: dict[str, set[str]] = {}
    evaluable = set()
    absent = absent_features(house, rules, unread_words(house, as_of))
    for f in rules:
        if f.name in absent:
            found.setdefault(absent[f.name], set()).add(str(f.rule))
        else:
            evaluable.add(str(f.rule))
    told = [
        {"reason": why, "rules": [f"{r}{setting(r, 'name')}" for r in sorted(rs - evaluable)]}
        for why, rs in found.items()
    ]
    return sorted((t for t in told if t["rules"]), key=lambda t: (-len(t["rules"]), str(t["reason"])))


def charts_of(facts: Facts, unit: str, seed: str, size: int = CHARTS) -> dict[str, Any]:
    """A sample with the factor of each chart: of stays, and of receipts where a unit has none."""
    kind, days, frame = "病历", DAYS, facts.stays
    if unit not in set(frame["unit"]):
        kind, days, frame = "处方或票据", RECEIPT_DAYS, facts.receipts
    try:
        pulled = pull(frame, unit, size, seed)
    except UserError:
        return {"kind": kind, "days": days, "of": 0, "yuan": 0.0, "seed": seed, "rows": []}
    names = pulled["stratum"].map(lambda s: stratum_zh(str(s), kind))
    rows = pulled.assign(stratum=names).sort_values(["stratum", "mdtrt_id"])[["mdtrt_id", "stratum", "cost", "factor"]]
    mine = frame[frame["unit"] == unit]
    return {"kind": kind, "days": days, "of": len(mine), "yuan": float(mine["cost"].sum()), "seed": seed, "rows": rows.round({"cost": 2, "factor": 2}).to_dict("records")}  # fmt: skip


def shelves_of(facts: Facts, unit: str, size: int = SHELVES) -> dict[str, Any]:
    """What to count: first what was settled beyond what was ever bought (where 进销存 were delivered), then what takes more of the unit's money than at units of its kind
    (median share); basis says which."""
    mine = facts.items[facts.items["unit"] == unit].set_index("item")
    if mine.empty:
        return {"basis": "没有药品和耗材明细", "rows": []}
    over = facts.oversold[facts.oversold["unit"] == unit].set_index("item")
    had = over["had"].reindex(mine.index)
    missing = ((over["settled"] - over["had"]).reindex(mine.index) * mine["price"]).fillna(0.0)
    share, usual, peers = _shares(facts, unit)
    apart = mine["yuan"] - usual.reindex(mine.index).fillna(0.0) * mine["yuan"].sum()
    order = mine.assign(had=had, settled_ever=over["settled"].reindex(mine.index), missing=missing, apart=apart, share=share.reindex(mine.index), usual=usual.reindex(mine.index).fillna(0.0))  # fmt: skip
    order = order[(order["missing"] > 0) | (order["apart"] > 0)].sort_values(["missing", "apart"], ascending=False).head(size)  # fmt: skip
    rows = [
        {
            "item": str(item), "name": str(r["name"]), "type": _CHARGE.get(str(r["type"]), str(r["type"])), "yuan": round(float(r["yuan"]), 2), "settled": float(r["settled"]),
            "share": float(r["share"]), "usual": float(r["usual"]) if peers >= PEERS else None, "had": None if pd.isna(r["had"]) else float(r["had"]),
            "over": None if pd.isna(r["had"]) else float(r["settled_ever"] - r["had"]),
        }
        for item, r in order.iterrows()
    ]  # fmt: skip
    counted = f"结算超出购进的 {int((order['missing'] > 0).sum())} 种在前，其余" if facts.stocked else "未收到进销存，"
    how = f"按占药耗金额高出同类 {peers} 家中位占比的部分排列" if peers >= PEERS else f"同类只有 {peers} 家，按金额排列"
    return {"basis": counted + how, "rows": rows}


def _shares(facts: Facts, unit: str) -> tuple[pd.Series, pd.Series, int]:
    """Share of the unit's shelf money by item, the median of its peers' (0 where most sell none), and how many they are."""
    wide = facts.shares[str(facts.kinds.get(unit, ""))]
    others = wide.drop(columns=[unit])
    usual = others.median(axis=1) if others.shape[1] >= PEERS else pd.Series(0.0, index=wide.index)
    return wide[unit], usual, others.shape[1]


def shares_by_kind(items: pd.DataFrame, kinds: pd.Series) -> dict[str, pd.DataFrame]:
    """Kind of unit → share of each item (rows) in the shelf money of each unit (columns)."""
    found = {}
    for kind, mine in items.groupby(items["unit"].map(kinds).fillna("")):
        wide = mine.pivot_table(index="item", columns="unit", values="yuan", aggfunc="sum", fill_value=0.0)
        found[str(kind)] = wide / wide.sum()
    return found


def months_of(facts: Facts, unit: str) -> list[dict[str, Any]]:
    """A row for each of the last twelve months, empty ones too: what was claimed, to be held against the unit's own books."""
    mine = facts.months[facts.months["unit"] == unit].set_index("month")
    every = pd.period_range(end=pd.Timestamp(facts.as_of).to_period("M"), periods=MONTHS).strftime("%Y-%m")
    columns = ["stays", "visits", "persons", "fee_yuan", "fund_yuan", "account_yuan"]
    told = mine.reindex(every)[columns].fillna(0).round(2)
    return [{"month": str(m), **{str(c): (int(v) if c in columns[:3] else float(v)) for c, v in row.items()}} for m, row in zip(told.index, told.to_dict("records"), strict=True)]  # fmt: skip


def fields_of(facts: Facts, unit: str) -> list[dict[str, Any]]:
    """How many of the year's settled stays have what rules need: field, name, filled, of; without stays nothing."""
    if unit not in facts.fields.index:
        return []
    mine: dict[Any, Any] = facts.fields.loc[unit].to_dict()
    return [{"field": f, "name": zh, "filled": int(mine[f]), "of": int(mine["stays"])} for f, zh in FIELDS.items()]


def unit_facts(facts: Facts, unit: str, seed: str) -> dict[str, Any]:
    """charts, shelves, months, fields, normal of one unit as plain values."""
    normal = facts.normals.get(unit)
    return {
        "charts": charts_of(facts, unit, seed),
        "shelves": shelves_of(facts, unit),
        "months": months_of(facts, unit),
        "fields": fields_of(facts, unit),
        "normal": normal.to_json() if normal else None,
    }
