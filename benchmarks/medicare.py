"""The second country: provider labels nobody here planted. `python benchmarks/medicare.py [--seeds 3] [--json FILE]`

5-fold by provider. Beside each other: size alone, plain aggregates with LightGBM, and the full road (peer z, step-by-step declared directions,
unlabelled scorers as offset, monotone trees). Says where it falls short: gain paired by fold, and within quartiles of size.
Data: $XIEZHI_SHARED/data/medicare or ../shared/data/medicare (not part of the project).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from models.ensemble import ranker_input, tails, unlabelled  # noqa: E402
from models.ranker import Ranker  # noqa: E402
from training.learn import _offset, linear  # noqa: E402
from training.lift import paired  # noqa: E402
from training.splits import grouped_folds  # noqa: E402


@dataclass(frozen=True)
class Meta:
    """Column metadata of this benchmark: no schemes, directions where the trade agrees on them."""

    label: str
    worse: str
    scheme: str = ""
    unit: str = ""
    kind: str = "feature"
    family: str = ""


@dataclass(frozen=True)
class Providers:
    """A MatrixLike of providers."""

    grain: str
    as_of: date
    entities: pd.DataFrame
    X: pd.DataFrame
    z: pd.DataFrame
    percentile: pd.DataFrame
    meta: dict[str, Any]

    def rows(self, ids: pd.Index) -> Providers:
        frames = {k: getattr(self, k).loc[ids] for k in ("entities", "X", "z", "percentile")}
        return Providers(self.grain, self.as_of, meta=self.meta, **frames)


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


def rich(claims: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Meta]]:
    """Plain aggregates and what our schemes would look at: sameness of diagnoses and procedures, shared patients, doctors per stay, price beside
    the same diagnosis group elsewhere, readmissions, mix of the sick and the well."""
    out = plain(claims)
    c = claims.assign(days=days(claims))
    money = next(x for x in c.columns if x.startswith("InscClaimAmt"))
    group = next((x for x in c.columns if x.startswith("DiagnosisGroup")), None)
    diagnoses = [x for x in c.columns if x.startswith(("ClmDiagnosisCode", "DiagnosisCode", "ClaimDiagnosis"))]
    procedures = [x for x in c.columns if x.startswith(("ClmProcedureCode", "ProcedureCode"))]
    g = c.groupby("Provider")
    out["n_diagnoses"] = c[diagnoses].notna().sum(axis=1).groupby(c["Provider"]).mean()
    out["n_procedures"] = c[procedures].notna().sum(axis=1).groupby(c["Provider"]).mean()
    for name, column in (
        ("dx", diagnoses[1] if len(diagnoses) > 1 else diagnoses[0]),
        ("admit_dx", "ClmAdmitDiagnosisCode"),
        ("drg", group),
        ("proc", procedures[0]),
    ):
        if column is None or column not in c:
            continue
        counts = c.groupby(["Provider", column]).size()
        share = counts / counts.groupby("Provider").transform("sum")
        out[f"same_{name}"] = (share**2).groupby("Provider").sum()
        out[f"kinds_{name}"] = counts.groupby("Provider").size()
    if group is not None:
        by = c.groupby(group)
        expected, spread = by[money].transform("mean"), by[money].transform("std")
        out["price_excess"] = ((c[money] - expected) / spread.where(spread > 0)).groupby(c["Provider"]).mean()
        out["days_excess"] = (c["days"] - by["days"].transform("mean")).groupby(c["Provider"]).mean()
    patients = c.groupby("BeneID")["Provider"].nunique()
    out["shared_patients"] = c["BeneID"].map(patients).gt(1).groupby(c["Provider"]).mean()
    doctors = c.groupby("AttendingPhysician")["Provider"].nunique()
    out["roaming_doctors"] = c["AttendingPhysician"].map(doctors).gt(1).groupby(c["Provider"]).mean()
    top = c.groupby(["Provider", "AttendingPhysician"]).size().groupby("Provider").max()
    out["top_doctor_share"] = top / out["stays"]
    out["stays_per_doctor"] = out["stays"] / out["n_AttendingPhysician"].clip(lower=1)
    start = next(x for x in c.columns if x.startswith("Admission"))
    ordered = c.sort_values(["BeneID", start])
    gap = ordered.groupby("BeneID")[start].diff().dt.days
    out["return_30"] = gap.le(30).groupby(ordered["Provider"]).mean()
    out["no_operation_doctor"] = c["OperatingPhysician"].isna().groupby(c["Provider"]).mean()
    out["other_doctor"] = c["OtherPhysician"].notna().groupby(c["Provider"]).mean()
    out["weekday"] = c[start].dt.day_of_week.ge(5).groupby(c["Provider"]).mean()
    month = c.groupby(["Provider", c[start].dt.month]).size()
    out["peak_month"] = month.groupby("Provider").max() / out["stays"]
    born = next((x for x in c.columns if x.startswith("DOB")), None)
    if born:
        age = (c[start] - c[born]).dt.days / 365.25
        out["age_mean"], out["age_sd"] = age.groupby(c["Provider"]).mean(), age.groupby(c["Provider"]).std()
    chronic = [x for x in c.columns if x.startswith("ChronicCond")]
    if chronic:
        out["chronic"] = c[chronic].eq(1).sum(axis=1).groupby(c["Provider"]).mean()
    died = next((x for x in c.columns if x.startswith("DOD")), None)
    if died:
        out["dead"] = c[died].notna().groupby(c["Provider"]).mean()
    states = next((x for x in c.columns if x.startswith("State")), None)
    if states:
        out["kinds_state"] = g[states].nunique()
        county = g[states].agg(lambda s: s.mode().iloc[0])
        out["state_size"] = out["stays"] / out["stays"].groupby(county).transform("median")
    out = out.astype("float64")
    up = ("stays", "patients", "paid_sum", "days_sum")
    return out, {x: Meta(x, "high" if x in up else "either") for x in out.columns}


def matrix_of(claims: pd.DataFrame) -> Providers:
    """Providers with z beside peers of the same size (tercile of stays): labels are not used."""
    X, meta = rich(claims)
    size = X["stays"].rank(pct=True)
    peer = (size * 3).clip(upper=2.999).astype(int)
    middle = X.groupby(peer).transform("median")
    spread = 1.4826 * (X - middle).abs().groupby(peer).transform("median")
    z = ((X - middle) / spread.where(spread > 1e-9)).clip(-10, 10)
    percentile = X.groupby(peer).rank(pct=True) * 100
    money = pd.DataFrame({"fund_fen": X["paid_sum"], "total_fen": X["paid_sum"]})
    return Providers("institution", date(2010, 12, 31), money, X, z, percentile, dict(meta))


def fold_scores(
    matrix: Providers, y: pd.Series, base: pd.DataFrame, train: pd.Index, test: pd.Index, seed: int, threads: int
) -> dict[str, pd.Series]:
    """Scores of the competitors on `test`; labels of `test` are never seen."""
    out = {"size": base.loc[test, "stays"]}
    # the yardstick of the data's README: LightGBM as it comes
    out["plain"] = (
        Ranker(trees=100, leaves=31, rate=0.1, min_leaf=20, l2=0.0, columns_share=1.0, seed=seed, threads=threads)
        .fit(base.loc[train], y[train])
        .raw(base.loc[test])
    )
    free = unlabelled(matrix, seed=seed)
    t = tails(free, matrix)
    out["unlabelled"] = t.loc[test].mean(axis=1)
    X = ranker_input(matrix.X, matrix.z)
    worse = {c: matrix.meta[c].worse for c in matrix.X.columns}
    offset = {"size": np.log1p(base["stays"]), "size2": np.log1p(base["paid_sum"])}
    T = pd.DataFrame({**{c: t[c] for c in ("isolation", "deviations")}, **offset})
    slopes, intercept = _offset(T.loc[train], y[train].to_numpy(), np.ones(len(train)))
    start = pd.Series(linear(T, slopes, intercept), index=T.index)
    parts = []
    for bag in range(5):
        ranker = Ranker(
            worse,
            trees=150,
            leaves=6,
            rate=0.04,
            min_leaf=15,
            l2=10.0,
            columns_share=0.3,
            seed=seed * 100 + bag,
            threads=threads,
        )
        parts.append(ranker.fit(X.loc[train], y[train], offset=start[train]).raw(X.loc[test]))
    out["full"] = start[test] + sum(parts) / len(parts)
    return out


def figures(y: pd.Series, s: pd.Series) -> dict[str, float]:
    """AUC, AUPRC, precision at the first tenth."""
    k = max(1, round(len(y) * 0.1))
    top = s.sort_values(ascending=False, kind="stable").index[:k]
    return {
        "auc": float(roc_auc_score(y, s)),
        "auprc": float(average_precision_score(y, s)),
        "p10": float(y[top].mean()),
    }


def main(seeds: int = 3, threads: int = 2) -> dict[str, Any]:
    """All figures as plain values."""
    folder = data_folder()
    if folder is None:
        raise SystemExit("Medicare data not found: set XIEZHI_SHARED to the shared folder")
    claims, y = load(folder)
    matrix, base = matrix_of(claims), plain(claims)
    matrix, base = matrix.rows(y.index), base.loc[y.index]
    per: list[dict[str, Any]] = []
    pooled: dict[str, list[pd.Series]] = {}
    for seed in range(seeds):
        folds = grouped_folds(list(y.index), 5, seed, y.tolist())
        whole: dict[str, list[pd.Series]] = {}
        for fold in range(5):
            test, train = y.index[folds == fold], y.index[folds != fold]
            for name, s in fold_scores(matrix, y, base, train, test, seed, threads).items():
                per.append({"seed": seed, "fold": fold, "scorer": name, **figures(y[test], s)})
                whole.setdefault(name, []).append(s)
        for name, parts in whole.items():
            # ranks within folds, so that folds of different models can be pooled
            pooled.setdefault(name, []).append(pd.concat([p.rank(pct=True) for p in parts]).reindex(y.index))
    table = pd.DataFrame(per)
    out: dict[str, Any] = {"providers": len(y), "fraud": int(y.sum()), "seeds": seeds}
    out["mean"] = table.groupby("scorer")[["auc", "auprc", "p10"]].mean().round(4).to_dict("index")
    # a fold of one seed shares rows with folds of the others: seeds are averaged per fold number before the interval is taken
    wide = table.pivot_table(index=["seed", "fold"], columns="scorer", values="auprc")
    gain = wide["full"] - wide["plain"]
    out["gain_auprc_over_plain"] = {f"seed {s}": paired(gain[s], np.zeros(5)).to_json() for s in range(seeds)}
    out["gain_auprc_over_plain"]["all 15 folds (overlapping rows: too narrow)"] = paired(
        gain.to_numpy(), np.zeros(len(gain))
    ).to_json()
    out["folds_won"] = f"{int((gain > 0).sum())}/{len(gain)}"
    quartile = pd.qcut(base["stays"].rank(method="first"), 4, labels=False)
    within = {}
    for q in range(4):
        ids = y.index[quartile == q]
        row: dict[str, Any] = {"n": len(ids), "fraud": int(y[ids].sum())}
        if 5 <= row["fraud"] <= len(ids) - 5:
            for name in ("size", "plain", "full"):
                row[name] = round(float(np.mean([average_precision_score(y[ids], p[ids]) for p in pooled[name]])), 4)
        within[f"quartile {q + 1} by stays"] = row
    out["auprc_within_size_quartiles"] = within
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    result = main(given.seeds)
    text = json.dumps(result, ensure_ascii=False, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", "utf-8")
