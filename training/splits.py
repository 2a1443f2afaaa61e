"""Splits that do not flatter: later cases are tested on earlier ones, and a hospital or ring never sits on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from models.settings import SETTINGS


def groups_of(grain: str, entities: pd.DataFrame, rings: pd.Series | None = None) -> pd.Series:
    """Group per entity: a stay's and doctor's hospital, a person's ring where known, else the entity itself. Index = entities'."""
    own = pd.Series(entities.index.astype(str), index=entities.index)
    column = SETTINGS[grain].fold_by
    if column in entities:
        code = entities[column]
        return code.where(code.notna() & (code != ""), own).astype(str)
    if column == "ring" and rings is not None:
        return rings.reindex(entities.index).where(lambda r: r.notna(), own).astype(str)
    return own


def grouped_folds(
    groups: Sequence[str] | pd.Series, folds: int = 5, seed: int = 0, y: Sequence[float] | None = None
) -> np.ndarray:
    """Fold number per row; all rows of a group share one. Large groups are dealt first to the fold with least positives, then least rows.

    Depends on group names, sizes and the seed only, never on row order.
    """
    frame = pd.DataFrame({"g": np.asarray(groups, dtype=str), "y": 0.0 if y is None else np.asarray(y, dtype=float)})
    sizes = frame.groupby("g")["y"].agg(["sum", "size"])
    sizes["h"] = [hashlib.sha256(f"{seed}|{g}".encode()).hexdigest() for g in sizes.index]
    positives, rows, chosen = np.zeros(folds), np.zeros(folds), {}
    for name, row in sizes.sort_values(["sum", "size", "h"], ascending=[False, False, True]).iterrows():
        fold = int(np.lexsort((np.arange(folds), rows, positives))[0]) if row["sum"] > 0 else int(np.argmin(rows))
        chosen[name] = fold
        positives[fold] += row["sum"]
        rows[fold] += row["size"]
    return frame["g"].map(chosen).to_numpy(dtype=int)


def out_of_time(known_at: pd.Series, inspected_at: pd.Series, cut: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
    """(train, test) masks: train on what was known before `cut`, test on what was inspected from `cut` on. The delay gap falls to neither."""
    train = (known_at < cut).to_numpy()
    test = (inspected_at >= cut).to_numpy()
    return train, test


def fold_pairs(folds: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(train, test) masks for each fold that has rows on both sides."""
    for fold in np.unique(folds):
        test = folds == fold
        if test.any() and (~test).any():
            yield ~test, test
