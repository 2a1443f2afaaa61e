"""The bed score adds up, leaves other evidence out, and lets the ranker in with the same weight."""

import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from models.beds import bed_columns, bed_contributions, with_ranker
from models.scorer import BASE


def test_only_evidence_of_an_empty_bed_counts(toy):
    matrix, _ = toy
    weights = bed_columns(matrix)
    assert set(weights) == {"swipes_90", "tests_90", "inst__occupancy_180", "rule_R01", "rule_R03"}
    assert weights["inst__occupancy_180"] < weights["swipes_90"], "a hospital's habit counts less than the stay's own"
    parts = bed_contributions(matrix)
    assert (parts[BASE] == 0).all()
    assert (parts.drop(columns=list(weights)) == 0).all().all()


def test_the_ranker_joins_with_equal_spread(toy):
    matrix, _ = toy
    blend = bed_contributions(matrix)
    learned = pd.DataFrame(0.0, index=blend.index, columns=blend.columns).assign(age=np.linspace(-3, 3, len(blend)))
    both = with_ranker(blend, learned)
    part = both.sum(axis=1) - learned.sum(axis=1)
    assert part.std(ddof=0) == pytest.approx(learned.sum(axis=1).std(ddof=0))
    assert np.corrcoef(part, blend.sum(axis=1))[0, 1] == pytest.approx(1.0)
    assert with_ranker(blend * 0, learned).equals(learned + 0.0), "a blend that says nothing changes nothing"


def test_no_evidence_no_list(toy):
    matrix, _ = toy
    bare = type(matrix)(**{**vars(matrix), "X": matrix.X[["age"]]})
    with pytest.raises(UserError, match="empty bed"):
        bed_contributions(bare)
