"""The page of top tens: nobody's number on it, the truth beside, only those the referee judges."""

import pandas as pd

from benchmarks.top_ten import first_places, groups, masked


def test_no_number_of_a_person_stay_or_unit_is_printed() -> None:
    said = masked("主要因住院429061723662351542列入，H4290040505196及其理由；另有3例（0.58倍）")
    assert said == "主要因住院…列入，…及其理由；另有3例（0.58倍）"


def test_the_truth_stands_beside_and_strangers_take_no_place() -> None:
    rows = [
        {"entity_id": "decided", "scheme": "T01", "reason_1": "x", "probability": "0.9"},
        {"entity_id": "'a", "scheme": "T02", "scheme_2": "T01", "reason_1": "住院42900412345678", "probability": "0.5"},
        {"entity_id": "b", "scheme": "T21", "reason_1": "y", "probability": ""},
        {"entity_id": "c", "scheme": "T05", "reason_1": "z"},
    ]
    truth = pd.DataFrame({"id": ["a", "b", "c"], "y": [1, 0, 0], "scheme": ["ghost_bed", "over_testing", ""]})
    assert first_places(rows, truth) == [
        ("1", "0.50", "T02 / **T01**", "住院…", "ghost_bed"),
        ("2", "", "**T21**", "y", "over_testing (charges alone)"),
        ("3", "", "T05", "z", "innocent"),
    ]


def test_a_group_says_how_many_of_it_are_in_any_ring() -> None:
    ring = pd.DataFrame({"ring_id": ["r"] * 2, "psn_no": ["1", "2"]})
    assert groups([{"members": "1;2;3"}, {}], ring) == [("1", "3", "2"), ("2", "0", "0")]
