"""Lists held against a simulated county's truth: precision at the office's capacities, recall per scheme, money, innocents, areas, beds, rings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from features.intervals import wilson
from models.beds import bed_evidence
from models.ensemble import explained
from models.scheme import attribute, named
from models.settings import SETTINGS
from training.evaluation.baselines import Dated
from training.evaluation.leakage import leaks
from training.evaluation.truth import Truth
from training.metrics import MIN_CASES, Figure, auc, best, cannot_say, compared

Scores = tuple[pd.Series, pd.Series]
"""(score, truth as 0/1), both by entity."""


def against_truth(grain: str, lists: Sequence[Dated], truth: Truth, *, seed: int = 0) -> dict[str, Any]:
    """All figures of one grain, on what was in each list's window. Plain values."""
    guilty, amount = truth.schemes(grain), truth.amounts(grain)
    if guilty.empty:
        return {"note": "真值中没有这一粒度的对象", "n": 0}
    labelled = [pd.Series(d.matrix.X.index.isin(guilty.index).astype(float), index=d.matrix.X.index) for d in lists]
    rate = float(np.mean(np.concatenate([t.to_numpy() for t in labelled])))
    names = [n for n in lists[0].scores if all(n in d.scores for d in lists)]
    candidates = {n: [(d.scores[n], t) for d, t in zip(lists, labelled, strict=True)] for n in names}
    sizes = [k for k in SETTINGS[grain].sizes if k < min(len(t) for t in labelled)]
    tables = [compared(candidates, k, random_rate=rate, seed=seed) for k in sizes]
    k = max(sizes, default=10)
    out = {
        "n": int(sum(len(t) for t in labelled)),
        "guilty": int(sum(t.sum() for t in labelled)),
        "base_rate": rate,
        "k": k,
        "ranker": all(d.ranker for d in lists),
        "table": pd.concat(tables).to_dict("records") if tables else [],
        "auc": {n: _auc(pd.concat([t for _, t in c]), pd.concat([s for s, _ in c])) for n, c in candidates.items()},
        "schemes": recall_per_scheme(candidates["full"], guilty, k),
        "named": schemes_named(lists, truth, grain),
        "money": money_captured(candidates, amount, k),
        "innocents": false_accusations(grain, candidates["full"], truth, k),
        "areas": by_part(candidates["full"], [d.matrix.entities["area"] for d in lists], k),
        "levels": by_part(candidates["full"], [levels(d.matrix.entities) for d in lists], k),
        "leaks": [leak for d, t in zip(lists, labelled, strict=True) for leak in leaks(d.matrix.X, t)],
    }
    return out | ({"beds": beds(lists, truth)} if grain == "admission" else {})


def levels(entities: pd.DataFrame) -> pd.Series:
    """Hospital level ('3', '2', '1', '0' = none) per entity, '' where it has none: persons, rings."""
    if "level" not in entities:
        return pd.Series("", index=entities.index)
    return entities["level"].astype("Int64").astype("string").fillna("").astype("str")


def by_part(lists: Sequence[Scores], parts: Sequence[pd.Series], k: int) -> dict[str, dict[str, Any]]:
    """{area or level: n, guilty, listed among the first k, hits, precision}; the precision is a Figure that cannot say below `MIN_CASES` listed."""
    rows = []
    for (scores, bad), part in zip(lists, parts, strict=True):
        frame = pd.DataFrame({"part": part.reindex(scores.index).fillna("").astype(str), "bad": bad})
        rows.append(frame.assign(listed=scores.index.isin(best(scores, k))))
    table = pd.concat(rows)
    out: dict[str, dict[str, Any]] = {}
    for name, block in table[table["part"] != ""].groupby("part"):
        listed, hits = int(block["listed"].sum()), int(block.loc[block["listed"], "bad"].sum())
        low, high = wilson(hits, listed)
        said = Figure(hits / listed, low, high, listed) if listed >= MIN_CASES else cannot_say(listed)
        out[str(name)] = {
            "n": len(block),
            "guilty": int(block["bad"].sum()),
            "listed": listed,
            "hits": hits,
            "precision": said.to_json(),
        }
    return out


def beds(lists: Sequence[Dated], truth: Truth, share: float = 0.1) -> dict[str, Any]:
    """Of the stays open at the end of each day, the share of the empty beds among the first `share` by the bed score. Home beds are left out."""
    home = home_stays(truth)
    opened = empty = found = checked = 0
    for d in lists:
        moment = pd.Timestamp(d.day) + pd.Timedelta(hours=23, minutes=59)
        here = d.matrix.only([e for e in d.matrix.entities.index[is_open(d.matrix.entities)] if e not in home])
        if here.X.empty:
            continue
        raw, _ = bed_evidence(d.model, here, d.matrix)
        top = best(raw.sum(axis=1), max(1, round(len(here.X) * share)))
        gone = absent_at(truth, moment)
        opened, empty = opened + len(here.X), empty + int(here.X.index.isin(list(gone)).sum())
        checked, found = checked + len(top), found + int(top.isin(list(gone)).sum())
    low, high = wilson(found, empty)
    said = Figure(found / empty, low, high, empty) if empty >= MIN_CASES else cannot_say(empty)
    return {"open": opened, "empty": empty, "checked": checked, "found": found, "share_found": said.to_json()}


def home_stays(truth: Truth) -> set[str]:
    """mdtrt_id of stays in a home bed (N34): their patient is at home by right."""
    kinds = truth.innocents
    return (
        set()
        if kinds.empty
        else set(kinds.loc[(kinds["innocent"] == "N34") & (kinds["grain"] == "admission"), "entity_id"])
    )


def is_open(entities: pd.DataFrame) -> pd.Series:
    """Stays not yet discharged."""
    return entities["open"].fillna(False).astype(bool) if "open" in entities else pd.Series(False, index=entities.index)


def absent_at(truth: Truth, moment: pd.Timestamp) -> set[str]:
    """mdtrt_id of stays whose bed was empty without excuse at a moment."""
    gone = truth.absences
    if gone.empty:
        return set()
    return set(gone.loc[(gone["begin"] <= moment) & (gone["end"] > moment), "mdtrt_id"].astype(str))


def recall_per_scheme(lists: Sequence[Scores], guilty: pd.Series, k: int) -> dict[str, dict[str, Any]]:
    """{scheme: guilty in the windows, listed among the first k, listed among the first tenth}."""
    out: dict[str, dict[str, Any]] = {}
    for scores, _ in lists:
        inside = guilty[guilty.index.isin(scores.index)]
        top, tenth = best(scores, k), best(scores, max(1, len(scores) // 10))
        for scheme, ids in inside.groupby(inside).groups.items():
            row = out.setdefault(str(scheme), {"guilty": 0, f"in_{k}": 0, "in_tenth": 0})
            row["guilty"] += len(ids)
            row[f"in_{k}"] += int(ids.isin(top).sum())
            row["in_tenth"] += int(ids.isin(tenth).sum())
    return dict(sorted(out.items()))


def schemes_named(lists: Sequence[Dated], truth: Truth, grain: str) -> dict[str, Any]:
    """Of the guilty in the windows, listed or not: how many would carry a scheme they are guilty of (models/scheme.py); `plain`: by summed
    evidence alone, None where that is how the grain is named."""
    part = truth.guilty[truth.guilty["grain"] == grain]
    of = part.groupby("entity_id")["scheme"].agg(set)
    said = {"named": 0, "plain": 0}
    n = 0
    for d in lists:
        here = d.matrix.only(list(of.index))
        if here.X.empty:
            continue
        contributions, _ = explained(d.model, here)
        n += len(here.X)
        for name, usual, often in (("named", d.model.usual, d.model.often), ("plain", None, None)):
            scheme = named(attribute(contributions, here.X, here.percentile, here.columns, usual, often))["scheme"]
            said[name] += sum(scheme[e] in of[e] for e in here.X.index)
    low, high = wilson(said["named"], n)
    share = Figure(said["named"] / n, low, high, n) if n >= MIN_CASES else cannot_say(n)
    plain = said["plain"] if any(d.model.usual or d.model.often for d in lists) else None
    return {"guilty": n, "named": said["named"], "plain": plain, "share": share.to_json()}


def money_captured(candidates: dict[str, list[Scores]], amount: pd.Series, k: int) -> dict[str, Any]:
    """Yuan truly at stake among the first k, per competitor, and by an oracle that knows every amount."""
    out: dict[str, Any] = {}
    for name, lists in candidates.items():
        out[name] = round(sum(float(amount.reindex(best(s, k)).fillna(0).sum()) for s, _ in lists) / 100, 2)
    out["oracle"] = round(
        sum(float(amount.reindex(s.index).fillna(0).nlargest(k).sum()) for s, _ in candidates["full"]) / 100, 2
    )
    return {"k": k, "yuan": out}


def false_accusations(grain: str, lists: Sequence[Scores], truth: Truth, k: int) -> dict[str, Any]:
    """Per innocent class: how many there are, how many stand among the first k, and the ratio of its flag rate to that of other innocents."""
    table = truth.innocents
    if table.empty:
        return {}
    klass = table[table["grain"] == grain].drop_duplicates("entity_id").set_index("entity_id")["innocent"]
    flagged, total, kinds = [], [], []
    for scores, bad in lists:
        clean = scores.index[bad.to_numpy() == 0]
        flagged.append(pd.Series(clean.isin(best(scores, k)), index=clean))
        kinds.append(pd.Series(clean.map(klass), index=clean))
        total.append(len(clean))
    flag, kind = pd.concat(flagged), pd.concat(kinds)
    out: dict[str, Any] = {}
    for name in sorted(kind.dropna().unique()):
        inside, outside = flag[(kind == name).to_numpy()], flag[(kind != name).to_numpy()]
        low, high = wilson(float(inside.sum()), len(inside))
        out[str(name)] = {
            "n": len(inside),
            "flagged": int(inside.sum()),
            "rate": float(inside.mean()),
            "low": low,
            "high": high,
        }
        out[str(name)]["ratio_to_others"] = float(inside.mean() / outside.mean()) if outside.mean() > 0 else None
    return out


def rings_against_truth(rings: pd.DataFrame, truth: Truth | None) -> dict[str, Any]:
    """Rings on the list (without an honest explanation) against the planted ones. rings: entities with `members` ('a;b;…') and `innocent`.

    A planted ring is found by a listed ring that holds at least half of its members and consists of its members to at least half.
    """
    planted = {} if truth is None or truth.rings.empty else truth.rings.groupby("ring_id")["psn_no"].agg(set).to_dict()
    members = [set(str(m).split(";")) for m in rings.get("members", pd.Series(dtype=str))]
    honest = rings["innocent"].fillna("").astype(str).ne("").tolist() if "innocent" in rings else [False] * len(members)
    listed = [m for m, excused in zip(members, honest, strict=True) if not excused]
    match = {r: any(2 * len(m & p) >= max(len(m), len(p)) for m in listed) for r, p in planted.items()}
    right = sum(any(2 * len(m & p) >= max(len(m), len(p)) for p in planted.values()) for m in listed)
    excused = [m for m, e in zip(members, honest, strict=True) if e]
    wronged = sum(any(2 * len(m & p) >= max(len(m), len(p)) for m in excused) for p in planted.values())
    low, high = wilson(right, len(listed))
    said = Figure(right / len(listed), low, high, len(listed)) if len(listed) >= MIN_CASES else cannot_say(len(listed))
    return {
        "planted": len(planted),
        "found": sum(match.values()),
        "listed": len(listed),
        "listed_right": right,
        "explained": len(excused),
        "planted_but_explained_away": wronged,
        "precision": said.to_json(),
    }


def _auc(y: pd.Series, s: pd.Series) -> float | None:
    return auc(y.to_numpy(), s.to_numpy()) if y.nunique() == 2 else None
