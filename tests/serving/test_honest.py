"""The honest lift: what was found among the ranked beside what was found among the drawn, said with how little is known."""

import pandas as pd
import pytest

from serving.lists import earlier
from serving.lists.honest import Honest
from serving.lists.worklist import assemble

from .conftest import AS_OF, county


def found(ranked: tuple[int, int], drawn: tuple[int, int]) -> pd.DataFrame:
    """(confirmed, of) of the ranked and of the drawn, as serving/lists/earlier.py has them."""
    rows = [
        (f"{slot}{i}", "", 0.5, i < k, slot) for slot, (k, n) in (("ranked", ranked), ("draw", drawn)) for i in range(n)
    ]
    return pd.DataFrame(rows, columns=list(earlier.COLUMNS))


def test_below_ten_on_a_side_nothing_is_compared() -> None:
    said = Honest.of(found((5, 40), (1, 9)))
    assert said.lift is None
    assert said.text().endswith("随机抽取并有结论者查实 1/9；样本不足（两边各满10例才作比较）")


def test_the_lift_has_an_interval_even_if_the_draw_found_nobody() -> None:
    middle, low, high = Honest(40, 20, 40, 0).lift or (0, 0, 0)
    assert low < middle < high
    assert low > 2
    even = Honest(40, 20, 40, 20).lift or (0, 0, 0)
    assert even[0] == pytest.approx(1)
    assert even[1] < 1 < even[2]


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    import numpy as np

    rng = np.random.default_rng(1)
    hits = [
        lift[1] <= 3 <= lift[2]
        for k, d in zip(rng.binomial(60, 0.3, 400), rng.binomial(30, 0.1, 400), strict=True)
        if (lift := Honest(60, int(k), 30, int(d)).lift)
    ]
    assert 0.92 <= sum(hits) / len(hits) <= 0.99


def test_every_list_says_it() -> None:
    matrix, scored = county("person")
    made = assemble(matrix, scored, 10, as_of=AS_OF, grain="person", earlier=found((12, 40), (1, 15)))
    said = made.facts["described"]["诚实命中率"]
    assert said.startswith("此前入列并有结论者查实 12/40（30%，95%区间 18%～45%），随机抽取并有结论者查实 1/15（7%")
    assert made.facts["honest"]["lift"][0] == pytest.approx(3.2, abs=0.5)
    first = assemble(matrix, scored, 10, as_of=AS_OF, grain="person")
    assert "样本不足" in first.facts["described"]["诚实命中率"]
