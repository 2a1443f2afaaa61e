"""Card cash-out, one idea each, with a near miss."""

import pytest

from tests.features.catalog.drawn import draw, measure_of


def test_an_account_emptied_at_the_first_use_after_each_deposit() -> None:
    con = draw(settlements="""
        setl_id psn_no fixmedins_code happened_at      acct_pay_fen balc_fen
        a1      ann    shop           03-02T10:00      30000        100
        a2      ann    shop           04-02T10:00      30000        0
        a3      ann    shop           05-02T10:00      30000        0
        b1      bob    shop           03-02T10:00      30000        40000
        b2      bob    shop           04-02T10:00      19900        0
    """)  # fmt: skip
    found = measure_of(
        con, "account_drained_times", "account_drained_first_use", "account_drained_months", "rule_r28", of="ann bob"
    )
    assert found.loc["ann", "account_drained_times_365"] == 3
    assert found.loc["ann", "account_drained_first_use_365"] == 2, (
        "the first swipe has no earlier balance to compare with"
    )
    assert found.loc["ann", "account_drained_months_365"] == 3
    assert found.loc["ann", "rule_r28_365_fen"] == 90000
    assert (found.loc["bob"] == 0).all(), "199 yuan is below the sum the rule asks for"


def test_once_emptied_is_not_yet_a_rule_hit() -> None:
    con = draw(settlements="""
        setl_id psn_no fixmedins_code happened_at  acct_pay_fen balc_fen acct_mulaid_pay_fen
        a1      ann    shop           03-02T10:00  30000        100      -
        b1      bob    shop           03-02T10:00  30000        100      30000
        b2      bob    shop           04-02T10:00  30000        100      30000
    """)  # fmt: skip
    found = measure_of(con, "rule_r28", of="ann bob")
    assert found["rule_r28_365"].tolist() == [0, 0], "one time only; and shared family accounts are N05"


def test_round_sums_and_their_unnatural_absence() -> None:
    swipes = ["setl_id psn_no fixmedins_code happened_at acct_pay_fen"]
    swipes += [f"r{i} p{i} round 06-{i + 1:02d}T10:00 {5000 * (1 + i % 3)}" for i in range(10)]
    swipes += [f"s{i} p{i} shy 06-{i % 28 + 1:02d}T11:{i:02d} {3011 + i * 10}" for i in range(50)]
    swipes += [f"f{i} p{i} few 06-{i + 1:02d}T10:00 5000" for i in range(9)]
    found = measure_of(
        draw(settlements="\n".join(swipes)), "account_round_share", "account_whole_ten_share", of="round shy few"
    )
    assert found.loc["round", "account_round_share_30"] == 1
    assert found.loc["shy", "account_whole_ten_share_90"] == 0
    assert found.loc["few"].isna().all(), "nine swipes say nothing"


def test_a_refund_within_minutes_and_rung_up_again() -> None:
    con = draw(
        settlements="""
        setl_id psn_no fixmedins_code happened_at  acct_pay_fen
        a1      ann    shop           06-02T10:00  30000
        a2      ann    shop           06-02T10:20  30000
        b1      bob    shop           06-02T12:00  30000
        b2      bob    shop           06-03T12:00  30000
    """,
        refunds="""
        setl_id psn_no fixmedins_code happened_at  gap_minutes fen
        a1      ann    shop           06-02T10:05  5           30000
        b1      bob    shop           06-02T12:15  15          30000
    """,
    )
    found = measure_of(con, "refund_quick_times", "refund_loop_times", of="shop").loc["shop"]
    assert found["refund_quick_times_30"] == 1
    assert found["refund_loop_times_90"] == 1, "bob came back a day later"
    people = measure_of(con, "refund_holder_loops", of="ann bob")["refund_holder_loops_365"]
    assert people.tolist() == [1, 0]


@pytest.mark.parametrize(("refunds", "hits"), [(3, 3), (2, 0)])
def test_rule_29_asks_for_three_quick_refunds_a_month(refunds: int, hits: int) -> None:
    swipes = ["setl_id psn_no fixmedins_code happened_at acct_pay_fen"] + [
        f"s{i} p{i} shop 06-0{i + 1}T10:00 20000" for i in range(3)
    ]
    backs = ["setl_id psn_no fixmedins_code happened_at gap_minutes fen"] + [
        f"s{i} p{i} shop 06-0{i + 1}T10:04 4 20000" for i in range(refunds)
    ]
    found = measure_of(draw(settlements="\n".join(swipes), refunds="\n".join(backs)), "rule_r29", of="shop").loc["shop"]
    assert found["rule_r29_365"] == hits
    assert found["rule_r29_365_fen"] == 20000 * hits


def test_one_article_surges_against_the_shops_own_past() -> None:
    lines = ["feedetl_sn psn_no fixmedins_code happened_at med_list_codg cnt fen"]
    for month in (2, 3, 4, 5):
        lines += [f"n{month}{i} p{i} shop 0{month}-1{i}T10:00 usual 1 20000" for i in range(6)]
        lines.append(f"d{month} p1 shop 0{month}-20T10:00 ejiao 2 3000")
    lines.append("d6 p1 shop 06-20T10:00 ejiao 40 60000")
    lines += [f"n6{i} p{i} shop 06-1{i}T10:00 usual 1 20000" for i in range(6)]
    found = measure_of(draw(lines="\n".join(lines)), "account_article_surge", "account_article_share", of="shop").loc[
        "shop"
    ]
    assert found["account_article_surge_90"] == 20
    assert found["account_article_share_90"] == pytest.approx(120000 / 123000), (
        "before June the usual article is nearly all there is"
    )
