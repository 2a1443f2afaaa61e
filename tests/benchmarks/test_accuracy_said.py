"""Schemes named and chances added up, against a truth at hand; own worlds beside others."""

import pandas as pd
import pytest

from benchmarks.accuracy_said import chance_table, chances, scheme_table, schemes
from benchmarks.worlds_compare import odd

TRUTH = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "y": [1, 1, 1, 0],
        "scheme": ["ghost_bed", "drug_resale|cash_out", "empty_swipe", ""],
    }
)
ROWS = [
    {"entity_id": "a", "scheme": "T01", "scheme_2": "T02"},
    {"entity_id": "'b", "scheme": "T24", "scheme_2": "T15"},
    {"entity_id": "c", "scheme": "T15", "scheme_2": ""},
    {"entity_id": "d", "scheme": "T01", "scheme_2": ""},
]


def test_a_scheme_is_right_if_it_is_one_of_theirs_and_the_innocent_do_not_count() -> None:
    found = schemes(ROWS, TRUTH, 4)
    assert (found["guilty"], found["first"], found["two"]) == (3, 1, 2)
    assert found["wrong"] == {"drug_resale → T24": 1, "empty_swipe → T15": 1}
    assert schemes(ROWS, TRUTH, 1)["guilty"] == 1
    (row,) = scheme_table([{"world": "w", "date": "d", "schemes": {"person": found}}])
    assert row[:6] == ("person", "w", "first 100", "3", "1 (33%)", "2 (67%)")


def test_chances_are_added_up_per_group_from_thirty_on() -> None:
    truth = pd.DataFrame({"id": [f"p{i}" for i in range(120)], "y": [1] * 50 + [0] * 70, "scheme": ""})
    rows = [
        {
            "entity_id": f"p{i}",
            "stratum": "60岁以下无慢特病" if i % 5 else "60岁及以上有慢特病",
            "probability": "0.5",
            "probability_low": "0.2",
            "probability_high": "0.8",
        }
        for i in range(120)
    ]
    found = chances(rows, truth)
    everybody = next(c for c in found if not c["group"])
    assert (everybody["listed"], everybody["p"], everybody["found"]) == (100, pytest.approx(50.0), 50)
    shown = chance_table([{"world": "w", "date": "d", "chances": {"person": found}}])
    assert [row[3] for row in shown] == ["everybody", "below 60"], "a group of twenty is not judged"
    assert shown[0][5:] == ("50 (20–80)", "50", "yes", "yes")
    assert chances([r | {"probability": ""} for r in rows], truth) == []


def test_a_figure_is_apart_when_every_own_county_lies_outside_what_others_span() -> None:
    assert odd([0.02, 0.03], [0.09, 0.1])
    assert not odd([0.02, 0.08], [0.09, 0.1])
    assert not odd([0.12], [0.09, 0.1]), "half as much again is no difference of worlds"
    assert not odd([float("nan")], [0.09])
