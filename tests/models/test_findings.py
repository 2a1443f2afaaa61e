"""Earlier findings at the same doctor: others' only, said beside the score and no part of it."""

from dataclasses import replace

import pandas as pd

from models.ensemble import unlabelled
from models.findings import Findings
from models.score import score_with
from tests.models.conftest import Toy

ENTITIES = pd.DataFrame(
    {"dr_codg": ["D1", "D1", "D1", "D2", None], "fixmedins_code": ["H1", "H1", "H2", "H2", "H9"]}, index=list("abcde")
)


def test_a_case_does_not_speak_about_itself() -> None:
    found = Findings({"dr_codg": {"a": "D1", "x": "D1", "d": "D2"}})
    assert found.counts(ENTITIES)["found_dr_codg"].tolist() == [1.0, 2.0, 2.0, 0.0, 0.0]
    assert Findings(found.to_json()).counts(ENTITIES).equals(found.counts(ENTITIES))


def test_the_list_says_the_number_and_does_not_go_by_it(toy: tuple[Toy, pd.Series]) -> None:
    matrix, _ = toy
    plain = unlabelled(matrix)
    known = replace(plain, findings=Findings({"dr_codg": {"x1": "D001", "x2": "D001"}}))
    before, after = score_with(matrix, plain).frame, score_with(matrix, known).frame
    at = matrix.entities["dr_codg"] == "D001"
    assert (after.loc[at, "found_before"] == 2).all()
    pd.testing.assert_series_equal(after["raw"], before["raw"])
