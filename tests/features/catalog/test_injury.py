"""Injuries, lines outside the stay, retired cadres: one idea each, with a near miss."""

from tests.features.catalog.drawn import draw, measure_of
from tests.features.catalog.stays_drawn import SPAN, lines, stays


def test_every_injury_is_asked_about_until_its_case_is_closed() -> None:
    con = draw(
        stays=stays(
            "a ann ward 06-01 06-05 dx=S82.8\n b bob ward 06-01 06-05 dx=S82.8\n c cat ward 06-01 06-05 dx=J18"
        ),
        injury_cases="case_no mdtrt_id verdict\n k b own_fall",
    )
    found = measure_of(con, "rule_r62", of="a b c")
    assert found["rule_r62"].to_dict() == {"a": 1, "b": 0, "c": 0}
    assert found.loc["a", "rule_r62_fen"] == 300000


def test_lines_outside_the_stay_with_a_day_of_grace() -> None:
    SPAN.update(a=("06-10", "06-12"), b=("06-10", "06-12"))
    con = draw(
        stays=stays("a ann ward 06-10 06-12\n b bob ward 06-10 06-12"),
        lines=lines(("a", "ward", "06-14", "ct", "03"), ("b", "ward", "06-13", "ct", "03")),
    )
    found = measure_of(con, "rule_r12", of="a b")
    assert found["rule_r12"].to_dict() == {"a": 1, "b": 0}
    assert found.loc["a", "rule_r12_fen"] == 10000


def test_two_hospitals_at_once_but_not_a_transfer() -> None:
    con = draw(
        stays=stays(
            "a ann ward 06-01 06-08 dscg_way=1\n b ann other 06-04 06-07 dscg_way=1\n c bob ward 06-01 06-08 dscg_way=2\n d bob other 06-04 06-07 dscg_way=1"
        )
    )
    found = measure_of(con, "rule_r11", of="ann bob")
    assert found["rule_r11_365"].to_dict() == {"ann": 1, "bob": 0}
    assert found.loc["ann", "rule_r11_365_fen"] == 300000, "the shorter stay, once"


def test_a_cadres_long_stay() -> None:
    con = draw(
        stays=stays(
            "a ann ward 05-01 05-26 psn_type=1300 dx=I10\n b bob ward 05-01 05-20 psn_type=1300 dx=I10\n c cat ward 05-01 05-26 psn_type=1101 dx=I10"
        )
    )
    assert measure_of(con, "rule_r65", of="ann bob cat")["rule_r65_365"].to_dict() == {"ann": 1, "bob": 0, "cat": 0}
