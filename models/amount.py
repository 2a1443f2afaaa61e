"""Amount at risk, as a range. 疑点金额 is never savings.

Three parts, largest certainty first: certain 明确可追 (amounts of hard rules), to check 需核实 (amounts of leads), estimated 推算 (the rest of the fund's payment × the share
that inspections of this grain recovered). Here for everybody, to order by; of those on a list the claim rows are counted (serving/lists/money.py).
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
USEFUL = 10.0
"""High end / low end of an interval that still tells an officer something; beyond it the rest is left open."""
OPEN_SHARE = 0.6
"""Usual share of a bill that the fund pays, used only until a stay is settled."""


@dataclass(frozen=True)
class AmountModel:
    """share: recovered share of the fund's payment not explained by rules; shift, spread: ln(confirmed / expected) has this mean and sd."""

    share: float
    shift: float = 0.0
    spread: float = PRIOR_SPREAD
    n: int = 0

    @property
    def tells(self) -> bool:
        """Whether its estimate of the rest is worth printing: taught by decided cases, and an 80 % interval of at most USEFUL times."""
        return bool(self.n >= PRIOR_CASES and np.exp(2 * Z80 * self.spread) <= USEFUL)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> AmountModel:
        return cls(**values)


def prior_amount(grain: str) -> AmountModel:
    """What to say before any case of this grain was confirmed."""
    return AmountModel(SETTINGS[grain].prior_share)


def rule_amounts(X: pd.DataFrame, columns: Mapping[str, Column], fund_fen: np.ndarray | None = None) -> pd.DataFrame:
    """Columns certain_fen, check_fen per entity, from the rules' amounts alone: of a family the largest (one fact), families added up, and all of
    it never above what was paid (`fund_fen`), or above the largest single amount where that reaches further back.

    No claim row is looked at, so rows that two families name are known to overlap only by that bound; lists count rows (serving/lists/money.py).
    """
    hard: dict[str, np.ndarray] = {}
    lead: dict[str, np.ndarray] = {}
    largest = np.zeros(len(X))
    for name in X.columns:
        column = columns[name]
        if column.role != "amount" or column.parent:
            continue
        fen = np.maximum(np.nan_to_num(X[name].to_numpy(dtype=np.float64)), 0.0)
        largest = np.maximum(largest, fen)
        part = hard if column.feature.kind == "hard" else lead
        part[column.family] = np.maximum(part[column.family], fen) if column.family in part else fen
    zero = np.zeros(len(X))
    cap = largest if fund_fen is None else np.maximum(np.nan_to_num(np.asarray(fund_fen, dtype=np.float64)), largest)
    certain = np.minimum(sum(hard.values(), zero), cap)
    check = np.minimum(sum((np.maximum(v - hard.get(g, zero), 0.0) for g, v in lead.items()), zero), cap - certain)
    return pd.DataFrame({"certain_fen": certain, "check_fen": check}, index=X.index)


def expected_amount(model: AmountModel, fund_fen: np.ndarray, parts: pd.DataFrame) -> np.ndarray:
    """Fen per entity before spread: certain + what must be checked + share of the rest, never above the fund's payment where that is known."""
    named = parts["certain_fen"].to_numpy() + parts["check_fen"].to_numpy()
    fund = np.maximum(np.nan_to_num(fund_fen), 0.0)
    return np.asarray(named + model.share * np.maximum(fund - named, 0.0))


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
    """amount_fen, amount_low_fen, amount_high_fen (80 %), certain_fen, check_fen, estimated_fen per entity, int64 fen; the three parts add up to amount_fen, and
    neither it nor its low end lies below what is certain. amount_estimated: whether estimated_fen and the interval may be told (AmountModel.tells)."""
    fund = np.maximum(np.nan_to_num(fund_fen.reindex(X.index).to_numpy(dtype=np.float64)), 0.0)
    parts = rule_amounts(X, columns, fund)
    sure = parts["certain_fen"].to_numpy()
    raw = expected_amount(model, fund, parts)
    cap = np.maximum(fund, sure + parts["check_fen"].to_numpy())
    middle = np.clip(raw * np.exp(model.shift), sure, cap)
    low = np.clip(raw * np.exp(model.shift - Z80 * model.spread), sure, middle)
    high = np.clip(raw * np.exp(model.shift + Z80 * model.spread), middle, cap)
    out = (
        pd.DataFrame({"amount_fen": middle, "amount_low_fen": low, "amount_high_fen": high}, index=X.index)
        .round()
        .astype("int64")
    )
    certain = np.minimum(parts["certain_fen"].round().astype("int64"), out["amount_fen"])
    check = np.minimum(parts["check_fen"].round().astype("int64"), out["amount_fen"] - certain)
    rest = out["amount_fen"] - certain - check
    return out.assign(certain_fen=certain, check_fen=check, estimated_fen=rest, amount_estimated=model.tells)


def fund_at_stake(entities: pd.DataFrame) -> pd.Series:
    """Fund payment in fen; where nothing is settled yet (an open stay) the usual fund share of what was billed so far, marked 推算."""
    if "fund_fen" not in entities:
        return pd.Series(0.0, index=entities.index)
    fund = pd.to_numeric(entities["fund_fen"]).astype("float64").fillna(0.0)
    if "total_fen" not in entities:
        return fund
    return fund.where(fund > 0, OPEN_SHARE * pd.to_numeric(entities["total_fen"]).astype("float64").fillna(0.0))
