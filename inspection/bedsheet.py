"""The bed-check sheet in walking order.

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

import pandas as pd

from claims.schema.departments import department
from claims.schema.sensitive import ALL, COVER, covered, tells_place
from claims.shown_text import mask
from claims.store.warehouse import Warehouse
from features.asof import open_views

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


@dataclass(frozen=True)
class Bed:
    """One stay on the sheet. number: its place in walking order; lead: its number on the unmarked list, by which it is named where no number of a person or stay may
    stand; person: masked; nothing here tells a drawn stay from a ranked one."""

    number: int
    lead: int
    stay: str
    unit: str
    hospital: str
    area: str
    ward: str
    bed: str
    person: str
    sex: str
    age: int | None
    dx: str
    admitted: str
    days: int
    asked: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def in_order(listed: pd.DataFrame, where: pd.DataFrame, at: datetime, hidden: frozenset[str] = ALL) -> list[Bed]:
    """The stays of a bed-check list (entity_id, reason_1…3, keys; lead, area and fixmedins_code where it has them) in walking order; hospitals with most stays to see come first. hidden: groups of
    diagnoses that are covered (claims/schema/sensitive.py): a sheet is carried about."""
    rows = listed.merge(where, left_on="entity_id", right_on="mdtrt_id", how="inner", suffixes=("", "_here"))
    counts = rows.groupby("hospital")["mdtrt_id"].transform("size")
    rows = rows.assign(_n=-counts, _walk=rows["bed"].astype(str).map(walking))
    rows = rows.sort_values(["_n", "hospital", "ward", "_walk", "mdtrt_id"], kind="stable").reset_index(drop=True)
    return [
        Bed(
            i, int(r.get("lead") or i), str(r["mdtrt_id"]), str(r.get("fixmedins_code") or ""), str(r["hospital"]), str(r.get("area") or ""), covered_ward(r, hidden), str(r["bed"]),
            mask(str(r["psn_no_here"] if "psn_no_here" in r else r["psn_no"])), {"1": "男", "2": "女"}.get(str(r["gend"]), ""), None if pd.isna(r["age"]) else int(r["age"]),
            covered_dx(r, hidden), f"{pd.Timestamp(r['adm_date']):%Y-%m-%d}", (at.date() - pd.Timestamp(r["adm_date"]).date()).days, asked(r),
        )
        for i, r in enumerate(rows.to_dict("records"), start=1)
    ]  # fmt: skip


def bed_sheet(beds: Sequence[Bed]) -> pd.DataFrame:
    """COLUMNS, with empty cells for what is found."""
    told = [
        [b.number, b.hospital, department(b.ward), b.bed, b.stay, b.person, b.sex, "" if b.age is None else b.age, b.dx, b.admitted, b.days, b.asked, *[""] * 5]
        for b in beds
    ]  # fmt: skip
    return pd.DataFrame(told, columns=COLUMNS)


def covered_dx(row: dict[Any, Any], hidden: frozenset[str]) -> str:
    """The diagnosis as the sheet shows it."""
    code, age = str(row.get("dx_code") or ""), None if pd.isna(row["age"]) else float(row["age"])
    return COVER if covered(code, age, hidden) == COVER else covered(str(row["dx"]), age, hidden)


def covered_ward(row: dict[Any, Any], hidden: frozenset[str]) -> str:
    """The ward as the sheet shows it: a psychiatric one tells as much as the diagnosis. Hospital and bed say where to go."""
    ward = str(row["ward"])
    return COVER if tells_place(ward, hidden) else ward


def asked(row: dict[Any, Any]) -> str:
    """The first reason that is about this stay or this patient; a plain question where there is none."""
    for reason, key in zip((row.get(f"reason_{i}", "") for i in (1, 2, 3)), row.get("keys") or [], strict=False):
        if reason and key[0] in OWN:
            return str(reason)
    return "核对本人、病情与治疗"
