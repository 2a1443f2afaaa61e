"""This week's list of one grain: ranked by risk, a draw beside it, three reasons a row, each with its claim rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from features.grains import spec_of
from inspection.seed import random_for
from models.score import in_order
from serving.lists.earlier import nobody
from serving.lists.found_words import as_text, earlier_findings, listed_for
from serving.lists.groups import groups_of
from serving.lists.money import Money, listed_with, supposed
from serving.lists.reasons import honest_of, reasons_of
from serving.lists.sampling import choose, interleave
from serving.lists.schema import COLUMNS, EXTRA, NAMES, Note, WorkList, hits
from serving.lists.who import short

EXPLAINED = ["entity_id", "label", "members", "innocent"]
FAIR = "先在同龄段、同慢特病状况的人群内比较，再合排名次，各人群按人数占比入列，不因年老或患慢性病而多列："
"""What a levelled list says of itself, before each stratum's numbers."""
AS_RANKED = "按风险排序，未按人群拉平；各人群入列人数："
"""What a list of a grain with strata says otherwise."""


def assemble(
    matrix: Any,
    scored: Any,
    top: int,
    *,
    as_of: date,
    grain: str,
    notes: Sequence[Note] = (),
    window_days: int | None = None,
    seed: int = 0,
    draw_share: float = 0.1,
    at: datetime | None = None,
    earlier: pd.DataFrame | None = None,
) -> WorkList:
    """A list from a matrix and its scores, without touching the disk. Evidence counts are filled in by `with_evidence`. earlier: serving.lists.earlier."""
    entities = matrix.entities[~matrix.entities.index.duplicated()]
    frame = scored.frame[~scored.frame.index.duplicated()]
    entities = entities.loc[frame.index]
    aside = explained_by(entities)
    table = frame.loc[in_order(frame[~aside])]
    table = table.assign(entity_id=table.index.astype(str)).rename_axis(None)
    rng = random_for(seed, grain, at or as_of)
    # the decided stand on a list only by their rank, never by chance
    back = table["returning"].to_numpy(dtype=bool) if "returning" in table else np.zeros(len(table), dtype=bool)
    table = table[~back | (np.arange(len(table)) < top)]
    decided = scored.left_out + len(back) - len(table)
    areas = entities["area"].reindex(table.index).map(as_text) if "area" in entities else None
    chosen = choose(pd.Series(table["risk"].to_numpy(), index=table.index), top, draw_share, rng, areas)
    rows = _rows(matrix, scored, table.loc[chosen.index], chosen, entities, as_of, grain)
    rows["lead"] = interleave(rows["slot"], rng).to_numpy()
    facts = _facts(rows, table, scored, grain, window_days, seed, draw_share, int(aside.sum()), decided, at)
    ranked = rows.loc[rows["slot"] == "ranked", "entity_id"]
    said = groups_of(table.set_index("entity_id"), list(ranked), nobody() if earlier is None else earlier)
    facts["groups"] = [g.to_json() for g in said]
    return WorkList(grain, as_of, rows.reset_index(drop=True), _explained(entities[aside]), tuple(notes), facts, at)


def explained_by(entities: pd.DataFrame) -> pd.Series:
    """Which entities an innocent explanation covers (rings: column `explained` or `innocent` of the ring builder)."""
    for name in ("explained", "innocent"):
        if name in entities.columns:
            text = entities[name].astype("object").where(entities[name].notna(), "")
            return text.astype(str).str.strip().isin(["", "False", "0"]).eq(False)
    return pd.Series(False, index=entities.index)


def _explained(entities: pd.DataFrame) -> pd.DataFrame:
    frame = pd.DataFrame({"entity_id": entities.index.astype(str)})
    for name in EXPLAINED[1:]:
        source = "explained" if name == "innocent" and "explained" in entities else name
        frame[name] = entities[source].to_numpy() if source in entities else ""
    return frame


def _rows(
    matrix: Any, scored: Any, table: pd.DataFrame, chosen: pd.DataFrame, entities: pd.DataFrame, as_of: date, grain: str
) -> pd.DataFrame:
    out: list[dict[str, Any]] = []
    for rank, (key, row) in enumerate(table.iterrows(), start=1):
        entity_id = str(key)
        who = entities.loc[entity_id]
        reasons = reasons_of(matrix, scored.contributions, entity_id, scheme=str(row["scheme"]))
        texts = [r.text for r in reasons] + [""] * 3
        texts[0] = "；".join(filter(None, [texts[0], listed_for(row), earlier_findings(row)]))
        out.append(
            {
                "rank": rank,
                "grain": grain,
                "as_of": as_of.isoformat(),
                "entity_id": entity_id,
                "risk": round(float(row["risk"]), 6),
                "scheme": row["scheme"] if isinstance(row["scheme"], str) else "",
                "slot": chosen.loc[entity_id, "slot"],
                "reason_1": texts[0],
                "reason_2": texts[1],
                "reason_3": texts[2],
                "probability": _rounded(row["probability"]),
                **supposed(row).told(),
                "innocent": "；".join(honest_of(matrix, entity_id, reasons)),
                "area": as_text(who.get("area")),
                "fixmedins_code": as_text(who.get("fixmedins_code")),
                "psn_no": as_text(who.get("psn_no")),
                "evidence_rows": 0,
                "model": as_text(row["model"]),
                "returning": as_text(row.get("finding")),
                "probability_low": _rounded(row.get("probability_low")),
                "probability_high": _rounded(row.get("probability_high")),
                "stratum": as_text(row.get("stratum")),
                "scheme_2": as_text(row.get("scheme_2")),
                "members": as_text(who.get("members")),
                "selection_prob": float(chosen["selection_prob"][entity_id]),
                "scheme_share": _rounded(row.get("scheme_share")),
                "label": as_text(who.get("label")),
                "begin_at": who.get("begin_at"),
                "end_at": who.get("end_at"),
                "open": bool(who.get("open") or False),
                "keys": [r.key() for r in reasons],
            }
        )
    return pd.DataFrame(out, columns=[*COLUMNS, "members", *(c for c in EXTRA if c != "lead"), "keys"])


def with_evidence(worklist: WorkList, found: Mapping[tuple[str, str, str], pd.DataFrame]) -> WorkList:
    """The list with `evidence_rows` counted: distinct claim rows (hits, where the declaration marks them) behind its reasons."""
    rows = worklist.rows.copy()
    rows["evidence_rows"] = [len({row for key in keys for row in row_keys(found.get(key))}) for keys in rows["keys"]]
    return replace(worklist, rows=rows)


def with_money(worklist: WorkList, money: Mapping[str, Money]) -> WorkList:
    """The list with the money of each suspect, counted over claim rows, and their sum."""
    rows = listed_with(worklist.rows, money)
    return replace(worklist, rows=rows, facts={**worklist.facts, "amount_yuan": total_yuan(rows)})


def with_names(worklist: WorkList, dossiers: Mapping[str, Mapping[str, Any]]) -> WorkList:
    """The list with each suspect in a few words and the name of the unit."""
    told = [dossiers[e]["who"] for e in worklist.rows["entity_id"]]
    names = {"unit_name": [t.get("unit_name", "") for t in told], "who": [short(t) for t in told]}
    return replace(worklist, rows=worklist.rows.assign(**names))


def with_history(worklist: WorkList, seen: Mapping[str, Sequence[Mapping[str, Any]]], lift: str) -> WorkList:
    """The list with the days on which earlier lists named each suspect, and the honest lift of the lists before."""
    days = [" ".join(str(r["as_of"]) for r in seen.get(e, [])) for e in worklist.rows["entity_id"]]
    described = {**worklist.facts["described"], "此前命中": lift}
    return replace(worklist, rows=worklist.rows.assign(seen=days), facts={**worklist.facts, "described": described})


def total_yuan(rows: pd.DataFrame) -> float:
    """What all rows of a list add up to."""
    return round(float(rows["amount_at_risk_yuan"].sum()), 2)


def row_keys(frame: pd.DataFrame | None) -> set[tuple[str, str]]:
    """(table, row id) of the evidence proper."""
    if frame is None or not len(frame):
        return set()
    proper = hits(frame)
    return set(zip(proper["row_table"].astype(str), proper["row_id"].astype(str), strict=True))


def _facts(
    rows: pd.DataFrame,
    table: pd.DataFrame,
    scored: Any,
    grain: str,
    window_days: int | None,
    seed: int,
    draw_share: float,
    explained: int,
    decided: int,
    at: datetime | None,
) -> dict[str, Any]:
    counts = rows["slot"].value_counts()
    window = window_days or spec_of(grain).window_days
    model = str(table["model"].iloc[0]) if len(table) else ""
    strata = strata_of(rows, table)
    return {
        "population": len(table),
        "ranked": int(counts.get("ranked", 0)),
        "draw": int(counts.get("draw", 0)),
        "control": int(counts.get("control", 0)),
        "explained": explained,
        "decided": decided,
        "returning": int((rows["returning"] != "").sum()),
        "window_days": window,
        "seed": seed,
        "draw_share": draw_share,
        "model": model,
        "scorers": [str(c) for c in scored.scorers.columns if scored.scorers[c].notna().any()],
        "amount_yuan": total_yuan(rows),
        "described": {
            "名单对象": NAMES.get(grain, grain),
            "排序总体": f"{'该时刻在院' if at else f'最近{window}天有活动'}的{NAMES.get(grain, grain)}共 {len(table)} 个",  # type: ignore[call-overload]
            "构成": "按风险排序，另有随机抽取与对照行混排其中、不作标记，用于诚实估计命中率",
            "已有结论": f"{decided} 个已有结论、检查期后没有新情况的不列入；检查期后另有新情况的标明复现，只按新情况排序",
            "模型": model or "—",
        }
        | ({"公平": fairness(rows, table, strata)} if strata else {}),
    }


def fairness(rows: pd.DataFrame, table: pd.DataFrame, strata: dict[str, list[int]]) -> str:
    """Each stratum's numbers; of a levelled list what that costs: how many of the most suspect it leaves out."""
    counted = "；".join(f"{s} {n} 个中列 {k} 个" for s, (n, k) in strata.items())
    if table["placed"].equals(table["raw"]):
        return AS_RANKED + counted
    listed = rows.loc[rows["slot"] == "ranked", "entity_id"]
    first = table.sort_values(["raw", "entity_id"], ascending=[False, True], kind="stable")["entity_id"].head(
        len(listed)
    )
    return f"{FAIR}{counted}。代价：风险最高的 {len(listed)} 个中有 {int((~first.isin(listed)).sum())} 个因此未列入"


def strata_of(rows: pd.DataFrame, table: pd.DataFrame) -> dict[str, list[int]]:
    """{stratum: [population, ranked on the list]}; empty where the grain has none (models/parity.py)."""
    named = table.loc[table["stratum"] != "", "stratum"] if "stratum" in table else pd.Series(dtype=str)
    ranked = named.reindex(rows.loc[rows["slot"] == "ranked", "entity_id"]).value_counts()
    return {str(s): [int(n), int(ranked.get(s, 0))] for s, n in named.value_counts().sort_index().items()}


def _rounded(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else round(float(value), 6)
