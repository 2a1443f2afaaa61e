"""The scorers of one grain working together: rules, outliers, graph, and from the first confirmed case on what findings taught.

raw = Σ weight_s · t_s over the parts, t = −ln(1 − F(raw_s)) the tail rank over a reference population: even weights before any case was confirmed, then those of
models/weights.py. t is not linear, so a part's contributions are stretched by the secant (t − t_base) / (raw_s − base_s): signs stay, and the
row still adds up to raw exactly (the rescale rule of DeepLIFT, Shrikumar et al. 2017).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from claims.errors import UserError
from models.amount import AmountModel, prior_amount
from models.calibrate import Calibration
from models.company import Company, links_of, meet
from models.findings import Findings
from models.parity import levelled, strata_of, strata_tails
from models.reference_distribution import Tail, tail_of
from models.scorer import BASE, MatrixLike, Population, Scorer, badness
from models.scorers import SCORERS, fitted
from models.taught import Taught
from models.unlike_acts import UnlikeActs

FALLBACK = "规则+离群+图（尚无查实）"
Z = "z__"
"""Prefix of a peer-z column in the ranker's input; its contribution is added to the column itself."""
UNLABELLED = "unlabelled"
"""Name of all scorers together without what findings taught."""
RANKER = "ranker"
"""Name of the taught part beside the scorers."""
ALL = "all"
"""Name of the reference distribution of raw risk itself."""
OWN = "own"
"""Name of that of raw risk without company."""


def part_label(name: str) -> str:
    """What a part of a model is called on pages: the taught one, or a scorer of models/scorers.py."""
    return "按查处结果学习" if name == RANKER else SCORERS[name].label if name in SCORERS else name


@dataclass
class GrainModel:
    """All that is needed to score one grain. `weights` empty = even over the scorers (`untaught`); `golden` rows are replayed when a bundle is loaded."""

    grain: str
    columns: list[str]
    scorers: dict[str, Scorer]
    """The unlabelled scorers by name, in the order of models/scorers.py."""
    tails: dict[str, Tail] = field(default_factory=dict)
    ranker: Taught | None = None
    weights: dict[str, float] = field(default_factory=dict)
    company: Company | None = None
    """Of the population that is scored (models/company.py); made by `among`, kept in no bundle."""
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
    often: dict[str, float] = field(default_factory=dict)
    """How much likelier confirmed cases make each scheme (models/scheme.py); empty where the grain does not count them."""
    beds: Taught | None = None
    """Of stays: what empty beds alone taught (models/beds.py)."""

    @property
    def label(self) -> str:
        """What the list says it was ranked by."""
        if len(self.weights) == 1:
            return f"仅按一项评分：{next(iter(self.weights))}"
        return "学习模型（规则+离群+图+查处结果）" if self.ranker is not None else FALLBACK


def unlabelled(matrix: MatrixLike, *, seed: int = 0, without: Collection[str] = ()) -> GrainModel:
    """Rules, outliers and graph fitted on the whole population of a matrix. without: scorers left out."""
    bad = badness_of(matrix)
    scorers = {n: s for n, s in fitted(Population(matrix, bad, seed)).items() if n not in without}
    model = GrainModel(matrix.grain, list(matrix.X.columns), scorers, amount=prior_amount(matrix.grain))
    model.tails = {name: tail_of(s.raw(inputs(matrix, s, bad)).to_numpy()) for name, s in scorers.items()}
    model.weights = untaught(scorers)
    ranks = tails(model, matrix)
    return settled(model, matrix.entities, weighed(model, ranks))


def settled(model: GrainModel, entities: pd.DataFrame, raw: pd.Series) -> GrainModel:
    """The model with the reference distributions of its own raw risk over these entities."""
    values = raw.to_numpy()
    strata = strata_tails(entities, values)
    alone = model.company.own if model.company is not None else tail_of(values)
    return replace(model, tails={**model.tails, ALL: tail_of(values), OWN: alone}, strata=strata)


def probability_at(model: GrainModel, raw: np.ndarray, group: np.ndarray | None = None) -> np.ndarray:
    """Chance at a raw risk, NaN where none can be said. The curve goes by how many stand above. group: stratum of each, None = the common curve."""
    return model.calibration.probability(model.tails[ALL].at(raw), group)


def interval_at(model: GrainModel, raw: np.ndarray, group: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the 80 % interval of that chance."""
    return model.calibration.interval(model.tails[ALL].at(raw), group)


def badness_of(matrix: MatrixLike) -> pd.DataFrame:
    """Badness of every column that is neither the entity's own rule hit nor an amount nor the result of a check."""
    columns = {c: matrix.columns[c] for c in matrix.X.columns}
    worse = {n: c.worse for n, c in columns.items() if c.role in ("value", "graph") or (c.role == "rule" and c.parent)}
    return badness(matrix.z.reindex(columns=matrix.X.columns), worse)


def inputs(matrix: MatrixLike, scorer: Scorer, bad: pd.DataFrame) -> pd.DataFrame:
    """What a fitted scorer is given: the numbers, or the badness of peers' z, from which it takes the columns it was fitted on."""
    return matrix.X if scorer.reads == "values" else bad


def untaught(scorers: Iterable[str]) -> dict[str, float]:
    """Weights of the scorers before anything was confirmed: the union of unlike acts alone where there is one, as the others' mean beside it found less; {} = even."""
    names = list(scorers)
    return {n: float(n == UnlikeActs.name) for n in names} if UnlikeActs.name in names else {}


def weight_of(model: GrainModel, name: str) -> float:
    """Weight of a part in raw risk; even over the scorers where nothing was learnt."""
    return model.weights.get(name, 0.0) if model.weights else 1.0 / len(model.scorers)


def weighed(model: GrainModel, tails: pd.DataFrame) -> pd.Series:
    """Raw risk of tails per part."""
    out = pd.Series(0.0, index=tails.index, name="raw")
    for name in tails.columns:
        if weight := weight_of(model, str(name)):
            out = out + weight * tails[name]
    return out


def raw_risk(model: GrainModel, matrix: MatrixLike) -> pd.Series:
    """Raw risk without its contributions: what `explained` adds up to, at a fraction of the cost."""
    own = weighed(model, tails(model, matrix))
    return pd.Series(in_company(model, matrix, own.to_numpy()), index=own.index, name="raw")


def by_part(model: GrainModel, matrix: MatrixLike, part: str) -> GrainModel:
    """The model that goes by one of its parts alone, or by `UNLABELLED`: what the list would go by had nothing been taught. Without company, and without probabilities, which
    were learnt of all parts together. UserError for a part it has not."""
    known = [UNLABELLED, *model.scorers, *([RANKER] if model.ranker is not None else [])]
    if part not in known:
        raise UserError(f"the list of {model.grain} has no part {part!r}; choose one of {', '.join(known)}")
    alone = replace(
        model,
        ranker=None if part == UNLABELLED else model.ranker,
        weights=untaught(model.scorers) if part == UNLABELLED else {part: 1.0},
        company=None,
        findings=None,
        calibration=Calibration("none", reason="按一项评分排序，不给出概率"),
    )
    return settled(alone, matrix.entities, weighed(alone, tails(alone, matrix)))


def among(model: GrainModel, matrix: MatrixLike) -> GrainModel:
    """The model among a whole population: with the companies its entities are in."""
    links = links_of(matrix.entities, getattr(matrix, "visits", None))
    if links is None or not len(matrix.X):
        return model
    own = weighed(model, tails(model, matrix)).to_numpy()
    scale = sum(model.weights.values()) if model.weights else 1.0
    return replace(model, company=meet(own, links, matrix.entities, scale))


def in_company(model: GrainModel, matrix: MatrixLike, own: np.ndarray) -> np.ndarray:
    """Raw risk with what others in the same company are suspected of, from that without; the same where the model has met nobody."""
    links = links_of(matrix.entities, getattr(matrix, "visits", None))
    if model.company is None or links is None:
        return own
    return model.company.raw(own, links, matrix.entities)


def place(model: GrainModel, entities: pd.DataFrame, raw: np.ndarray) -> np.ndarray:
    """Raw risk levelled over the strata of a grain that has them (models/parity.py), else `raw` itself."""
    return levelled(model.strata, strata_of(entities), raw)


def parts(model: GrainModel, matrix: MatrixLike) -> Iterator[tuple[str, Scorer, pd.DataFrame]]:
    """(name, scorer, what it is given) of every part: the scorers, then the ranker where there is one."""
    bad = badness_of(matrix)
    for name, scorer in model.scorers.items():
        yield name, scorer, inputs(matrix, scorer, bad)
    if model.ranker is not None:
        yield RANKER, model.ranker, ranker_input(matrix)


def tails(model: GrainModel, matrix: MatrixLike) -> pd.DataFrame:
    """Tail rank per part, columns = part names."""
    found = {name: model.tails[name].at(part.raw(X).to_numpy()) for name, part, X in parts(model, matrix)}
    return pd.DataFrame(found, index=matrix.X.index)


def ranker_input(matrix: MatrixLike) -> pd.DataFrame:
    """Features and their peer z side by side; rule amounts stay out (they are money, and money is ordered by later). Context enters by its place among all
    of the grain, so that snapshots of a young warehouse and of an old one say the same."""
    columns = {c: matrix.columns[c] for c in matrix.X.columns}
    told = [n for n, c in columns.items() if c.role not in ("amount", "outcome")]
    deviations = [n for n in told if not columns[n].hit]
    # of a hospital, patient or doctor only its place among its own peers: raw parent values mostly name the parent
    plain = [n for n in told if not columns[n].parent]
    peers = matrix.z.reindex(columns=deviations)
    own = matrix.X[plain]
    if context := [n for n in plain if columns[n].role == "context"]:
        own = own.assign(**matrix.places(context))
    return pd.concat([own, peers.set_axis([Z + n for n in deviations], axis=1)], axis=1)


def explained(model: GrainModel, matrix: MatrixLike) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(contributions: columns of X + base, one row per entity, adding up to raw; tails per part)."""
    total = np.zeros((len(matrix.X), matrix.X.shape[1] + 1))
    place = {c: j for j, c in enumerate([*matrix.X.columns, BASE])}
    seen: dict[str, np.ndarray] = {}
    for name, part, X in parts(model, matrix):
        told = part.contributions(X)
        values = told.drop(columns=BASE).to_numpy()
        base = told[BASE].to_numpy()
        raw = values.sum(axis=1) + base
        seen[name] = model.tails[name].at(raw)
        weight = weight_of(model, name)
        if weight == 0.0:
            continue
        low = model.tails[name].at(base)
        moved = raw - base
        stretch = np.divide(seen[name] - low, moved, out=np.zeros_like(moved), where=np.abs(moved) > 1e-12)
        moves = weight * values * stretch[:, None]
        # a column and its peer z are two inputs of the ranker, so they are added, not assigned
        for j, column in enumerate(c for c in told.columns if c != BASE):
            total[:, place[column.removeprefix(Z)]] += moves[:, j]
        # base takes what the secant could not place (rows at the base itself), so the sum is exact by construction
        total[:, -1] += weight * seen[name] - moves.sum(axis=1)
    # what others are suspected of is no number of the entity's own: it stands in the base
    own = total.sum(axis=1)
    total[:, -1] += in_company(model, matrix, own) - own
    return pd.DataFrame(total, index=matrix.X.index, columns=[*matrix.X.columns, BASE]), pd.DataFrame(
        seen, index=matrix.X.index
    )
