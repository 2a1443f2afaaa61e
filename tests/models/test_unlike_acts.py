"""The union of unlike acts: one way to be strange is enough, and what is shown is why."""

import numpy as np
import pandas as pd
import pytest

from models.ensemble import FALLBACK, unlabelled, untaught, weight_of
from models.scorer import BASE, Population
from models.unlike_acts import UnlikeActs, plan_of

PLAN = {"a1": ("A", "high", 1.0), "a2": ("A", "high", 1.0), "b": ("B", "low", 1.0), "c": ("C", "either", 1.0)}


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(2000, 4)), columns=list(PLAN), index=[f"P{i}" for i in range(2000)])


def one(people: pd.DataFrame, **values: float) -> float:
    """Raw of somebody who stands in the middle but for these values."""
    row = people.median().to_frame("X").T.assign(**values)
    return float(UnlikeActs(PLAN).fit(people).raw(row).iloc[0])


def test_far_out_in_one_scheme_counts_more_than_a_little_in_each(people: pd.DataFrame) -> None:
    assert one(people, b=-4.0) > one(people, a1=1.0, a2=1.0, b=-1.0, c=1.0)


def test_a_number_counts_in_the_direction_declared(people: pd.DataFrame) -> None:
    assert one(people, b=4.0) < one(people) < one(people, b=-3.0)
    assert one(people, c=3.0) == pytest.approx(one(people, c=-3.0), abs=0.5), "either side is odd"


def test_what_is_missing_is_nothing_to_see(people: pd.DataFrame) -> None:
    assert one(people, a1=np.nan, a2=np.nan, b=np.nan, c=np.nan) <= one(people)


def test_the_contributions_lie_in_the_scheme_that_stands_out(people: pd.DataFrame) -> None:
    row = people.median().to_frame("X").T.assign(b=-4.0)
    told = UnlikeActs(PLAN).fit(people).contributions(row).iloc[0]
    assert told.drop(BASE).idxmax() == "b"
    assert (told.drop(BASE) >= 0).all()


def test_clues_charges_and_schemes_of_others_alone_are_no_act(toy: tuple) -> None:
    matrix = toy[0]
    plan = plan_of(Population(matrix, matrix.z))
    told = {matrix.columns[c].scheme for c in plan}
    own = {k.scheme for c, k in matrix.columns.items() if c in matrix.X and not k.parent}
    assert told <= own
    assert not told & {"T30", "T31", "T20", ""}
    assert all(matrix.columns[c].role in ("value", "rule", "graph") for c in plan)


def test_without_findings_a_list_of_stays_goes_by_it_alone(toy: tuple) -> None:
    model = unlabelled(toy[0])
    assert weight_of(model, "schemes") == 1.0
    assert all(weight_of(model, name) == 0.0 for name in model.scorers if name != "schemes")
    assert model.label == FALLBACK
    assert untaught(["rules", "isolation"]) == {}, "elsewhere even weights"
