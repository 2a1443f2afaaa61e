"""The draw is honest: exact chances, strata served, repeatable, nobody chose its seed alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.errors import UserError
from inspection.draw import pivotal, same, spread, take
from inspection.seed import Commitment, random_for, revealed, sealed_salt, seed_of


def units(n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"entity_id": [f"H{i:03d}" for i in range(n)], "stratum": [f"A{i % 3}" for i in range(n)], "region": [f"R{i % 4}" for i in range(n)]}
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.1, 9), min_size=1, max_size=30), st.integers(1, 40), st.integers(0, 10**6))
def test_chances_add_up_and_the_number_drawn_is_fixed(weights: list[float], size: int, seed: int) -> None:
    chance = spread(size, np.array(weights))
    assert chance.max() <= 1 + 1e-9
    assert chance.sum() == pytest.approx(min(size, len(weights)))
    drawn = pivotal(chance, ["x"] * len(weights), np.random.default_rng(seed))
    assert drawn.sum() == min(size, len(weights))


def test_each_is_drawn_as_often_as_its_chance_says() -> None:
    chance, rounds = spread(6, np.array([1.0, 2, 3, 4] * 6)), 3000
    seen = sum(pivotal(chance, list("abcdef" * 4), random_for("t", i)).astype(int) for i in range(rounds))
    error = np.sqrt(chance * (1 - chance) / rounds)
    assert (np.abs(seen / rounds - chance) <= 4.5 * error).all()


def test_a_stratum_gets_its_share_to_within_one() -> None:
    entities = units(90)
    for i in range(20):
        counts = take(entities, name=f"t{i}", seed="s", size=9).drawn["stratum"].value_counts()
        assert all(2 <= counts.get(s, 0) <= 4 for s in ("A0", "A1", "A2"))


def test_uncovered_regions_get_more_and_nobody_nothing() -> None:
    drawn = take(units(80), name="t", seed="s", size=8, covered=["R0", "R1", "R2"])
    chance = drawn.frame.groupby("region")["chance"].mean()
    assert drawn.uncovered == ("R3",)
    assert chance["R3"] > 1.8 * chance["R0"] > 0
    few = take(units(80), name="t", seed="s", size=8, covered=["R0", "R1", "R2"], explore=0.9)
    assert few.frame["chance"].max() <= 3 * 8 / 80 + 1e-9
    assert drawn.frame["chance"].sum() == pytest.approx(8)


def test_the_same_seed_gives_the_same_draw_and_a_changed_one_is_found_out() -> None:
    kept = take(units(50), name="2026-W48", seed="ab", share=0.1).to_json()
    assert kept["size"] == 5
    assert same(kept, units(50), ()) == []
    assert any("population" in line for line in same(kept, units(49), ()))
    other = kept | {"drawn": kept["drawn"][1:]}
    assert any(line.startswith("drawn") for line in same(other, units(50), ()))


def test_more_than_there_are_is_cut_and_said() -> None:
    drawn = take(units(4), name="t", seed="s", size=9)
    assert len(drawn.drawn) == 4
    assert drawn.notes == ("要求抽取 9 个，对象只有 4 个，已全部列入",)


@pytest.mark.parametrize(("share", "size"), [(0.0, None), (1.5, None), (0.1, 0)])
def test_impossible_shares_are_refused(share: float, size: int | None) -> None:
    with pytest.raises(UserError, match="不成立"):
        take(units(5), name="t", seed="s", share=share, size=size)


def test_a_seed_needs_two_people_their_salts_and_a_later_value() -> None:
    salts = ["alpha-salt", "beta-salt-2"]
    promised = [Commitment(who, sealed_salt("W", s), "00000001") for who, s in zip("甲乙", salts, strict=True)]
    assert revealed("W", promised, salts[::-1]) == salts
    with pytest.raises(UserError, match="需两人"):
        revealed("W", promised[:1], salts)
    with pytest.raises(UserError, match="乙 公布的散列与所给盐值不符"):
        revealed("W", promised, [salts[0], "beta-salt-3"])
    with pytest.raises(UserError, match="至少"):
        sealed_salt("W", "abc")
    with pytest.raises(UserError, match="公开值"):
        seed_of("W", salts, "")
    assert seed_of("W", salts, "1") != seed_of("W", salts, "2")
