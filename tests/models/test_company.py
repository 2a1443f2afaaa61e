"""What others in the same company are suspected of: others only, few others little, and cards or stay, whichever is rarer."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.company import STAY, STRANGERS, links_of, meet, with_stays
from models.ensemble import among, explained, raw_risk, unlabelled
from tests.models.conftest import Toy

IDS = pd.Index([f"P{i:03d}" for i in range(200)])
PEOPLE = pd.DataFrame(index=IDS)


def shops(code: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"entity_id": IDS, "code": code, "visits": 1.0})


def test_ones_own_suspicion_is_no_company() -> None:
    own = np.r_[np.zeros(199), 9.0]
    alone = meet(own, shops([f"S{i}" for i in range(200)]), PEOPLE, 1.0)
    t = pd.Series(alone.own.at(own), index=IDS)
    others = alone.others_of(t, shops([f"S{i}" for i in range(200)]))
    np.testing.assert_allclose(others, alone.mean, err_msg="a shop with one customer says nothing about him")


def test_company_of_the_suspect_is_suspect_and_few_count_little() -> None:
    own = np.linspace(0.0, 1.0, 200)
    own[:10] = np.r_[0.0, np.full(9, 8.0)]
    own[10:12] = [0.0, 8.0]
    links = shops(["bad"] * 10 + ["pair"] * 2 + ["rest"] * 188)
    made = meet(own, links, PEOPLE, 1.0)
    t = pd.Series(made.own.at(own), index=IDS)
    others = pd.Series(made.others_of(t, links), index=IDS)
    assert others["P000"] > others["P010"] > others["P100"], "nine suspects, one suspect, none"
    assert others["P010"] == pytest.approx((t["P011"] + STRANGERS * made.mean) / (1 + STRANGERS))
    raw = made.raw(own, links, PEOPLE)
    assert raw[0] > own[0]


def test_where_all_go_to_one_place_the_order_stays() -> None:
    """Leaving himself out makes the worst look best among his own: that must not turn the list over."""
    own = np.linspace(0.0, 8.0, 200)
    raw = meet(own, shops(["S"] * 200), PEOPLE, 1.0).raw(own, shops(["S"] * 200), PEOPLE)
    assert (np.diff(raw) > 0).all()


def test_company_by_chance_is_none() -> None:
    """Doctors who differ no more than chance would make them change the order of nobody."""
    r = np.random.default_rng(1)
    own = r.exponential(1, 200)
    links = shops([f"S{i}" for i in r.integers(0, 20, 200)])
    moved = meet(own, links, PEOPLE, 1.0)
    raw = moved.raw(own, links, PEOPLE)
    assert np.corrcoef(raw, moved.own.at(own))[0, 1] > 0.98


def test_one_alone_is_met_as_among_many() -> None:
    own = np.random.default_rng(0).exponential(1, 200)
    links = shops([f"S{i % 7}" for i in range(200)])
    made = meet(own, links, PEOPLE, 1.0)
    whole = made.raw(own, links, PEOPLE)
    assert made.raw(own[[17]], links, PEOPLE.iloc[[17]])[0] == pytest.approx(whole[17], abs=1e-12)


def test_a_person_is_as_suspect_as_his_cards_or_his_worst_stay() -> None:
    own = np.linspace(0.0, 1.0, 200)
    stays = pd.DataFrame({"psn_no": ["P000", "P000", "P001", "P002"]}, index=["a", "b", "c", "d"])
    people = with_stays(PEOPLE, stays, pd.Series([0.1, 5.0, 0.2, 0.3], index=stays.index))
    assert people[STAY].notna().sum() == 3
    made = meet(own, shops(["S"] * 200), people, 1.0)
    raw = pd.Series(made.raw(own, shops(["S"] * 200), people), index=IDS)
    assert raw["P000"] > raw["P197"], "the worst of three stays is rarer than being the third of two hundred"
    assert raw["P199"] > raw["P003"]
    assert raw.drop(["P000", "P001", "P002"]).is_monotonic_increasing, "who had no stay keeps his order"


def test_company_stands_in_the_base_and_adds_up(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    alone = unlabelled(matrix)
    model = among(alone, matrix)
    assert links_of(matrix.entities, None) is not None
    contributions, _ = explained(model, matrix)
    np.testing.assert_allclose(contributions.sum(axis=1), raw_risk(model, matrix), atol=1e-9)
    told = explained(alone, matrix)[0]
    assert (contributions.drop(columns="base") == told.drop(columns="base")).all().all()
    some = replace(matrix, **{k: getattr(matrix, k).iloc[:5] for k in ("entities", "X", "z", "percentile")})
    np.testing.assert_allclose(raw_risk(model, some), raw_risk(model, matrix).iloc[:5], atol=1e-9)
