"""Whoever is decided leaves the list until something newer than the period inspected speaks against them."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from claims.schema.outcomes import findings
from models.decided import closed, newer, nobody, told, what_remains, without
from models.score import score, score_list
from tests.models.conftest import Toy, make_toy


@pytest.fixture
def toy() -> Toy:
    """Persons. Hits of rules are of the last year; `age` has no window, `circle` is of the graph's 180 days, the occupancy is the hospital's."""
    made, _ = make_toy(grain="person")
    return replace(
        made, columns={n: replace(c, window=365) if n.startswith("rule_") else c for n, c in made.columns.items()}
    )


def held(toy: Toy, ends: dict[str, str], code: str = "O1_FRAUD", kind: str = "P") -> pd.DataFrame:
    """Conclusive findings about entities, {entity id: end of the period inspected}, all known on 1 June."""
    table = pd.DataFrame({"insp_id": [f"J{e}" for e in ends], "entity_type": kind, "entity_id": list(ends), "outcome_code": code,
                          "period_end": pd.to_datetime(list(ends.values())), "insp_time": pd.Timestamp("2025-06-01"), "known_at": pd.Timestamp("2025-06-01")})  # fmt: skip
    return closed(findings(table), toy.grain, toy.entities)


def worst(toy: Toy) -> str:
    return str(score(toy, None).frame["risk"].idxmax())


def test_the_decided_leave_the_list(toy: Toy) -> None:
    first = worst(toy)
    left, scored = score_list(toy, None, held(toy, {first: "2025-06-01"}))
    assert first not in left.X.index
    assert first not in scored.frame.index
    assert scored.left_out == 1
    assert len(scored.frame) == len(scored.contributions) == len(toy.X) - 1


@pytest.mark.parametrize("code", ["O5_INSUFFICIENT", "O7_UNABLE", "O9_DUPLICATE"])
def test_what_could_not_be_checked_leaves_nobody_out(toy: Toy, code: str) -> None:
    assert held(toy, {worst(toy): "2025-06-01"}, code).empty


@pytest.mark.parametrize("code", ["O2_IRREGULAR", "O4_ERROR", "O6_CLEAR", "O8_EXPLAINED"])
def test_whatever_was_concluded_leaves_them_out(toy: Toy, code: str) -> None:
    assert score_list(toy, None, held(toy, {worst(toy): "2025-06-01"}, code))[1].left_out == 1


def test_a_number_is_newer_when_its_window_begins_after_the_period(toy: Toy) -> None:
    a, b, c = toy.X.index[:3]  # as of 30 June: 90 days begin on 1 April, 180 days on 2 January
    fresh = newer(toy, held(toy, {a: "2025-04-01", b: "2025-04-02", c: "2025-01-01"}))
    assert fresh.loc[a, ["swipes_90", "tests_90"]].all()
    assert not fresh.loc[b, ["swipes_90", "tests_90"]].any()
    assert fresh["circle"].tolist() == [False, False, True]
    assert not fresh[["age", "inst__occupancy_180", "rule_R01"]].any().any(), "a year, no window, or somebody else's"


def test_a_stay_is_newer_only_if_it_began_afterwards(toy: Toy) -> None:
    own = {n: replace(c, window=0, key="") for n, c in toy.columns.items()}
    begun = toy.entities.assign(begin_at=pd.Timestamp("2025-05-10 09:00"))
    stays = replace(toy, grain="admission", columns=own, entities=begun)
    a, b = stays.X.index[:2]
    fresh = newer(stays, held(stays, {a: "2025-05-10", b: "2025-05-09"}, kind="A"))
    assert fresh.all(axis=1).tolist() == [False, True]


def test_who_returns_is_ranked_by_what_is_newer_alone(toy: Toy) -> None:
    whole = score(toy, None)
    X = whole.contributions
    both = X.index[(X["swipes_90"] > 0) & (X["rule_R01"] > 0)]
    bad = X.loc[both, "swipes_90"].idxmax()  # enough that is newer to stand among the worst tenth by it alone
    left, scored = score_list(toy, None, held(toy, {bad: "2025-03-01"}))
    now = scored.contributions.loc[bad]
    assert now["swipes_90"] == pytest.approx(X.loc[bad, "swipes_90"])
    assert now["rule_R01"] == 0
    assert np.isnan(left.X.at[bad, "rule_R01"]), "what was decided is no reason any more"
    assert np.isnan(left.X.at[bad, "rule_R01_fen"]), "nor an amount"
    assert scored.frame.at[bad, "raw"] == pytest.approx(now.sum())
    assert scored.frame.at[bad, "raw"] < whole.frame.at[bad, "raw"]
    assert scored.frame.at[bad, "returning"]
    assert scored.frame.at[bad, "finding"] == f"2025-06-01 欺诈骗保（J{bad}）"
    others = scored.frame.index.drop(bad)
    pd.testing.assert_series_equal(scored.frame.loc[others, "risk"], whole.frame.loc[others, "risk"])


def test_a_little_worse_than_the_peers_brings_nobody_back(toy: Toy) -> None:
    whole = score(toy, None)
    mild = whole.contributions.index[
        (whole.contributions["swipes_90"] > 0) & (whole.frame["risk"] < whole.frame["risk"].median())
    ][0]
    left, scored = score_list(toy, None, held(toy, {mild: "2025-03-01"}))
    assert scored.left_out == 1
    assert mild not in left.X.index


def test_what_lowers_the_risk_stays_and_nobody_rises_by_a_finding(toy: Toy) -> None:
    whole = score(toy, None)
    left, scored = score_list(toy, None, held(toy, dict.fromkeys(toy.X.index, "2025-03-01")))
    assert (scored.frame["raw"] <= whole.frame.loc[left.X.index, "raw"] + 1e-9).all()


def test_a_ring_is_decided_when_all_its_members_are(toy: Toy) -> None:
    rings = toy.entities.head(3).assign(members=["p;q", "q;r", ""])
    table = pd.DataFrame({"entity_type": "P", "entity_id": ["p", "q"], "outcome_code": ["O1_FRAUD", "O6_CLEAR"], "insp_time": pd.to_datetime(["2025-05-01", "2025-06-01"])})  # fmt: skip
    found = closed(findings(table), "ring", rings)
    assert found["outcome"].to_dict() == {rings.index[0]: "refuted"}, "the finding of the latest period"


def test_without_findings_nothing_changes(toy: Toy) -> None:
    contributions = score(toy, None).contributions
    assert what_remains(toy, contributions, nobody())[0] is toy
    assert len(without(toy, nobody()).X) == len(toy.X)
    assert set(told(nobody(), toy.X.index)) == {""}
    left, scored = score_list(toy, None, nobody())
    pd.testing.assert_frame_equal(scored.frame.drop(columns=["finding", "returning"]), score(left, None).frame)
    assert toy.as_of == date(2025, 6, 30)
