"""Who a suspect is, as an officer would say it: unit and its name, age, sex, insurance, diagnosis, ward and bed; and what happened to its people.

Names of persons are not imported (claims/schema/mapping.py drops them); the bureau's own system finds them by number. Everything is as known at the list's moment.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from claims.schema.tables import CANONICAL
from claims.store.warehouse import Warehouse, bucket_of
from features.asof import connection, make_beside, moment_of, open_views
from serving.lists.schema import meaning

_EVENTS = """
SELECT psn_no, 'stay' AS kind, mdtrt_id AS id, fixmedins_code, begntime AS begin_at, CASE WHEN "open" THEN NULL ELSE endtime END AS end_at,
       coalesce(medfee_fen, lines_fen) AS fen, false AS inside, visit_class AS what
FROM net.stays SEMI JOIN main.wanted USING (psn_no)
UNION ALL BY NAME
SELECT w.psn_no, CASE WHEN w.is_inpatient IS NULL THEN 'unknown' ELSE 'swipe' END AS kind, w.setl_id AS id, w.fixmedins_code, w.happened_at AS begin_at, w.happened_at AS end_at, w.medfee_sumamt_fen AS fen,
       bool_or(coalesce(w.happened_at::DATE > s.adm_date AND w.happened_at::DATE < s.end_date AND w.fixmedins_code <> s.fixmedins_code AND NOT w.is_inpatient, false)) AS inside,
       any_value(w.visit_class) AS what
FROM net.settlements w SEMI JOIN main.wanted USING (psn_no) LEFT JOIN net.stays s ON s.psn_no = w.psn_no
WHERE w.is_inpatient IS NOT TRUE AND coalesce(w.manual_flag, '0') <> '1'
GROUP BY ALL
"""
_PERSONS = "SELECT psn_no, gend, age, insutype, psn_type FROM main.persons SEMI JOIN main.wanted USING (psn_no)"
_STAYS = """
SELECT s.mdtrt_id, s.dx, n.diag_name AS dx_name, s.dept, s.bed, s.visit_class, b.ward
FROM net.stays s SEMI JOIN main.wanted USING (psn_no)
LEFT JOIN (SELECT diag_code, any_value(diag_name) AS diag_name FROM main.diagnosis_names GROUP BY 1) n ON n.diag_code = s.dx
LEFT JOIN (
    SELECT fixmedins_code, hosp_bed_no, any_value(coalesce(inpa_area_name, bed_ward)) AS ward FROM main.beds
    GROUP BY 1, 2 HAVING count(DISTINCT coalesce(inpa_area_name, bed_ward, '')) = 1
) b ON b.fixmedins_code = s.fixmedins_code AND b.hosp_bed_no = s.bed
"""
_UNITS = """
SELECT fixmedins_code, any_value(fixmedins_name) AS name, any_value(medins_type) AS kind, any_value(level)::INTEGER AS level, any_value(area) AS area,
       any_value(aprv_bed_cnt)::INTEGER AS beds, any_value(biznat) AS biznat
FROM main.institutions GROUP BY 1 ORDER BY 1
"""
_DOCTORS = "SELECT dr_codg, any_value(hosp_dept_code) AS dept, any_value(dr_pro_tech_duty) AS duty FROM main.doctors GROUP BY 1"
_WORDS = frozenset(re.findall(r"\w+", _EVENTS + _PERSONS + _STAYS))


@dataclass(frozen=True)
class Known:
    """What was known of people, stays, units and doctors: each by its id. events: of each person, in time order (`events_of`)."""

    persons: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    stays: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    units: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    doctors: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    events: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def events_of(self, numbers: Sequence[str]) -> pd.DataFrame | None:
        """Stays, swipes and visits of unknown kind of these people; `inside` marks a swipe elsewhere on an inner day of a stay.

        Columns psn_no, kind (stay|swipe|unknown), id, fixmedins_code, begin_at, end_at (empty = still open), fen, inside, what.
        """
        found = [self.events[n] for n in numbers if n in self.events]
        return pd.concat(found, ignore_index=True) if found else None

    def told(self, grain: str, entity_id: str, who: Mapping[str, Any], members: Sequence[str] = ()) -> dict[str, Any]:
        """The particulars of an entity (a row of the entity table), empty ones left out."""
        person = self.persons.get(str(who.get("psn_no") or "")) if grain in ("admission", "person") else None
        stay = self.stays.get(entity_id) if grain == "admission" else None
        unit = self.units.get(str(who.get("fixmedins_code") or ""))
        doctor = self.doctors.get(str(who.get("dr_codg") or ""))
        told: dict[str, Any] = {**(person or {}), **(stay or {})}
        if unit:
            told |= {
                "unit_name": unit["name"],
                "unit_kind": unit["kind"],
                "unit_level": unit["level"],
                "unit_beds": unit["beds"],
            }
        if doctor:
            told |= {"dr_dept": doctor["dept"], "dr_duty": doctor["duty"]}
        if members:
            told["people"] = [{"psn_no": m} | dict(self.persons.get(m, {})) for m in members]
        return {k: v for k, v in told.items() if v not in (None, "")}


def short(told: Mapping[str, Any]) -> str:
    """A person in a few words: 男 72岁 职工医保."""
    age = f"{told['age']}岁" if told.get("age") is not None else ""
    insured = str(told.get("insutype", "")).replace("城乡居民", "居民").replace("基本医疗保险", "医保")
    return " ".join(filter(None, [told.get("gend", ""), age, insured]))


def known_of(warehouse: Path, as_of: date | datetime, people: Mapping[str, Sequence[str]]) -> Known:
    """What is known at `as_of` of the people behind each entity, their stays, and of all units and doctors."""
    house = Warehouse.open(warehouse)
    by_bucket: dict[int, set[str]] = {}
    for numbers in people.values():
        for psn_no in numbers:
            by_bucket.setdefault(bucket_of(psn_no, house.buckets), set()).add(psn_no)
    events, persons, stays = [], [], []
    for bucket, wanted in sorted(by_bucket.items()):
        con = open_views(house, as_of, "person", bucket, lines=False, words=_WORDS, keys=sorted(wanted))
        try:
            con.execute("CREATE TABLE main.wanted AS SELECT unnest(?::VARCHAR[]) AS psn_no", [sorted(wanted)])
            events.append(con.execute(_EVENTS).df())
            persons += _rows(con, _PERSONS)
            stays += _rows(con, _STAYS)
        finally:
            con.close()
    every = (
        pd.concat(events, ignore_index=True) if events else pd.DataFrame(columns=["psn_no", "begin_at", "kind", "id"])
    )
    every = every.sort_values(["begin_at", "kind", "id"], kind="stable")
    units, doctors = units_and_doctors(warehouse, as_of)
    return Known(
        {str(p.pop("psn_no")): _in_words(p, "gend", "insutype", "psn_type") for p in persons},
        {str(s.pop("mdtrt_id")): s for s in stays},
        units,
        doctors,
        {str(n): frame for n, frame in every.groupby("psn_no")},
    )


def units_and_doctors(
    warehouse: Path, as_of: date | datetime
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Every unit (name, kind, level, area, beds, biznat) and every doctor (dept, duty) by code."""
    house, t = Warehouse.open(warehouse), moment_of(as_of)
    con = connection(2, "1GB")
    try:
        for name in ("institutions", "doctors"):  # the views of the claims, which say nothing of them, cost more
            make_beside(con, house, CANONICAL[name], "institution", 0, t)
        units, doctors = _rows(con, _UNITS), _rows(con, _DOCTORS)
    finally:
        con.close()
    return {str(u.pop("fixmedins_code")): u for u in units}, {str(d.pop("dr_codg")): d for d in doctors}


def _rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = con.execute(sql)
    names = [d[0] for d in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _in_words(row: dict[str, Any], *columns: str) -> dict[str, Any]:
    return row | {c: meaning(c, str(row[c])) for c in columns if row.get(c)}
