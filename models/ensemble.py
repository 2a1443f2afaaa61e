"""The scorers of one grain working together: rules, outliers, graph, and where labels allow, the ranker.

Without a ranker, raw = mean over scorers of the tail rank t = −ln(1 − F(raw_s)), F the distribution over a reference population.
With one, raw = Σ_s slope_s · t_s + trees: the offset says what was known before any label. t is not linear, so a scorer's contributions
are stretched by the secant (t − t_base) / (raw_s − base_s): signs stay, and the row still adds up to raw exactly (the rescale rule of
DeepLIFT, Shrikumar et al. 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from features.columns import Column
from models.amount import AmountModel, prior_amount
from models.calibrate import Calibration
from models.findings import Findings
from models.parity import levelled, strata_of, strata_tails
from models.ranker import Ranker
from models.reference_distribution import Tail, tail_of
from models.scorer import BASE, MatrixLike, Population, Scorer, badness
from models.scorers import fitted

FALLBACK = "规则+离群+图（标签不足）"
Z = "z__"
"""Prefix of a peer-z column in the ranker's input; its contribution is added to the column itself."""
ALL = "all"
"""Name of the reference distribution of the fallback's own raw risk."""


@dataclass(frozen=True)
class Taught:
    """What outcomes taught: slopes of the unlabelled tails and trees beside them."""

    ranker: Ranker
    slopes: dict[str, float]
    intercept: float


@dataclass
class GrainModel:
    """All that is needed to score one grain. `slopes` empty = fallback (plain mean); `golden` rows are replayed when a bundle is loaded."""

    grain: str
    columns: list[str]
    scorers: dict[str, Scorer]
    """The unlabelled scorers by name, in the order of models/scorers.py."""
    tails: dict[str, Tail] = field(default_factory=dict)
    ranker: Ranker | None = None
    slopes: dict[str, float] = field(default_factory=dict)
    intercept: float = 0.0
    calibration: Calibration = field(default_factory=lambda: Calibration("none", reason="没有结论，暂不能给出概率"))
    amount: AmountModel = field(default_factory=lambda: AmountModel(0.1))
    money_scale: float = 1e6
    declared: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    findings: Findings | None = None
    strata: dict[str, Tail] = field(default_factory=dict)
    """Reference distributions of raw risk per stratum (models/parity.py); empty where the grain has none."""
    usual: dict[str, tuple[float, float]] = field(default_factory=dict)
    """What the population it was fitted on shows of each scheme (models/scheme.py); empty for a model fitted on the matrix it scores."""
    beds: Taught | None = None
    """Of stays: what empty beds alone taught (models/beds.py)."""

    @property
    def label(self) -> str:
        """What the list says it was ranked by."""
        return "学习模型（规则+离群+图+查处结果）" if self.ranker is not None else FALLBACK


def unlabelled(matrix: MatrixLike, *, seed: int = 0, y: pd.Series | None = None) -> GrainModel:
    """Rules, outliers and graph fitted on the whole population of a matrix. y (known outcomes, NaN elsewhere) only sharpens rule beliefs."""
    bad = badness_of(matrix)
    scorers = fitted(Population(matrix, bad, seed), y)
    model = GrainModel(matrix.grain, list(matrix.X.columns), scorers, amount=prior_amount(matrix.grain))
    model.tails = {name: tail_of(s.raw(inputs(matrix, s, bad)).to_numpy()) for name, s in scorers.items()}
    ranks = tails(model, matrix)
    model.tails[ALL] = tail_of(ranks.mean(axis=1).to_numpy())
    model.strata = strata_tails(matrix.entities, offset(model, ranks).to_numpy())
    return model


def badness_of(matrix: MatrixLike) -> pd.DataFrame:
    """Badness of every column that is neither the entity's own rule hit nor an amount nor the result of a check."""
    columns = {c: matrix.columns[c] for c in matrix.X.columns}
    worse = {n: c.worse for n, c in columns.items() if c.role in ("value", "graph") or (c.role == "rule" and c.parent)}
    return badness(matrix.z.reindex(columns=matrix.X.columns), worse)


def inputs(matrix: MatrixLike, scorer: Scorer, bad: pd.DataFrame) -> pd.DataFrame:
    """What a fitted scorer is given: the numbers, or the badness of peers' z, from which it takes the columns it was fitted on."""
    return matrix.X if scorer.reads == "values" else bad


def offset(model: GrainModel, tails: pd.DataFrame) -> pd.Series:
    """The unlabelled part of raw: slopes · tails + intercept, or the mean of tails in the fallback."""
    if model.ranker is None:
        return tails.mean(axis=1).rename("raw")
    out = pd.Series(model.intercept, index=tails.index, name="raw")
    for name, slope in model.slopes.items():
        out = out + slope * tails[name]
    return out


def raw_risk(model: GrainModel, matrix: MatrixLike) -> pd.Series:
    """Raw risk without its contributions: what `explained` adds up to, at a fraction of the cost."""
    raw = offset(model, tails(model, matrix))
    return raw if model.ranker is None else raw + model.ranker.raw(ranker_input(matrix))


def place(model: GrainModel, entities: pd.DataFrame, raw: np.ndarray) -> np.ndarray:
    """The raw risk a list is ordered by: levelled over the strata of a grain that has them (models/parity.py), else `raw` itself."""
    return levelled(model.strata, strata_of(entities), raw)


def tails(model: GrainModel, matrix: MatrixLike) -> pd.DataFrame:
    """Tail rank per scorer, columns = scorer names; where there are findings, their tails too."""
    bad = badness_of(matrix)
    found = {name: model.tails[name].at(s.raw(inputs(matrix, s, bad)).to_numpy()) for name, s in model.scorers.items()}
    out = pd.DataFrame(found, index=matrix.X.index)
    return out.join(model.findings.tails(matrix.entities)) if model.findings is not None else out


def ranker_input(matrix: MatrixLike) -> pd.DataFrame:
    """Features and their peer z side by side; rule amounts stay out (they are money, and money is ordered by later)."""
    columns = {c: matrix.columns[c] for c in matrix.X.columns}
    told = [n for n, c in columns.items() if c.role not in ("amount", "outcome")]
    deviations = [n for n in told if not columns[n].hit]
    # of a hospital, patient or doctor only its place among its own peers: raw parent values mostly name the parent
    plain = [n for n in told if not columns[n].parent]
    peers = matrix.z.reindex(columns=deviations)
    return pd.concat([matrix.X[plain], peers.set_axis([Z + n for n in deviations], axis=1)], axis=1)


def ranker_worse(columns: Mapping[str, Column], names: list[str]) -> dict[str, str]:
    """Monotone directions for `ranker_input`'s columns. A rule hit never lowers risk."""
    behind = {name: columns[name.removeprefix(Z)] for name in names}
    return {name: "high" if column.hit else column.worse for name, column in behind.items()}


def explained(model: GrainModel, matrix: MatrixLike) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(contributions: columns of X + base, one row per entity, adding up to raw; tails per scorer)."""
    bad = badness_of(matrix)
    total = np.zeros((len(matrix.X), matrix.X.shape[1] + 1))
    place = {c: j for j, c in enumerate([*matrix.X.columns, BASE])}
    seen: dict[str, np.ndarray] = {}
    for name, scorer in model.scorers.items():
        parts = scorer.contributions(inputs(matrix, scorer, bad))
        values = parts.drop(columns=BASE).to_numpy()
        base = parts[BASE].to_numpy()
        raw = values.sum(axis=1) + base
        seen[name] = model.tails[name].at(raw)
        slope = model.slopes.get(name, 0.0) if model.ranker is not None else 1.0 / len(model.scorers)
        if slope == 0.0:
            continue
        low = model.tails[name].at(base)
        moved = raw - base
        stretch = np.divide(seen[name] - low, moved, out=np.zeros_like(moved), where=np.abs(moved) > 1e-12)
        where = [place[c] for c in parts.columns if c != BASE]
        total[:, where] += slope * values * stretch[:, None]
        # base takes what the secant could not place (rows at the base itself), so the sum is exact by construction
        total[:, -1] += slope * (seen[name] - (values * stretch[:, None]).sum(axis=1))
    if model.ranker is not None:
        X = ranker_input(matrix)
        parts = model.ranker.contributions(X)
        for column in parts.columns:
            total[:, place[column.removeprefix(Z)]] += parts[column].to_numpy()
        total[:, -1] += model.intercept
    if model.findings is not None:
        # findings are no claims and have no column: they stand in the base, and the list says their number beside the reasons
        found = model.findings.tails(matrix.entities)
        for column in map(str, found.columns):
            seen[column] = found[column].to_numpy()
            total[:, -1] += model.slopes.get(column, 0.0) * seen[column]
    return pd.DataFrame(total, index=matrix.X.index, columns=[*matrix.X.columns, BASE]), pd.DataFrame(
        seen, index=matrix.X.index
    )
