"""Rings are ranked by declared weights, and an honest explanation outweighs them all."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from features.columns import columns_of
from features.declarations import load_catalog
from models.ensemble import explained as explained_parts
from models.ensemble import tails, unlabelled
from models.ring_risk import RingRisk, ring_weights
from tests.models.conftest import Toy

load_catalog()
WEIGHTS = ring_weights(columns_of("ring"))


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


def test_an_explained_ring_ranks_below_every_open_one_and_missing_says_nothing() -> None:
    X = some_rings()
    scorer = RingRisk(WEIGHTS).fit(X)
    risk, open_ring = scorer.risk(X), X["ring_explained"] == 0
    twins = X[open_ring].assign(ring_explained=1.0)
    assert scorer.risk(twins).max() < risk[open_ring].min()
    parts = scorer.contributions(X)
    assert parts.loc["ring-3", "ring_resale_share"] == 0
    assert (parts["ring_places"] == 0).all(), "a column without a weight moves nothing"
    assert len(WEIGHTS) == 11
    for column, (weight, _) in WEIGHTS.items():
        moved = scorer.raw(X.assign(**{column: X[column] + 1})) - scorer.raw(X)
        assert (moved[X[column].notna()] * np.sign(weight) > 0).all(), column


def test_rings_are_ranked_by_their_own_scorer(build: Callable[..., tuple[Toy, pd.Series]]) -> None:
    toy, _ = build(grain="ring")
    numbers = some_rings(len(toy.X)).set_axis(toy.X.index)
    toy = replace(toy, X=pd.concat([toy.X, numbers], axis=1), columns=toy.columns | columns_of("ring"))
    model = unlabelled(toy)
    assert isinstance(model.scorers["rings"], RingRisk)
    risk = tails(model, toy)["rings"]
    explained = numbers["ring_explained"] > 0
    assert risk[explained].max() < risk[~explained].min()
    contributions, _ = explained_parts(model, toy)
    assert contributions.loc[explained, "ring_explained"].lt(0).all()
