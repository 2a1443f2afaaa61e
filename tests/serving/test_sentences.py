"""What a sentence says of the peers, worked out by hand; sentence, picture and table speak of the same ones."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.matrix import Matrix, crowd_of
from features.peers import Crowd
from features.reasons import in_words, render
from serving.lists.dossier import dossier
from serving.lists.reasons import reasons_of, stands_out
from serving.web.shapes import strip
from tests.column import a_column
from tests.serving.conftest import AS_OF, county

REASON = "占{value}（同类中位{peer}，高于{percentile}的同类）"


def crowd(values: list[float], group: str = "a") -> Crowd:
    """Entities e0, e1, … of one group with these values of `x`."""
    index = pd.Index([f"e{i}" for i in range(len(values))])
    groups = pd.DataFrame({"peer_group": group, "peer_group_coarse": group}, index=index)
    return crowd_of(pd.DataFrame({"x": values}, index=index), groups)


def test_ties_and_oneself_are_neither_above_nor_below() -> None:
    """Twenty units: eight at 0, ten at 2, one at 3, one at 5."""
    peers = crowd([0.0] * 8 + [2.0] * 10 + [3.0, 5.0])
    lowest, middle, highest = (peers.standing(e, "x") for e in ("e0", "e8", "e19"))
    assert (lowest.below, lowest.above) == (0.0, 60.0), "twelve of twenty are above, the seven other zeros are not"
    assert (middle.below, middle.above) == (40.0, 10.0)
    assert (highest.below, highest.above, highest.median) == (95.0, 0.0, 2.0)


@pytest.mark.parametrize(
    ("worse", "entity", "says"),
    [
        ("low", "e0", "占0（同类中位2，低于60%的同类）"),
        ("high", "e19", "占5（同类中位2，高于95%的同类）"),
        ("either", "e0", "占0（同类中位2，低于60%的同类）"),
        ("either", "e19", "占5（同类中位2，高于95%的同类）"),
    ],
)
def test_the_sentence_names_the_side_on_which_the_value_lies(worse: str, entity: str, says: str) -> None:
    feature = a_column("x", "占比", "T01", worse, unit="", reason=REASON).feature
    assert render(feature, 0, crowd([0.0] * 8 + [2.0] * 10 + [3.0, 5.0]).standing(entity, "x")) == says


def test_peers_are_those_that_have_a_value() -> None:
    """Sixteen share the group, nine have a value: too few, whatever the group counts."""
    standing = crowd([float(i) for i in range(9)] + [np.nan] * 7).standing("e8", "x")
    assert standing.n == 9
    assert (
        render(a_column("x", "占比", "T01", "high", unit="", reason=REASON).feature, 0, standing)
        == "占8（同类样本不足）"
    )
    assert crowd([float(i) for i in range(10)] + [np.nan] * 7).standing("e9", "x").below == 90.0


@pytest.mark.parametrize(("value", "clear"), [(0.20, False), (0.22, False), (0.23, True), (0.5, True)])
def test_what_lies_near_the_median_is_no_reason(value: float, clear: bool) -> None:
    """Median 18 %: 20 % is above all of them and still an ordinary value."""
    assert stands_out("high", crowd([0.18] * 20 + [value]).standing("e20", "x")) is clear
    assert not stands_out("high", crowd([0.0] * 6 + [0.18] * 9 + [1.0] * 6).standing("e20", "x")), "71 % left behind"


def test_weak_reasons_do_not_fill_the_three() -> None:
    matrix, scored = county("admission")
    for entity_id in matrix.X.index[:40]:
        for r in reasons_of(matrix, scored.contributions, str(entity_id)):
            assert stands_out(matrix.columns[r.column].worse, matrix.standing(r.column, str(entity_id)))


def told_of_parents(units: int) -> dict[str, Any]:
    """The dossier of the first of 100 stays in `units` hospitals, of which its own has 50 and the others have 0, 1, 2, …"""
    matrix, scored = county("admission", 100)
    codes = [f"H{i}" for i in range(units)]
    own = pd.DataFrame({"u": [50.0, *map(float, range(units - 1))]}, index=pd.Index(codes))
    groups = pd.DataFrame({"peer_group": "h", "peer_group_coarse": "h"}, index=own.index)
    entities = matrix.entities.assign(fixmedins_code=["H0"] + [codes[1 + i % (units - 1)] for i in range(99)])
    told = a_column("inst__u", "率", "T01", "high", unit="", grain="institution", key="fixmedins_code", reason=REASON)
    X = pd.DataFrame({"inst__u": own["u"].reindex(entities["fixmedins_code"]).to_numpy()}, index=matrix.X.index)
    crowds = {"": crowd_of(X, entities), "fixmedins_code": crowd_of(own, groups)}
    made = Matrix("admission", AS_OF, 90, entities, X, X, X, {"inst__u": told}, {}, crowds)
    contributions = pd.DataFrame({"inst__u": 1.0, "base": 0.0}, index=X.index)
    told_frame = scored.frame.loc[X.index]
    return dossier(
        made,
        type(scored)(told_frame, contributions, scored.scorers.loc[X.index]),
        str(X.index[0]),
        {},
        as_of=AS_OF,
        grain="admission",
    )


def test_the_picture_of_a_hospital_shows_the_hospitals_its_sentence_speaks_of() -> None:
    """Twelve hospitals, 0…10 and 50: the median is 5.5, eleven of twelve are below 50. A hundred stays are no peers of a hospital."""
    found = told_of_parents(12)
    (reason,), (row,) = found["reasons"], found["peers"]
    assert reason["text"] == "所属定点机构：占50（同类中位5.50，高于91.7%的同类）"
    assert (reason["n"], reason["peer"]) == (row["n"], row["median"]) == (12, 5.5)
    assert round(reason["percentile"], 1) == 91.7


def test_of_too_few_peers_there_is_no_picture() -> None:
    (row,) = told_of_parents(5)["peers"]
    assert (row["n"], row["median"], row["p95"], row["value"]) == (5, None, None, 50.0)
    assert row["label"] == "所属定点机构：率"
    assert strip(row) is None, "no picture of peers whom the sentence does not name"
    drawn = strip(told_of_parents(12)["peers"][0])
    assert drawn is not None
    assert drawn["p05"] <= drawn["p25"] <= drawn["median"] <= drawn["p75"] <= drawn["p95"] <= drawn["value"]


def test_codes_are_left_out_of_what_an_officer_reads() -> None:
    assert in_words("家属代购、请假离院（N05、N19）") == "家属代购、请假离院"
    assert in_words("更正重记（N31，退费已冲减）") == "更正重记（退费已冲减）"
    assert in_words("调价（N24，限价按日期取）；应急期（N25）") == "调价（限价按日期取）；应急期"
    assert in_words("药店无人（N30）；共济已剔除（N05）") == "药店无人；共济已剔除"


def test_a_column_that_lowered_the_risk_is_no_reason() -> None:
    """What findings taught may hold the bad side of a column for a good sign: then it says nothing against anybody, nor do the other windows of its signal."""
    matrix, scored = county("admission")
    worst = str(matrix.X.index[0])
    for column in ("outside_swipe_days", "bed_only_share"):
        assert column in {r.column for r in reasons_of(matrix, scored.contributions, worst)}, "it stands out"
    turned = scored.contributions.assign(outside_swipe_days=-1.0, bed_only_share=0.0)
    named = reasons_of(matrix, turned, worst)
    assert "outside_swipe_days" not in {r.column for r in named}
    assert "bed_only_share" in {r.column for r in named}, "what did not move the score may be told of"
    assert all(r.contribution >= 0 for r in named)
