"""From training rows to a ranker with its offset, calibration and money model. Pure: rows in, model out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from sklearn.metrics import average_precision_score

from features.columns import Column
from models.amount import AmountModel, fit_amount
from models.beds import WEIGHTS
from models.calibrate import Calibration, calibrate
from models.ensemble import GrainModel, Taught, ranker_worse
from models.findings import PREFIX
from models.ranker import SIGN, Ranker
from models.settings import SETTINGS
from training.dataset import Rows
from training.metrics import auc, rank_auc
from training.propensity import inverse_weights
from training.splits import fold_pairs, grouped_folds, out_of_time

Variant = Literal["labelled", "pu", "ips", "ips+pu", "noise+pu", "noise+ips+pu", "lambdarank+pu"]
VARIANTS: Final[tuple[Variant, ...]] = get_args(Variant)
PU_MASS = 30.0
"""Total weight of uninspected rows beside that of refuted ones. Inspectors clear whom a rule or a caller made suspicious, so refuted cases alone teach that
suspicion is innocence; the uninspected stand for the county the list ranks. Chosen on a development county (docs/figures/counties.md)."""
MISSED = 0.15
"""Share of the guilty that an inspection clears: our guess, used by the `noise` variants only."""
RIDGE = 1.0
CUTS: Final = (0.4, 0.6, 0.8)
"""Where the decided cases are cut in time: the first two fifths only teach, each later fifth is foretold from what was known before it."""
FEWEST_BEFORE: Final = 10
"""Fewer confirmed cases than this teach nothing that could be tested on later ones."""

RATE: Final = 0.05

FEWEST_BEDS: Final = 10
"""Fewer confirmed empty beds than this cannot tell themselves from other findings about stays."""


@dataclass(frozen=True)
class Learned(Taught):
    """A fitted pair (slopes of the unlabelled tails, trees) and how to apply it to rows."""

    def raw(self, rows: Rows) -> np.ndarray:
        """Raw risk per row: offset + trees."""
        return np.asarray(linear(rows.tails, self.slopes, self.intercept) + self.ranker.raw(rows.X).to_numpy())


def linear(tails: pd.DataFrame, slopes: Mapping[str, float], intercept: float) -> np.ndarray:
    """Offset in log odds."""
    out = np.full(len(tails), intercept)
    for name, slope in slopes.items():
        out = out + slope * tails[name].to_numpy()
    return out


def learn(
    rows: Rows, columns: Mapping[str, Column], *, variant: Variant | None = None, seed: int = 0, threads: int = 2
) -> Learned:
    """Fit offset and trees. `labelled` uses inspected rows only; `pu` adds uninspected rows as weak negatives (Elkan & Noto 2008 in spirit);
    `ips` weighs inspected rows by clipped inverse propensity; None = what is chosen for the grain (models/settings.py); `noise` fits twice, the second time with each refuted case counted as confirmed by the
    chance that it was missed; `lambdarank` learns the order within each snapshot and area instead of a chance. Raises ValueError with one class only."""
    variant = variant or chosen(rows.grain)
    y, weight = taught(rows, variant)
    keep = weight > 0
    part, y, weight = rows.where(keep), y[keep], weight[keep]
    if len(np.unique(y)) < 2:
        raise ValueError("one class only")
    objective = "lambdarank" if "lambdarank" in variant else "binary"
    learned = _fit(part, y, weight, columns, seed, threads, objective)
    if "noise" not in variant:
        return learned
    doubt = missed_chance(learned.raw(part), part.info["y"].to_numpy(dtype=float))
    twins = part.where(doubt > 0)
    both = Rows(part.grain, *(pd.concat([getattr(part, k), getattr(twins, k)]) for k in ("X", "tails", "info")))
    y = np.concatenate([y, np.ones(len(twins.info))])
    weight = np.concatenate([weight * (1 - doubt), (weight * doubt)[doubt > 0]])
    return _fit(both, y, weight, columns, seed, threads)


def chosen(grain: str) -> Variant:
    """The default variant of a grain."""
    return next(v for v in VARIANTS if v == SETTINGS[grain].variant)


def taught(rows: Rows, variant: Variant) -> tuple[np.ndarray, np.ndarray]:
    """(target in {0, 1}, weight per row; 0 = not used) of a variant."""
    y = rows.info["y"].to_numpy(dtype=float)
    labelled = ~np.isnan(y)
    weight = np.where(labelled, rows.info["weight"].to_numpy(), 0.0)
    if "ips" in variant:
        weight = weight * inverse_weights(rows)
    free = ~labelled
    if "pu" in variant and free.any():
        refuted = weight[labelled & (y == 0)].sum()
        weight[free] = PU_MASS * refuted / free.sum()
    return np.where(labelled, y, 0.0), weight


def missed_chance(raw: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Chance that a refuted case was guilty after all, by Bayes with inspectors who miss `MISSED` of the guilty; 0 for all other rows."""
    p = 1.0 / (1.0 + np.exp(-np.clip(raw, -40, 40)))
    return np.where(y == 0, MISSED * p / (1.0 - (1.0 - MISSED) * p), 0.0)


def _fit(
    part: Rows,
    y: np.ndarray,
    weight: np.ndarray,
    columns: Mapping[str, Column],
    seed: int,
    threads: int,
    objective: str = "binary",
) -> Learned:
    """Slopes and trees on weighted rows with both classes; the size of the trees follows the number of confirmed cases, of units their step too."""
    slopes, intercept = _offset(part.tails, y, weight)
    confirmed = int((part.info["y"] == 1).sum())
    own = max(1, part.info["entity_id"][hard(part) & (part.info["y"] == 1).to_numpy()].nunique())
    worse = ranker_worse(columns, list(part.X.columns))
    chosen = strongest_columns(part.X, pd.Series(y), worse, max(60, 3 * confirmed))
    ranker = Ranker(
        {c: worse[c] for c in chosen},
        trees=int(min(300, 60 + 2 * confirmed)),
        leaves=4 if confirmed < 60 else 7 if confirmed < 300 else 15,
        min_leaf=10 if confirmed < 100 else 20,
        rate=RATE * own / (own + SETTINGS[part.grain].offset_worth),
        seed=seed,
        threads=threads,
        objective=objective,
    )
    index = part.X.index
    groups = part.info["snapshot"].astype(str) + "|" + part.info["area"].astype(str)
    offset = pd.Series(linear(part.tails, slopes, intercept), index=index)
    ranker.fit(
        part.X[chosen], pd.Series(y, index=index), weight=pd.Series(weight, index=index), groups=groups, offset=offset
    )
    return Learned(ranker, slopes, intercept)


def learn_beds(
    rows: Rows, columns: Mapping[str, Column], *, variant: Variant | None = None, seed: int = 0, threads: int = 2
) -> Taught | None:
    """What empty and lent beds alone teach: stays confirmed for anything else are left out. None below `FEWEST_BEDS` such cases."""
    other = ((rows.info["y"] == 1) & ~rows.info["scheme"].isin(list(WEIGHTS))).to_numpy()
    kept = rows.where(~other)
    if rows.grain != "admission" or int((kept.info["y"] == 1).sum()) < FEWEST_BEDS:
        return None
    try:
        return learn(kept, columns, variant=variant, seed=seed, threads=threads)
    except ValueError:
        return None


def strongest_columns(X: pd.DataFrame, y: pd.Series, worse: Mapping[str, str], most: int) -> list[str]:
    """The `most` columns that separate y best by rank in their declared direction, in column order. A few dozen confirmed cases cannot choose
    among a thousand columns; inside a fold this sees the fold's training rows only."""
    if X.shape[1] <= most:
        return list(X.columns)
    ranks = X.rank().fillna((len(X) + 1) / 2.0).to_numpy()
    bad = y.to_numpy() > 0
    above = rank_auc(bad, ranks) - 0.5
    way = np.array([SIGN.get(worse.get(c, "either"), 0) for c in X.columns])
    gain = np.where(way == 0, np.abs(above), above * way)
    keep = set(np.lexsort((np.array(X.columns, dtype=str), -np.round(gain, 9)))[:most])
    return [c for j, c in enumerate(X.columns) if j in keep]


def _offset(tails: pd.DataFrame, y: np.ndarray, weight: np.ndarray) -> tuple[dict[str, float], float]:
    """Ridge logistic with slopes ≥ 0: an unlabelled scorer may be useless, but never evidence of innocence."""
    T = tails.to_numpy(dtype=float)
    rate = np.clip((weight * y).sum() / weight.sum(), 1e-4, 0.5)
    prior = 0.5 / max(1, T.shape[1])

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        raw = T @ beta[:-1] + beta[-1]
        p = 1.0 / (1.0 + np.exp(-np.clip(raw, -40, 40)))
        value = (weight * (np.logaddexp(0.0, raw) - y * raw)).sum() + RIDGE * ((beta[:-1] - prior) ** 2).sum()
        slope = weight * (p - y)
        return float(value), np.append(T.T @ slope + 2 * RIDGE * (beta[:-1] - prior), slope.sum())

    start = np.append(np.full(T.shape[1], prior), np.log(rate / (1 - rate)))
    bounds = [(0.0, None)] * T.shape[1] + [(-20.0, 20.0)]
    beta = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500, "ftol": 1e-12}).x
    # rounded: BLAS sums may differ in the last bits between machines, the bundle's bytes may not
    return {c: round(float(b), 6) for c, b in zip(tails.columns, beta[:-1], strict=True)}, round(float(beta[-1]), 6)


def out_of_fold(
    rows: Rows,
    columns: Mapping[str, Column],
    *,
    variant: Variant | None = None,
    seed: int = 0,
    folds: int = 5,
    threads: int = 2,
) -> np.ndarray:
    """Raw risk of each row by models that saw neither it nor its group; NaN where no fold could be trained."""
    y = rows.info["y"]
    numbers = grouped_folds(rows.info["group"], folds, seed, ((y == 1) & ~rows.info["soft"]).astype(float).tolist())
    raw = np.full(len(rows.info), np.nan)
    for train, test in fold_pairs(numbers):
        try:
            raw[test] = learn(rows.where(train), columns, variant=variant, seed=seed, threads=threads).raw(
                rows.where(test)
            )
        except ValueError:
            continue
    return raw


def out_of_time_raw(
    rows: Rows, columns: Mapping[str, Column], *, variant: Variant | None = None, seed: int = 0, threads: int = 2
) -> np.ndarray:
    """Raw risk of the later decided rows by models that knew only what was known before those were inspected; NaN for the earliest ones.

    The decided rows are cut at `CUTS` of their inspection times; each block is scored by a model of what was known before it began. Rows nobody
    inspected are dated by their snapshot.
    """
    own = hard(rows)
    raw = np.full(len(rows.info), np.nan)
    when = rows.info["inspected_at"]
    known = rows.info["known_at"].where(rows.info["y"].notna(), rows.info["snapshot"])
    if not own.any():
        return raw
    starts = [pd.Timestamp(c) for c in when[own].quantile(list(CUTS), interpolation="nearest")]
    for start, end in zip(starts, [*starts[1:], pd.Timestamp.max], strict=True):
        train, late = out_of_time(known, when, start)
        test = late & (when < end).to_numpy() & own
        taught = rows.info["y"][train & own]
        if test.any() and (taught == 1).sum() >= FEWEST_BEFORE and (taught == 0).any():
            learned = learn(rows.where(train), columns, variant=variant, seed=seed, threads=threads)
            raw[test] = learned.raw(rows.where(test))
    return raw


def hard(rows: Rows) -> np.ndarray:
    """Rows with a finding of their own: the only ones that count and that are evaluated on."""
    return (rows.info["y"].notna() & ~rows.info["soft"]).to_numpy()


def measured(rows: Rows, raw: np.ndarray) -> dict[str, float]:
    """AUC and average precision of raw on hard rows, for all and for random-draw rows; NaN where a class is absent."""
    mask = hard(rows) & ~np.isnan(raw)
    out: dict[str, float] = {}
    for name, part in (("all", mask), ("random", mask & rows.info["random"].to_numpy())):
        y = rows.info["y"].to_numpy()[part]
        both = len(np.unique(y)) == 2
        out[f"n_{name}"], out[f"positives_{name}"] = float(len(y)), float(y.sum())
        out[f"auc_{name}"] = auc(y, raw[part])
        out[f"ap_{name}"] = float(average_precision_score(y, raw[part])) if both else float("nan")
    return out


def with_ranker(
    model: GrainModel,
    rows: Rows,
    columns: Mapping[str, Column],
    *,
    variant: Variant | None = None,
    seed: int = 0,
    threads: int = 2,
) -> tuple[GrainModel, dict[str, Any], np.ndarray]:
    """(grain model with ranker, calibration and money fitted; figures of its held-out tests; raw risk of each row by a model that had not seen it: one
    of earlier times where there is one, else one of other groups)."""
    learned = learn(rows, columns, variant=variant, seed=seed, threads=threads)
    raw = out_of_fold(rows, columns, variant=variant, seed=seed, threads=threads)
    later = out_of_time_raw(rows, columns, variant=variant, seed=seed, threads=threads)
    curve, basis = _curve(rows, later, raw)
    figures: dict[str, Any] = {"variant": variant or chosen(rows.grain), **measured(rows, raw)}
    figures |= {f"later_{k}": v for k, v in measured(rows, later).items()}
    figures["calibrated_on"] = basis
    figures |= {
        f"fallback_{k}": v for k, v in measured(rows, fallback_raw(rows)).items() if k.startswith(("auc", "ap"))
    }
    figures["calibration"] = curve.kind
    return (
        replace(
            model,
            ranker=learned.ranker,
            slopes=learned.slopes,
            intercept=learned.intercept,
            findings=rows.findings,
            calibration=curve,
            amount=amount_from(rows),
            beds=learn_beds(rows, columns, variant=variant, seed=seed, threads=threads),
        ),
        figures,
        np.where(np.isnan(later), raw, later),
    )


def _curve(rows: Rows, later: np.ndarray, folds: np.ndarray) -> tuple[Calibration, str]:
    """The probability curve and what it rests on: cases later than the model where there are enough, else out-of-fold cases of all times, else none."""
    curve = Calibration("none")
    for basis, raw in (("out of time", later), ("out of fold", folds)):
        mask = hard(rows) & ~np.isnan(raw)
        curve = calibrate(raw[mask], rows.info["y"].to_numpy()[mask], rows.info["random"].to_numpy()[mask])
        if curve.kind != "none":
            return curve, basis
    return curve, "none"


def fallback_raw(rows: Rows) -> np.ndarray:
    """What the list would go by without a ranker: the mean of the unlabelled scorers' tails."""
    return np.asarray(rows.tails[[c for c in rows.tails if not str(c).startswith(PREFIX)]].mean(axis=1))


def amount_from(rows: Rows) -> AmountModel:
    """Money model from the confirmed hard rows."""
    info = rows.info[hard(rows) & (rows.info["y"] == 1).to_numpy()]
    parts = info[["certain_fen", "check_fen"]]
    return fit_amount(rows.grain, info["fund_fen"].to_numpy(), parts, info["amount_fen"].fillna(0.0).to_numpy())


def no_calibration(reason: str) -> Calibration:
    """A probability that cannot be said, and why."""
    return Calibration("none", reason=reason)
