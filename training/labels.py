"""Outcomes become labels, finer than 0/1, each with the moment it could be known.

confirmed (O1, O2, O3 · B4, B5, B7) and refuted (O6, O8 · B1–B3, B9) teach; an error without intent (O4, B6) is its own class; unable,
insufficient and duplicate (O5, O7, O9 · B8) are missing, never negative. What nobody inspected is not in the table at all.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd

OUTCOMES: Final = {
    "O1_FRAUD": ("confirmed", 1.0),
    "O2_IRREGULAR": ("confirmed", 1.0),
    "O3_BREACH": ("confirmed", 0.5),
    "O4_ERROR": ("error", 0.0),
    "O5_INSUFFICIENT": ("missing", 0.0),
    "O6_CLEAR": ("refuted", 1.0),
    "O7_UNABLE": ("missing", 0.0),
    "O8_EXPLAINED": ("refuted", 1.0),
    "O9_DUPLICATE": ("missing", 0.0),
}
PRESENCE: Final = {
    "B1_IN_BED": ("refuted", 0.5),
    "B2_IN_HOUSE": ("refuted", 0.5),
    "B3_LEAVE_OK": ("refuted", 0.3),
    "B4_ABSENT": ("confirmed", 1.0),
    "B5_NO_SUCH": ("confirmed", 1.0),
    "B6_DISCHARGED": ("error", 0.0),
    "B7_ID_MISMATCH": ("confirmed", 1.0),
    "B8_UNABLE": ("missing", 0.0),
    "B9_HOME_BED": ("refuted", 0.5),
}
"""A patient in bed tonight may be absent tomorrow: one look clears only half."""
PRESENCE_SCHEME: Final = {"B4_ABSENT": "T01", "B5_NO_SUCH": "T02", "B7_ID_MISMATCH": "T03"}
ENTITY: Final = {
    "admission": "admission", "A": "admission", "person": "person", "P": "person",
    "institution": "institution", "I": "institution", "doctor": "doctor", "D": "doctor", "ring": "ring", "R": "ring",
}  # fmt: skip
SOFT: Final = {"institution": 0.2, "doctor": 0.2, "person": 0.2}
"""Weight with which a confirmed stay marks its hospital, doctor and patient. Soft labels train; they are never counted or evaluated on."""
FEWEST: Final = {"admission": (20, 50), "person": (20, 50), "institution": (8, 25), "doctor": (8, 25), "ring": (20, 50)}
"""Confirmed and refuted cases from which a ranker is fitted. It starts from the unlabelled scorers (an offset), so few labels move it little: on a
development county a ranker with 8 confirmed units of 143 was no worse than the list without one, and units are too few ever to have a hundred cleared."""
CONCLUDE_DAYS: Final = 0
"""A conclusion without its own time is known on the inspection day (tables.md §1.2: the row's known_at says otherwise where it has one)."""
COLUMNS: Final = [
    "grain", "entity_id", "outcome", "weight", "soft", "amount_fen", "scheme", "lead_source", "selection_prob",
    "known_at", "inspected_at", "period_end", "insp_type", "source_table",
]  # fmt: skip


def load_labels(
    inspections: pd.DataFrame | None,
    presence_checks: pd.DataFrame | None = None,
    stays: pd.DataFrame | None = None,
    as_of: date | None = None,
) -> pd.DataFrame:
    """One row per (grain, entity_id) finding known by the end of `as_of`: columns `COLUMNS`.

    inspections, presence_checks: canonical tables (claims/schema/tables.py), amounts in yuan or, with the suffix `_fen`, in fen.
    stays: mdtrt_id, psn_no, fixmedins_code, atddr_no, for soft labels from stays to persons, hospitals and doctors.
    Codes not in codes.md §17/18 count as missing: an unknown word is no verdict.
    """
    frames = [_from_inspections(inspections), _from_presence(presence_checks)]
    labels = pd.concat([f for f in frames if len(f)] or [_empty()], ignore_index=True)
    if as_of is not None:
        labels = labels[labels["known_at"] < pd.Timestamp(as_of + timedelta(days=1))]
    labels = _latest(labels)
    if stays is not None and len(stays) and len(labels):
        labels = pd.concat([labels, _soften(labels, stays)], ignore_index=True)
    order = ["grain", "soft", "entity_id", "inspected_at", "source_table"]
    return labels.sort_values(order, kind="stable").reset_index(drop=True)[COLUMNS]


def decided(labels: pd.DataFrame, grain: str) -> pd.DataFrame:
    """The hard confirmed and refuted labels of one grain, with y in {0, 1}."""
    rows = labels[(labels["grain"] == grain) & ~labels["soft"] & labels["outcome"].isin(["confirmed", "refuted"])]
    return rows.assign(y=(rows["outcome"] == "confirmed").astype(float))


def enough(labels: pd.DataFrame, grain: str) -> tuple[bool, int, int]:
    """(whether a ranker may be fitted, confirmed, refuted): distinct hard-labelled entities of the grain against `FEWEST`."""
    y = decided(labels, grain)["y"]
    confirmed, refuted = int(y.sum()), int((y == 0).sum())
    return confirmed >= FEWEST[grain][0] and refuted >= FEWEST[grain][1], confirmed, refuted


def _empty() -> pd.DataFrame:
    frame = pd.DataFrame({c: pd.Series(dtype="object") for c in COLUMNS})
    kinds = {"weight": "float64", "amount_fen": "float64", "selection_prob": "float64", "soft": "bool"}
    times = {"known_at": "datetime64[us]", "inspected_at": "datetime64[us]", "period_end": "datetime64[us]"}
    return frame.astype({**kinds, **times})


def _from_inspections(table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None or table.empty:
        return _empty()
    code = _text(table, "outcome_code")
    out = pd.DataFrame({"grain": _text(table, "entity_type").map(ENTITY), "entity_id": _text(table, "entity_id")})
    out["outcome"] = code.map({k: v[0] for k, v in OUTCOMES.items()}).fillna("missing")
    out["weight"] = code.map({k: v[1] for k, v in OUTCOMES.items()}).fillna(0.0)
    out["soft"] = False
    out["amount_fen"] = _fen(table, "amt_confirmed")
    out["scheme"] = _text(table, "typology_code")
    out["lead_source"] = _text(table, "lead_source")
    out["selection_prob"] = _number(table, "selection_prob")
    out["inspected_at"] = _time(table, "insp_time")
    concluded = _time(table, "conclude_time").fillna(out["inspected_at"] + pd.Timedelta(days=CONCLUDE_DAYS))
    out["known_at"] = _time(table, "known_at").fillna(concluded)
    out["period_end"] = _time(table, "period_end").fillna(out["inspected_at"])
    out["insp_type"] = _text(table, "insp_type")
    out["source_table"] = "inspections"
    return out[out["grain"].notna() & out["known_at"].notna() & (out["entity_id"] != "")][COLUMNS]


def _from_presence(table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None or table.empty:
        return _empty()
    code = _text(table, "result_code")
    out = pd.DataFrame({"entity_id": _text(table, "mdtrt_id")})
    out["grain"] = "admission"
    out["outcome"] = code.map({k: v[0] for k, v in PRESENCE.items()}).fillna("missing")
    out["weight"] = code.map({k: v[1] for k, v in PRESENCE.items()}).fillna(0.0)
    out["soft"] = False
    out["amount_fen"] = np.nan
    out["scheme"] = code.map(PRESENCE_SCHEME).fillna("")
    out["lead_source"] = _text(table, "source")
    out["selection_prob"] = _number(table, "selection_prob")
    out["inspected_at"] = _time(table, "check_time")
    out["known_at"] = _time(table, "known_at").fillna(out["inspected_at"])
    out["period_end"] = out["inspected_at"]
    out["insp_type"] = "presence"
    out["source_table"] = "presence_checks"
    return out[out["known_at"].notna() & (out["entity_id"] != "")][COLUMNS]


def _latest(labels: pd.DataFrame) -> pd.DataFrame:
    """One label per entity: confirmed beats refuted beats error beats missing; among equals the latest. Findings of one visit stay one."""
    strength = labels["outcome"].map({"confirmed": 3, "refuted": 2, "error": 1, "missing": 0})
    keyed = labels.assign(_s=strength).sort_values(
        ["grain", "entity_id", "_s", "known_at", "source_table"], kind="stable"
    )
    return keyed.drop_duplicates(["grain", "entity_id"], keep="last").drop(columns="_s")


def _soften(labels: pd.DataFrame, stays: pd.DataFrame) -> pd.DataFrame:
    """A confirmed stay marks its patient, doctor and hospital softly, unless they carry a finding of their own."""
    hard = labels[(labels["grain"] == "admission") & (labels["outcome"] == "confirmed") & ~labels["soft"]]
    links = stays.drop_duplicates("mdtrt_id").set_index("mdtrt_id")
    doctor = "dr_codg" if "dr_codg" in links else "atddr_no"
    out = []
    for grain, column in (("person", "psn_no"), ("institution", "fixmedins_code"), ("doctor", doctor)):
        if column not in links:
            continue
        marked = hard.assign(
            grain=grain,
            entity_id=hard["entity_id"].map(links[column]),
            soft=True,
            weight=SOFT[grain],
            amount_fen=np.nan,
        )
        marked = marked[marked["entity_id"].notna() & (marked["entity_id"] != "")]
        known = set(labels.loc[labels["grain"] == grain, "entity_id"])
        out.append(marked[~marked["entity_id"].isin(known)].drop_duplicates("entity_id", keep="last"))
    return pd.concat(out, ignore_index=True) if out else _empty()


def _text(table: pd.DataFrame, column: str) -> pd.Series:
    if column not in table:
        return pd.Series("", index=table.index)
    return table[column].fillna("").astype(str)


def _number(table: pd.DataFrame, column: str) -> pd.Series:
    if column not in table:
        return pd.Series(np.nan, index=table.index)
    return pd.to_numeric(table[column], errors="coerce").astype("float64")


def _fen(table: pd.DataFrame, column: str) -> pd.Series:
    if f"{column}_fen" in table:
        return _number(table, f"{column}_fen")
    return (_number(table, column) * 100).round()


def _time(table: pd.DataFrame, column: str) -> pd.Series:
    if column not in table:
        return pd.Series(pd.NaT, index=table.index).astype("datetime64[us]")
    return pd.to_datetime(table[column], errors="coerce").astype("datetime64[us]")
