"""One call from a matrix of numbers to risk, probability, money, scheme and reasons' raw material. Pure: no files, no clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd

from claims.errors import Outdated, UserError
from models.amount import amounts, fund_at_stake
from models.bundle import Bundle, mismatch
from models.calibrate import PRESUMED
from models.company import STAY_ID, STAY_SCHEMES
from models.decided import M, bar, of, told, what_remains
from models.ensemble import (
    ALL,
    RANKER,
    GrainModel,
    among,
    by_part,
    explained,
    interval_at,
    place,
    probability_at,
    raw_risk,
    unlabelled,
)
from models.findings import PREFIX
from models.parity import strata_of
from models.scheme import attribute, named, usual_evidence, with_stays_schemes
from models.scorer import BASE, MatrixLike
from models.scorers import shown
from models.settings import SETTINGS

MOSTLY: Final = 0.5
"""Part of a person's chance from which on the list says that it is a stay's."""
Order = Literal["expected", "probability", "blend", "level"]
ORDERS: Final = get_args(Order)


@dataclass(frozen=True)
class Scored:
    """A scored matrix. All frames share the index entity_id.

    frame: risk (what the list is ordered by, in [0, 1]), raw, placed (raw, levelled over strata where the order asks for it: what risk is made of), stratum ('' = none),
    suspicion (raw in [0, 1], without money), probability, probability_low, probability_high (with its 80 % interval; NaN = cannot say yet),
    found_before (confirmed stays of the same doctor), finding (an earlier conclusive one, in words, '' = none), returning (it is decided, and newer
    activity speaks against it: models/decided.py), amount_fen, amount_low_fen, amount_high_fen (80 %), certain_fen, check_fen, estimated_fen (fen), scheme, scheme_share, scheme_2,
    worst_stay (of a person listed mostly for a stay, else ''), model.
    contributions: columns of X + base, row sum = raw to 1e-9. scorers: risk in [0, 1] per kind of scorer (models/scorers.py: shown), and the ranker's.
    left_out: decided entities of the matrix that nothing newer speaks against.
    """

    frame: pd.DataFrame
    contributions: pd.DataFrame
    scorers: pd.DataFrame
    left_out: int = 0

    def only(self, keep: pd.Index) -> Scored:
        """The same scores of some of the entities."""
        return replace(self, **{n: getattr(self, n).loc[keep] for n in ("frame", "contributions", "scorers")})


def score(matrix: MatrixLike, bundle: Bundle | None, *, order: Order = "probability", by: str = "") -> Scored:
    """Score every entity of a matrix.

    order: 'expected' = chance × recoverable amount, 'probability' = chance alone, 'blend' = chance × √amount, 'level' = chance levelled over
    strata of age and chronic illness (models/parity.py), which costs finds. by: one part of the model alone (ensemble.by_part).
    Without a bundle, or without this grain in it, the unlabelled scorers are fitted on the matrix itself.
    Raises UserError when the bundle was fitted on other feature declarations.
    """
    return score_with(matrix, model_for(matrix, bundle, by), order=order)


def score_list(
    matrix: M, bundle: Bundle | None, held: pd.DataFrame, *, order: Order = "probability", by: str = ""
) -> tuple[M, Scored]:
    """The matrix and scores a list is made of: `score` without the decided, but for what is newer than their findings (models/decided.py).

    held: conclusive findings about its entities (`models.decided.closed`).
    """
    model = model_for(matrix, bundle, by)
    contributions, tails = explained(model, matrix)
    left, contributions = what_remains(matrix, contributions, held)
    scored = _scored(left, model, contributions, tails.loc[left.X.index], order)
    finding = told(held, left.X.index)
    back = finding != ""
    keep = left.X.index[~back | (scored.frame["risk"] >= bar(scored.frame.loc[~back, "risk"]))]
    frame = scored.frame.assign(finding=finding, returning=back).loc[keep]
    made = Scored(frame, scored.contributions.loc[keep], scored.scorers.loc[keep], len(matrix.X) - len(keep))
    return of(left, keep), made


def model_for(matrix: MatrixLike, bundle: Bundle | None, by: str = "") -> GrainModel:
    """The bundle's model of a matrix's grain, or the unlabelled scorers fitted on it, among its whole population; by: one part of it alone. UserError when the bundle
    knows other declarations, or the model has no such part."""
    model = bundle.grains.get(matrix.grain) if bundle is not None else None
    if model is None:
        model = unlabelled(matrix)
    elif changed := mismatch(model, matrix):
        raise other_declarations(matrix.grain, changed)
    return by_part(model, matrix, by) if by else among(model, matrix)


def other_declarations(grain: str, changed: str) -> Outdated:
    """What is said of a model that was fitted on other declarations."""
    return Outdated(f"“{grain}”的模型是按另一套指标声明训练的（{changed}），未使用；请重新运行 xiezhi fit。")


def in_order(frame: pd.DataFrame) -> pd.Index:
    """The entities of a `Scored.frame` from worst to best: where a coarse curve gives many the same chance, the finer risk behind it decides, then the id, never the
    money."""
    by = frame[["risk", "placed"]].rename_axis(None).assign(entity_id=frame.index.astype(str))
    return by.sort_values(["risk", "placed", "entity_id"], ascending=[False, False, True], kind="stable").index


def places(frame: pd.DataFrame) -> pd.Series:
    """1 for the best entity to n for the worst: a score without ties, in the order of the list."""
    order = in_order(frame)
    return pd.Series(np.arange(len(order), 0, -1, dtype=np.float64), index=order).reindex(frame.index)


def score_with(matrix: MatrixLike, model: GrainModel, *, order: Order = "probability") -> Scored:
    """Score with a given grain model; no check of declarations."""
    return _scored(matrix, model, *explained(model, matrix), order)


def _scored(
    matrix: MatrixLike, model: GrainModel, contributions: pd.DataFrame, tails: pd.DataFrame, order: Order
) -> Scored:
    frame = _standing(matrix, model, contributions.sum(axis=1).to_numpy(), order)
    evidence = (contributions, matrix.X, matrix.percentile, matrix.columns)
    usual = (model.usual or usual_evidence(*evidence)) if SETTINGS[matrix.grain].by_usual else None
    shares = attribute(*evidence, usual, model.often)
    frame["worst_stay"] = ""
    if model.company is not None and STAY_SCHEMES in matrix.entities:
        part = model.company.by_stay(frame["raw"].to_numpy(), matrix.entities)
        shares = with_stays_schemes(shares, part, matrix.entities[STAY_SCHEMES])
        frame["worst_stay"] = matrix.entities[STAY_ID].where(part >= MOSTLY, "").fillna("")
    frame = frame.join(named(shares))
    frame["model"] = model.label
    scorers = pd.DataFrame(index=matrix.X.index)
    for column in shown():
        names = [n for n, s in model.scorers.items() if s.shown == column]
        scorers[column] = -np.expm1(-tails[names].to_numpy().mean(axis=1)) if names else np.nan
    scorers["ranker"] = -np.expm1(-tails[RANKER].to_numpy()) if model.ranker is not None else np.nan
    return Scored(frame, contributions[[*matrix.X.columns, BASE]], scorers)


def standing(matrix: MatrixLike, model: GrainModel, *, order: Order = "probability") -> pd.DataFrame:
    """The frame of `score_with` without schemes: who stands where, at a tenth of the cost of explaining everybody."""
    return _standing(matrix, model, raw_risk(model, matrix).to_numpy(), order)


def _standing(matrix: MatrixLike, model: GrainModel, raw: np.ndarray, order: Order) -> pd.DataFrame:
    if order not in ORDERS:
        raise UserError(f"排序方式“{order}”不存在；可选 expected、probability、blend、level。")
    money = amounts(model.amount, matrix.X, fund_at_stake(matrix.entities), matrix.columns)
    placed = place(model, matrix.entities, raw) if order == "level" else raw
    frame = pd.DataFrame(index=matrix.X.index)
    frame["found_before"] = found_before(model, matrix)
    stratum = strata_of(matrix.entities)
    frame["risk"] = risk_by(model, placed, money["amount_fen"].to_numpy(), order)
    frame["raw"], frame["placed"], frame["suspicion"] = raw, placed, suspicion_of(model, raw)
    frame["probability"] = probability_at(model, raw, stratum.to_numpy())
    frame["probability_low"], frame["probability_high"] = interval_at(model, raw, stratum.to_numpy())
    frame["stratum"] = stratum if model.strata else ""
    return frame.join(money)


def risk_by(model: GrainModel, placed: np.ndarray, amount_fen: np.ndarray, order: Order) -> np.ndarray:
    """The risk a list is ordered by: the chance at the raw risk `placed` (said, or supposed where none can be said), and the money if asked.

    The chance of the common curve: what a group's own cases add is said beside it, but whom inspectors looked at decides it more than who is guilty,
    and ordering by it cost a third of the finds at the top where the offsets were large (docs/design.md §14)."""
    said = probability_at(model, placed)
    chance = np.where(np.isnan(said), supposed(suspicion_of(model, placed)), said)
    return ordered(chance, amount_fen, order, model.money_scale)


def found_before(model: GrainModel, matrix: MatrixLike) -> pd.Series | int:
    """Stays of the same doctor confirmed before the model was fitted, others' only; 0 where the model counts none (models/findings.py)."""
    if model.findings is None or "dr_codg" not in model.findings.confirmed:
        return 0
    return model.findings.counts(matrix.entities)[f"{PREFIX}dr_codg"].astype("int64")


def suspicion_of(model: GrainModel, raw: np.ndarray) -> np.ndarray:
    """Raw risk squashed to [0, 1] without any claim to be a probability: its percentile in the reference population."""
    return np.asarray(-np.expm1(-model.tails[ALL].at(raw)))


def supposed(suspicion: np.ndarray) -> np.ndarray:
    """A stand-in for the chance where no probability can be said, used only to order a list. A percentile would let size rule (the median
    entity is not half as suspect as the worst), so p / (p + tail) is taken: even odds at the edge of the worst `PRESUMED` share."""
    return np.asarray(PRESUMED / (PRESUMED + (1.0 - suspicion)))


def ordered(chance: np.ndarray, amount_fen: np.ndarray, order: Order, scale: float) -> np.ndarray:
    """The figure a list is sorted by, in [0, 1): chance × amount (or × √amount), bent by v / (v + scale) so that batch and single agree."""
    if order in ("probability", "level"):
        return np.asarray(chance, dtype=np.float64)
    money = np.maximum(amount_fen, 0).astype(np.float64) / max(scale, 1.0)
    value = chance * (money if order == "expected" else np.sqrt(money))
    return np.asarray(value / (1.0 + value))
