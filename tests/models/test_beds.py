"""The bed score leaves other evidence out, goes by the best way there is, and says which."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from models.beds import bed_columns, bed_contributions, bed_evidence
from models.ensemble import RANKER, ranker_input, raw_risk, unlabelled
from models.reference_distribution import tail_of
from models.scorer import BASE
from models.taught import Taught
from tests.models.conftest import Toy


def test_only_evidence_of_an_empty_bed_counts(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    weights = bed_columns(matrix)
    assert set(weights) == {"swipes_90", "tests_90", "inst__occupancy_180", "rule_R01", "rule_R03"}
    assert weights["inst__occupancy_180"] < weights["swipes_90"], "a hospital's habit counts less than the stay's own"
    parts = bed_contributions(matrix)
    assert (parts[BASE] == 0).all()
    assert (parts.drop(columns=list(weights)) == 0).all().all()


def test_no_evidence_no_list(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    bare = type(matrix)(**{**vars(matrix), "X": matrix.X[["age"]]})
    with pytest.raises(UserError, match="empty bed"):
        bed_contributions(bare)


def test_the_best_way_there_is(toy: tuple[Toy, pd.Series]) -> None:
    matrix, y = toy
    X = ranker_input(matrix)
    free = unlabelled(matrix)
    ranker, beds = Taught().fit(X, y), Taught().fit(X, matrix.X["rule_R01"])
    tails = {**free.tails, RANKER: tail_of(ranker.raw(X).to_numpy())}
    learned = replace(free, ranker=ranker, tails=tails, weights={**dict.fromkeys(free.scorers, 0.1), RANKER: 0.5})
    for model, way in (
        (None, "composed"),
        (free, "composed"),
        (learned, "learned"),
        (replace(learned, beds=beds), "taught"),
    ):
        parts, said = bed_evidence(model, matrix)
        assert said == way
        assert list(parts.columns) == [*matrix.X.columns, BASE]
    np.testing.assert_allclose(parts.sum(axis=1), beds.raw(X), atol=1e-9)
    np.testing.assert_allclose(bed_evidence(learned, matrix)[0].sum(axis=1), raw_risk(learned, matrix), atol=1e-9)


def test_a_bed_keeps_the_company_of_its_doctors_other_stays(toy: tuple[Toy, pd.Series]) -> None:
    matrix, y = toy
    beds = Taught().fit(ranker_input(matrix), matrix.X["rule_R01"])
    model = replace(unlabelled(matrix), ranker=Taught().fit(ranker_input(matrix), y), beds=beds)
    own = beds.raw(ranker_input(matrix))
    bad = own.sort_values().index[-40:]
    doctors = pd.Series([f"D{i % 40}" for i in range(len(own))], index=own.index).where(~own.index.isin(bad), "BAD")
    entities = matrix.entities.assign(dr_codg=doctors, psn_no=own.index)
    whole = replace(matrix, entities=entities)
    alone, met = bed_evidence(model, whole)[0], bed_evidence(model, whole, whole)[0]
    moved = met.sum(axis=1) - alone.sum(axis=1)
    assert moved[bad].mean() > moved.drop(bad).mean()
    pd.testing.assert_frame_equal(met.drop(columns=BASE), alone.drop(columns=BASE))
