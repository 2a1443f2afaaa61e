"""Three cards in company (R25), with near misses."""

import pytest

from tests.features.catalog.drawn import draw, measure_of


@pytest.mark.parametrize(("cards", "days", "expected"), [("abc", 3, 3), ("abc", 2, 0), ("ab", 3, 0)])
def test_three_cards_on_three_days(cards: str, days: int, expected: int) -> None:
    rows = ["setl_id psn_no fixmedins_code happened_at acct_pay_fen"]
    rows += [f"{c}{d} {c} till 06-{d + 10}T10:0{i} 5000" for d in range(days) for i, c in enumerate(cards)]
    rows += [f"x{d} x till 06-{d + 10}T18:00 5000" for d in range(days)]
    assert measure_of(draw(settlements="\n".join(rows)), "rule_r25", of="till").loc["till", "rule_r25_180"] == expected


def test_equal_prescriptions_of_strangers_are_told_of_card_unit_and_doctor() -> None:
    rows = ["feedetl_sn mdtrt_id psn_no fixmedins_code happened_at med_list_codg dr_codg fen"]
    rows += [
        f"{p}{n} v{p} {p} clinic 06-10T10:0{i} {drug} {'d2' if p in 'gh' else 'd1'} 1000"
        for i, p in enumerate("abgh") for n, drug in ((1, "one"), (2, "two"))
    ]  # fmt: skip
    con = draw(lines="\n".join(rows), persons="psn_no curr_addr_code\na east\nb west\ng south\nh south")
    cards = measure_of(con, "card_same_bag_times", of="a b g h")["card_same_bag_times_90"]
    assert cards.tolist() == [1, 1, 0, 0], "a household shares its doctor"
    assert measure_of(con, "unit_same_bag_cards", of="clinic").loc["clinic", "unit_same_bag_cards_90"] == 2
    assert measure_of(con, "doctor_same_bag_cards", of="d1 d2")["doctor_same_bag_cards_90"].tolist() == [2, 0]


def test_equal_baskets_of_strangers_in_a_row() -> None:
    rows = ["feedetl_sn setl_id psn_no fixmedins_code happened_at med_list_codg cnt fen"]
    rows += [f"{p} s{p} {p} till 06-10T{at} ejiao 2 500" for p, at in (("a", "10:00"), ("b", "10:05"), ("g", "15:00"), ("h", "15:05"), ("z", "20:00"))]  # fmt: skip
    con = draw(lines="\n".join(rows), persons="psn_no curr_addr_code\na east\nb west\ng south\nh south\nz north")
    found = measure_of(con, "card_basket_copied_times", "card_basket_copied_yuan", of="a b g h z")
    assert found["card_basket_copied_times_90"].tolist() == [1, 1, 0, 0, 0], (
        "both strangers, not the household, not who came alone"
    )
    assert found["card_basket_copied_yuan_90"].tolist() == [5, 5, 0, 0, 0]
