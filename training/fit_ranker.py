"""From training rows to what findings teach, the weight of every part, calibration and money model. Pure: rows in, model out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from features.grains import CHARGES
from models.amount import AmountModel, fit_amount
from models.beds import WEIGHTS
from models.calibrate import Calibration, calibrate
from models.ensemble import RANKER, GrainModel, part_label, untaught, weighed, weight_of
from models.reference_distribution import tail_of
from models.settings import SETTINGS
from models.taught import Taught
from models.weights import standing_of, weights_of
from training.dataset import Rows
from training.metrics import auc
from training.splits import fold_pairs, grouped_folds, out_of_time

CUTS: Final = (0.25, 0.5, 0.75)
"""Where the confirmed cases are cut in time: the first quarter only teaches, each later one is foretold from what was known before it."""
FOLDS: Final = 5
Settings = Mapping[str, Any]
"""Of what is taught (models/taught.py), by name."""
DEFAULT: Final[Settings] = MappingProxyType({})


def learn(rows: Rows, *, seed: int = 0, threads: int = 2, how: Settings = DEFAULT) -> Taught:
    """What the rows teach. Raises ValueError where there are none, none is confirmed, or nothing else is known."""
    if rows.info.empty:
        raise ValueError("no rows")
    y, weight = taught_by(rows)
    keep = weight > 0
    part = rows.where(keep)
    free = part.info["y"].isna().to_numpy()
    return Taught(seed, threads, **how).fit(
        part.X,
        pd.Series(y[keep], index=part.X.index),
        weight=pd.Series(weight[keep], index=part.X.index),
        reference=part.X[free] if free.any() else None,
    )


def taught_by(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """(target in {0, 1}, weight per row; 0 = not used): the confirmed weigh their number n, all others together n too: half of it the refuted, half those
    nobody inspected. Refuted cases alone teach that suspicion is innocence (inspectors clear whom a rule pointed at); the uninspected
    alone waste what inspectors saw. Marks that a finding about somebody else left (`soft`) teach nothing, nor do findings about charges (`teaching`)."""
    y = rows.info["y"].to_numpy(dtype=float)
    own = teaching(rows)
    weight = np.where(own, rows.info["weight"].to_numpy(dtype=float), 0.0)
    free = np.isnan(y)
    weight[free] = 1.0
    confirmed, refuted = own & (y == 1), own & (y == 0)
    n = weight[confirmed].sum()
    others = [part for part in (refuted, free) if weight[part].sum() > 0]
    for part in others:
        weight[part] *= n / len(others) / weight[part].sum()
    return np.where(confirmed, 1.0, 0.0), weight


def learn_beds(rows: Rows, *, seed: int = 0, threads: int = 2, how: Settings = DEFAULT) -> Taught | None:
    """What empty and lent beds alone teach, from the first one on: stays confirmed for anything else are left out, those of which no scheme is said are not. None without any."""
    if rows.grain != "admission":
        return None
    other = ((rows.info["y"] == 1) & ~rows.info["scheme"].isin([*WEIGHTS, ""])).to_numpy()
    try:
        return learn(rows.where(~other), seed=seed, threads=threads, how=how)
    except ValueError:
        return None


@dataclass(frozen=True)
class HeldOut:
    """Per row, by models that had not seen it (NaN = by none): raw log odds, and the tail rank among those nobody inspected. blocks: (rows tested, tail ranks
    that the model which tested them gives everybody it is held against)."""

    raw: np.ndarray
    tail: np.ndarray
    blocks: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    @classmethod
    def empty(cls, n: int) -> HeldOut:
        return cls(np.full(n, np.nan), np.full(n, np.nan))

    def add(
        self, rows: Rows, train: np.ndarray, test: np.ndarray, seed: int, threads: int, how: Settings = DEFAULT
    ) -> None:
        """Score `test` by what `train` teaches; nothing where that is nothing."""
        try:
            taught = learn(rows.where(train), seed=seed, threads=threads, how=how)
        except ValueError:
            return
        among = taught.raw(rows.X[everybody(rows)]).to_numpy()
        places = tail_of(among)
        self.raw[test] = taught.raw(rows.X[test])
        self.tail[test] = places.at(self.raw[test])
        self.blocks.append((test, places.at(among)))


def everybody(rows: Rows) -> np.ndarray:
    """Whom a case is held against: those nobody inspected, all rows where there are none."""
    free = rows.info["y"].isna().to_numpy()
    return free if free.any() else np.ones(len(free), dtype=bool)


def placed(model: GrainModel, rows: Rows, out: HeldOut) -> tuple[np.ndarray, np.ndarray]:
    """Tail ranks of the tested rows in the county (NaN = not tested), by the list with what findings taught and by the list without: both among the same people."""
    taught, plain = np.full(len(rows.info), np.nan), np.full(len(rows.info), np.nan)
    whole, without = everybody(rows), fallback_raw(rows)
    among_plain = tail_of(without[whole])
    own = weighed(model, rows.tails.assign(**{RANKER: out.tail})).to_numpy()
    for test, tails in out.blocks:
        among = weighed(model, rows.tails[whole].assign(**{RANKER: tails})).to_numpy()
        taught[test] = tail_of(among).at(own[test])
        plain[test] = among_plain.at(without[test])
    return taught, plain


def held_against(taught: np.ndarray, plain: np.ndarray) -> dict[str, Any]:
    """Figures of confirmed cases by `placed`: n, mean share of the county less suspect than they, with what findings taught and without, the mean gain in tail rank."""
    known = np.isfinite(taught) & np.isfinite(plain)
    if not known.any():
        return {"held_out_n": 0, "below": None, "fallback_below": None, "gain": None}
    below, without = (float(1.0 - np.exp(-t[known]).mean()) for t in (taught, plain))
    gain = float((taught[known] - plain[known]).mean())
    return {"held_out_n": int(known.sum()), "below": below, "fallback_below": without, "gain": round(gain, 6)}


def out_of_fold(rows: Rows, *, seed: int = 0, folds: int = FOLDS, threads: int = 2, how: Settings = DEFAULT) -> HeldOut:
    """By models that saw neither a row nor its group."""
    y = rows.info["y"]
    numbers = grouped_folds(rows.info["group"], folds, seed, ((y == 1) & ~rows.info["soft"]).astype(float).tolist())
    out = HeldOut.empty(len(rows.info))
    for train, test in fold_pairs(numbers):
        out.add(rows, train, test, seed, threads, how)
    return out


def later_than_seen(rows: Rows, *, seed: int = 0, threads: int = 2, how: Settings = DEFAULT) -> HeldOut:
    """Later decided rows by models that knew only what was known before those were inspected; NaN for the earliest ones.

    The decided rows are cut where `CUTS` of the confirmed had been inspected; each block is scored by a model of what was known before it began.
    """
    own = teaching(rows)
    out = HeldOut.empty(len(rows.info))
    when = rows.info["inspected_at"]
    confirmed = own & (rows.info["y"] == 1).to_numpy()
    if not confirmed.any():
        return out
    free = rows.info["y"].isna().to_numpy()
    starts = sorted({pd.Timestamp(c) for c in when[confirmed].quantile(list(CUTS), interpolation="higher")})
    for start, end in zip(starts, [*starts[1:], pd.Timestamp.max], strict=True):
        train, late = out_of_time(rows.info["known_at"], when, start)
        test = late & (when < end).to_numpy() & own
        if test.any():
            out.add(rows, train | free, test, seed, threads, how)
    return out


def hard(rows: Rows) -> np.ndarray:
    """Rows with a finding of their own: the only ones that count and that are evaluated on."""
    return (rows.info["y"].notna() & ~rows.info["soft"]).to_numpy()


def teaching(rows: Rows) -> np.ndarray:
    """Hard rows that say what they are found for: a stay confirmed for its charges alone may be a stay like any other, so it teaches only where nothing else was confirmed."""
    own = hard(rows)
    if rows.grain != "admission":
        return own
    charges = (rows.info["scheme"].isin(list(CHARGES)) & (rows.info["y"] == 1)).to_numpy()
    return own & ~charges if (own & ~charges & (rows.info["y"] == 1).to_numpy()).any() else own


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


def tried(
    model: GrainModel, rows: Rows, settings: Sequence[Settings], *, seed: int = 0, threads: int = 2
) -> list[dict[str, Any]]:
    """What each combination of settings would have foretold: the settings and, of the cases confirmed later than the model knew, n, `below` and `gain` of `held_against`
    with AUC and AP of the decided, best first (by gain, then in the order given). Raises ValueError where nothing can be learnt."""
    found = []
    for how in settings:
        _, figures, _ = with_ranker(model, rows, seed=seed, threads=threads, how=how)
        kept = ("held_out_n", "below", "fallback_below", "gain", "auc_all", "ap_all")
        found.append({**how, **{k: figures[k] for k in kept}})
    return sorted(found, key=lambda r: -(r["gain"] if r["gain"] is not None else -np.inf))


def with_ranker(
    model: GrainModel, rows: Rows, *, seed: int = 0, threads: int = 2, how: Settings = DEFAULT
) -> tuple[GrainModel, dict[str, Any], np.ndarray]:
    """(grain model with what findings taught, weights, calibration and money; figures of its held-out tests; raw risk of each row with the taught part from
    a model that had not seen it). The model still needs the ranker's reference distribution. Raises ValueError where nothing can be learnt."""
    taught = learn(rows, seed=seed, threads=threads, how=how)
    y = rows.info["y"].to_numpy(dtype=float)
    confirmed = teaching(rows) & (y == 1)
    out, basis = later_than_seen(rows, seed=seed, threads=threads, how=how), "out of time"
    if not np.isfinite(out.tail[confirmed]).any():
        out, basis = out_of_fold(rows, seed=seed, threads=threads, how=how), "out of fold"
    before = [str(name) for name in rows.tails.columns if weight_of(model, str(name)) > 0]
    standings = {name: standing_of(rows.tails[name].to_numpy()[confirmed]) for name in before}
    standings[RANKER] = standing_of(out.tail[confirmed])
    model = replace(
        model,
        ranker=taught,
        weights=weights_of(standings, RANKER, apart=SETTINGS[rows.grain].apart),
        findings=rows.findings,
    )
    raw = weighed(model, rows.tails.assign(**{RANKER: out.tail})).to_numpy()
    mask = hard(rows) & np.isfinite(raw)
    t = among_uninspected(model, taught, rows, raw[mask])
    told = (rows.info[c].to_numpy()[mask] for c in ("lead_source", "stratum"))
    curve = calibrate(t, y[mask], *told)
    figures: dict[str, Any] = measured(rows, raw)
    # on the same rows: those that a model which had not seen them has scored
    without = measured(rows, np.where(np.isfinite(raw), fallback_raw(rows), np.nan))
    figures |= {f"fallback_{k}": v for k, v in without.items() if k[:2] in ("au", "ap")}
    figures |= held_against(*(t[confirmed] for t in placed(model, rows, out)))
    figures |= {"held_out": basis, "calibration": curve.kind, "parts": {n: s.to_json() for n, s in standings.items()}}
    beds = learn_beds(rows, seed=seed, threads=threads, how=how)
    return replace(model, calibration=curve, amount=amount_from(rows), beds=beds), figures, raw


def among_uninspected(model: GrainModel, taught: Taught, rows: Rows, raw: np.ndarray) -> np.ndarray:
    """Tail rank of raw risks among the rows nobody inspected; among themselves where there are none."""
    free = rows.where(rows.info["y"].isna().to_numpy())
    if free.info.empty:
        return tail_of(raw).at(raw)
    seen = taught.raw(free.X).to_numpy()
    return tail_of(weighed(model, free.tails.assign(**{RANKER: tail_of(seen).at(seen)})).to_numpy()).at(raw)


def parts_line(standings: Mapping[str, Mapping[str, Any]]) -> str:
    """One Chinese sentence: where each part would have placed the confirmed, what it weighs, which are left out."""
    said = []
    for name, s in standings.items():
        placed = "尚无可验证的查实" if s["below"] is None else f"查实者平均高于全体{s['below']:.0%}"
        said.append(
            f"“{part_label(name)}”{placed}，" + (f"权重{s['weight']:.2f}" if s["weight"] > 0 else "不优于随机，未采用")
        )
    return "；".join(said)


def fallback_raw(rows: Rows) -> np.ndarray:
    """What the list would go by without findings: `untaught` of the scorers' tails."""
    weights = untaught(str(name) for name in rows.tails.columns)
    return np.asarray(rows.tails.mul(pd.Series(weights)).sum(axis=1) if weights else rows.tails.mean(axis=1))


def amount_from(rows: Rows) -> AmountModel:
    """Money model from the confirmed hard rows."""
    info = rows.info[hard(rows) & (rows.info["y"] == 1).to_numpy()]
    parts = info[["certain_fen", "check_fen"]]
    return fit_amount(rows.grain, info["fund_fen"].to_numpy(), parts, info["amount_fen"].fillna(0.0).to_numpy())


def no_calibration(reason: str) -> Calibration:
    """A probability that cannot be said, and why."""
    return Calibration("none", reason=reason)
