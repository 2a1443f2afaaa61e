"""Capacity and inducement: one idea each, with a near miss."""

from tests.features.catalog.drawn import draw, measure_of
from tests.features.catalog.stays_drawn import stays


def test_more_people_than_beds_on_ten_nights() -> None:
    con = draw(
        stays=stays(
            "a ann ward 06-01 06-12\n b bob ward 06-01 06-12\n c cat other 06-01 06-09\n d dan other 06-01 06-09"
        ),
        institutions="fixmedins_code aprv_bed_cnt\n ward 1\n other 1",
    )
    found = measure_of(con, "rule_r06", "inst_nights_over_beds", "inst_peak_occupancy", of="ward other")
    assert found["inst_nights_over_beds_90"].to_dict() == {"other": 8, "ward": 11}
    assert found["rule_r06_180"].to_dict() == {"other": 0, "ward": 11}, "eight nights are no habit"
    assert found.loc["ward", "inst_peak_occupancy_90"] == 2


def test_zero_self_payment_of_a_whole_unit() -> None:
    rows = [f"a{i} p{i} ward 06-01 06-05 cash_fen=0" for i in range(10)] + [
        f"b{i} q{i} other 06-01 06-05 cash_fen={'0' if i else '9'}" for i in range(10)
    ]
    found = measure_of(draw(stays=stays("\n".join(rows))), "rule_r64", "inst_zero_cash_share", of="ward other")
    assert found["rule_r64_180"].to_dict() == {"other": 0, "ward": 10}, "nine in ten is below the line"
