"""Every scorer keeps the contract; each also does what its name says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest

from claims.errors import DeclarationError
from features.columns import columns_of
from features.declarations import load_catalog
from models.bundle import declarations, write_bundle
from models.ensemble import badness_of, explained, ranker_input, raw_risk, unlabelled
from models.outliers import Isolation, RobustSum
from models.rank_logit import RankLogit
from models.ranker import Ranker
from models.reference_distribution import Tail, tail_of
from models.rules import Rules, rule_families
from models.score import score
from models.scorer import BASE, Population, Scorer, badness, named
from models.scorer_checks import CHECKS, contributions_add_up
from models.scorers import SCORERS
from models.taught import Taught
from tests.column import a_column
from tests.models.conftest import Toy

load_catalog()
NAMES = [*SCORERS, "unit rules", "ranker", "rank_logit", "taught"]
LEARNERS = {"ranker": Ranker(trees=30), "rank_logit": RankLogit(), "taught": Taught()}


def population(toy: tuple, grain: str) -> Population:
    matrix = replace(toy[0], grain=grain)
    if grain == "ring":
        matrix = replace(
            matrix,
            X=matrix.X.assign(ring_members=np.arange(len(matrix.X), dtype=float), ring_explained=matrix.X["rule_R01"]),
            columns=matrix.columns | columns_of("ring"),
        )
    return Population(matrix, badness_of(matrix))


def unfitted(toy: tuple, name: str) -> tuple[Scorer, pd.DataFrame]:
    """Every scorer of the socket as the ensemble makes it, and the ranker."""
    if name in LEARNERS:
        return LEARNERS[name], ranker_input(toy[0])
    scorer = SCORERS["rules" if name == "unit rules" else name]
    given = population(toy, "institution" if name == "unit rules" else (scorer.grains or ("admission",))[0])
    return scorer.of(given), given.read(scorer.reads)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_contract(toy: tuple[Toy, pd.Series], name: str, check: Callable[..., None]) -> None:
    scorer, X = unfitted(toy, name)
    fitted = type(scorer)(**scorer.get_params()).fit(X, toy[1])
    check(scorer, fitted, X, toy[1])


def test_contract_check_can_fail(toy: tuple[Toy, pd.Series]) -> None:
    class Liar(RobustSum):
        def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
            return super().contributions(X).assign(**{BASE: 1.0})

        def raw(self, X: pd.DataFrame) -> pd.Series:
            return super().contributions(X).sum(axis=1)

    with pytest.raises(AssertionError, match="add up"):
        contributions_add_up(Liar(), Liar().fit(badness_of(toy[0])), badness_of(toy[0]), None)


def test_a_scorer_without_state_or_name_is_refused_where_it_is_written() -> None:
    with pytest.raises(
        DeclarationError,
        match=r"test_scorers\.py:\d+: scorer Half: it has no name; it has no contributions; .*state.*restore",
    ):

        class Half(Scorer):
            def fit(self, X: pd.DataFrame, y: pd.Series | None = None, **_: object) -> "Half":
                return self


def test_two_scorers_of_one_name_are_refused() -> None:
    class Other(RobustSum):
        pass

    with pytest.raises(
        DeclarationError, match=r"test_scorers\.py:\d+: scorer Other: 'deviations' is the name of RobustSum"
    ):
        named(RobustSum, Other)


def test_a_new_scorer_is_one_entry(toy: tuple[Toy, pd.Series], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Plugged in, it is fitted, scored, explained, shown and stored without another line."""

    class Swipes(RobustSum):
        name, label, shown = "swipes", "院外刷卡", "swipes"
        reads = "own"

    before = unlabelled(toy[0])
    monkeypatch.setitem(SCORERS, "swipes", Swipes)
    model = unlabelled(toy[0])
    assert list(model.scorers) == [*before.scorers, "swipes"]
    contributions, ranks = explained(model, toy[0])
    assert "swipes" in ranks
    np.testing.assert_allclose(contributions.sum(axis=1), raw_risk(model, toy[0]), atol=1e-9)
    stored = write_bundle(
        tmp_path, {"admission": replace(model, declared=declarations(toy[0]))}, {}, as_of="2025-06-30", seed=0
    )
    assert list(score(toy[0], stored).scorers) == ["rules", "outliers", "graph", "swipes", "ranker"]


def test_badness_ignores_the_good_side() -> None:
    z = pd.DataFrame({"a": [-5.0, 3.0, np.nan], "b": [-5.0, 3.0, 50.0], "c": [1.0, -4.0, np.inf]})
    out = badness(z, {"a": "high", "b": "low", "c": "either"})
    assert out["a"].tolist() == [0.0, 3.0, 0.0]
    assert out["b"].tolist() == [5.0, 0.0, 0.0]
    assert out["c"].tolist() == [0.0, 2.0, 8.0]


def test_family_counts_once_and_families_join_by_noisy_or() -> None:
    X = pd.DataFrame(
        {"rule_R01": [1.0, 1.0, 0.0, 1.0], "rule_R03": [0.0, 1.0, 0.0, 0.0], "rule_R27": [0.0, 0.0, 0.0, 1.0]},
        index=list("abcd"),
    )
    rules = Rules({"rule_R01": "stay", "rule_R03": "stay", "rule_R27": "account"}, {"rule_R01": "hard"}).fit(X)
    risk = rules.risk(X)
    assert risk["a"] == pytest.approx(0.6)
    assert risk["b"] == pytest.approx(0.6), "the weaker rule of the same family adds nothing"
    assert risk["c"] == 0.0
    assert risk["d"] == pytest.approx(1 - (1 - 0.6) * (1 - 0.25))


def test_data_defects_are_never_suspicion() -> None:
    X = pd.DataFrame({"rule_R61": [1.0]}, index=["a"])
    assert Rules({"rule_R61": "data"}, {"rule_R61": "DQ"}).fit(X, pd.Series([1.0], index=["a"])).risk(X)["a"] == 0.0


def test_a_bed_checks_result_is_no_evidence() -> None:
    """R21 is the label itself: whoever was found absent would rank first for having been found."""
    X = pd.DataFrame({"rule_r21": [0.0, 3.0], "rule_r21_fen": [0.0, 9e4], "rule_r01": [1.0, 0.0]}, index=["a", "b"])
    X = X.assign(inst__rule_r21_inst_365=1.0)
    columns = {
        "rule_r21": a_column("rule_r21", "查床", "T01", "high", "outcome", kind="hard"),
        "rule_r21_fen": a_column("rule_r21_fen", "查床", "T01", "high", "amount", own="rule_r21", kind="hard"),
        "rule_r01": a_column("rule_r01", "刷卡", "T01", "high", "rule"),
        "inst__rule_r21_inst_365": a_column(
            "inst__rule_r21_inst_365", "查床", "T01", "high", "outcome", key="fixmedins_code"
        ),
    }
    rules = Rules(*rule_families(columns)).fit(X)
    assert rules.columns_ == ["rule_r01"]
    assert rules.risk(X)["b"] == 0.0
    assert list(ranker_input(SimpleNamespace(X=X, z=X, columns=columns)).columns) == ["rule_r01"]


def test_rule_belief_moves_only_with_five_decided_cases() -> None:
    X = pd.DataFrame({"rule_R01": [1.0] * 6})
    few = Rules({"rule_R01": "stay"}).fit(X, pd.Series([0, 0, 0, 0, np.nan, np.nan]))
    many = Rules({"rule_R01": "stay"}).fit(X, pd.Series([0.0] * 5 + [np.nan]))
    assert few.belief_[0] == 0.25
    assert many.belief_[0] == pytest.approx(2.5 / 15)


def test_a_rule_most_units_break_is_believed_no_more_than_their_presumed_share() -> None:
    X = pd.DataFrame({"rule_R53": [9.0] * 8 + [0.0] * 2, "rule_R54": [1.0] + [0.0] * 9})
    hard = dict.fromkeys(X, "hard")
    own = {c: c for c in X}
    rules = Rules(own, hard, share=0.2).fit(X, pd.Series([1.0] * 10))
    assert rules.belief_.tolist() == pytest.approx([0.2 / 0.8, 0.6]), (
        "the rare one keeps its prior, and outcomes move neither"
    )
    assert rules.risk(X)[1] == pytest.approx(0.25), "nine hits of a unit count once"
    assert rules.risk(X)[1] < Rules(own, hard).fit(X).risk(X)[1]


def test_isolation_equals_scikit_learn(toy: tuple[Toy, pd.Series]) -> None:
    bad = badness_of(toy[0])
    ours = Isolation(trees=30, seed=3).fit(bad)
    theirs = IsolationForest(n_estimators=30, max_samples=256, random_state=3).fit(
        bad.sort_index().to_numpy().astype(np.float32)
    )
    expected = -theirs.score_samples(bad.to_numpy().astype(np.float32))
    np.testing.assert_allclose(ours.risk(bad), expected, atol=1e-9)


def test_isolation_contributions_name_the_odd_column() -> None:
    r = np.random.default_rng(0)
    X = pd.DataFrame(r.exponential(1, (200, 4)), columns=list("abcd"), index=[f"e{i}" for i in range(200)])
    X.loc["e7", "c"] = 50.0
    parts = Isolation(trees=50).fit(X).contributions(X)
    assert parts.loc["e7"].drop(BASE).idxmax() == "c"


def test_ranker_same_for_threads_and_row_order(toy: tuple[Toy, pd.Series], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.ranker.SMALL", 0)  # really two threads, small as the toy is
    matrix, y = toy
    X = ranker_input(matrix)
    texts = set()
    for threads, order in ((1, X.index), (2, X.index[::-1]), (2, X.sample(frac=1, random_state=5).index)):
        state = Ranker(trees=25, threads=threads).fit(X.loc[order, X.columns[::-1]], y.loc[order]).state()
        texts.add(state[0]["text"].replace(f"[num_threads: {threads}]", ""))
    assert len(texts) == 1


def test_a_handful_of_cases_teaches_the_line(toy: tuple[Toy, pd.Series]) -> None:
    """Five confirmed of a few hundred already put the guilty before the others, and hold the trees back: line and trees, not trees alone."""
    matrix, y = toy
    X = ranker_input(matrix)
    known = y.where((y == 0) | (y.cumsum() <= 5), 0.0)
    taught = Taught().fit(X, known)
    rest = (known == 0).to_numpy()
    raw = taught.raw(X)
    assert y[rest][raw[rest].nlargest(20).index].mean() > 3 * y[rest].mean()
    whole = Taught(worth=0.0).fit(X, known)
    assert taught.trees_.raw(X).std() < whole.trees_.raw(X).std() / 2
    assert whole.linear_.raw(X).equals(taught.linear_.raw(X))


def test_the_line_knows_no_units_and_no_missing_value(toy: tuple[Toy, pd.Series]) -> None:
    matrix, y = toy
    X = ranker_input(matrix)
    line = RankLogit().fit(X, y)
    cents = X.assign(age=X["age"] * 100.0)
    np.testing.assert_allclose(RankLogit().fit(cents, y).raw(cents), line.raw(X), atol=1e-3)
    assert (line.contributions(X.assign(age=np.nan))["age"] == 0).all()


@pytest.mark.slow
def test_contributions_equal_shap(toy: tuple[Toy, pd.Series]) -> None:
    import shap

    matrix, y = toy
    X = ranker_input(matrix)
    ranker = Ranker(trees=40).fit(X, y)
    ours = ranker.contributions(X)[ranker.columns_].to_numpy()
    explainer = shap.TreeExplainer(ranker.booster_)
    explainer.model.model_type = "internal"  # else shap asks LightGBM itself, and nothing would be compared
    theirs = explainer.shap_values(X[ranker.columns_].to_numpy(), check_additivity=False)
    assert np.abs(ours - theirs).max() < 1e-6


def test_one_class_is_refused(toy: tuple[Toy, pd.Series]) -> None:
    X = toy[0].X
    with pytest.raises(ValueError, match="both confirmed and refuted"):
        Ranker().fit(X, pd.Series(0.0, index=X.index))


def test_tail_is_increasing_and_continues_above_what_was_seen() -> None:
    tail = tail_of(np.random.default_rng(0).normal(size=20_000))
    at = tail.at(np.linspace(-5, 8, 400))
    assert (np.diff(at) >= 0).all()
    assert tail.at(np.array([9.0]))[0] > tail.at(np.array([8.0]))[0]
    assert len(tail.x) <= 1026
    assert tail.at(np.array([2.3263]))[0] == pytest.approx(-np.log(0.01), rel=0.1)
    assert isinstance(tail_of(np.empty(0)), Tail)
