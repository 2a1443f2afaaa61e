"""Everything known about one suspect: reasons with figures, claim rows, the honest explanation, and what added up to the score."""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd

from claims.errors import UserError
from features.grains import SCHEMES, spec_of
from features.reasons import in_words
from features.rule_texts import law_of
from serving.lists.chain import chain_of
from serving.lists.found_words import earlier_findings, listed_for
from serving.lists.money import Money, supposed
from serving.lists.plain import plain
from serving.lists.reasons import BASE, honest_of, reasons_of
from serving.lists.schema import DISCLAIMER, NAMES, Note, hits
from serving.lists.who import Known

#: Rows shown of one reason; the count of all is always given beside them.
ROWS_SHOWN = 200

Rows = Mapping[tuple[str, str, str], pd.DataFrame]


def check_known(index: Iterable[Any], grain: str, entity_id: str) -> None:
    """Raises UserError for an id that is not ranked; it names near ones only where ids are no personal numbers."""
    ids = {str(i) for i in index}
    if entity_id in ids:
        return
    near = (
        []
        if spec_of(grain).personal
        else difflib.get_close_matches(entity_id, sorted(ids), n=3, cutoff=0.6)
        if len(ids) < 50_000
        else []
    )
    hint = f"; near it: {', '.join(near)}" if near else f"; {len(ids)} were, check the id and the date"
    active = f"active in the {spec_of(grain).window_days} days before this date"
    raise UserError(f"no {grain} {entity_id!r} was {active}{hint}.")


def people_of(matrix: Any, ids: Sequence[str]) -> dict[str, list[str]]:
    """psn_no behind each entity: the patient of a stay, the person, the members of a ring; none for units and doctors."""
    out: dict[str, list[str]] = {}
    for entity_id in ids:
        row = matrix.entities.loc[entity_id]
        members = row.get("members")
        if isinstance(members, str) and members:
            out[entity_id] = members.split(";")
        elif isinstance(row.get("psn_no"), str) and row.get("psn_no"):
            out[entity_id] = [row["psn_no"]]
    return out


def dossier(
    matrix: Any,
    scored: Any,
    entity_id: str,
    rows: Rows,
    *,
    as_of: date | datetime,
    grain: str,
    notes: Sequence[Note] = (),
    known: Known | None = None,
    money: Money | None = None,
    delivered: Collection[str] = (),
) -> dict[str, Any]:
    """The dossier from loaded shapes, JSON-ready. `contributions` plus `base` add up to `raw` (up to floating point). delivered: the columns that
    fee lines of this warehouse have at all."""
    known = known or Known()
    frame = scored.frame.loc[entity_id]
    who = matrix.entities.loc[entity_id]
    scheme = frame["scheme"] if isinstance(frame["scheme"], str) else ""
    reasons = reasons_of(matrix, scored.contributions, entity_id, scheme=scheme)
    told = (money or supposed(frame)).told()
    contributions = _contributions(matrix, scored.contributions.loc[entity_id], entity_id)
    people = people_of(matrix, [entity_id]).get(entity_id, [])
    members = people if spec_of(grain).group else ()
    events = records_of(known.events_of(people))
    evidence = [_evidence(rows.get(r.key()), delivered) for r in reasons]
    return {
        "grain": grain,
        "grain_zh": NAMES.get(grain, grain),
        "as_of": plain(as_of),
        "disclaimer": DISCLAIMER,
        "entity_id": entity_id,
        "entity": {str(k): plain(v) for k, v in who.items()},
        "who": plain(known.told(grain, entity_id, who, members)),
        "units": _unit_names(known, who, events, evidence),
        "scheme": scheme,
        "scheme_zh": SCHEMES.get(scheme, ""),
        "scheme_share": plain(frame.get("scheme_share")),
        "risk": plain(frame["risk"]),
        "raw": plain(frame["raw"]),
        "suspicion": plain(frame.get("suspicion")),
        "probability": plain(frame.get("probability")),
        "probability_low": plain(frame.get("probability_low")),
        "probability_high": plain(frame.get("probability_high")),
        "model": plain(frame.get("model")),
        "earlier_findings": earlier_findings(frame),
        "listed_for": listed_for(frame),
        "finding": str(frame.get("finding", "")),
        "returning": bool(frame.get("returning", False)),
        "scorers": {str(k): plain(v) for k, v in scored.scorers.loc[entity_id].items()},
        "amount_yuan": told.pop("amount_at_risk_yuan"),
        **told,
        "reasons": [plain({**vars(r), "evidence": told}) for r, told in zip(reasons, evidence, strict=True)],
        "innocents": honest_of(matrix, entity_id, reasons),
        "points": points_proposed(matrix, entity_id),
        "base": plain(scored.contributions.loc[entity_id].get(BASE, 0.0)),
        "contributions": contributions,
        "peers": _peers(matrix, [r.column for r in reasons], entity_id),
        "events": events,
        "notes": [{"text": n.text, "severity": n.severity, "rows": n.rows} for n in notes],
    }


def points_proposed(matrix: Any, entity_id: str) -> list[str]:
    """Of a doctor: the band of 支付资格 points that each rule hit may lead to, once somebody has found it true; empty for other grains."""
    if not spec_of(matrix.grain).payment_points:
        return []
    told = {}
    for name, column in matrix.columns.items():
        struck = column.hit and column.feature.kind in ("hard", "lead") and matrix.X.at[entity_id, name] > 0
        if struck and (points := law_of(column.scheme).points):
            label = in_words(column.label)
            told[label] = f"{label}：查实后建议每次 {points} 分（一个自然年度累计 12 分，按责任大小由认定环节决定）"
    return list(told.values())


def _contributions(matrix: Any, own: pd.Series, entity_id: str) -> list[dict[str, Any]]:
    parts = own.drop(BASE, errors="ignore")
    parts = parts[parts != 0]
    order = parts.abs().sort_values(ascending=False, kind="stable").index
    value = matrix.X.loc[entity_id]
    return [
        {
            "column": column,
            "label": matrix.columns[column].label,
            "value": plain(value.get(column)),
            "contribution": float(parts[column]),
        }
        for column in order
    ]


def _unit_names(
    known: Known, who: pd.Series, events: Sequence[Mapping[str, Any]], evidence: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Code → name of every unit that the dossier names."""
    rows = [row for told in evidence for row in told["rows"]]
    codes = {
        str(v.get(c)) for v in (*events, *rows, who) for c in ("fixmedins_code", "ward_unit", "last_unit") if v.get(c)
    }
    return {c: str(known.units[c]["name"]) for c in sorted(codes & set(known.units)) if known.units[c]["name"]}


def _evidence(frame: pd.DataFrame | None, delivered: Collection[str]) -> dict[str, Any]:
    """Claim rows of one reason: the evidence proper, at most ROWS_SHOWN of them, with the counts of all and what stands behind them."""
    if frame is None or not len(frame):
        return {"total": 0, "considered": 0, "rows": [], "chain": None}
    proper = hits(frame)
    hidden = (
        "entity_id", "hit", "record_visit", "record_settlement", "record_paid_fen", "record_charge", "record_ordered", "record_done",
    )  # fmt: skip
    shown = proper.drop(columns=[c for c in hidden if c in proper]).head(ROWS_SHOWN)
    if "record_fund_fen" in shown:  # what was paid on its settlement is no line's own
        line = shown["row_table"] == "fee_details"
        own = {c: shown[c].mask(line) for c in ("record_fund_fen", "record_acct_fen")}
        shown = shown.assign(**own)
    chain = chain_of(proper, delivered)
    return {"total": len(proper), "considered": len(frame), "rows": records_of(shown), "chain": chain}


def _peers(matrix: Any, columns: Sequence[str], entity_id: str) -> list[dict[str, Any]]:
    """For each reason: where the entity stands in its peer group (quartiles and tails, no other entity's figures), the group of its sentence. Of
    fewer than ten peers nothing but their number."""
    out = []
    for name in columns:
        column, standing = matrix.columns[name], matrix.standing(name, entity_id)
        whose = f"所属{NAMES[column.about]}：" if column.parent else ""
        marks = {**standing.marks, "median": standing.median}
        told = dict.fromkeys(marks) if standing.few else marks
        told = {
            "column": name,
            "label": whose + column.label,
            "unit": column.unit,
            "value": standing.value,
            "n": standing.n,
        } | told
        out.append(plain(told))
    return out


def records_of(frame: pd.DataFrame | None) -> list[dict[str, Any]]:
    """JSON-ready rows of a frame; money in fen also as yuan, a column of calendar days without an hour."""
    if frame is None or not len(frame):
        return []
    frame = frame.copy()
    for column in frame.select_dtypes("datetime"):
        if column != "happened_at" and (frame[column].dropna() == frame[column].dropna().dt.normalize()).all():
            frame[column] = frame[column].dt.date.astype(object).where(frame[column].notna(), None)
    for column in [c for c in frame.columns if c == "fen" or str(c).endswith("_fen")]:
        frame[str(column).replace("fen", "yuan")] = (pd.to_numeric(frame[column], errors="coerce") / 100).round(2)
    return [{str(k): plain(v) for k, v in row.items()} for row in frame.to_dict(orient="records")]
