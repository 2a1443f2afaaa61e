"""What a visit may be worth: the larger of two views of the same money, shared out once, never above what was paid."""

import pandas as pd
import pytest

from inspection.campaigns import campaigns
from serving.lists.source import scored_matrix
from serving.lists.worth import confirmed_again, shared_out, together, worth_of_units
from tests.features.county import T, house
from tests.worlds import Worlds


def own(**rows: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index", columns=["chance", "fen"])


def test_the_larger_view_counts_and_never_both() -> None:
    units = own(wide=(0.5, 80_000.0), many=(0.5, 10_000.0), none=(0.0, 0.0))
    told = together(units, pd.Series({"wide": 10_000.0, "many": 30_000.0}), pd.Series({"wide": 10**7, "many": 10**7}))
    assert told["wide"].yuan == 800.0
    assert told["many"].chance * told["many"].yuan == pytest.approx(300.0), "its suspects' expectation"
    assert (told["none"].chance, told["none"].yuan) == (0.0, 0.0)


def test_nobody_is_worth_more_than_he_was_paid() -> None:
    told = together(own(a=(0.0, 50_000.0)), pd.Series({"a": 5_000.0}), pd.Series({"a": 20_000}))
    assert told["a"].yuan == 200.0
    assert told["a"].chance > 0, "suspects make a unit worth a visit that its own list thinks nothing of"


def test_a_unit_that_was_concluded_is_worth_the_suspects_behind_its_counter_today() -> None:
    again = pd.Series({"seen": 0.2, "quiet": 0.2, "a": 0.9})
    told = together(own(a=(0.5, 1000.0)), pd.Series({"seen": 5_000.0}), pd.Series({"seen": 10**6, "a": 10**6}), again)
    assert set(told) == {"a", "seen"}, "without suspects nothing speaks for going again"
    assert told["seen"].chance == pytest.approx(0.2)
    assert told["seen"].chance * told["seen"].yuan == pytest.approx(50.0)
    assert told["a"].chance == pytest.approx(0.5), "its own list comes first"


def test_the_chance_of_being_confirmed_again_is_learnt_from_those_inspected_again() -> None:
    rows = [(f"u{i}", when, outcome) for i in range(40) for when, outcome in ((1, "confirmed" if i < 10 else "refuted"), (2, "confirmed" if i < 8 else "refuted"))]  # fmt: skip
    rows += [("new", 1, "confirmed"), ("open", 1, "missing")]
    found = pd.DataFrame(rows, columns=["entity_id", "day", "outcome"]).assign(grain="institution")
    found = found.assign(inspected_at=pd.to_datetime("2025-01-01") + pd.to_timedelta(found["day"], "D"), finding_id=range(len(found)), conclusive=found["outcome"] != "missing")  # fmt: skip
    again = confirmed_again(found)
    assert again["new"] == pytest.approx((8 + 4 * 11.5 / 42) / 14)
    assert again["u39"] == pytest.approx((0 + 4 * 11.5 / 42) / 34)
    assert again["u8"] == again["u39"], "the last conclusion counts"
    assert "open" not in again.index
    assert confirmed_again(found.iloc[:0]).empty


def test_a_persons_money_goes_where_it_was_spent_and_stays_are_left_out() -> None:
    spent = pd.DataFrame(
        {
            "psn_no": ["p", "p", "p", "q"],
            "fixmedins_code": ["A", "B", "H", "A"],
            "fen": [300, 100, 600, 0],
            "stay": [False, False, True, False],
        }
    )
    told = shared_out(pd.Series({"p": 1000.0, "q": 50.0}), spent)
    assert told.to_dict() == pytest.approx({"A": 300.0, "B": 100.0})


def test_without_a_model_a_unit_is_worth_its_own_list_and_of_a_campaign_only_its_part(worlds: Worlds) -> None:
    plain = house(worlds, "plain")
    whole, part = worth_of_units(plain, T), worth_of_units(plain, T, campaign=campaigns()["价格"])
    _, scored = scored_matrix(plain, T, "institution")
    listed = scored.frame["amount_fen"] / 100
    assert set(whole) <= set(listed.index), "without a model nobody adds up suspects"
    assert sum(e.yuan for e in whole.values()) > 0
    assert all(e.yuan <= listed[u] + 1e-9 for u, e in whole.items()), "a sum of scores is no expectation"
    assert set(part) == set(whole)
    assert all(part[u].chance * part[u].yuan <= whole[u].chance * whole[u].yuan + 1e-9 for u in whole)
    assert sum(e.chance * e.yuan for e in part.values()) < sum(e.chance * e.yuan for e in whole.values())
