"""Medicare: five folds by provider through the product's own commands; the labels of four are what the office found, the fifth is kept back to judge by.

    intake of the claims with the labels of four folds (mapping medicare) → fit → rank --grain institution

Beside it the size of a provider (what it was paid), LightGBM as it comes on plain aggregates, and an isolation forest on the same. The ten rules have no
counterpart there. Whoever carries a finding leaves the product's list, so the list of the others is judged, and only where a kept label says who is guilty.
"""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.accuracy_county import refused
from benchmarks.accuracy_judge import PRODUCT, Record, judged
from benchmarks.accuracy_product import Product, ids
from training.splits import grouped_folds

FOLDS: Final = tuple(f"fold-{i}" for i in range(1, 6))
DAY: Final = "2009-12-31"
ALL: Final = 5000
"""More rows than there are providers."""


def data_of(shared: Path) -> Path:
    """The folder of the Medicare files; SystemExit with a sentence where it is absent."""
    folder = shared / "data" / "medicare"
    if not (folder / "provider_labels.csv").exists():
        raise SystemExit(
            f"no Medicare files in {folder}: give --shared FOLDER (or set XIEZHI_SHARED) with data/medicare in it"
        )
    return folder


def labels_of(folder: Path) -> pd.Series:
    """1 fraud, 0 none, by provider, sorted by id."""
    table = pd.read_csv(folder / "provider_labels.csv", dtype={"Provider": str}).set_index("Provider")
    return table["PotentialFraud"].astype(float).sort_index()


def kept_back(labels: pd.Series, fold: str) -> list[str]:
    """The providers of a fold, the same in every run."""
    folds = grouped_folds(list(labels.index), 5, 0, labels.tolist())
    return [str(i) for i in labels.index[folds == FOLDS.index(fold)]]


def plain(folder: Path) -> pd.DataFrame:
    """Plain aggregates by provider: counts, sums, means, maxima of its stays."""
    claims = pd.read_csv(folder / "inpatient_claims.csv.gz", dtype=str)
    begun, ended = (pd.to_datetime(claims[c], errors="coerce") for c in ("AdmissionDt", "DischargeDt"))
    claims = claims.assign(
        days=(ended - begun).dt.days.clip(lower=0) + 1.0, paid=pd.to_numeric(claims["InscClaimAmtReimbursed"])
    )
    by = claims.groupby("Provider")
    out = pd.DataFrame({"stays": by.size(), "patients": by["BeneID"].nunique()})
    for column in ("paid", "days"):
        out = out.join(by[column].agg(["sum", "mean", "max"]).add_prefix(f"{column}_"))
    for who in ("AttendingPhysician", "OperatingPhysician", "OtherPhysician"):
        out[f"n_{who}"] = by[who].nunique()
    out["stays_per_patient"] = out["stays"] / out["patients"]
    return out.astype("float64")


def export(folder: Path, out: Path, known: pd.Series) -> Path:
    """The files as the office holds them: all claims, and the labels of `known` only."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("inpatient_claims", "beneficiaries"):
        with gzip.open(folder / f"{name}.csv.gz", "rb") as packed, (out / f"{name}.csv").open("wb") as file:
            shutil.copyfileobj(packed, file)
    with (out / "provider_labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Provider", "PotentialFraud"])
        writer.writerows([provider, int(y)] for provider, y in known.items())
    return out


def opponents(folder: Path, file: Path, known: pd.Series, kept: list[str]) -> dict[str, list[str]]:
    """{who: kept-back providers, most suspicious first}, computed once for a fold."""
    if not file.exists():
        columns = plain(folder)
        train = lgb.Dataset(columns.loc[known.index].to_numpy(), known.to_numpy())
        booster = lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 0}, train, 100)
        forest = IsolationForest(n_estimators=200, random_state=0).fit(columns.to_numpy())
        scores = {
            "largest": columns.loc[kept, "paid_sum"].to_numpy(),
            "iforest": -forest.score_samples(columns.loc[kept].to_numpy()),
            "lightgbm": np.asarray(booster.predict(columns.loc[kept].to_numpy())),
        }
        best = {who: [kept[i] for i in np.argsort(-s, kind="stable")] for who, s in scores.items()}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(best) + "\n", "utf-8")
    read: dict[str, list[str]] = json.loads(file.read_text("utf-8"))
    return read


def run_fold(shared: Path, work: Path, fold: str, run: str) -> Record:
    """Product and opponents of one fold, judged by its kept labels."""
    folder, here = data_of(shared), work / "medicare" / fold
    labels = labels_of(folder)
    kept = kept_back(labels, fold)
    known = labels[~labels.index.isin(kept)]
    product = Product(here / run, f"medicare {fold}")
    if "intake" not in product.done:
        product.take_in(export(folder, here / "view", known), "medicare")
    product.fit(DAY)
    listed = [i for i in ids(product.rank(DAY, "institution", ALL)) if i in kept]
    print(f"medicare {fold}: opponents", file=sys.stderr, flush=True)
    before = time.process_time()
    lists = {PRODUCT: listed, **opponents(folder, here / "opponents.json", known, kept)}
    size = plain(folder).loc[kept, "paid_sum"]
    return {
        "world": "medicare",
        "date": fold,
        "drift": False,
        "grains": {"institution": judged(labels[kept], lists)},
        "providers": {"guilty": labels[kept].to_dict(), "size": size.to_dict(), "lists": lists},
        "cpu": product.cpu | {"opponents": round(time.process_time() - before, 1)},
        "refused": refused(product),
    }


def area(guilty: np.ndarray, scores: np.ndarray) -> float:
    """AUPRC; 0 where nobody is guilty, as in a draw that happens to leave them all out."""
    return float(average_precision_score(guilty, scores)) if guilty.any() else 0.0


def score(order: list[str], providers: pd.Index) -> pd.Series:
    """1 for the first of a list down to 0; whoever is not on it lies together at 0."""
    place = pd.Series(np.linspace(1.0, 0.0, len(order) + 1)[: len(order)], index=order)
    return place.reindex(providers).fillna(0.0)


def whole_list(records: list[Record], draws: int = 500) -> list[dict[str, float | str]]:
    """Per scorer, over the folds: AUPRC and AUC; AUPRC in each size quartile (q1 the smallest) and their mean, size held fixed. Each figure f is the mean of the
    folds, with f_low and f_high a 90 % interval, and gain_f_low and gain_f_high that of the product's figure less its own; providers drawn within folds."""
    folds = [Fold.of(record["providers"]) for record in records]
    rng = np.random.default_rng(0)
    picks = [[rng.integers(0, len(f.guilty), len(f.guilty)) for _ in range(draws)] for f in folds]
    told, drawn = {}, {}
    for who in folds[0].scores:
        told[who] = mean_of([f.figures(who, np.arange(len(f.guilty))) for f in folds])
        per_draw = [mean_of([f.figures(who, p[d]) for f, p in zip(folds, picks, strict=True)]) for d in range(draws)]
        drawn[who] = {name: np.array([one[name] for one in per_draw]) for name in told[who]}
    out: list[dict[str, float | str]] = []
    for who, figures in told.items():
        row: dict[str, float | str] = {"who": who, **figures}
        for name in figures:
            gain = drawn[PRODUCT][name] - drawn[who][name]
            for told_of, values in ((name, drawn[who][name]), (f"gain_{name}", gain)):
                row[f"{told_of}_low"], row[f"{told_of}_high"] = (float(np.quantile(values, q)) for q in (0.05, 0.95))
        out.append(row)
    return out


@dataclass(frozen=True)
class Fold:
    """Kept-back providers of a fold: guilty 0/1, quartile of size 0 to 3, and each scorer's place of them (1 = first)."""

    guilty: np.ndarray
    quartile: np.ndarray
    scores: dict[str, np.ndarray]

    @classmethod
    def of(cls, told: dict[str, Any]) -> Fold:
        guilty = pd.Series(told["guilty"], dtype=float)
        size = pd.Series(told["size"]).reindex(guilty.index)
        quartile = size.rank(pct=True).mul(4).clip(upper=3.999).astype(int)
        scores = {who: score(order, guilty.index).to_numpy() for who, order in told["lists"].items()}
        return cls(guilty.to_numpy(), quartile.to_numpy(), scores)

    def figures(self, who: str, drawn: np.ndarray) -> dict[str, float]:
        """Figures of one scorer over the providers drawn; a quartile without a guilty one says nothing."""
        y, s, quartile = self.guilty[drawn], self.scores[who][drawn], self.quartile[drawn]
        inside = {f"q{q + 1}": quartile == q for q in range(4)}
        found = {name: area(y[part], s[part]) if y[part].any() else np.nan for name, part in inside.items()}
        same = float(np.nanmean(list(found.values()))) if y.any() else np.nan
        auc = float(roc_auc_score(y, s)) if 0 < y.sum() < len(y) else np.nan
        return {"auprc": area(y, s), "auc": auc, "same_size": same, **found}


def mean_of(figures: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure over those that have it; NaN where none has."""
    told = {name: [f[name] for f in figures if not np.isnan(f[name])] for name in figures[0]}
    return {name: float(np.mean(values)) if values else np.nan for name, values in told.items()}
