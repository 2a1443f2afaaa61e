"""Where two lists place the confirmed, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from models.ensemble import RANKER, GrainModel
from training.dataset import Rows
from training.fit_ranker import HeldOut, held_against, placed

NAN = float("nan")


def test_both_lists_are_held_against_the_same_people() -> None:
    """Four people nobody inspected and one confirmed. What was taught puts him above all of them, the scorer below all: tail ranks −ln of the share at least as suspect."""
    index = pd.Index([f"E{i}" for i in range(5)])
    info = pd.DataFrame({"y": [1.0, NAN, NAN, NAN, NAN]}, index=index)
    tails = pd.DataFrame({"rules": [0.1, 1.0, 2.0, 3.0, 4.0]}, index=index)
    rows = Rows("person", tails, tails, info)
    test = np.array([True, False, False, False, False])
    out = HeldOut(np.where(test, 5.0, NAN), np.where(test, 9.0, NAN), [(test, np.array([1.0, 2.0, 3.0, 4.0]))])
    model = GrainModel("person", ["rules"], {}, weights={"rules": 0.0, RANKER: 1.0})
    taught, plain = placed(model, rows, out)
    assert np.isnan(taught[1:]).all()
    assert taught[0] > plain[0] == pytest.approx(0.0, abs=0.2)
    figures = held_against(taught[:1], plain[:1])
    assert figures["held_out_n"] == 1
    assert figures["gain"] == pytest.approx(taught[0] - plain[0], abs=1e-6)
    assert figures["below"] > 0.7 > 0.2 > figures["fallback_below"]


def test_without_a_case_held_out_nothing_is_said() -> None:
    assert held_against(np.array([NAN]), np.array([NAN])) == {
        "held_out_n": 0,
        "below": None,
        "fallback_below": None,
        "gain": None,
    }
