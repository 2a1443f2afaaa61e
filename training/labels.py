"""Outcomes become labels, finer than 0/1, each with the moment it could be known; what a code means says claims/schema/outcomes.py.

What nobody inspected is not in the table at all.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Final

import numpy as np
import pandas as pd

from claims.schema.outcomes import findings
from features.grains import GRAINS
from models.settings import SETTINGS

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

    inspections, presence_checks: all versions of the canonical tables; of each finding the last word known by `as_of` counts.
    stays: mdtrt_id, psn_no, fixmedins_code, atddr_no, for soft labels from stays to persons, hospitals and doctors.
    Codes not in codes.md count as missing: an unknown word is no verdict.
    """
    moment = None if as_of is None else datetime.combine(as_of, time.max)
    labels = findings(inspections, presence_checks, moment).assign(soft=False)[COLUMNS]
    labels = _latest(labels)
    if stays is not None and len(stays) and len(labels):
        labels = pd.concat([labels, _soften(labels, stays)], ignore_index=True)
    order = ["grain", "soft", "entity_id", "inspected_at", "source_table"]
    return labels.sort_values(order, kind="stable").reset_index(drop=True)[COLUMNS]


def decided(labels: pd.DataFrame, grain: str) -> pd.DataFrame:
    """The hard confirmed and refuted labels of one grain, with y in {0, 1}."""
    rows = labels[(labels["grain"] == grain) & ~labels["soft"] & labels["outcome"].isin(["confirmed", "refuted"])]
    return rows.assign(y=(rows["outcome"] == "confirmed").astype(float))


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
    links = links.rename(columns={"atddr_no": "dr_codg"}) if "dr_codg" not in links else links
    out = []
    for parent in GRAINS["admission"].parents:
        grain, column = parent.grain, parent.key
        if column not in links:
            continue
        marked = hard.assign(
            grain=grain,
            entity_id=hard["entity_id"].map(links[column]),
            soft=True,
            weight=SETTINGS[grain].soft,
            amount_fen=np.nan,
        )
        marked = marked[marked["entity_id"].notna() & (marked["entity_id"] != "")]
        known = set(labels.loc[labels["grain"] == grain, "entity_id"])
        out.append(marked[~marked["entity_id"].isin(known)].drop_duplicates("entity_id", keep="last"))
    return pd.concat(out, ignore_index=True) if out else labels.iloc[:0]
