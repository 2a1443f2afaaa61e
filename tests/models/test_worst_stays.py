"""A person's worst stay: by what empty and lent beds taught, in the company of the doctor's other stays, and by schemes a patient takes part in."""

from dataclasses import replace

import pandas as pd

from models.company import STAY, STAY_ID
from models.ensemble import RANKER, ranker_input, unlabelled
from models.reference_distribution import tail_of
from models.taught import Taught
from models.worst_stays import schemes_of, taught_risk
from tests.models.conftest import Toy


def test_the_doctors_other_stays_count(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    beds = Taught().fit(ranker_input(matrix), matrix.X["rule_R01"])
    own = beds.raw(ranker_input(matrix))
    high = own.sort_values().index[-80:]
    bad, others = high[::2], high[1::2]
    doctors = pd.Series([f"D{i % 40}" for i in range(len(own))], index=own.index).where(~own.index.isin(bad), "BAD")
    met = taught_risk(beds, replace(matrix, entities=matrix.entities.assign(dr_codg=doctors, psn_no=own.index)))
    alone = taught_risk(beds, replace(matrix, entities=matrix.entities.drop(columns=["dr_codg"], errors="ignore")))
    pd.testing.assert_series_equal(alone, own)
    moved = met.rank() - own.rank()
    assert moved[bad].mean() > moved[others].mean()


def test_only_schemes_a_patient_takes_part_in_are_told_of_him(toy: tuple[Toy, pd.Series]) -> None:
    matrix, y = toy
    model = unlabelled(matrix)
    ranker = Taught().fit(ranker_input(matrix), y)
    tails = {**model.tails, RANKER: tail_of(ranker.raw(ranker_input(matrix)).to_numpy())}
    model = replace(model, ranker=ranker, tails=tails, weights={"rules": 0.5, RANKER: 0.5})
    ids = matrix.X.index[:50]
    people = pd.DataFrame({STAY: range(50), STAY_ID: ids.astype(str)}, index=[f"P{i}" for i in range(50)])
    told = [t for t in schemes_of(people, matrix, model) if t]
    assert told
    assert set().union(*told) <= {"T01", "T02", "T03"}
    assert all(abs(sum(t.values()) - 1.0) < 1e-9 for t in told)
