"""Every way of making the list, on the same date and from the same labels: each scorer alone, plain LightGBM, the full model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from features.grains import Grain
from features.matrix import Matrix, load_matrix
from models.decided import closed_at, without
from models.ensemble import GrainModel, badness_of, inputs, raw_risk, unlabelled
from models.in_force import load_active
from models.ranker import Ranker
from models.score import Order, model_for, standing, suspicion_of
from models.settings import SETTINGS
from training.dataset import Rows, read_labels, training_rows
from training.fit import fit_grain

Load = Callable[..., Matrix]
COUNTS: Final = {"n_same_person": "psn_no", "n_same_institution": "fixmedins_code", "n_same_doctor": "dr_codg"}
UNIT_MEANS: Final = ("total_fen", "days")


@dataclass(frozen=True)
class Dated:
    """The competitors' scores of one grain as of one date, {name: Series by entity_id}, and what they were made from. frame: models.score.standing.

    Scores, matrix and frame are of those without a conclusive finding on that date; `decided` counts the others.
    """

    day: date
    matrix: Matrix
    scores: dict[str, pd.Series]
    frame: pd.DataFrame
    model: GrainModel
    labels: pd.DataFrame
    rows: Rows | None
    decided: int = 0

    @property
    def ranker(self) -> bool:
        """Whether the full model has a ranker, or fell back to rules, outliers and graph."""
        return self.model.ranker is not None


def dated(
    root: Path,
    day: date,
    grain: Grain,
    *,
    seed: int = 0,
    order: Order = "probability",
    refit: bool = True,
    load: Load | None = None,
) -> Dated:
    """Scores of every competitor as of one date, each fitted only on what was known by then (`refit`; else the bundle in force)."""
    load = load or load_matrix
    matrix = load(root, day, grain)
    labels = read_labels(root, day)
    model, rows = _model(root, day, grain, matrix, labels, seed, refit, load)
    frame = standing(matrix, model, order=order)
    free, bad = unlabelled(matrix, seed=seed), badness_of(matrix)
    scores = {
        "random": pd.Series(np.random.default_rng(seed).random(len(matrix.X)), index=matrix.X.index),
        "largest": matrix.entities["total_fen"].astype("float64").fillna(0.0),
        **{name: scorer.risk(inputs(matrix, scorer, bad)) for name, scorer in free.scorers.items()},
        "unlabelled": pd.Series(suspicion_of(free, raw_risk(free, matrix).to_numpy()), index=matrix.X.index),
        "full": frame["risk"],
    }
    rows = rows if rows is not None else training_rows(root, day, grain, labels, free, seed=seed, load=load)
    for name, columns in (("plain_lightgbm", plain_columns), ("wide_lightgbm", wide_columns)):
        learned = plain_lightgbm(root, grain, matrix, rows, columns=columns, seed=seed, load=load)
        if learned is not None:
            scores[name] = learned
    held = closed_at(root, day, grain, matrix.entities)
    open_ = without(matrix, held)
    ids = open_.X.index
    scores = {name: s.reindex(ids) for name, s in scores.items()}
    return Dated(day, open_, scores, frame.loc[ids], model, labels, rows, len(matrix.X) - len(ids))


def _model(
    root: Path,
    day: date,
    grain: Grain,
    matrix: Matrix,
    labels: pd.DataFrame,
    seed: int,
    refit: bool,
    load: Load,
) -> tuple[GrainModel, Rows | None]:
    if not refit and (bundle := load_active(root)) is not None and grain in bundle.grains:
        return model_for(matrix, bundle), None
    model, _, rows = fit_grain(root, day, grain, matrix, labels, seed=seed, load=load)
    return model, rows


def plain_columns(matrix: Matrix) -> pd.DataFrame:
    """Simple aggregates anybody would try first: money, length, shares, how often patient, hospital and doctor appear in the window."""
    e = matrix.entities
    out = pd.DataFrame(index=e.index)
    out["fund_fen"], out["total_fen"] = e["fund_fen"].astype("float64"), e["total_fen"].astype("float64")
    out["days"] = (pd.to_datetime(e["end_at"]) - pd.to_datetime(e["begin_at"])).dt.total_seconds() / 86400.0
    out["cost_per_day"] = out["total_fen"] / out["days"].clip(lower=1.0)
    out["fund_share"] = out["fund_fen"] / out["total_fen"].where(out["total_fen"] > 0)
    for name, key in COUNTS.items():
        out[name] = e[key].map(e[key].value_counts()).astype("float64") if key in e and e[key].notna().any() else 0.0
    return out


def wide_columns(matrix: Matrix) -> pd.DataFrame:
    """The plain aggregates, the hospital's means, and the declared counts and sums of models/settings.py: a yardstick that has done some homework."""
    out = plain_columns(matrix)
    if matrix.grain == "admission":
        for name in UNIT_MEANS:
            out[f"unit_{name}"] = out[name].groupby(matrix.entities["fixmedins_code"]).transform("mean")
    simple = [n for n, c in matrix.columns.items() if not c.parent and c.feature.name in SETTINGS[matrix.grain].simple]
    return out.join(matrix.X[simple])


def plain_lightgbm(
    root: Path,
    grain: Grain,
    matrix: Matrix,
    rows: Rows,
    *,
    columns: Callable[[Matrix], pd.DataFrame] = plain_columns,
    seed: int = 0,
    load: Load | None = None,
) -> pd.Series | None:
    """LightGBM, default leaves, on simple columns of the same labelled rows; None where only one class is known."""
    load = load or load_matrix
    keep = (rows.info["y"].notna() & ~rows.info["soft"]).to_numpy(dtype=bool)
    if rows.info["y"][keep].nunique() < 2:
        return None
    parts = []
    for stamp, block in rows.info[keep].groupby("snapshot"):
        then = columns(load(root, pd.Timestamp(str(stamp)).date(), grain)).reindex(block["entity_id"])
        parts.append(then.set_axis(block.index))
    y = rows.info["y"][keep]
    X = pd.concat(parts).reindex(y.index)
    scorer = Ranker(trees=100, leaves=31, rate=0.1, min_leaf=20, l2=0.0, columns_share=1.0, seed=seed).fit(X, y)
    return scorer.risk(columns(matrix))
