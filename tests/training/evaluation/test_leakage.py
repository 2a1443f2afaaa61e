"""Alarms can ring, and stay silent when nothing is wrong; parts of a county too small to judge say so."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.training.conftest import County
from training.evaluation.against_truth import absent_at, by_part, rings_against_truth
from training.evaluation.leakage import future_blind, leaks, permuted
from training.evaluation.truth import Truth
from training.labels import load_labels

EMPTY = pd.DataFrame()


def truth(**frames: pd.DataFrame) -> Truth:
    return Truth(**{k: frames.get(k, EMPTY) for k in ("guilty", "innocents", "absences", "rings")})


def test_a_column_that_says_it_all_is_named() -> None:
    r = np.random.default_rng(0)
    bad = pd.Series((r.random(400) < 0.1).astype(float))
    X = pd.DataFrame(
        {"honest": r.normal(size=400) + bad, "answer": bad + r.normal(0, 0.01, 400), "flat": 1.0, "few": np.nan}
    )
    assert [leak["column"] for leak in leaks(X, bad)] == ["answer"]
    assert [leak["column"] for leak in leaks(X.assign(answer=-X["answer"]), bad)] == ["answer"], "either direction"
    assert leaks(X, bad * 0) == []


def test_shuffled_outcomes_teach_nothing_unless_the_answer_is_inside(
    county: County, root: Path, as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.ensemble import unlabelled
    from training.dataset import training_rows
    from training.evaluation import leakage as alarms

    matrix = county.matrix(root, as_of, "admission")
    rows = training_rows(root, as_of, "admission", county.labels, unlabelled(matrix), unlabelled=200)
    assert not permuted(rows)["alarm"]
    # a road that peeks at the outcome it is tested on
    monkeypatch.setattr(
        alarms, "out_of_fold", lambda rows, **_: SimpleNamespace(raw=rows.info["y"].fillna(0).to_numpy())
    )
    assert permuted(rows)["alarm"]


INSPECTIONS = pd.DataFrame(
    {
        "entity_type": "person", "entity_id": [f"P{i}" for i in range(40)], "outcome_code": ["O1_FRAUD", "O6_CLEAR"] * 20,
        "insp_time": pd.date_range("2025-01-01", periods=40, freq="5D"), "known_at": pd.date_range("2025-01-03", periods=40, freq="5D"),
    }
)  # fmt: skip


def test_labels_do_not_know_the_future(monkeypatch: pytest.MonkeyPatch) -> None:
    from training.evaluation import leakage as alarms

    assert future_blind(INSPECTIONS, None, date(2025, 3, 31))
    monkeypatch.setattr(alarms, "load_labels", lambda i, p, s, day: load_labels(i, p, s, None))
    assert not future_blind(INSPECTIONS, None, date(2025, 3, 31)), "labels read without their date are caught"


def test_an_area_with_few_listed_cannot_be_judged() -> None:
    scores = pd.Series(np.arange(100.0), index=[f"E{i:03d}" for i in range(100)])
    bad = pd.Series(0.0, index=scores.index)
    bad.iloc[-30:] = 1.0
    area = pd.Series(["A"] * 50 + ["B"] * 50, index=scores.index)
    parts = by_part([(scores, bad)], [area], 30)
    assert parts["A"]["precision"]["value"] is None
    assert parts["A"]["listed"] == 0
    assert parts["B"]["precision"]["value"] == 1.0
    assert parts["B"]["hits"] == parts["B"]["listed"] == 30


def test_rings_are_found_by_half_their_members_and_excuses_do_not_count() -> None:
    planted = pd.DataFrame({"ring_id": ["R1"] * 4 + ["R2"] * 4, "psn_no": list("abcdwxyz"), "scheme": "T15"})
    listed = pd.DataFrame({"members": ["a;b;c;e", "w;x;y;z", "k;l;m"], "innocent": ["", "家庭", ""]})
    found = rings_against_truth(listed, truth(rings=planted))
    assert (found["planted"], found["found"], found["listed"], found["listed_right"]) == (2, 1, 2, 1)
    assert found["planted_but_explained_away"] == 1
    assert found["precision"]["value"] is None, "two rings say nothing about a rate"


@pytest.mark.parametrize(("hour", "gone"), [(20, {"S1"}), (9, set()), (23, {"S1"})])
def test_a_bed_is_empty_between_its_moments(hour: int, gone: set[str]) -> None:
    away = pd.DataFrame(
        {"mdtrt_id": ["S1"], "begin": [pd.Timestamp("2025-06-30 16:00")], "end": [pd.Timestamp("2025-07-01 08:00")]}
    )
    assert absent_at(truth(absences=away), pd.Timestamp(f"2025-06-30 {hour}:00")) == gone
