"""From matrix to list: sums, money, schemes, orders."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from models.amount import AmountModel, amounts, expected_amount, fit_amount, fund_at_stake, rule_amounts
from models.ensemble import FALLBACK, badness_of, unlabelled
from models.explain import grouped, shared, strongest
from models.scheme import attribute, named, often_confirmed, usual_evidence, with_stays_schemes
from models.score import score, score_with
from models.scorer import BASE
from tests.column import a_column
from tests.models.conftest import Toy


def test_fallback_adds_up_and_says_what_it_is(toy: tuple[Toy, pd.Series]) -> None:
    matrix, y = toy
    scored = score(matrix, None)
    gap = (scored.contributions.sum(axis=1) - scored.frame["raw"]).abs().max()
    assert gap <= 1e-9
    assert list(scored.contributions.columns) == [*matrix.X.columns, BASE]
    assert (scored.frame["model"] == FALLBACK).all()
    assert scored.frame["probability"].isna().all(), "without outcomes there is no probability to speak of"
    assert scored.frame["risk"].between(0, 1).all()
    assert list(scored.scorers.columns) == ["rules", "outliers", "graph", "ranker"]
    top = scored.frame["suspicion"].nlargest(30).index
    assert y[top].mean() > 3 * y.mean()


def test_one_entity_alone_scores_as_among_many(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    model = unlabelled(matrix)
    whole = score_with(matrix, model).frame
    one = matrix.X.index[[17]]
    alone = score_with(
        replace(matrix, **{k: getattr(matrix, k).loc[one] for k in ("entities", "X", "z", "percentile")}), model
    ).frame
    for column in ("risk", "raw", "suspicion", "amount_fen"):
        assert alone[column].iloc[0] == pytest.approx(whole.loc[one[0], column], abs=1e-9)


def test_row_order_changes_nothing(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    order = matrix.X.sample(frac=1, random_state=2).index
    shuffled = replace(matrix, **{k: getattr(matrix, k).loc[order] for k in ("entities", "X", "z", "percentile")})
    pd.testing.assert_frame_equal(
        score(shuffled, None).frame.sort_index(), score(matrix, None).frame.sort_index(), check_exact=True
    )


def test_orders(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    by = {o: score(matrix, None, order=o).frame for o in ("expected", "probability", "blend")}
    assert by["probability"]["risk"].corr(by["probability"]["suspicion"], method="spearman") == pytest.approx(1.0)
    money = [f.nlargest(50, "risk")["amount_fen"].sum() for f in (by["probability"], by["blend"], by["expected"])]
    assert money[0] <= money[1] <= money[2]
    with pytest.raises(UserError, match="不存在"):
        score(matrix, None, order="alphabetical")


def test_money_parts_add_up_and_a_fact_counts_once(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    parts = rule_amounts(matrix.X, matrix.columns)
    both = (matrix.X["rule_R01"] > 0) & (matrix.X["rule_R03"] > 0) & (matrix.X["rule_R27"] == 0)
    assert both.any()
    assert (parts.loc[both, "certain_fen"] == 50_000).all()
    assert (parts.loc[both, "check_fen"] == 30_000).all(), "the lead of the same family counts only above the hard part"
    out = amounts(AmountModel(0.3), matrix.X, fund_at_stake(matrix.entities), matrix.columns)
    assert (out["certain_fen"] + out["check_fen"] + out["estimated_fen"] == out["amount_fen"]).all()
    assert (out["amount_low_fen"] <= out["amount_fen"]).all()
    assert (out["amount_fen"] <= out["amount_high_fen"]).all()
    largest = matrix.X[[c for c in matrix.X if c.endswith("_fen")]].max(axis=1)
    paid = np.maximum(matrix.entities["fund_fen"], largest)
    assert (out["amount_high_fen"] <= paid + 1).all(), "never above what was paid"
    assert (out["amount_fen"] >= out["certain_fen"]).all()
    assert (out["amount_low_fen"] >= np.minimum(parts["certain_fen"], paid) - 1).all()
    assert out.drop(columns="amount_estimated").dtypes.eq("int64").all()
    assert not out["amount_estimated"].any(), "nobody was decided yet: a factor of 22 either way tells nothing"


@pytest.mark.parametrize(
    ("n", "spread", "tells"), [(0, 0.5, False), (9, 0.5, False), (10, 0.5, True), (40, 1.2, False)]
)
def test_the_rest_is_told_only_where_the_interval_is_useful(n: int, spread: float, tells: bool) -> None:
    """exp(2 × 1.28 × 0.5) = 3.6 times from low to high; exp(2 × 1.28 × 1.2) = 22 times."""
    assert AmountModel(0.3, spread=spread, n=n).tells is tells


def test_open_stay_has_an_amount() -> None:
    entities = pd.DataFrame({"fund_fen": [0, 500], "total_fen": [1000, 900]}, index=["open", "done"])
    assert fund_at_stake(entities).tolist() == [600.0, 500.0]


def test_amount_interval_covers_eighty_percent() -> None:
    """Fitted on 300 cases, held against 4,000 fresh ones from the same world."""
    r = np.random.default_rng(0)

    def world(n: int) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        fund = r.lognormal(13, 0.8, n)
        got = fund * np.clip(0.3 * np.exp(r.normal(0, 0.6, n)), 0, 1)
        return fund, got, pd.DataFrame({"certain_fen": np.zeros(n), "check_fen": np.zeros(n)})

    fund, got, parts = world(300)
    model = fit_amount("admission", fund, parts, got)
    fund, got, parts = world(4000)
    out = amounts(model, pd.DataFrame(index=range(4000)), pd.Series(fund), {})
    covered = ((got >= out["amount_low_fen"]) & (got <= out["amount_high_fen"])).mean()
    assert 0.75 <= covered <= 0.88
    assert np.median(expected_amount(model, fund, parts) * np.exp(model.shift) / got) == pytest.approx(1.0, abs=0.15)


def test_scheme_follows_the_evidence(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    frame = score(matrix, None).frame
    round_only = (
        (matrix.X["rule_R27"] > 0)
        & (matrix.X["rule_R01"] == 0)
        & (matrix.X["rule_R03"] == 0)
        & (matrix.X["circle"] <= 1)
    )
    assert (frame.loc[round_only, "scheme"] == "T08").mean() > 0.8
    assert frame["scheme_share"].dropna().between(0, 1).all()


def test_groups_keep_the_sum(toy: tuple[Toy, pd.Series]) -> None:
    scored = score(toy[0], None)
    columns = toy[0].columns
    groups = grouped(scored.contributions, columns)
    assert columns["swipes_90"].signal == "swipes"
    assert columns["rule_R01_fen"].signal == "rule_R01"
    assert columns["inst__occupancy_180"].signal == "inst__occupancy"
    np.testing.assert_allclose(groups.sum(axis=1), scored.frame["raw"], atol=1e-9)
    one = scored.frame["raw"].idxmax()
    top = strongest(scored.contributions, columns, one)
    assert (top["contribution"] > 0).all()
    assert top["contribution"].is_monotonic_decreasing
    assert shared(scored.contributions, list(scored.contributions.columns))[one] == pytest.approx(1.0)


def test_badness_leaves_rules_and_money_out(toy: tuple[Toy, pd.Series]) -> None:
    assert not [c for c in badness_of(toy[0]).columns if c.startswith("rule_")]


def test_evidence_counts_by_how_unusual_it_is() -> None:
    """Ten columns of one scheme that everybody has some of say less than one column that hardly anybody has."""
    rng = np.random.default_rng(5)
    n = 200
    common = {f"common_{i}": rng.uniform(0.5, 1.0, n) for i in range(10)}
    X = pd.DataFrame({**common, "rare": np.zeros(n)}, index=[f"e{i:03d}" for i in range(n)])
    X.loc["e007", "rare"] = 1.0
    contributions = X * 0.1
    contributions[BASE] = 0.0
    columns = {c: a_column(c, "个", "T08" if c == "rare" else "T30", "high") for c in X.columns}
    percentile = X.rank(pct=True) * 100
    told = (contributions, X, percentile, columns)
    plain, usual = named(attribute(*told)), named(attribute(*told, usual_evidence(*told)))
    assert plain.at["e007", "scheme"] == "T30"
    assert usual.at["e007", "scheme"] == "T08"
    assert usual["scheme_share"].between(0, 1).all()
    alone = [part.loc[["e007"]] for part in told[:3]]
    pd.testing.assert_frame_equal(named(attribute(*alone, columns, usual_evidence(*told))), usual.loc[["e007"]])
    assert usual.at["e007", "scheme_2"] == "T30"


def test_what_is_mostly_confirmed_is_named_where_the_evidence_is_even() -> None:
    X = pd.DataFrame({"a": [1.0], "b": [1.0]}, index=["e"])
    columns = {"a": a_column("a", "个", "T01", "high"), "b": a_column("b", "个", "T02", "high")}
    often = often_confirmed(pd.Series(["T02"] * 9 + ["T01", "", "T99"]), columns, 0.5)
    told = (X.assign(**{BASE: 0.0}), X, X * 50, columns)
    assert named(attribute(*told)).at["e", "scheme"] == "T01", "in order of their codes"
    assert named(attribute(*told, None, often)).at["e", "scheme"] == "T02"
    assert often["T02"] / often["T01"] == pytest.approx((19 / 11) ** 0.5, rel=1e-4)
    assert often_confirmed(pd.Series(["T02"]), columns, 0.0) == {}


def test_whoever_is_listed_for_a_stay_carries_the_stays_scheme() -> None:
    own = pd.DataFrame({"T08": [0.7, 0.7, 0.0], "T24": [0.3, 0.3, 0.0]}, index=list("abc"))
    told = pd.Series([{"T01": 0.8, "T02": 0.2}, None, {"T01": 1.0}], index=list("abc"))
    mixed = with_stays_schemes(own, np.array([0.9, 0.9, 0.9]), told)
    assert mixed.loc["a"].to_dict() == pytest.approx({"T01": 0.72, "T02": 0.18, "T08": 0.07, "T24": 0.03})
    assert mixed.loc["b", ["T08", "T24"]].tolist() == pytest.approx([0.7, 0.3]), "no stay, no weight"
    assert list(named(mixed)["scheme"]) == ["T01", "T08", "T01"]
