"""The bed score leaves other evidence out, and says when there is none."""

import pytest

from claims.errors import UserError
from models.beds import bed_columns, bed_contributions
from models.scorer import BASE


def test_only_evidence_of_an_empty_bed_counts(toy):
    matrix, _ = toy
    weights = bed_columns(matrix)
    assert set(weights) == {"swipes_90", "tests_90", "inst__occupancy_180", "rule_R01", "rule_R03"}
    assert weights["inst__occupancy_180"] < weights["swipes_90"], "a hospital's habit counts less than the stay's own"
    parts = bed_contributions(matrix)
    assert (parts[BASE] == 0).all()
    assert (parts.drop(columns=list(weights)) == 0).all().all()


def test_no_evidence_no_list(toy):
    matrix, _ = toy
    bare = type(matrix)(**{**vars(matrix), "X": matrix.X[["age"]]})
    with pytest.raises(UserError, match="empty bed"):
        bed_contributions(bare)
