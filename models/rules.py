"""Rule hits become one risk: the family's maximum, families joined by noisy-OR (codes.md).

risk = 1 − Π_f (1 − w_f), hence raw = −ln(1 − risk) = Σ_f −ln(1 − w_f): a sum over families, so contributions are exact.
One fact never counts twice: inside a family only the strongest rule counts (ties share).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd

from features.columns import Column
from models.scorer import BASE, Population, Scorer, State, aligned
from models.settings import SETTINGS

PRIOR = {"hard": 0.6, "lead": 0.25, "KPI": 0.1, "DQ": 0.0}
"""Belief in a hit before any outcome is known, by rule kind (codes.md). A data defect is never a suspicion."""
PRIOR_CASES = 10.0
"""A prior weighs as much as ten decided cases, so a rule's precision moves only with real feedback."""
MIN_DECIDED = 5
"""codes.md: feedback per rule only with at least five decided cases."""


class Rules(Scorer):
    """Hits of rules (0/1 or counts) → risk.

    family: {rule column: family}, the columns it reads; kind: {rule column: rule kind}, missing = lead. With y (confirmed 1 / refuted 0, NaN = unknown) the belief
    in each rule becomes its shrunk precision among decided cases. share: at most this share of the population is presumed guilty, so a rule
    that hits the share h of it is right at most share / h of the time; a rule then counts once (the number of its hits is mostly the size of
    the unit), and y is left to the ranker, which weighs the rules by the same few cases. None = none of this.
    """

    name, label, shown = "rules", "仅规则", "rules"

    def __init__(
        self,
        family: Mapping[str, str] | None = None,
        kind: Mapping[str, str] | None = None,
        share: float | None = None,
    ) -> None:
        self.family = family
        self.kind = kind
        self.share = share

    @classmethod
    def of(cls, population: Population) -> Self:
        return cls(*rule_families(population.matrix.columns), SETTINGS[population.matrix.grain].guilty_share)

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.Series | None = None,
        *,
        weight: pd.Series | None = None,
        groups: pd.Series | None = None,
    ) -> Self:
        family, kind = dict(self.family or {}), dict(self.kind or {})
        self.columns_ = [c for c in X.columns if c in family]
        self.families_ = [family.get(c) or c for c in self.columns_]
        self.belief_ = np.array(
            [PRIOR.get(kind.get(c, "lead"), PRIOR["lead"]) for c in self.columns_], dtype=np.float64
        )
        if y is not None and self.share is None and len(self.columns_):
            known = y.notna().to_numpy()
            hits = np.nan_to_num(X[self.columns_].to_numpy(dtype=np.float64)[known]) > 0
            outcome = y.to_numpy(dtype=np.float64)[known]
            decided, confirmed = hits.sum(axis=0), hits.T @ outcome
            learned = (self.belief_ * PRIOR_CASES + confirmed) / (PRIOR_CASES + decided)
            self.belief_ = np.where(
                (decided >= MIN_DECIDED) & (self.belief_ > 0), np.clip(learned, 0.01, 0.95), self.belief_
            )
        if self.share is not None and len(X):
            hit = (np.nan_to_num(X[self.columns_].to_numpy(dtype=np.float64)) > 0).mean(axis=0)
            self.belief_ = np.minimum(self.belief_, self.share / np.maximum(hit, 1.0 / len(X)))
        return self

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        hits = np.nan_to_num(aligned(X, self.columns_), nan=0.0)
        # several hits of one rule are several facts, with quickly shrinking news: 1, 1.25, 1.4 … at most 2 times the first
        most = 1.0 if self.share is not None else 2.0
        times = np.where(hits > 0, np.minimum(1.0 + 0.25 * np.log2(np.maximum(hits, 1.0)), most), 0.0)
        surprise = times * -np.log1p(-self.belief_)
        out = np.zeros((len(X), X.shape[1] + 1))
        place = {c: j for j, c in enumerate(X.columns)}
        for family in dict.fromkeys(self.families_):
            members = [j for j, f in enumerate(self.families_) if f == family and self.columns_[j] in place]
            if not members:
                continue
            block = surprise[:, members]
            top = block.max(axis=1, keepdims=True)
            winners = (block == top) & (top > 0)
            share = np.where(winners, top / np.maximum(winners.sum(axis=1, keepdims=True), 1), 0.0)
            out[:, [place[self.columns_[j]] for j in members]] += share
        return pd.DataFrame(out, index=X.index, columns=[*X.columns, BASE])

    def squash(self, raw: np.ndarray) -> np.ndarray:
        return np.asarray(-np.expm1(-np.maximum(raw, 0.0)))

    def state(self) -> State:
        return {"columns": self.columns_, "families": self.families_, "share": self.share}, {"belief": self.belief_}

    @classmethod
    def restore(cls, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        scorer = cls(share=values.get("share"))
        scorer.columns_, scorer.families_ = list(values["columns"]), list(values["families"])
        scorer.belief_ = np.asarray(arrays["belief"], dtype=np.float64)
        return scorer


def rule_families(columns: Mapping[str, Column]) -> tuple[dict[str, str], dict[str, str]]:
    """({rule column: family}, {rule column: rule kind}) of the rules whose hits may be learned from."""
    rules = {n: c for n, c in columns.items() if c.role == "rule" and not c.parent}
    return {n: c.family for n, c in rules.items()}, {n: c.feature.kind for n, c in rules.items()}
