"""What each way of learning does to the rows, seen where it can be checked by hand."""

import numpy as np
import pandas as pd
import pytest

from models.ensemble import RANKER
from models.weights import HALFWAY, PRIOR_CASES, PRIOR_MEAN, standing_of, weights_of
from training.dataset import Rows
from training.fit_ranker import parts_line, taught_by

NAN = float("nan")


def rows(y: list[float], weight: list[float]) -> Rows:
    index = pd.Index([f"E{i}|2025-06-30" for i in range(len(y))], name="row")
    info = pd.DataFrame(
        {
            "y": y, "weight": weight, "soft": False, "random": False, "selection_prob": np.nan, "fund_fen": np.arange(len(y)) * 1e5,
            "lead_source": "rule", "scheme": "T01",
        },
        index=index,
    )  # fmt: skip
    tails = pd.DataFrame({"rules": np.linspace(0, 3, len(y))}, index=index)
    return Rows("admission", pd.DataFrame({"x": np.arange(len(y), dtype=float)}, index=index), tails, info)


def test_confirmed_and_others_weigh_the_same_and_the_others_are_half_refuted_half_uninspected() -> None:
    part = rows([1, 1, 0, 0, NAN, NAN, NAN, NAN], [1, 1, 1, 0.5, 0, 0, 0, 0])
    y, weight = taught_by(part)
    assert y.tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert weight[:2].sum() == pytest.approx(2.0)
    assert weight[2:4].tolist() == pytest.approx([2 / 3, 1 / 3]), "a refutation of half weight counts half"
    assert weight[4:].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("y", [[1, 0, 0], [1, NAN, NAN]])
def test_where_one_kind_of_others_is_missing_the_other_takes_its_weight(y: list[float]) -> None:
    _, weight = taught_by(rows(y, [1, 1, 1]))
    assert weight.tolist() == pytest.approx([1.0, 0.5, 0.5])


def test_a_mark_left_by_a_finding_about_somebody_else_teaches_nothing() -> None:
    part = rows([1, 1, 0, NAN], [1, 0.2, 1, 0])
    part.info.loc[part.info.index[1], "soft"] = True
    y, weight = taught_by(part)
    assert weight[1] == 0
    assert y[1] == 0


def test_a_stay_found_for_its_charges_teaches_only_where_nothing_else_was_found() -> None:
    part = rows([1, 1, 0, NAN], [1, 1, 1, 0])
    part.info.loc[part.info.index[1], "scheme"] = "T20"
    _, weight = taught_by(part)
    assert weight[:2].tolist() == [1, 0], "it is neither a case nor a cleared stay"
    assert weight[2:].sum() == pytest.approx(1.0), "the others weigh as much as the one case that teaches"
    part.info["scheme"] = "T20"
    assert taught_by(part)[1][:2].tolist() == [1, 1]


def test_a_part_weighs_by_where_it_placed_the_confirmed() -> None:
    before = standing_of(np.array([]))
    assert before.weight == pytest.approx(1 - 1 / PRIOR_MEAN), "nothing known: one half"
    good, bad = standing_of(np.full(50, 4.0)), standing_of(np.full(50, 0.4))
    assert good.weight == pytest.approx(1 - (50 + PRIOR_CASES) / (200 + PRIOR_CASES * PRIOR_MEAN), abs=1e-6)
    assert bad.weight == 0.0, "worse than chance is left out"
    assert standing_of(np.array([0.4])).weight > 0.3, "one case against a part is no evidence yet"


def test_the_scorers_share_a_weight_and_the_taught_part_has_its_own() -> None:
    s = standing_of(np.full(20, 3.0))
    weights = weights_of({"a": s, "b": s, RANKER: s}, RANKER)
    assert (weights["a"] + weights["b"]) / weights[RANKER] == pytest.approx(HALFWAY / (HALFWAY + 20), abs=1e-5)
    nothing = standing_of(np.zeros(99))
    assert weights_of({"a": nothing, RANKER: nothing}, RANKER) == {"a": 0.5, RANKER: 0.5}, "some order there must be"


def test_the_scorers_give_way_as_more_is_confirmed_and_count_apart_where_little_is() -> None:
    def shared(n: int, apart: bool = False) -> float:
        s = standing_of(np.full(n, 3.0))
        found = weights_of({"a": s, "b": s, RANKER: s}, RANKER, apart=apart)
        return found["a"] / found[RANKER]

    assert shared(0) == pytest.approx(1 / 2), "nothing confirmed: all of them together like the taught part"
    assert shared(0) > shared(10) > shared(300)
    assert shared(300) < 0.05
    assert shared(10, apart=True) == pytest.approx(2 * shared(10), abs=1e-5)


def test_what_is_left_out_is_said() -> None:
    said = parts_line({"rules": standing_of(np.zeros(99)).to_json(), RANKER: standing_of(np.array([])).to_json()})
    assert "“仅规则”查实者平均高于全体0%，不优于随机，未采用" in said
    assert "“按查处结果学习”尚无可验证的查实，权重0.50" in said
