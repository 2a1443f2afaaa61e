"""Figures a list can be judged by, each with the interval that says how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata, t

from features.intervals import wilson

DRAWS = 400
MIN_CASES = 20
"""Fewer decided cases than this say nothing: "cannot say yet"."""


@dataclass(frozen=True)
class Figure:
    """A value with an 80/95 % interval; `value` None = cannot say yet, with the reason in `note`."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def cannot_say(n: int, note: str = "样本太少") -> Figure:
    """The honest answer below `MIN_CASES`."""
    return Figure(None, n=n, note=note)


def best(score: pd.Series, k: int) -> pd.Index:
    """The k worst entities; ties by entity id, so that a list is one list."""
    frame = pd.DataFrame({"s": score.to_numpy(dtype=float), "id": score.index.astype(str)}, index=score.index)
    return frame.sort_values(["s", "id"], ascending=[False, True], kind="stable").index[: min(k, len(frame))]


def lists_precision(lists: Sequence[tuple[pd.Series, pd.Series]], k: int, seed: int = 0) -> tuple[float, np.ndarray]:
    """(pooled precision@k over lists, its bootstrap draws). Rows of the lists are resampled within each list."""
    hits = [truth.reindex(best(score, k)).to_numpy(dtype=float) for score, truth in lists]
    flat = np.concatenate(hits) if hits else np.empty(0)
    if not len(flat):
        return float("nan"), np.full(DRAWS, np.nan)
    r = np.random.default_rng(seed)
    draws = np.zeros(DRAWS)
    for block in hits:
        if len(block):
            draws += block[r.integers(0, len(block), (DRAWS, len(block)))].sum(axis=1)
    return float(flat.mean()), draws / len(flat)


def interval(draws: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of bootstrap draws."""
    clean = draws[np.isfinite(draws)]
    if not len(clean):
        return float("nan"), float("nan")
    return float(np.quantile(clean, (1 - level) / 2)), float(np.quantile(clean, (1 + level) / 2))


def auc(y: np.ndarray, score: np.ndarray) -> float:
    """Chance that a bad case (y > 0) scores above a good one, ties half: from midranks. NaN where a class is absent."""
    bad = np.asarray(y) > 0
    return float(rank_auc(bad, rankdata(score))) if 0 < bad.sum() < len(bad) else float("nan")


def rank_auc(bad: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The same per column of given midranks [rows, columns] (or one column)."""
    return np.asarray((ranks[bad].mean(axis=0) - (bad.sum() + 1) / 2.0) / max((~bad).sum(), 1))


def compared(
    candidates: Mapping[str, Sequence[tuple[pd.Series, pd.Series]]],
    k: int,
    *,
    random_rate: float,
    against: str = "largest",
    seed: int = 0,
) -> pd.DataFrame:
    """Side by side at one capacity. candidates: {name: [(score, truth) per as-of date]}; every name has the same dates and truth.

    Columns precision, low, high (Wilson 95 %), listed, hits, lift_random(+low, high), lift_AGAINST(+low, high: bootstrap over list rows, the two
    lists resampled together by date).
    """
    out = []
    base_p, base_draws = (
        lists_precision(candidates[against], k, seed + 1)
        if against in candidates
        else (float("nan"), np.full(DRAWS, np.nan))
    )
    for name, lists in candidates.items():
        p, draws = lists_precision(lists, k, seed)
        listed = int(sum(min(k, len(s)) for s, _ in lists))
        hits = round(p * listed) if np.isfinite(p) else 0
        low, high = wilson(hits, listed)
        row = {"scorer": name, "k": k, "listed": listed, "hits": int(hits), "precision": p, "low": low, "high": high}
        row["lift_random"] = p / random_rate if random_rate > 0 else float("nan")
        row["lift_random_low"], row["lift_random_high"] = (
            (low / random_rate, high / random_rate) if random_rate > 0 else (float("nan"),) * 2
        )
        row[f"lift_{against}"] = p / base_p if base_p > 0 else float("nan")
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(base_draws > 0, draws / base_draws, np.nan)
        row[f"lift_{against}_low"], row[f"lift_{against}_high"] = interval(ratio)
        out.append(row)
    return pd.DataFrame(out)


def paired(a: Sequence[float], b: Sequence[float], seed: int = 0) -> Figure:
    """Mean of a − b over paired units (folds, dates, counties) with a 95 % t interval; None below three pairs."""
    gap = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    gap = gap[np.isfinite(gap)]
    if len(gap) < 3:
        return cannot_say(len(gap), "配对数不足三")
    half = float(t.ppf(0.975, len(gap) - 1) * gap.std(ddof=1) / np.sqrt(len(gap)))
    return Figure(float(gap.mean()), float(gap.mean()) - half, float(gap.mean()) + half, len(gap))
