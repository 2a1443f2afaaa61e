"""The graph scorers keep the one contract, and each does what its name says."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from models.ensemble import explained as explained_parts
from models.ensemble import tails, unlabelled
from models.graph import NearCases, Residual
from models.ring_risk import RING_WEIGHTS, RingRisk
from models.scorer import BASE, check_scorer


def some_rings(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "ring_members": rng.integers(4, 40, n), "ring_days": rng.integers(2, 30, n), "ring_surprise": rng.uniform(6, 60, n),
            "ring_density": rng.uniform(0.3, 1, n), "ring_attendance": rng.uniform(0.4, 1, n), "ring_fen": rng.uniform(1e3, 1e6, n),
            "ring_amount_share": rng.uniform(0, 1, n), "ring_resale_share": rng.uniform(0, 1, n), "ring_same_bag": rng.uniform(0, 1, n),
            "ring_width": rng.uniform(0, 60, n), "ring_explained": (rng.random(n) < 0.5) * 1.0, "ring_places": rng.integers(1, 5, n),
        },
        index=pd.Index([f"ring-{i}" for i in range(n)], name="entity_id"),
    ).astype("float64")  # fmt: skip
    X.loc["ring-3", "ring_resale_share"] = np.nan
    return X


def some_visits(cards: int = 30, places: int = 6, seed: int = 1) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(seed)
    visits = rng.poisson(0.8, (cards, places)).astype(float)
    visits[0] = 0  # an isolated card
    X = pd.DataFrame(visits, index=pd.Index([f"p{i}" for i in range(cards)], name="entity_id"), columns=list("ABCDEF"))
    return X, pd.Series((np.arange(cards) % 7 == 0) * 1.0, index=X.index)


def some_shops(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    cards = rng.integers(20, 3000, n).astype(float)
    amount = 90 * cards**1.1 * np.exp(rng.normal(0, 0.2, n))
    amount[:4] *= 5
    return pd.DataFrame(
        {"cards": cards, "amount": amount}, index=pd.Index([f"P{i:02d}" for i in range(n)], name="entity_id")
    )


def test_contracts():
    check_scorer(RingRisk(), some_rings())
    check_scorer(Residual(), some_shops())
    check_scorer(NearCases(), *some_visits())


def test_an_explained_ring_ranks_below_every_open_one_and_missing_says_nothing():
    X = some_rings()
    scorer = RingRisk().fit(X)
    risk, open_ring = scorer.risk(X), X["ring_explained"] == 0
    twins = X[open_ring].assign(ring_explained=1.0)
    assert scorer.risk(twins).max() < risk[open_ring].min()
    parts = scorer.contributions(X)
    assert parts.loc["ring-3", "ring_resale_share"] == 0
    assert (parts["ring_places"] == 0).all(), "a column without a weight moves nothing"
    for column, (weight, _) in RING_WEIGHTS.items():
        moved = scorer.raw(X.assign(**{column: X[column] + 1})) - scorer.raw(X)
        assert (moved[X[column].notna()] * np.sign(weight) > 0).all(), column


def test_the_residual_names_the_shops_that_move_too_much_money_for_their_cards():
    X = some_shops()
    scorer = Residual().fit(X)
    assert set(scorer.risk(X).nlargest(4).index) == {"P00", "P01", "P02", "P03"}
    more = scorer.contributions(X.assign(amount=5 * X["amount"])) - scorer.contributions(X)
    assert (more["amount"] > 0).all()
    assert (more["cards"] == 0).all()
    nothing = X.assign(amount=0.0)
    assert (scorer.raw(nothing) == 0).all()
    with pytest.raises(UserError, match="columns money"):
        Residual(size="money").fit(X)


def test_nearness_equals_networkx_and_needs_a_case():
    X, y = some_visits()
    scorer = NearCases().fit(X, y)
    graph = nx.Graph()
    graph.add_nodes_from([*X.index, *X.columns])
    graph.add_weighted_edges_from((p, i, X.at[p, i]) for p in X.index for i in X.columns if X.at[p, i] > 0)
    oracle = nx.pagerank(graph, 0.85, y[y > 0].to_dict(), tol=1e-14, max_iter=2000)
    total = {p: oracle[p] - 0.15 * y[p] / y.sum() * _kept(graph, oracle, y) for p in X.index}
    raw = scorer.raw(X)
    assert raw.to_numpy() == pytest.approx([len(X) * total[p] for p in X.index], abs=1e-6)
    assert raw["p0"] == 0, "nothing reaches a card without visits"
    assert list(scorer.contributions(X).columns) == [*X.columns, BASE]
    assert (NearCases().fit(X).raw(X) == 0).all()
    assert (NearCases().fit(X, y * 0).raw(X) == 0).all()
    with pytest.raises(UserError, match="negative"):
        NearCases().fit(-X, y)


def _kept(graph: nx.Graph, oracle: dict[str, float], y: pd.Series) -> float:
    """How much a seed's own start weighs once the mass of dangling nodes has gone back to the seeds."""
    dangling = sum(v for node, v in oracle.items() if graph.degree(node) == 0)
    return 1 + 0.85 * dangling / 0.15


def test_rings_are_ranked_by_their_own_scorer(build) -> None:
    toy, _ = build(grain="ring")
    numbers = some_rings(len(toy.X)).set_axis(toy.X.index)
    toy = replace(toy, X=pd.concat([toy.X, numbers], axis=1))
    model = unlabelled(toy)
    assert isinstance(model.graph, RingRisk)
    risk = tails(model, toy)["graph"]
    explained = numbers["ring_explained"] > 0
    assert risk[explained].max() < risk[~explained].min()
    contributions, _ = explained_parts(model, toy)
    assert contributions.loc[explained, "ring_explained"].lt(0).all()
