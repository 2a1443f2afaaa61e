"""What a visit may be worth: the larger of two views of the same money, shared out once, never above what was paid."""

import pandas as pd
import pytest

from inspection.campaigns import campaigns
from serving.lists.source import scored_matrix
from serving.lists.worth import shared_out, together, worth_of_units
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
    assert sum(e.yuan for e in whole.values()) > 0
    assert all(e.yuan <= listed[u] + 1e-9 for u, e in whole.items()), "a sum of scores is no expectation"
    assert set(part) == set(whole)
    assert all(part[u].chance * part[u].yuan <= whole[u].chance * whole[u].yuan + 1e-9 for u in whole)
    assert sum(e.chance * e.yuan for e in part.values()) < sum(e.chance * e.yuan for e in whole.values())
