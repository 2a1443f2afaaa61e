"""Amount at risk, as a range. 疑点金额 is never savings (workflow.md §5).

Three parts, largest certainty first: certain 明确可追 (amounts of hard rules), to check 需核实 (amounts of leads), estimated 推算 (the rest of the fund's payment × the share
that inspections of this grain recovered). One fact never counts twice: within a rule family only the largest amount counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.columns import Column
from models.settings import SETTINGS

Z80 = 1.2815515655446004
"""An 80 % interval leaves 10 % on either side."""
PRIOR_SPREAD = 1.2
"""Standard deviation of ln(confirmed / expected) before any outcome is known: a factor of 4.7 either way at 80 %."""
PRIOR_CASES = 10.0
OPEN_SHARE = 0.6
"""Usual share of a bill that the fund pays, used only until a stay is settled."""


@dataclass(frozen=True)
class AmountModel:
    """share: recovered share of the fund's payment not explained by rules; shift, spread: ln(confirmed / expected) has this mean and sd."""

    share: float
    shift: float = 0.0
    spread: float = PRIOR_SPREAD
    n: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> AmountModel:
        return cls(**values)


def prior_amount(grain: str) -> AmountModel:
    """What to say before any case of this grain was confirmed."""
    return AmountModel(SETTINGS[grain].prior_share)


def rule_amounts(X: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    """Columns certain_fen, check_fen in fen per entity: family maxima of the rules' amounts, hard rules first; a family's lead counts only above its hard part."""
    hard: dict[str, np.ndarray] = {}
    lead: dict[str, np.ndarray] = {}
    for name in X.columns:
        column = columns[name]
        if column.role != "amount" or column.parent:
            continue
        fen = np.maximum(np.nan_to_num(X[name].to_numpy(dtype=np.float64)), 0.0)
        part = hard if column.feature.kind == "hard" else lead
        part[column.family] = np.maximum(part[column.family], fen) if column.family in part else fen
    zero = np.zeros(len(X))
    certain = sum(hard.values(), zero)
    check = sum((np.maximum(v - hard.get(g, zero), 0.0) for g, v in lead.items()), zero)
    return pd.DataFrame({"certain_fen": certain, "check_fen": check}, index=X.index)


def expected_amount(model: AmountModel, fund_fen: np.ndarray, parts: pd.DataFrame) -> np.ndarray:
    """Fen per entity before spread: certain + what must be checked + share of the rest, never above the fund's payment where that is known."""
    named = parts["certain_fen"].to_numpy() + parts["check_fen"].to_numpy()
    fund = np.maximum(np.nan_to_num(fund_fen), 0.0)
    guess = model.share * np.maximum(fund - named, 0.0)
    return np.asarray(np.minimum(named + guess, np.maximum(fund, named)))


def fit_amount(grain: str, fund_fen: np.ndarray, parts: pd.DataFrame, confirmed_fen: np.ndarray) -> AmountModel:
    """From confirmed cases: median share, then mean and spread of the log ratio, each shrunk towards the prior as ten cases."""
    prior = prior_amount(grain)
    keep = (confirmed_fen > 0) & (np.nan_to_num(fund_fen) > 0)
    n = int(keep.sum())
    if n == 0:
        return prior
    fund, got = np.asarray(fund_fen, float)[keep], np.asarray(confirmed_fen, float)[keep]
    ratio = np.clip(got / fund, 1e-4, 1.0)
    pull = n / (n + PRIOR_CASES)
    share = float(np.exp(pull * np.median(np.log(ratio)) + (1 - pull) * np.log(prior.share)))
    base = AmountModel(share)
    logs = np.log(got / np.maximum(expected_amount(base, fund, parts[keep]), 1.0))
    shift = float(pull * np.median(logs))
    spread = float(np.sqrt((PRIOR_CASES * PRIOR_SPREAD**2 + ((logs - shift) ** 2).sum()) / (PRIOR_CASES + n)))
    return AmountModel(share, shift, spread, n)


def amounts(model: AmountModel, X: pd.DataFrame, fund_fen: pd.Series, columns: Mapping[str, Column]) -> pd.DataFrame:
    """amount_fen, amount_low_fen, amount_high_fen (80 %), certain_fen, check_fen, estimated_fen per entity, int64 fen; the three parts add up to amount_fen."""
    parts = rule_amounts(X, columns)
    fund = np.maximum(np.nan_to_num(fund_fen.reindex(X.index).to_numpy(dtype=np.float64)), 0.0)
    raw = expected_amount(model, fund, parts)
    cap = np.maximum(fund, parts["certain_fen"].to_numpy() + parts["check_fen"].to_numpy())
    middle = np.minimum(raw * np.exp(model.shift), cap)
    low = np.minimum(raw * np.exp(model.shift - Z80 * model.spread), middle)
    high = np.maximum(np.minimum(raw * np.exp(model.shift + Z80 * model.spread), cap), middle)
    out = (
        pd.DataFrame({"amount_fen": middle, "amount_low_fen": low, "amount_high_fen": high}, index=X.index)
        .round()
        .astype("int64")
    )
    certain = np.minimum(parts["certain_fen"].round().astype("int64"), out["amount_fen"])
    check = np.minimum(parts["check_fen"].round().astype("int64"), out["amount_fen"] - certain)
    return out.assign(
        **{"certain_fen": certain, "check_fen": check, "estimated_fen": out["amount_fen"] - certain - check}
    )


def fund_at_stake(entities: pd.DataFrame) -> pd.Series:
    """Fund payment in fen; where nothing is settled yet (an open stay) the usual fund share of what was billed so far, marked 推算."""
    if "fund_fen" not in entities:
        return pd.Series(0.0, index=entities.index)
    fund = pd.to_numeric(entities["fund_fen"]).astype("float64").fillna(0.0)
    if "total_fen" not in entities:
        return fund
    return fund.where(fund > 0, OPEN_SHARE * pd.to_numeric(entities["total_fen"]).astype("float64").fillna(0.0))
