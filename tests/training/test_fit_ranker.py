"""What each way of learning does to the rows, seen where it can be checked by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.column import a_column
from training.dataset import Rows
from training.fit_ranker import MISSED, PU_MASS, RATE, learn, missed_chance, taught


def rows(y: list[float], weight: list[float]) -> Rows:
    index = pd.Index([f"E{i}|2025-06-30" for i in range(len(y))], name="row")
    info = pd.DataFrame(
        {
            "y": y, "weight": weight, "soft": False, "random": False, "selection_prob": np.nan, "fund_fen": np.arange(len(y)) * 1e5,
            "lead_source": "rule",
        },
        index=index,
    )  # fmt: skip
    tails = pd.DataFrame({"rules": np.linspace(0, 3, len(y))}, index=index)
    return Rows("admission", pd.DataFrame({"x": np.arange(len(y), dtype=float)}, index=index), tails, info)


NAN = float("nan")


def test_uninspected_rows_weigh_only_where_a_variant_asks_for_them() -> None:
    part = rows([1, 0, 0, NAN, NAN, NAN, NAN], [1, 1, 0.5, 0, 0, 0, 0])
    y, weight = taught(part, "labelled")
    assert y.tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert weight.tolist() == [1, 1, 0.5, 0, 0, 0, 0]
    _, weight = taught(part, "pu")
    assert weight[3:].sum() == pytest.approx(PU_MASS * 1.5), "together a fixed multiple of the refuted ones"
    assert weight[:3].tolist() == [1, 1, 0.5]


@pytest.mark.parametrize("grain", ["admission", "institution"])
def test_few_confirmed_units_move_the_trees_little(grain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    monkeypatch.setattr("training.fit_ranker.Ranker", lambda *_, rate, **__: steps.append(rate) or Quiet())
    part = replace(rows([1] * 10 + [0] * 30, [1] * 40), grain=grain)
    part.info["entity_id"] = [f"E{i // 2}" for i in range(40)]
    part.info["snapshot"], part.info["area"] = pd.Timestamp("2025-06-30"), ""
    learn(part, {"x": a_column("x", "个", "T01", "either")}, variant="labelled")
    assert steps == [pytest.approx(RATE * (5 / 55 if grain == "institution" else 1))], "five units, each seen twice"


class Quiet:
    """A ranker that learns nothing."""

    def fit(self, *_: object, **__: object) -> "Quiet":
        return self


def test_inverse_propensity_raises_the_unlikely_ones() -> None:
    part = rows([1, 0, 0, NAN, NAN, NAN], [1, 1, 1, 0, 0, 0])
    part.info["selection_prob"] = [0.5, 0.05, 0.5, NAN, NAN, NAN]
    _, weight = taught(part, "ips")
    assert weight[1] == pytest.approx(10 * weight[0])
    assert weight[:3].mean() == pytest.approx(1.0)


def test_a_cleared_case_counts_as_guilty_by_the_chance_it_was_missed() -> None:
    raw = np.array([0.0, 0.0, 20.0, -20.0, 0.0])
    found = missed_chance(raw, np.array([0.0, 1.0, 0.0, 0.0, NAN]))
    assert found[0] == pytest.approx(MISSED * 0.5 / (1 - (1 - MISSED) * 0.5))
    assert found[1] == 0.0, "a confirmed case is no doubt"
    assert found[2] == pytest.approx(1.0, abs=1e-6)
    assert found[3] == pytest.approx(0.0, abs=1e-6)
    assert found[4] == 0.0, "who was not inspected was not cleared"
