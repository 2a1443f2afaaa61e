"""The second country: provider labels nobody here planted.

    python -m benchmarks.medicare --out docs/figures        writes medicare.md and medicare.json

5-fold by provider, three seeds. Beside each other: size alone, plain aggregates with LightGBM as it comes, the same aggregates with our small trees, and our
road (evidence columns, small trees, several bags). Gain paired by fold, and within quartiles of size.
Columns and trees were chosen on fold seeds 10–12 and are reported on fold seeds 0–2: other folds of the same providers, so the choice has seen them
all, and the gain is a little flattered. Data: $XIEZHI_SHARED/data/medicare or ../shared/data/medicare (not part of the project).
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from models.ranker import Ranker
from training.metrics import paired
from training.splits import grouped_folds

ROOT = Path(__file__).resolve().parents[1]


def data_folder() -> Path | None:
    """Where the shared Medicare files lie, or None."""
    roots = [os.environ.get("XIEZHI_SHARED"), str(ROOT.parent / "shared")]
    found = [Path(r) / "data" / "medicare" for r in roots if r]
    return next((p for p in found if (p / "provider_labels.csv").exists()), None)


def load(folder: Path) -> tuple[pd.DataFrame, pd.Series]:
    """(stays of labelled providers joined with their beneficiaries, label per provider)."""
    claims = pd.read_csv(folder / "inpatient_claims.csv.gz", dtype=str)
    people = pd.read_csv(folder / "beneficiaries.csv.gz", dtype=str)
    labels = (
        pd.read_csv(folder / "provider_labels.csv", dtype={"Provider": str})
        .set_index("Provider")["PotentialFraud"]
        .astype(float)
    )
    claims = claims[claims["Provider"].isin(labels.index)].merge(people, on="BeneID", how="left", suffixes=("", "_b"))
    for column in [
        c for c in claims.columns if c.startswith(("ClaimStart", "ClaimEnd", "Admission", "Discharge", "DOB", "DOD"))
    ]:
        claims[column] = pd.to_datetime(claims[column], errors="coerce")
    for column in [
        c
        for c in claims.columns
        if "Amt" in c or "Amount" in c or c.startswith("ChronicCond") or c in ("Gender", "Race", "State", "County")
    ]:
        claims[column] = pd.to_numeric(claims[column], errors="coerce")
    return claims, labels[labels.index.isin(claims["Provider"])].sort_index()


def plain(claims: pd.DataFrame) -> pd.DataFrame:
    """Plain aggregates: counts, sums, means. The yardstick."""
    g = claims.assign(days=days(claims)).groupby("Provider")
    out = pd.DataFrame({"stays": g.size(), "patients": g["BeneID"].nunique()})
    money = next(c for c in claims.columns if c.startswith("InscClaimAmt"))
    for name, column in (("paid", money), ("days", "days")):
        out[f"{name}_sum"], out[f"{name}_mean"], out[f"{name}_max"] = g[column].sum(), g[column].mean(), g[column].max()
    for who in ("AttendingPhysician", "OperatingPhysician", "OtherPhysician"):
        out[f"n_{who}"] = g[who].nunique()
    out["stays_per_patient"] = out["stays"] / out["patients"]
    return out.astype("float64")


def days(claims: pd.DataFrame) -> pd.Series:
    start, end = (next(c for c in claims.columns if c.startswith(p)) for p in ("Admission", "Discharge"))
    return (claims[end] - claims[start]).dt.days.clip(lower=0) + 1.0


def evidence(claims: pd.DataFrame) -> pd.DataFrame:
    """What our stay features look at, per provider: payment per day of stay (`daily_fee_yuan`), the same beside other stays of the diagnosis group, and how much
    is recorded per day (`item_kinds_per_day`, `treatment_fee_share`): stays that are long and thin, or short and dear."""
    who, length = claims["Provider"], days(claims)
    money = claims[next(c for c in claims.columns if c.startswith("InscClaimAmt"))]
    codes = {
        "diagnoses": [c for c in claims.columns if c.startswith("ClmDiagnosisCode")],
        "procedures": [c for c in claims.columns if c.startswith("ClmProcedureCode")],
    }
    per_day = money / length
    beside = per_day / per_day.groupby(claims["DiagnosisGroupCode"]).transform("mean")
    out = pd.DataFrame(
        {
            "per_day_mean": per_day.groupby(who).mean(),
            "per_day_max": per_day.groupby(who).max(),
            "per_day_p90": per_day.groupby(who).quantile(0.9),
            "per_day_all": money.groupby(who).sum() / length.groupby(who).sum(),
            "per_day_beside_group": beside.groupby(who).mean(),
        }
    )
    for name, columns in codes.items():
        out[f"{name}_per_day"] = (claims[columns].notna().sum(axis=1) / length).groupby(who).mean()
    return out.astype("float64")


SMALL = {"trees": 100, "leaves": 8, "rate": 0.03, "min_leaf": 20, "l2": 0.0, "columns_share": 1.0}
"""1,461 providers teach small trees only; as LightGBM comes (31 leaves, rate 0.1) it learns them by heart."""
BAGS = 5


def as_it_comes(X: pd.DataFrame, y: pd.Series, test: pd.DataFrame, seed: int) -> pd.Series:
    """LightGBM with its own defaults, 100 rounds: the yardstick of the data's README."""
    data = lgb.Dataset(X.to_numpy(), y.to_numpy())
    booster = lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1, "seed": seed}, data, 100)
    return pd.Series(np.asarray(booster.predict(test.to_numpy(), raw_score=True)), index=test.index)


def small_trees(X: pd.DataFrame, y: pd.Series, test: pd.DataFrame, seed: int) -> pd.Series:
    """Mean raw risk of our ranker over `BAGS` seeds."""
    rankers = (Ranker(**SMALL, seed=seed * 100 + bag, threads=1).fit(X, y) for bag in range(BAGS))
    return sum((r.raw(test) for r in rankers), pd.Series(0.0, index=test.index)) / BAGS


def fold_scores(
    base: pd.DataFrame, more: pd.DataFrame, y: pd.Series, train: pd.Index, test: pd.Index, seed: int
) -> dict[str, pd.Series]:
    """Scores of the competitors on `test`; labels of `test` are never seen."""
    full = base.join(more)
    one = base.join(more[["per_day_mean"]])
    return {
        "size": base.loc[test, "paid_sum"],
        "plain": as_it_comes(base.loc[train], y[train], base.loc[test], seed),
        "plain, small trees": small_trees(base.loc[train], y[train], base.loc[test], seed),
        "plain + payment per day, as it comes": as_it_comes(one.loc[train], y[train], one.loc[test], seed),
        "full": small_trees(full.loc[train], y[train], full.loc[test], seed),
    }


def figures(y: pd.Series, s: pd.Series) -> dict[str, float]:
    """AUC, AUPRC, precision at the first tenth."""
    k = max(1, round(len(y) * 0.1))
    top = s.sort_values(ascending=False, kind="stable").index[:k]
    return {
        "auc": float(roc_auc_score(y, s)),
        "auprc": float(average_precision_score(y, s)),
        "p10": float(y[top].mean()),
    }


def study(seeds: int = 3) -> dict[str, Any]:
    """All figures as plain values."""
    folder = data_folder()
    if folder is None:
        raise SystemExit("Medicare data not found: set XIEZHI_SHARED to the shared folder")
    claims, y = load(folder)
    base, more = plain(claims).loc[y.index], evidence(claims).loc[y.index]
    per: list[dict[str, Any]] = []
    pooled: dict[str, list[pd.Series]] = {}
    for seed in range(seeds):
        folds = grouped_folds(list(y.index), 5, seed, y.tolist())
        whole: dict[str, list[pd.Series]] = {}
        for fold in range(5):
            test, train = y.index[folds == fold], y.index[folds != fold]
            for name, s in fold_scores(base, more, y, train, test, seed).items():
                per.append({"seed": seed, "fold": fold, "scorer": name, **figures(y[test], s)})
                whole.setdefault(name, []).append(s)
        for name, parts in whole.items():
            # ranks within folds, so that folds of different models can be pooled
            pooled.setdefault(name, []).append(pd.concat([p.rank(pct=True) for p in parts]).reindex(y.index))
    table = pd.DataFrame(per)
    out: dict[str, Any] = {"providers": len(y), "fraud": int(y.sum()), "seeds": seeds}
    out["mean"] = table.groupby("scorer", sort=False)[["auc", "auprc", "p10"]].mean().round(4).to_dict("index")
    wide = table.pivot_table(index=["seed", "fold"], columns="scorer", values="auprc")
    out["gain"] = {against: gains(wide["full"] - wide[against], seeds) for against in ("plain", "plain, small trees")}
    out["within_size_quartiles"] = within_quartiles(base["paid_sum"], y, pooled)
    return out


def gains(gain: pd.Series, seeds: int) -> dict[str, Any]:
    """Gain in AUPRC paired by fold: one interval per seed (5 folds share training rows, so even these are somewhat narrow), and the wins over all."""
    out = {f"seed {s}": paired(gain[s], np.zeros(5)).to_json() for s in range(seeds)}
    return out | {"folds_won": f"{int((gain > 0).sum())} of {len(gain)}"}


def within_quartiles(size: pd.Series, y: pd.Series, pooled: dict[str, list[pd.Series]]) -> list[dict[str, Any]]:
    """AUPRC inside quartiles of size (payments); names only where both classes have at least five."""
    quartile = pd.qcut(size.rank(method="first"), 4, labels=False)
    out = []
    for q in range(4):
        ids = y.index[quartile == q]
        row: dict[str, Any] = {"quartile": q + 1, "n": len(ids), "fraud": int(y[ids].sum())}
        if 5 <= row["fraud"] <= len(ids) - 5:
            for name in ("size", "plain", "full"):
                row[name] = round(float(np.mean([average_precision_score(y[ids], p[ids]) for p in pooled[name]])), 4)
            draws = bootstrap(y[ids], [p[ids] for p in pooled["full"]], [p[ids] for p in pooled["size"]])
            row["over_size"] = [round(float(v), 4) for v in np.quantile(draws, [0.025, 0.975])]
        out.append(row)
    return out


def bootstrap(y: pd.Series, a: list[pd.Series], b: list[pd.Series], draws: int = 300) -> np.ndarray:
    """Gain in AUPRC of a over b, mean over seeds, providers drawn with replacement."""
    r = np.random.default_rng(0)
    out = np.empty(draws)
    truth = y.to_numpy()
    pairs = [(p.to_numpy(), q.to_numpy()) for p, q in zip(a, b, strict=True)]
    for i in range(draws):
        pick = r.integers(0, len(truth), len(truth))
        t = truth[pick]
        if t.min() == t.max():
            out[i] = 0.0
            continue
        out[i] = np.mean([average_precision_score(t, p[pick]) - average_precision_score(t, q[pick]) for p, q in pairs])
    return out


def page(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    published = {"size": "published 0.694, 0.795", "plain": "published 0.772, 0.854"}
    lines = ["# Medicare: labels nobody here planted", "", "    python -m benchmarks.medicare --out docs/figures", ""]
    lines += [*str(__doc__).split("\n\n", 2)[2].strip().splitlines(), ""]
    lines += [
        f"{found['providers']:,} providers, {found['fraud']} labelled as fraud; mean of 5 folds × {found['seeds']} seeds.",
        "",
    ]
    lines += ["| | AUC | AUPRC | precision at 10 % | |", "|---|---:|---:|---:|---|"]
    for name, row in found["mean"].items():
        lines.append(
            f"| {name} | {row['auc']:.3f} | {row['auprc']:.3f} | {row['p10']:.3f} | {published.get(name, '')} |"
        )
    for against, gain in found["gain"].items():
        lines += [
            "",
            f"Gain of *full* over *{against}*, AUPRC, paired by fold ({gain['folds_won']} folds won), 95 % t interval per seed:",
            "",
        ]
        for name, f in gain.items():
            if name != "folds_won":
                missed = "" if f["low"] > 0 else " **holds 0**"
                lines.append(f"- {name}: {f['value']:+.3f} ({f['low']:+.3f} … {f['high']:+.3f}){missed}")
    lines += ["", "Within quartiles of size (payments), where size itself says little:", ""]
    lines += [
        "| quartile | providers | fraud | size | plain | full | full − size, 95 % bootstrap over providers |",
        "|---:|---:|---:|---:|---:|---:|---|",
    ]
    for row in found["within_size_quartiles"]:
        if "full" not in row:
            lines.append(f"| {row['quartile']} | {row['n']} | {row['fraud']} | too few to say | | | |")
            continue
        low, high = row["over_size"]
        lines.append(
            f"| {row['quartile']} | {row['n']} | {row['fraud']} | {row['size']:.3f} | {row['plain']:.3f} | {row['full']:.3f} | {low:+.3f} … {high:+.3f} |"
        )
    lines += ["", *LIMITS]
    return "\n".join(lines) + "\n"


LIMITS = (
    "What to make of it:", "",
    "- Folds of one seed share three quarters of their training rows and the three seeds share all providers, so fifteen folds are not fifteen samples; no",
    "  interval is given over all of them.",
    "- Most of the gain comes from one column, the mean payment per day of stay, and from smaller trees; the table gives each its own line. Shared patients,",
    "  physicians' networks, duplicate claims, code mix, deaths, readmissions and price beside the diagnosis group were tried one by one on the development folds",
    "  and added nothing (each within ± 0.008), so they are left out.",
    "- Where the labels come from was never disclosed; a length of stay beyond twenty days separates them oddly well. They may have been made by rules on",
    "  just such columns. It shows that the road carries another country's claims, no more.",
)  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found = study(given.seeds)
    (given.out / "medicare.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (given.out / "medicare.md").write_text(page(found), "utf-8")


if __name__ == "__main__":
    main()
