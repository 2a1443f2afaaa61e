"""The draw is honest: its probabilities are exact, and it is unmarked."""

import numpy as np
import pandas as pd
import pytest

from inspection.seed import random_for
from serving.lists.sampling import choose, interleave


def risk(n: int) -> pd.Series:
    return pd.Series(np.linspace(1, 0, n), index=[f"E{i:03d}" for i in range(n)])


def test_slots_are_disjoint_and_sized() -> None:
    chosen = choose(risk(200), 45, 0.1, random_for("a"))
    assert chosen["slot"].value_counts().to_dict() == {"ranked": 45, "draw": 5, "control": 3}
    assert chosen.index.is_unique
    assert (chosen.loc[chosen["slot"] == "ranked", "selection_prob"] == 1).all()


def test_selection_probability_is_what_happens() -> None:
    """Over many draws each entity is listed as often as its stored probability says (four standard errors)."""
    n, top, rounds = 40, 9, 800
    listed = pd.Series(0.0, index=risk(n).index)
    stated: dict[str, float] = {}
    for i in range(rounds):
        chosen = choose(risk(n), top, 0.1, random_for(i))
        listed[chosen.index] += 1
        stated |= chosen["selection_prob"].to_dict()
    p = pd.Series(stated)
    error = np.sqrt(p * (1 - p) / rounds)
    assert len(p) == n
    assert ((listed[p.index] / rounds - p).abs() <= 4 * error + 1e-12).all()


@pytest.mark.parametrize("n", [0, 1, 3, 10])
def test_small_populations(n: int) -> None:
    chosen = choose(risk(n), 10, 0.1, random_for("x"))
    assert len(chosen) == n
    assert chosen["slot"].eq("ranked").all()


def test_no_draw_when_not_wanted() -> None:
    assert set(choose(risk(50), 10, 0.0, random_for("x"))["slot"]) == {"ranked"}


def test_interleaving_keeps_the_order_of_the_ranked_and_hides_the_others() -> None:
    slots = pd.Series(["ranked"] * 18 + ["draw"] * 2 + ["control"])
    places = [interleave(slots, random_for(i)) for i in range(60)]
    for place in places:
        assert sorted(place) == list(range(1, 22))
        assert place[slots == "ranked"].is_monotonic_increasing
    assert len({int(p.iloc[18]) for p in places}) > 10, "a drawn row may stand anywhere"
