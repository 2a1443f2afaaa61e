"""What an inspection found: code → class, weight and scheme (codes.md), whom it is about, and which version
of it holds.

confirmed (O1, O2, O3 · B4, B5, B7) and refuted (O6, O8 · B1–B3, B9) teach; an error without intent (O4, B6) is its own
class; unable, insufficient and duplicate (O5, O7, O9 · B8) are missing, never negative. Labels, rule feedback, ring
seeds, lists, evaluation and the simulator all ask here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np
import pandas as pd

from claims.schema.tables import CANONICAL

Class = Literal["confirmed", "refuted", "error", "missing"]


@dataclass(frozen=True)
class Outcome:
    """One code: Chinese name, class, weight as a training label, scheme it proves ('' = the row says it), whether it
    closes the matter."""

    zh: str
    klass: Class
    weight: float = 0.0
    scheme: str = ""
    conclusive: bool = False


OUTCOMES: Final[dict[str, Outcome]] = {
    "O1_FRAUD": Outcome("欺诈骗保", "confirmed", 1.0, conclusive=True),
    "O2_IRREGULAR": Outcome("违规", "confirmed", 1.0, conclusive=True),
    "O3_BREACH": Outcome("违约", "confirmed", 0.5, conclusive=True),
    "O4_ERROR": Outcome("差错", "error", conclusive=True),
    "O5_INSUFFICIENT": Outcome("证据不足", "missing"),
    "O6_CLEAR": Outcome("未见异常", "refuted", 1.0, conclusive=True),
    "O7_UNABLE": Outcome("无法核查", "missing"),
    "O8_EXPLAINED": Outcome("情况属实但合理", "refuted", 1.0, conclusive=True),
    "O9_DUPLICATE": Outcome("重复线索", "missing"),
}
PRESENCE: Final[dict[str, Outcome]] = {
    "B1_IN_BED": Outcome("在床", "refuted", 0.5),
    "B2_IN_HOUSE": Outcome("在院不在床", "refuted", 0.5),
    "B3_LEAVE_OK": Outcome("请假有据", "refuted", 0.3),
    "B4_ABSENT": Outcome("不在院", "confirmed", 1.0, "T01", conclusive=True),
    "B5_NO_SUCH": Outcome("查无此人", "confirmed", 1.0, "T02", conclusive=True),
    "B6_DISCHARGED": Outcome("已出院未结算", "error"),
    "B7_ID_MISMATCH": Outcome("人证不符", "confirmed", 1.0, "T03", conclusive=True),
    "B8_UNABLE": Outcome("无法核查", "missing"),
    "B9_HOME_BED": Outcome("家庭病床", "refuted", 0.5),
}
"""A patient in bed tonight may be absent tomorrow: one look clears only half, and closes nothing."""
CODES: Final = OUTCOMES | PRESENCE
UNKNOWN: Final = Outcome("", "missing")
"""A code of neither table: an unknown word is no verdict."""
ENTITY: Final = {"A": "admission", "P": "person", "I": "institution", "D": "doctor", "R": "ring"}
"""Bureaus write the grain as a word or as its letter (codes.md)."""
COLUMNS: Final = [
    "grain", "entity_id", "code", "outcome", "weight", "conclusive", "amount_fen", "scheme", "lead_source",
    "selection_prob",
    "known_at", "inspected_at", "period_end", "insp_type", "source_table", "finding_id",
]  # fmt: skip


def codes(klass: Class, table: dict[str, Outcome] = CODES) -> tuple[str, ...]:
    """The codes of a class, in the order of the table."""
    return tuple(code for code, outcome in table.items() if outcome.klass == klass)


def last_word(rows: pd.DataFrame, table: str, moment: datetime | None = None) -> pd.DataFrame:
    """One row per finding of `table` ('inspections' or 'presence_checks'): the version last known by `moment` (None =
    of all there are).

    rows: all versions as the warehouse holds them (claims/intake/versions.py: of one key, a higher version_no is known
    later), or an as-of view, which holds one already. Rows without their key, as made by hand, stand for themselves.
    """
    if moment is not None and "known_at" in rows:
        rows = rows[_time(rows, "known_at") <= pd.Timestamp(moment)]
    key = [c for c in CANONICAL[table].key if c in rows]
    number = CANONICAL[table].key[0]
    if number not in rows or rows.empty:
        return rows
    rows = rows.reset_index(drop=True)
    order = [c for c in ("version_no", "known_at") if c in rows]
    ordered = rows[rows[number].notna()].sort_values(order, kind="stable") if order else rows[rows[number].notna()]
    words = ordered[key].astype(object).where(ordered[key].notna(), "").astype(str)
    return rows.drop(index=ordered.index[words.duplicated(keep="last")])


def findings(
    inspections: pd.DataFrame | None, presence_checks: pd.DataFrame | None = None, moment: datetime | None = None
) -> pd.DataFrame:
    """One row per finding known by `moment`: columns `COLUMNS`, inspections first, in the order of the rows.

    inspections, presence_checks: canonical tables (claims/schema/tables.py), all versions, amounts in yuan or, with
    the suffix `_fen`, in fen. period_end: end of the period inspected, never after the inspection; known_at: a finding
    without its own clock is known when concluded.
    """
    frames = [_inspections(inspections, moment), _presence(presence_checks, moment)]
    return pd.concat([f for f in frames if len(f)] or [_empty()], ignore_index=True)


def conclusions(found: pd.DataFrame, grain: str) -> pd.DataFrame:
    """Of `findings`, the conclusive one that holds for each entity of a grain, index entity_id: of the latest period;
    of one period what accuses, then the latest."""
    mine = found[(found["grain"] == grain) & found["conclusive"].astype(bool)]
    mine = mine.assign(_against=(mine["outcome"] == "confirmed"))
    mine = mine.sort_values(["entity_id", "period_end", "_against", "known_at", "finding_id"], kind="stable")
    return mine.drop_duplicates("entity_id", keep="last").drop(columns="_against").set_index("entity_id")


def _empty() -> pd.DataFrame:
    frame = pd.DataFrame({c: pd.Series(dtype="object") for c in COLUMNS})
    kinds = {"weight": "float64", "amount_fen": "float64", "selection_prob": "float64", "conclusive": "bool"}
    times = dict.fromkeys(("known_at", "inspected_at", "period_end"), "datetime64[us]")
    return frame.astype({**kinds, **times})


def _inspections(table: pd.DataFrame | None, moment: datetime | None) -> pd.DataFrame:
    if table is None or table.empty:
        return _empty()
    table = last_word(table, "inspections", moment).reset_index(drop=True)
    kind = _text(table, "entity_type")
    out = _of_codes(_text(table, "outcome_code"), OUTCOMES)
    out["grain"] = kind.map(ENTITY).fillna(kind.where(kind.isin(list(ENTITY.values()))))
    out["entity_id"] = _text(table, "entity_id")
    out["amount_fen"] = _fen(table, "amt_confirmed")
    out["scheme"] = _text(table, "typology_code")
    out["lead_source"] = _text(table, "lead_source")
    out["selection_prob"] = _number(table, "selection_prob")
    out["inspected_at"] = _time(table, "insp_time")
    concluded = _time(table, "conclude_time").fillna(out["inspected_at"])
    out["known_at"] = _time(table, "known_at").fillna(concluded)
    end = _time(table, "period_end")
    out["period_end"] = end.where(end <= out["inspected_at"], out["inspected_at"])
    out["insp_type"] = _text(table, "insp_type")
    out["source_table"], out["finding_id"] = "inspections", _text(table, "insp_id")
    return _known(out, moment)


def _presence(table: pd.DataFrame | None, moment: datetime | None) -> pd.DataFrame:
    if table is None or table.empty:
        return _empty()
    table = last_word(table, "presence_checks", moment).reset_index(drop=True)
    out = _of_codes(_text(table, "result_code"), PRESENCE)
    out["grain"], out["entity_id"] = "admission", _text(table, "mdtrt_id")
    out["amount_fen"] = np.nan
    out["lead_source"] = _text(table, "source")
    out["selection_prob"] = _number(table, "selection_prob")
    out["inspected_at"] = _time(table, "check_time")
    out["known_at"] = _time(table, "known_at").fillna(out["inspected_at"])
    out["period_end"] = out["inspected_at"]
    out["insp_type"] = "presence"
    out["source_table"], out["finding_id"] = "presence_checks", _text(table, "check_id")
    return _known(out, moment)


def _of_codes(code: pd.Series, table: dict[str, Outcome]) -> pd.DataFrame:
    meant = [table.get(c, UNKNOWN) for c in code]
    return pd.DataFrame(
        {
            "code": code,
            "outcome": [o.klass for o in meant],
            "weight": np.array([o.weight for o in meant], dtype="float64"),
            "conclusive": np.array([o.conclusive for o in meant], dtype=bool),
            "scheme": [o.scheme for o in meant],
        },
        index=code.index,
    )


def _known(found: pd.DataFrame, moment: datetime | None) -> pd.DataFrame:
    found = found[found["grain"].notna() & found["known_at"].notna() & (found["entity_id"] != "")]
    if moment is not None:
        found = found[found["known_at"] <= pd.Timestamp(moment)]
    return found[COLUMNS]


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
