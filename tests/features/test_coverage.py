"""Coverage over several counties: pairs stay within a county, a plain trace is not drowned, the plain side is judged in the direction chosen elsewhere."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import coverage_scores
from benchmarks.coverage_page import Choice, draws, page, pooled, verdicts
from benchmarks.coverage_scores import EXCUSED, explained, loudest, surprises
from features.declarations import load_catalog


def cases(ours: list[float], visits: list[float], role: list[str], seed: int) -> pd.DataFrame:
    told = {"ours": ours, "together": 0.0, "visits": visits, "role": role, "seed": seed, "as_of": "2026-09-25"}
    return pd.DataFrame(told).assign(scheme="T08", grain="person", features=3, rules=1)


@pytest.fixture
def counties() -> pd.DataFrame:
    """Two counties of 10 planted and 20 innocents: `ours` separates within each, but all of the second county lies above all of the first."""
    role = ["planted"] * 10 + ["innocent"] * 20
    ours = [*np.linspace(5, 6, 10), *np.linspace(1, 4, 20)]
    rng = np.random.default_rng(0)
    return pd.concat(
        [cases([x + 100 * seed for x in ours], list(rng.random(30)), role, seed) for seed in (0, 1)], ignore_index=True
    )


def test_cases_are_compared_within_their_county_only(counties: pd.DataFrame) -> None:
    assert pooled(counties, "ours") == 1.0
    assert pooled(counties.assign(seed=0), "ours") < 0.9


def test_a_county_without_innocents_says_nothing(counties: pd.DataFrame) -> None:
    lone = cases([0.0], [0.0], ["planted"], 2)
    assert pooled(pd.concat([counties, lone]), "ours") == pooled(counties, "ours")


def test_draws_are_around_the_figure_and_the_same_for_equal_columns(counties: pd.DataFrame) -> None:
    both = draws(counties.assign(twin=counties["visits"]), ["visits", "twin"])
    assert both.shape == (2, 400)
    assert np.array_equal(both[0], both[1])
    assert abs(both[0].mean() - pooled(counties, "visits")) < 0.05


def test_the_plain_column_keeps_the_direction_chosen_elsewhere(counties: pd.DataFrame) -> None:
    backwards = counties.assign(visits=-counties["ours"])
    (free,) = verdicts(backwards, {})
    (bound,) = verdicts(backwards, {("T08", "person"): Choice("visits", 1.0)})
    reached = [v.plain[0] if v.plain else None for v in (free, bound)]
    assert reached == [1.0, 0.5]  # `together` is all ties, and the column points the wrong way
    assert (free.word, bound.word) == ("not covered", "**covered**")


def test_too_few_named_innocents_are_replaced_by_others(counties: pd.DataFrame) -> None:
    few = counties[(counties["role"] == "planted") | (counties.groupby("seed").cumcount() < 12)]
    others = cases([0.0] * 30, [0.0] * 30, ["other"] * 30, 0)
    (found,) = verdicts(pd.concat([few, others]), {})
    assert (found.named, found.innocents) == (False, 30)


def test_one_plain_trace_is_not_drowned_by_columns_that_say_nothing() -> None:
    n = 200
    values = pd.DataFrame({"trace": np.zeros(n)} | {f"quiet_{i}": np.zeros(n) for i in range(30)})
    values.loc[7, "trace"] = 1.0
    groups = pd.DataFrame({"peer_group": ["a"] * n, "peer_group_coarse": ["b"] * n})
    score = loudest(surprises(values, groups, ["high"] * 31))
    assert score.idxmax() == 7
    assert score[7] == pytest.approx(np.log(n) / 3)
    assert (score.drop(7) == 0).all()


def test_a_units_mark_lowers_only_the_numbers_that_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    load_catalog()
    borne = pd.DataFrame({"N23": [True, False]}, index=["always open", "by day"])
    monkeypatch.setattr(coverage_scores, "marks", lambda sheet, scheme: borne)
    found = pd.DataFrame(2.0, index=borne.index, columns=["account_night_share", "goods_fitted_share"])
    kept = explained(found, None, "T08")  # type: ignore[arg-type]
    assert kept["account_night_share"].tolist() == [2 * EXCUSED, 2]
    assert kept["goods_fitted_share"].tolist() == [2, 2]


def test_the_page_names_every_table_and_counts_its_verdicts(counties: pd.DataFrame) -> None:
    text = page(counties, counties.assign(seed=counties["seed"] + 31), "Title\n\nHow it is judged.")
    assert "seeds 31, 32" in text
    assert "seeds 0, 1" in text
    assert text.index("Reported") < text.index("Developed on")
    assert "covered 1." in text
