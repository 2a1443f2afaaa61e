"""Empty swiping, proxy settlement, goods: one idea each, with a near miss."""

from tests.features.catalog.drawn import draw, measure_of


def test_six_strangers_in_five_minutes_are_a_crowd_and_spread_over_an_hour_are_not() -> None:
    rows = ["setl_id psn_no fixmedins_code happened_at acct_pay_fen clock_collapsed"]
    for day in range(2, 20):  # the usual trade: one an hour
        rows += [f"u{unit}{day} w{day} {unit} 06-{day:02d}T15:00 5000 false" for unit in ("fast", "slow", "village")]
    for i in range(6):
        rows += [
            f"f{i} p{i} fast 06-20T15:0{i // 2}:{i}0 5000 false",
            f"s{i} p{i} slow 06-20T15:{i}0 5000 false",
            f"v{i} p{i} village 06-20T15:00:00 5000 true",
        ]
    found = measure_of(
        draw(settlements="\n".join(rows)), "burst_most_persons", "burst_crowded_days", of="fast slow village"
    )
    assert found["burst_most_persons_30"].tolist() == [6, 1, 1], "a collapsed clock (N07) proves nothing"
    assert found["burst_crowded_days_90"].tolist() == [1, 0, 0]


def test_rule_24_wants_three_bursts_in_a_month() -> None:
    def rows(bursts: int) -> str:
        drawn = ["setl_id psn_no fixmedins_code happened_at acct_pay_fen"]
        drawn += [f"u{d} w{d} till 06-{d:02d}T09:00 5000" for d in range(1, 25)]
        drawn += [f"b{b}{i} p{i} till 06-{b + 10}T15:0{i // 2} 5000" for b in range(bursts) for i in range(6)]
        return "\n".join(drawn)

    hit = measure_of(draw(settlements=rows(3)), "rule_r24", of="till").loc["till"]
    assert hit["rule_r24_365"] == 3
    assert hit["rule_r24_365_fen"] == 3 * 2 * 5000, "the fifth and sixth card of each burst stand in a crowd of five"
    assert measure_of(draw(settlements=rows(2)), "rule_r24", of="till").loc["till", "rule_r24_365"] == 0


def test_the_same_basket_person_after_person() -> None:
    con = draw(lines="""
        feedetl_sn setl_id psn_no fixmedins_code happened_at med_list_codg cnt
        1          a       ann    till           06-10T10:00 ejiao         2
        2          a       ann    till           06-10T10:00 mask          1
        3          b       bob    till           06-10T10:04 mask          1
        4          b       bob    till           06-10T10:04 ejiao         2
        5          c       cat    till           06-10T10:08 ejiao         2
        6          d       dan    till           06-10T11:30 ejiao         2
    """)  # fmt: skip
    found = measure_of(con, "basket_copied_times", "basket_rich_copied_yuan", of="till").loc["till"]
    assert found["basket_copied_times_30"] == 1, "cat lacks the mask, dan came too late"
    assert found["basket_rich_copied_yuan_90"] == 20


def test_a_card_whose_whole_life_is_one_pharmacy() -> None:
    con = draw(settlements="""
        setl_id psn_no fixmedins_code fixmedins_type happened_at acct_pay_fen
        a1      ann    till           2              06-01T10:00 100
        a2      ann    till           2              06-05T10:00 100
        b1      bob    till           2              06-01T10:00 100
        b2      bob    till           2              06-02T10:00 100
        b3      bob    ward           1              06-05T10:00 100
    """)  # fmt: skip
    found = measure_of(con, "card_only_shop", "card_days_at_main", of="ann bob")
    assert found["card_only_shop_365"].tolist() == [2, 0]
    assert found["card_days_at_main_90"].tolist() == [2, 2]


def test_pharmacists_and_goods() -> None:
    con = draw(
        settlements="setl_id psn_no fixmedins_code happened_at acct_pay_fen\n"
        + "\n".join(f"s{i} p{i} till 06-10T{8 + i % 12:02d}:{i % 60:02d} 100" for i in range(170)),
        institutions="fixmedins_code phar_psncnt\ntill 2\n",
        lines="feedetl_sn psn_no fixmedins_code happened_at med_chrgitm_type list_type\n"
        + "\n".join(
            f"{i} p{i} till 06-10T10:00 {'08' if i < 5 else '09'} {'301' if i < 5 else '101'}" for i in range(20)
        ),
    )
    found = measure_of(con, "trade_per_pharmacist", "goods_no_drug_share", "rule_r32", of="till").loc["till"]
    assert found["trade_per_pharmacist_90"] == 85
    assert found["goods_no_drug_share_90"] == 0.25
    assert found["rule_r32_365"] == 1, "170 is above 80 for each of two pharmacists"
