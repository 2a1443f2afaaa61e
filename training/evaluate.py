"""Is the list worth anybody's evening? Rules, isolation forest, graph, plain LightGBM and the full model side by side, with intervals.

With truth (a simulated county) every entity counts. Without, a list made as of an earlier date is held against what was found later; only
random-draw outcomes give unbiased figures, and below 20 decided cases the answer is "cannot say yet".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from claims.errors import UserError
from claims.warehouse import Warehouse
from features.grains import Grain
from features.matrix import Matrix, load_matrix
from models.bundle import Bundle, load_active
from models.ensemble import GrainModel, badness_of, unlabelled
from models.ranker import Ranker
from models.score import score, score_with
from training.fit import fit_grain
from training.labels import enough, load_labels
from training.lift import MIN_CASES, Figure, best, cannot_say, compared, wilson
from training.propensity import drawn_rate
from training.rows import Rows, read_labels, read_table, training_rows
from training.truth import Truth, load_truth

OFFICE: Final[dict[str, tuple[int, ...]]] = {
    "admission": (30, 50, 100),
    "person": (25, 50, 100),
    "institution": (8, 17, 50),
    "doctor": (10, 50, 100),
}
"""Capacities: 30 chart reviews, 25 person reviews and 16 site visits a month (pilot README), and the round figures lists are compared at."""
PLAIN: Final = (
    "fund_fen",
    "total_fen",
    "days",
    "cost_per_day",
    "fund_share",
    "n_same_person",
    "n_same_institution",
    "n_same_doctor",
)
"""Simple aggregates anybody would try first; the yardstick is LightGBM on these."""
LEAK_AUC = 0.98
Progress = Callable[[str, float], None]


def evaluate(
    warehouse: Path | str,
    truth: Path | str | None = None,
    *,
    as_of: date | None = None,
    dates: int = 1,
    step: int = 30,
    grains: Sequence[Grain] = ("admission", "person", "institution", "doctor"),
    seed: int = 0,
    order: str = "probability",
    refit: bool = True,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Side-by-side figures per grain.

    With truth: lists as of `as_of`, `as_of` − step, … (`dates` of them; default: the last date the claims reach), each by a model fitted only
    on what was known by that date (`refit`; else the bundle in force). Without: lists as of `as_of` (default: 120 days before the last claim)
    against outcomes that became known later. Returns plain values (for --json): {"mode", "dates", "grains": {grain: {...}}}.
    """
    root = Path(warehouse)
    store = Warehouse.open(root)
    last = store.span()[1].date()
    facts = load_truth(truth) if truth is not None else None
    start = as_of or (last if facts is not None else last - timedelta(days=120))
    days = [start - timedelta(days=step * i) for i in range(dates)]
    days = [d for d in days if d >= store.span()[0].date() + timedelta(days=60)]
    if not days:
        raise UserError(f"数据只到 {last}，没有足够的历史可供评估；请导入更长时间的数据，或指定更晚的 --as-of。")
    out: dict[str, Any] = {
        "mode": "truth" if facts is not None else "later",
        "dates": [f"{d}" for d in days],
        "order": order,
        "grains": {},
    }
    for i, grain in enumerate(grains):
        if progress is not None:
            progress(f"评估 {grain}", i / len(grains))
        lists = [dated(root, day, grain, seed=seed, order=order, refit=refit) for day in days]
        if facts is not None:
            out["grains"][grain] = against_truth(grain, lists, facts, seed=seed)
        else:
            later = outcomes_after(store, grain, days[0], last)
            out["grains"][grain] = against_later(grain, lists[0], later)
    return out


# ------------------------------------------------------------------ the competitors


def dated(
    root: Path, day: date, grain: Grain, *, seed: int = 0, order: str = "probability", refit: bool = True
) -> dict[str, Any]:
    """Scores of every competitor as of one date: {"scores": {name: Series}, "matrix", "frame", "ranker", "labels"}."""
    matrix = load_matrix(root, day, grain)
    labels = read_labels(root, day)
    model, bundle, rows = _model(root, day, grain, matrix, labels, seed, refit)
    scored = score_with(matrix, model, order=order) if bundle is None else score(matrix, bundle, order=order)  # type: ignore[arg-type]
    free = unlabelled(matrix, seed=seed)
    scores = {
        "random": pd.Series(np.random.default_rng(seed).random(len(matrix.X)), index=matrix.X.index),
        "largest": matrix.entities["total_fen"].astype("float64").fillna(0.0),
        "rules": free.rules.risk(matrix.X),
        "isolation": free.isolation.risk(badness_of(matrix)),
        "unlabelled": score_with(matrix, free, order="probability").frame["suspicion"],
        "full": scored.frame["risk"],
    }
    if free.graph is not None:
        scores["graph"] = free.graph.risk(badness_of(matrix))
    if (plain := plain_lightgbm(root, day, grain, matrix, labels, free, rows, seed)) is not None:
        scores["plain_lightgbm"] = plain
    return {
        "scores": scores,
        "matrix": matrix,
        "frame": scored.frame,
        "ranker": model.ranker is not None,
        "labels": labels,
        "rows": rows,
    }


def _model(
    root: Path, day: date, grain: Grain, matrix: Matrix, labels: pd.DataFrame, seed: int, refit: bool
) -> tuple[GrainModel, Bundle | None, Rows | None]:
    if not refit and (bundle := load_active(root)) is not None and grain in bundle.grains:
        return bundle.grains[grain], bundle, None
    model, _, rows = fit_grain(root, day, grain, matrix, labels, seed=seed)
    return model, None, rows


def plain_columns(matrix: Matrix) -> pd.DataFrame:
    """The simple aggregates `PLAIN` per entity: money, length, shares, how often patient, hospital and doctor appear in the window."""
    e = matrix.entities
    out = pd.DataFrame(index=e.index)
    out["fund_fen"], out["total_fen"] = e["fund_fen"].astype("float64"), e["total_fen"].astype("float64")
    out["days"] = (pd.to_datetime(e["end_at"]) - pd.to_datetime(e["begin_at"])).dt.total_seconds() / 86400.0
    out["cost_per_day"] = out["total_fen"] / out["days"].clip(lower=1.0)
    out["fund_share"] = out["fund_fen"] / out["total_fen"].where(out["total_fen"] > 0)
    for name, key in (
        ("n_same_person", "psn_no"),
        ("n_same_institution", "fixmedins_code"),
        ("n_same_doctor", "dr_codg"),
    ):
        out[name] = e[key].map(e[key].value_counts()).astype("float64") if key in e and e[key].notna().any() else 0.0
    return out


def plain_lightgbm(
    root: Path,
    day: date,
    grain: Grain,
    matrix: Matrix,
    labels: pd.DataFrame,
    model: GrainModel,
    rows: Rows | None,
    seed: int,
) -> pd.Series | None:
    """LightGBM, default leaves, on the simple aggregates with the same visible labels at the same snapshots; None where labels are too few."""
    if not enough(labels, grain)[0]:
        return None
    rows = rows if rows is not None else training_rows(root, day, grain, labels, model, seed=seed)
    parts = []
    for stamp, block in rows.info.groupby("snapshot"):
        then = plain_columns(load_matrix(root, pd.Timestamp(str(stamp)).date(), grain)).reindex(block["entity_id"])
        parts.append(then.set_axis(block.index))
    X = pd.concat(parts).reindex(rows.info.index)
    keep = (rows.info["y"].notna() & ~rows.info["soft"]).to_numpy()
    y = rows.info["y"][keep]
    if y.nunique() < 2:
        return None
    scorer = Ranker(trees=100, leaves=31, rate=0.1, min_leaf=20, l2=0.0, columns_share=1.0, seed=seed).fit(X[keep], y)
    return scorer.risk(plain_columns(matrix))


# ------------------------------------------------------------------ with truth


def against_truth(grain: str, lists: Sequence[dict[str, Any]], truth: Truth, *, seed: int = 0) -> dict[str, Any]:
    """Precision at the office's capacities for every competitor, recall per scheme, money, innocents; all on what was in each list's window."""
    guilty, amount = truth.schemes(grain), truth.amounts(grain)
    if guilty.empty:
        return {"note": "真值中没有这一粒度的对象", "n": 0}
    labelled = [
        pd.Series(d["matrix"].X.index.isin(guilty.index).astype(float), index=d["matrix"].X.index) for d in lists
    ]
    rate = float(np.mean(np.concatenate([t.to_numpy() for t in labelled])))
    names = [n for n in lists[0]["scores"] if all(n in d["scores"] for d in lists)]
    candidates = {n: [(d["scores"][n], t) for d, t in zip(lists, labelled, strict=True)] for n in names}
    tables = [
        compared(candidates, k, random_rate=rate, seed=seed) for k in OFFICE[grain] if k < min(len(t) for t in labelled)
    ]
    k = max((k for k in OFFICE[grain] if k < min(len(t) for t in labelled)), default=10)
    return {
        "n": int(sum(len(t) for t in labelled)),
        "guilty": int(sum(t.sum() for t in labelled)),
        "base_rate": rate,
        "ranker": all(d["ranker"] for d in lists),
        "table": pd.concat(tables).to_dict("records") if tables else [],
        "auc": {n: _auc(pd.concat([t for _, t in c]), pd.concat([s for s, _ in c])) for n, c in candidates.items()},
        "schemes": recall_per_scheme(candidates["full"], guilty, k),
        "money": money_captured(candidates, amount, k),
        "innocents": false_accusations(grain, candidates["full"], truth, k),
        "leaks": [leak for d, t in zip(lists, labelled, strict=True) for leak in leaks(d["matrix"].X, t)],
    }


def recall_per_scheme(
    lists: Sequence[tuple[pd.Series, pd.Series]], guilty: pd.Series, k: int
) -> dict[str, dict[str, Any]]:
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


def money_captured(
    candidates: dict[str, list[tuple[pd.Series, pd.Series]]], amount: pd.Series, k: int
) -> dict[str, Any]:
    """Yuan truly at stake among the first k, per competitor, and by an oracle that knows every amount."""
    out: dict[str, Any] = {}
    for name, lists in candidates.items():
        out[name] = round(sum(float(amount.reindex(best(s, k)).fillna(0).sum()) for s, _ in lists) / 100, 2)
    out["oracle"] = round(
        sum(float(amount.reindex(s.index).fillna(0).nlargest(k).sum()) for s, _ in candidates["full"]) / 100, 2
    )
    return {"k": k, "yuan": out}


def false_accusations(grain: str, lists: Sequence[tuple[pd.Series, pd.Series]], truth: Truth, k: int) -> dict[str, Any]:
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


def leaks(X: pd.DataFrame, truth: pd.Series, limit: float = LEAK_AUC) -> list[dict[str, Any]]:
    """Columns that separate almost perfectly by themselves: too good to be honest (trust.md; workflow.md §11)."""
    out = []
    y = truth.to_numpy()
    if len(np.unique(y)) < 2:
        return []
    for column in X.columns:
        x = X[column].to_numpy()
        ok = np.isfinite(x)
        if ok.sum() < 50 or len(np.unique(y[ok])) < 2 or np.ptp(x[ok]) == 0:
            continue
        auc = float(roc_auc_score(y[ok], x[ok]))
        if max(auc, 1 - auc) > limit:
            out.append({"column": column, "auc": auc})
    return out


# ------------------------------------------------------------------ without truth


def outcomes_after(store: Warehouse, grain: Grain, day: date, last: date) -> pd.DataFrame:
    """Hard confirmed and refuted findings of a grain that became known after `day`."""
    labels = load_labels(read_table(store, "inspections"), read_table(store, "presence_checks"), None, None)
    known = labels["known_at"] >= pd.Timestamp(day + timedelta(days=1))
    rows = labels[(labels["grain"] == grain) & known & labels["outcome"].isin(["confirmed", "refuted"])]
    return rows.assign(y=(rows["outcome"] == "confirmed").astype(float))


def against_later(grain: str, made: dict[str, Any], later: pd.DataFrame) -> dict[str, Any]:
    """The list of one date against findings that came later, for entities that were in it.

    Figures over all findings describe what inspectors looked at; only `random_*` are unbiased for the county.
    """
    inside = later[later["entity_id"].isin(made["matrix"].X.index)].drop_duplicates("entity_id").set_index("entity_id")
    drawn = inside[inside["lead_source"] == "random"]
    out: dict[str, Any] = {
        "later": len(later),
        "in_list": len(inside),
        "confirmed": int(inside["y"].sum()),
        "ranker": made["ranker"],
    }
    out["random_drawn"], out["random_confirmed"] = len(drawn), int(drawn["y"].sum())
    out["random_rate"] = _rate(drawn).to_json()
    table = []
    for name, scores in made["scores"].items():
        row: dict[str, Any] = {"scorer": name}
        for label, part in (("all", inside), ("random", drawn)):
            row[f"auc_{label}"] = _auc_figure(part["y"], scores.reindex(part.index)).to_json()
        for k in OFFICE[grain]:
            row[f"precision_{k}"] = _judged(scores, inside["y"], k).to_json()
        table.append(row)
    return {**out, "table": table}


def _rate(drawn: pd.DataFrame) -> Figure:
    if len(drawn) < MIN_CASES:
        return cannot_say(len(drawn))
    chance = drawn["selection_prob"].to_numpy(dtype=float)
    if np.isfinite(chance).all() and (chance > 0).all():
        rate, error = drawn_rate(drawn["y"].to_numpy(), chance)
        return Figure(rate, max(0.0, rate - 1.96 * error), rate + 1.96 * error, len(drawn), "按抽中概率加权")
    low, high = wilson(float(drawn["y"].sum()), len(drawn))
    return Figure(float(drawn["y"].mean()), low, high, len(drawn), "抽中概率未记录，按等概率计")


def _judged(scores: pd.Series, y: pd.Series, k: int) -> Figure:
    """Precision among the listed that were inspected at all; the others are unknown, not wrong."""
    top = best(scores, k)
    seen = y[y.index.isin(top)]
    if len(seen) < MIN_CASES:
        return cannot_say(len(seen), f"前{k}名中仅{len(seen)}个有结论，暂不能下结论")
    low, high = wilson(float(seen.sum()), len(seen))
    return Figure(float(seen.mean()), low, high, len(seen))


def _auc_figure(y: pd.Series, s: pd.Series) -> Figure:
    positives = int(y.sum())
    if positives < 5 or len(y) - positives < 5 or len(y) < MIN_CASES:
        return cannot_say(len(y), f"查实{positives}例、排除{len(y) - positives}例，暂不能下结论")
    auc = float(roc_auc_score(y, s))
    # Hanley & McNeil 1982
    q1, q2, n1, n0 = auc / (2 - auc), 2 * auc * auc / (1 + auc), positives, len(y) - positives
    error = np.sqrt((auc * (1 - auc) + (n1 - 1) * (q1 - auc**2) + (n0 - 1) * (q2 - auc**2)) / (n1 * n0))
    return Figure(auc, max(0.0, auc - 1.96 * error), min(1.0, auc + 1.96 * error), len(y))


def _auc(y: pd.Series, s: pd.Series) -> float | None:
    return float(roc_auc_score(y.to_numpy(), s.to_numpy())) if y.nunique() == 2 else None
