"""The single-feature gate: no feature of the catalogue may, alone, separate a scheme from everyone else with AUC > 0.9.

A simulated county is taken in, the partitions of its last day are built, and every column is read as a detector of every planted scheme at
the grain it is planted, in whichever direction it separates. A planted entity counts when it is active in the grain's window. Institutions are held
against their own kind only (hospitals and clinics, or pharmacies): that a pharmacy is no hospital is not a trace of fraud. Where few are
planted an AUC is noisy: a stratified bootstrap gives the 90 % interval, and doctors and institutions are gated on its lower end. And of
some hundred columns the best looks good for any five units: `chance` is what it reaches for as many units drawn by lot, 19 times of 20.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from scipy.stats import rankdata

from claims.intake.pipeline import intake
from features.build import build
from features.grains import Grain

GRAINS: tuple[Grain, ...] = ("admission", "person", "institution", "doctor")
TRUTH = {
    "admission": ("admissions", "mdtrt_id"),
    "person": ("persons", "psn_no"),
    "institution": ("institutions", "fixmedins_code"),
    "doctor": ("doctors", "dr_codg"),
}
WINDOW = {"admission": 365}  # stays are few: a year of them; the other grains as the product ranks them
FEWEST = {"admission": 15, "person": 15, "institution": 4, "doctor": 4}
NOISY = ("institution", "doctor")
LIMIT = 0.9


def aucs(planted: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """AUC per (row of `planted`, column of `ranks`) from midranks, in the direction that separates (≥ 0.5)."""
    n = planted.sum(axis=1, keepdims=True)
    m = planted.shape[1] - n
    auc = (planted.astype(float) @ ranks - n * (n + 1) / 2) / (n * m)
    return np.asarray(np.maximum(auc, 1 - auc))


def by_chance(n: int, ranks: np.ndarray, rounds: int = 400) -> float:
    """What the best of all columns reaches, in 19 of 20 draws, for n entities drawn by lot: with five units and 300 columns that is high."""
    rng = np.random.default_rng(1)
    lot = np.zeros((rounds, len(ranks)), bool)
    for row in lot:
        row[rng.choice(len(ranks), n, replace=False)] = True
    return float(np.quantile(aucs(lot, ranks).max(axis=1), 0.95))


def interval(planted: np.ndarray, values: np.ndarray, rounds: int = 200) -> tuple[float, float]:
    """5 % and 95 % of the AUC when planted and others are drawn again with replacement; the direction is that of the full table."""
    rng = np.random.default_rng(0)
    good, bad = np.sort(values[~planted]), values[planted]
    below, upto = np.searchsorted(good, bad, "left"), np.searchsorted(good, bad, "right")
    sign = (below + upto).mean() >= len(good)
    wins = (below + upto) / 2 / len(good)
    wins = wins if sign else 1 - wins
    # the others are many beside the planted: their own noise enters as the variance of their placement values
    bad_sorted = np.sort(bad)
    place = (np.searchsorted(bad_sorted, good, "left") + np.searchsorted(bad_sorted, good, "right")) / 2 / len(bad)
    noise = rng.normal(0, place.std() / np.sqrt(len(good)), rounds)
    drawn = wins[rng.integers(0, len(wins), (rounds, len(wins)))].mean(axis=1) + noise
    low, high = np.quantile(drawn, [0.05, 0.95])
    return float(low), float(min(1.0, high))


def single_features(county: Path, house: Path, grains: tuple[Grain, ...] = GRAINS) -> pd.DataFrame:
    """One row per (grain, scheme, feature column): planted, others, auc, and low/high for the ten largest of each scheme."""
    if not (house / "CURRENT").exists():
        intake(str(county), house)
    con = duckdb.connect()
    source = county / "claims" / "settlements.parquet"
    files = str(source) if source.exists() else str(county / "claims" / "settlements" / "*.parquet")
    last: date = con.execute(f"SELECT max(setl_time)::DATE FROM '{files}'").fetchall()[0][0]
    kinds = con.execute(
        f"SELECT fixmedins_code, fixmedins_type FROM '{county / 'claims' / 'institutions.parquet'}'"
    ).df()
    kind_of = dict(zip(kinds["fixmedins_code"], kinds["fixmedins_type"], strict=True))
    rows = []
    for grain in grains:
        print(f"building {grain} …", file=sys.stderr, flush=True)
        values = build(house, last, grain, WINDOW.get(grain)).values()
        table, key = TRUTH[grain]
        truth = pd.read_parquet(county / "truth" / f"{table}.parquet")
        for scheme, part in truth.groupby("scheme"):
            planted = values.index.isin(part[key])
            frame = values
            if grain == "institution":
                own = {kind_of.get(x) for x in part[key]}
                mask = np.array([kind_of.get(x) in own for x in values.index])
                frame, planted = values[mask], planted[mask]
            n = int(planted.sum())
            if n < FEWEST[grain] or n == len(planted):
                continue
            x = frame.to_numpy(float)
            x = x[:, ~np.isnan(x).all(axis=0)]
            columns = frame.columns[~np.isnan(frame.to_numpy(float)).all(axis=0)]
            x = np.where(np.isnan(x), np.nanmedian(x, axis=0), x)
            ranks = np.apply_along_axis(rankdata, 0, x)
            chance = by_chance(n, ranks) if grain in NOISY else np.nan
            auc = aucs(planted[None, :], ranks)[0]
            for place, j in enumerate(np.argsort(-auc, kind="stable")):
                low, high = interval(planted, x[:, j]) if place < 10 else (np.nan, np.nan)
                rows.append((grain, scheme, columns[j], n, len(planted) - n, float(auc[j]), low, high, chance))
    return pd.DataFrame(
        rows, columns=["grain", "scheme", "feature", "planted", "others", "auc", "low", "high", "chance"]
    )


def feature_figures(table: pd.DataFrame) -> dict[str, float]:
    """Figure per grain: the largest AUC (admissions, persons); for doctors and institutions the largest lower end of an interval, among columns
    that separate better than the best column does for as many units drawn by lot (0.5 where there is none)."""
    out = {}
    for grain in GRAINS:
        part = table[table["grain"] == grain]
        if not len(part):
            continue
        if grain not in NOISY:
            out[f"largest single-feature AUC, {grain}"] = float(part["auc"].max())
            continue
        real = part[part["auc"] > part["chance"]]
        out[f"largest single-feature AUC, {grain} (lower end)"] = float(real["low"].max()) if len(real) else 0.5
    return out


def show(table: pd.DataFrame, top: int = 3) -> str:
    """The strongest features of each scheme at each grain, as text."""
    best = table.groupby(["grain", "scheme"], sort=True).head(top)
    return best.round(3).to_string(index=False)
