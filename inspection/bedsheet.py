"""The bed-check sheet in walking order, the best hour to come, and the morning after: what was found against what chance would have found.

The order of suspicion stays on the list; on the sheet stays lie by hospital, ward and bed, drawn ones among the others, unmarked. A reason is asked about only where it is about this
stay or patient: what speaks against a doctor or a hospital is no question at a bed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from claims.schema.outcomes import PRESENCE
from claims.schema.sensitive import ALL, COVER, covered
from claims.shown_text import mask
from claims.store.findings import read_versions
from claims.store.warehouse import Warehouse
from features.asof import open_views
from inspection.estimate import FEW, SMALL, Estimate, lift
from inspection.settings import WEEKDAYS

RESULTS = {
    "在床": "B1_IN_BED",
    "请假有据": "B3_LEAVE_OK",
    "不在": "B4_ABSENT",
    "查无此人": "B5_NO_SUCH",
    "无法核查": "B8_UNABLE",
}
OWN = ("admission", "person")
COLUMNS = ["序号", "医院", "病区", "床位", "就诊号", "人员", "性别", "年龄", "诊断", "入院日期", "在院天数", "询问要点", "结果", "核查时间", "备注", "核查人一", "核查人二"]  # fmt: skip
_WHERE = """
    SELECT s.mdtrt_id, coalesce(i.fixmedins_name, s.fixmedins_code) AS hospital, coalesce(b.ward, s.dept, '') AS ward, coalesce(s.bed, '') AS bed, s.psn_no,
        p.gend, p.age, coalesce(n.diag_name, s.dx, '') AS dx, s.dx AS dx_code, s.adm_date
    FROM net.stays s
    LEFT JOIN (SELECT psn_no, any_value(gend) AS gend, any_value(age) AS age FROM main.persons GROUP BY 1) p USING (psn_no)
    LEFT JOIN main.institutions i ON i.fixmedins_code = s.fixmedins_code
    LEFT JOIN (SELECT fixmedins_code, hosp_bed_no, any_value(coalesce(inpa_area_name, bed_ward)) AS ward FROM main.beds GROUP BY ALL) b
        ON b.fixmedins_code = s.fixmedins_code AND b.hosp_bed_no = s.bed
    LEFT JOIN (SELECT diag_code, any_value(diag_name) AS diag_name FROM main.diagnosis_names GROUP BY 1) n ON n.diag_code = s.dx
    WHERE s.mdtrt_id IN (SELECT unnest(?::VARCHAR[]))
"""


def places(warehouse: Path | str, at: datetime, stays: Sequence[str]) -> pd.DataFrame:
    """Where each stay lies at that moment, a row each: hospital, ward, bed, psn_no, gend, age, dx (its name, else its code), dx_code, adm_date."""
    house, parts = Warehouse.open(warehouse), []
    for bucket in range(house.buckets):
        con = open_views(house, at, "person", bucket, lines=False)
        try:
            parts.append(con.execute(_WHERE, [list(stays)]).df())
        finally:
            con.close()
    return pd.concat(parts, ignore_index=True).drop_duplicates("mdtrt_id")


def walking(bed: str) -> tuple[Any, ...]:
    """Sorts 2 before 10, and 2A after 2."""
    return tuple((0, int(x), "") if x.isdigit() else (1, 0, x) for x in re.findall(r"\d+|\D+", bed))


def bed_sheet(listed: pd.DataFrame, where: pd.DataFrame, at: datetime, hidden: frozenset[str] = ALL) -> pd.DataFrame:
    """COLUMNS in walking order. listed: rows of a bed-check list (entity_id, reason_1…3, keys); hospitals with most stays to see come first. hidden: groups
    of diagnoses that are covered (claims/schema/sensitive.py): a sheet is carried about."""
    rows = listed.merge(where, left_on="entity_id", right_on="mdtrt_id", how="inner", suffixes=("", "_here"))
    counts = rows.groupby("hospital")["mdtrt_id"].transform("size")
    rows = rows.assign(_n=-counts, _walk=rows["bed"].astype(str).map(walking))
    rows = rows.sort_values(["_n", "hospital", "ward", "_walk", "mdtrt_id"], kind="stable").reset_index(drop=True)
    told = [
        [
            i, r["hospital"], r["ward"], r["bed"], r["mdtrt_id"], mask(str(r["psn_no_here"] if "psn_no_here" in rows else r["psn_no"])), {"1": "男", "2": "女"}.get(str(r["gend"]), ""),
            "" if pd.isna(r["age"]) else int(r["age"]), covered_dx(r, hidden), f"{pd.Timestamp(r['adm_date']):%Y-%m-%d}", (at.date() - pd.Timestamp(r["adm_date"]).date()).days, asked(r), "", "", "", "", "",
        ]
        for i, r in enumerate(rows.to_dict("records"), start=1)
    ]  # fmt: skip
    return pd.DataFrame(told, columns=COLUMNS)


def covered_dx(row: dict[Any, Any], hidden: frozenset[str]) -> str:
    """The diagnosis as the sheet shows it."""
    code, age = str(row.get("dx_code") or ""), None if pd.isna(row["age"]) else float(row["age"])
    return COVER if covered(code, age, hidden) == COVER else covered(str(row["dx"]), age, hidden)


def asked(row: dict[Any, Any]) -> str:
    """The first reason that is about this stay or this patient; a plain question where there is none."""
    for reason, key in zip((row.get(f"reason_{i}", "") for i in (1, 2, 3)), row.get("keys") or [], strict=False):
        if reason and key[0] in OWN:
            return str(reason)
    return "核对本人、病情与治疗"


@dataclass(frozen=True)
class Hour:
    """When to come to a hospital: absent of checked at that hour and weekday, shrunk towards all; `text` where too few were checked."""

    unit: str
    hour: int | None
    weekday: int | None
    rate: float | None
    checked: int
    text: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def best_hours(warehouse: Path | str, at: datetime, units: Sequence[str]) -> list[Hour]:
    """From bed checks known by `at`. Where somebody came tells more about the inspectors' habits than about the beds: below ten checks nothing is said."""
    checks = read_versions(Warehouse.open(warehouse), "presence_checks")
    if checks is None or checks.empty:
        return [Hour(u, None, None, None, 0, f"{SMALL}：尚无查床记录") for u in units]
    checks = checks[pd.to_datetime(checks["known_at"]) <= pd.Timestamp(at)]
    kind = checks["result_code"].map({code: o.klass for code, o in PRESENCE.items()})
    checks = checks.assign(gone=(kind == "confirmed").astype(float))[kind.isin(["confirmed", "refuted"])]
    when = pd.to_datetime(checks["check_time"])
    return [_hour(u, checks.assign(hour=when.dt.hour, weekday=when.dt.isocalendar().day)) for u in units]


def _hour(unit: str, checks: pd.DataFrame) -> Hour:
    mine = checks[checks["fixmedins_code"].astype(str) == unit]
    if len(mine) < FEW:
        return Hour(unit, None, None, None, len(mine), f"{SMALL}：查床 {len(mine)} 次")
    base = float(checks["gone"].mean())
    cells = mine.groupby(["hour", "weekday"])["gone"].agg(["sum", "size"]).reset_index()
    cells["rate"] = (cells["sum"] + FEW * base) / (cells["size"] + FEW)
    best = cells.sort_values(["rate", "hour", "weekday"], ascending=[False, True, True], kind="stable").iloc[0]
    hour, weekday = int(best["hour"]), int(best["weekday"])
    return Hour(
        unit,
        hour,
        weekday,
        float(best["rate"]),
        len(mine),
        f"周{WEEKDAYS[weekday - 1]} {hour} 时，查床 {len(mine)} 次中该时段不在率最高",
    )


@dataclass(frozen=True)
class Morning:
    """The evening's outcome. ranked, drawn: (absent, with a result); lift: ranked over drawn; missing: on the sheet without a result."""

    ranked: tuple[int, int]
    drawn: tuple[int, int]
    missing: int
    lift: Estimate
    refused: tuple[str, ...]
    text: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def morning(listed: pd.DataFrame, results: pd.DataFrame) -> Morning:
    """listed: the list (entity_id, slot); results: the sheet come back (就诊号, 结果). A result for a stay that was not on the sheet, or of an unknown word, is told and left out; the
    others count. 无法核查 is missing."""
    slot = listed.drop_duplicates("entity_id").set_index("entity_id")["slot"]
    refused: list[str] = []
    code: dict[str, str] = {}
    for number, said in zip(
        results["就诊号"].astype(str), results["结果"].fillna("").astype(str).str.strip(), strict=True
    ):
        if not said:
            continue
        if number not in slot.index:
            refused.append(f"就诊号 {number} 不在当晚查床单上，结果未计入；如属另行核查请按查床记录接收")
        elif said not in RESULTS and said not in PRESENCE:
            refused.append(f"就诊号 {number} 的结果“{said}”不认识；请填 {'、'.join(RESULTS)}")
        elif number in code and code[number] != RESULTS.get(said, said):
            refused.append(f"就诊号 {number} 有两个不同结果，按先填的计")
        else:
            code[number] = RESULTS.get(said, said)
    klass = pd.Series({n: PRESENCE[c].klass for n, c in code.items()}, dtype="object")
    decided = klass[klass.isin(["confirmed", "refuted"])]

    def of(kinds: Sequence[str]) -> tuple[int, int]:
        mine = decided[slot.reindex(decided.index).isin(kinds).to_numpy(dtype=bool)] if len(decided) else decided
        return int((mine == "confirmed").sum()), len(mine)

    ranked, drawn = of(["ranked"]), of(["draw", "control"])
    times = lift(*ranked, *drawn)
    missing = (
        int((~np.isin(slot.index.to_numpy(dtype=str), np.array(list(code), dtype=str))).sum()) if code else len(slot)
    )
    text = f"按名次查 {ranked[1]} 床，不在 {ranked[0]}；随机查 {drawn[1]} 床，不在 {drawn[0]}；未回填 {missing} 床。提升倍数 {times.told('.1f')}"
    return Morning(ranked, drawn, missing, times, tuple(refused), text)
