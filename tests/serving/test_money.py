"""The money of one suspect, worked out by hand: each line and each settlement once, never more than was paid, and three parts that add up."""

import numpy as np
import pandas as pd
import pytest

from features.row_amounts import apportion, with_amounts
from serving.lists.money import ENTRIES, OPEN, UNSETTLED, Money, counted_once, money_of, rows_wanted
from serving.lists.worklist import total_yuan
from tests.column import a_column
from tests.serving.conftest import GRAINS, county, made_list

DAY = "2025-08-10"


def entries(*rows: tuple[object, ...]) -> pd.DataFrame:
    """hard, table, key, visit, settlement, amount, paid."""
    return pd.DataFrame([("R01", *r, r[6], 0, DAY) for r in rows], columns=ENTRIES)


def test_a_line_that_two_rules_name_counts_once_and_the_larger_way() -> None:
    told = counted_once(
        entries(
            (True, "fee_details", "v|1", "v", "s", 300, 5000),
            (True, "fee_details", "v|1", "v", "s", 500, 5000),
            (False, "fee_details", "v|1", "v", "s", 900, 5000),
            (False, "fee_details", "v|2", "v", "s", 100, 5000),
        )
    )
    assert (told.certain, told.check, told.amount) == (500, 500, 1000), "500 certain; 900 + 100 together"


def test_a_settlement_holds_its_lines_and_a_stay_its_settlements() -> None:
    told = counted_once(
        entries(
            (True, "fee_details", "v|1", "v", "s", 300, 5000),
            (False, "settlements", "s", "v", "s", 4000, 5000),
            (False, "visits", "v", "v", "", 5000, 5000),
        )
    )
    assert (told.certain, told.check) == (300, 4700)
    assert counted_once(entries((False, "visits", "v", "v", "", 5000, 3000))).amount == 3000, "no more than was paid"


def test_what_was_paid_back_is_not_at_risk() -> None:
    assert counted_once(entries((True, "settlements", "s", "v", "s", 4000, 0))).amount == 0


def test_lines_together_are_at_most_what_was_paid_on_their_settlement() -> None:
    told = counted_once(
        entries(
            (True, "fee_details", "v|1", "v", "s", 700, 1000),
            (True, "fee_details", "v|2", "v", "s", 700, 1000),
            (True, "fee_details", "w|1", "w", "t", 50, 900),
        )
    )
    assert told.amount == 1050


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10000, [1, 1, 1], [3334, 3333, 3333]),
        (3997.4, [0, 5], [0, 3997]),
        (100, [0, 0], [50, 50]),
        (0, [1, 2], [0, 0]),
        (7, [np.nan, 2.0], [0, 7]),
    ],
)
def test_parts_of_rows_add_up_to_the_fen(total: float, weights: list[float], parts: list[int]) -> None:
    assert apportion(total, np.array(weights, dtype="float64")).tolist() == parts


def test_each_row_has_its_own_part_of_the_amount() -> None:
    """Beyond a limit: 20 yuan and 10 yuan too much, on lines of 100 and 50; the third row is no hit."""
    rows = pd.DataFrame({"fen": [10000, 5000, 7000], "excess_fen": [2000, 1000, 0], "hit": [True, True, False]})
    beyond = a_column("r", "超", "T19", "high", "rule", amount="sum(excess_fen)").feature
    assert with_amounts(beyond, {"e": rows}, {"e": 3000.0})["e"]["amount_fen"].tolist() == [2000, 1000, 0]
    # no sum of rows: the whole stay's 900, told of its two hits by their size
    whole = a_column(
        "r", "占", "T01", "high", "rule", amount="CASE WHEN count(*) >= 2 THEN max(900) ELSE 0 END"
    ).feature
    assert with_amounts(whole, {"e": rows}, {"e": 900.0})["e"]["amount_fen"].tolist() == [600, 300, 0]


def suspect(grain: str, kind: str, fund_fen: int, **rows: object) -> Money:
    """Matrix, scores and id of one suspect whose rule R hits with 600 fen on one row."""
    matrix, scored = county(grain)
    e = str(matrix.X.index[0])
    column = a_column(
        "rule_r_fen",
        "规则",
        "T01",
        "high",
        "amount",
        own="rule_r",
        grain=grain,
        kind=kind,
        amount="sum(fen)",
        rule="R01",
    )
    matrix.X["rule_r_fen"] = 0.0
    matrix.X.loc[e, "rule_r_fen"] = 600.0
    matrix.columns["rule_r_fen"] = column
    matrix.entities.loc[e, "fund_fen"] = fund_fen
    frame = pd.DataFrame(
        {"row_table": "settlements", "row_id": "s1", "fen": 600, "happened_at": pd.to_datetime([DAY]), "record_visit": "v1",
         "record_settlement": "s1", "record_fund_fen": 0, "record_acct_fen": 600, "record_paid_fen": 600} | rows
    )  # fmt: skip
    assert rows_wanted(matrix, [e]) == [(grain, "rule_r_fen", e)]
    return money_of(matrix, scored.frame, [e], {(grain, "rule_r_fen", e): frame})[e]


def test_the_sum_says_which_money_and_from_when() -> None:
    told = suspect("person", "hard", 100_000)
    assert (told.certain, told.check, told.estimate, told.low, told.high) == (600, 0, 0, 600, 600)
    assert (told.basis, told.period, told.note) == ("个人账户", f"{DAY} 至 {DAY}", OPEN)
    assert suspect("person", "lead", 100_000).check == 600
    assert list(told.by_rule.values()) == [600]
    assert list(suspect("admission", "hard", 500).by_rule.values()) == [500], "of a stay at most what its fund paid"


def test_a_stay_is_at_most_what_its_fund_paid_and_an_open_one_is_estimated() -> None:
    assert suspect("admission", "hard", 500).amount == 500
    told = suspect("admission", "hard", 0)
    assert (told.certain, told.estimate, told.note) == (0, 600, UNSETTLED)


def test_parts_add_up_and_the_home_page_adds_up_its_rows() -> None:
    for grain in GRAINS:
        worklist, dossiers, _ = made_list(grain)
        rows = worklist.rows
        parts = rows["certain_yuan"] + rows["check_yuan"] + rows["estimate_yuan"]
        assert np.allclose(parts, rows["amount_at_risk_yuan"])
        assert (rows["amount_low_yuan"] <= rows["amount_at_risk_yuan"]).all()
        assert (rows["amount_at_risk_yuan"] <= rows["amount_high_yuan"]).all()
        assert worklist.facts["amount_yuan"] == total_yuan(rows) == round(rows["amount_at_risk_yuan"].sum(), 2)
        assert {e: d["amount_yuan"] for e, d in dossiers.items()} == dict(
            zip(rows["entity_id"], rows["amount_at_risk_yuan"], strict=True)
        )


def test_nothing_is_a_sum_of_nothing() -> None:
    assert counted_once(entries()) == Money()
