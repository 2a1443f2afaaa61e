"""Earlier findings at the same doctor: others' only, known only, and they add up in the score."""

from dataclasses import replace

import numpy as np
import pandas as pd

from models.ensemble import BASE, explained, tails, unlabelled
from models.findings import Findings, known_before
from models.ranker import Ranker
from models.score import score_with
from tests.models.conftest import Toy

ENTITIES = pd.DataFrame(
    {"dr_codg": ["D1", "D1", "D1", "D2", None], "fixmedins_code": ["H1", "H1", "H2", "H2", "H9"]}, index=list("abcde")
)


def test_a_case_does_not_speak_about_itself() -> None:
    found = Findings({"dr_codg": {"a": "D1", "x": "D1", "d": "D2"}})
    assert found.counts(ENTITIES)["found_dr_codg"].tolist() == [1.0, 2.0, 2.0, 0.0, 0.0]
    assert Findings(found.to_json()).counts(ENTITIES).equals(found.counts(ENTITIES))


def test_only_what_was_known_before_the_moment_counts() -> None:
    cases = pd.DataFrame(
        {"known_at": pd.to_datetime(["2025-01-10", "2025-03-10"]), "dr_codg": ["D1", "D1"]}, index=["a", "x"]
    )
    moments = pd.Series(
        pd.to_datetime(["2025-02-01", "2025-01-10", "2025-04-01", "2025-04-01", "2025-04-01"]), index=ENTITIES.index
    )
    got = np.expm1(known_before(cases, ENTITIES, moments, ("dr_codg",))["found_dr_codg"]).round(9).tolist()
    assert got == [0.0, 0.0, 2.0, 0.0, 0.0], "a: own case left out; b: known at that very moment is not before it"


def test_findings_raise_the_score_and_stand_in_the_base(toy: tuple[Toy, pd.Series]) -> None:
    from models.ensemble import ranker_input

    matrix, y = toy
    X = ranker_input(matrix)
    model = unlabelled(matrix)
    plain = replace(model, ranker=Ranker(trees=10).fit(X, y), slopes=dict.fromkeys(model.scorers, 0.3))
    cases = {"x1": "D001", "x2": "D001"}
    known = replace(plain, findings=Findings({"dr_codg": cases}), slopes={**plain.slopes, "found_dr_codg": 1.5})
    before, after = score_with(matrix, plain), score_with(matrix, known)
    at = matrix.entities["dr_codg"] == "D001"
    gain = after.frame["raw"] - before.frame["raw"]
    np.testing.assert_allclose(gain[at], 1.5 * np.log1p(2))
    assert (gain[~at] == 0).all()
    assert (after.frame.loc[at, "found_before"] == 2).all()
    np.testing.assert_allclose(after.contributions.sum(axis=1), after.frame["raw"], atol=1e-9)
    assert (after.contributions.drop(columns=BASE) == before.contributions.drop(columns=BASE)).all().all()
    assert "found_dr_codg" in tails(known, matrix)
    assert "found_dr_codg" in explained(known, matrix)[1]
