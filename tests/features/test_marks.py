"""Which rows a number counts: those are the evidence, the others are what they are held against."""

import duckdb
import pandas as pd
import pytest

from features.declare import Feature
from features.evidence import _marked, numerator
from tests.column import a_column


def marked(rows: pd.DataFrame, feature: Feature) -> pd.DataFrame:
    with duckdb.connect() as con:
        return _marked(con, rows, feature)


@pytest.mark.parametrize(
    ("measure", "condition"),
    [
        ("count(*)", ""),
        ("count(*) FILTER (WHERE quick)", "quick"),
        ("count(DISTINCT a) FILTER (likeness >= 0.8)", "likeness >= 0.8"),
        (
            "CASE WHEN count(*) >= 20 THEN avg((same_bag >= 2 AND kinds >= 2)::INT) END",
            "(same_bag >= 2 AND kinds >= 2)",
        ),
        ("CASE WHEN count(*) >= 20 THEN avg(refunded::INT) END", "refunded"),
        ("avg(nights)", ""),
    ],
)
def test_the_condition_of_what_is_counted(measure: str, condition: str) -> None:
    assert numerator(measure) == condition


def test_of_a_share_the_counted_rows_are_marked_and_the_rest_is_told_apart() -> None:
    rows = pd.DataFrame({"same_bag": [0, 2, 3, 0], "kinds": [1, 2, 2, 5]})
    share = a_column("s", "相同处方占比", "T15", "high", measure="avg((same_bag >= 2 AND kinds >= 2)::INT)").feature
    assert marked(rows, share)["hit"].tolist() == [False, True, True, False]
    assert "hit" not in marked(rows, a_column("n", "次", "T15", "high", measure="count(*)").feature)
