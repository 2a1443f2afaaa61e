"""The old and the chronically ill stand on a list of persons in proportion to their number, whatever the score thinks of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.bundle import load_bundle, write_bundle
from models.ensemble import place, raw_risk, unlabelled
from models.parity import EVERYBODY, FEWEST, OLD, levelled, strata_of, strata_tails
from models.reference_distribution import tail_of
from models.score import score_with
from tests.models.conftest import Toy

GROUPS = (("15-44", False), ("45-59", True), ("60-74", False), ("75+", True))


def people(n: int = 20_000) -> tuple[pd.DataFrame, np.ndarray]:
    """(entities, raw risk): being old or ill raises the score by a lot."""
    r = np.random.default_rng(3)
    group = r.choice(len(GROUPS), n, p=[0.6, 0.08, 0.25, 0.07])
    entities = pd.DataFrame(
        [GROUPS[g] for g in group], columns=["age_band", "chronic"], index=[f"P{i:05d}" for i in range(n)]
    )
    ill, old = entities["chronic"], entities["age_band"].isin(OLD)
    return entities, r.normal(size=n) + 2.0 * ill.to_numpy() + 1.0 * old.to_numpy()


def rates(entities: pd.DataFrame, risk: np.ndarray, what: str, k: int) -> tuple[float, float]:
    """Share listed among the k worst: of the group, of all others."""
    listed = np.zeros(len(risk), dtype=bool)
    listed[np.argsort(-risk, kind="stable")[:k]] = True
    inside = (entities["chronic"] if what == "ill" else entities["age_band"].isin(OLD)).to_numpy()
    return float(listed[inside].mean()), float(listed[~inside].mean())


@pytest.mark.parametrize("k", [100, 400, 2000])
@pytest.mark.parametrize("what", ["ill", "old"])
def test_strata_are_listed_in_proportion_at_any_capacity(what: str, k: int) -> None:
    entities, raw = people()
    tails = strata_tails(entities, raw)
    fair = levelled(tails, strata_of(entities), raw)
    group, others = rates(entities, raw, what, k)
    assert group > 3 * others, "the raw score singles them out, else the test says nothing"
    group, others = rates(entities, fair, what, k)
    assert group == pytest.approx(others, rel=0.15 if k == 100 else 0.05)


def test_order_within_a_stratum_stays() -> None:
    entities, raw = people(4000)
    fair = levelled(strata_tails(entities, raw), strata_of(entities), raw)
    for _, rows in pd.DataFrame({"raw": raw, "fair": fair}, index=entities.index).groupby(strata_of(entities)):
        assert (rows.sort_values("raw")["fair"].diff().dropna() >= -1e-12).all()


def test_a_small_stratum_is_placed_among_all() -> None:
    entities, raw = people(4000)
    entities = entities.assign(
        age_band=["75+"] * (FEWEST - 1) + ["15-44"] * (len(entities) - FEWEST + 1), chronic=False
    )
    tails = strata_tails(entities, raw)
    assert set(tails) == {"60岁以下无慢特病", EVERYBODY}
    fair = levelled(tails, strata_of(entities), raw)
    np.testing.assert_array_equal(fair[: FEWEST - 1], raw[: FEWEST - 1])


def test_other_grains_keep_their_order(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    model = unlabelled(matrix)
    raw = raw_risk(model, matrix).to_numpy()
    assert model.strata == {}
    np.testing.assert_array_equal(place(model, matrix.entities, raw), raw)


def test_tail_value_undoes_at() -> None:
    tail = tail_of(np.random.default_rng(0).normal(size=5000))
    raw = np.array([-2.0, 0.3, 2.9, float(tail.x[-1]), 9.0])
    np.testing.assert_allclose(tail.value(tail.at(raw)), raw, atol=1e-9)


def test_scores_reasons_and_probability_are_untouched_and_the_bundle_keeps_it(
    build: Callable[..., tuple[Toy, pd.Series]], tmp_path: Path
) -> None:
    matrix, _ = build(n=3000, grain="person")
    band = np.where(matrix.X["age"] > 60, "60-74", "15-44")
    matrix = replace(matrix, entities=matrix.entities.assign(age_band=band, chronic=False))
    model = unlabelled(matrix)
    scored = score_with(matrix, model, order="level")
    assert set(scored.frame["stratum"]) == {"60岁以下无慢特病", "60岁及以上无慢特病"}
    np.testing.assert_allclose(scored.contributions.sum(axis=1), scored.frame["raw"], atol=1e-9)
    np.testing.assert_allclose(raw_risk(model, matrix), scored.frame["raw"], atol=1e-9)
    assert not np.allclose(scored.frame["placed"], scored.frame["raw"])
    plain = score_with(matrix, model).frame
    pd.testing.assert_series_equal(plain["placed"], plain["raw"], check_names=False)
    kept = load_bundle(tmp_path / write_bundle(tmp_path, {"person": model}, {}, as_of="2025-06-30", seed=0).hash)
    pd.testing.assert_frame_equal(score_with(matrix, kept.grains["person"], order="level").frame, scored.frame)
