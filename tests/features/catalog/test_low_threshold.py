"""Low-threshold admission and bed blocking: one idea each, with a near miss."""

import pytest

from tests.features.catalog.drawn import draw, measure_of
from tests.features.catalog.stays_drawn import SPAN, lines, stays


def test_a_clinic_case_in_a_bed() -> None:
    SPAN.update(dict.fromkeys("abc", ("06-01", "06-04")))
    con = draw(
        stays=stays(
            "a ann ward 06-01 06-04 dx=M51.2\n b bob ward 06-01 06-04 dx=M51.2\n c cat ward 06-01 06-04 dx=J18.9"
        ).replace("500000 300000", "100000 60000"),
        lines=lines(
            ("a", "ward", "06-01..06-03", "tablet", "09"),
            ("b", "ward", "06-01..06-03", "葡萄糖注射液", "09"),
            ("c", "ward", "06-01..06-03", "tablet", "09"),
        ),
    )
    found = measure_of(con, "rule_r17", "mild_without_need", of="a b c")
    assert found["rule_r17"].to_dict() == {"a": 1, "b": 0, "c": 0}, "an infusion or a pneumonia is no clinic case"
    assert found.loc["a", "rule_r17_fen"] == 60000


def test_a_check_up_in_a_bed() -> None:
    SPAN.update(dict.fromkeys("ab", ("06-01", "06-04")))
    con = draw(
        stays=stays("a ann ward 06-01 06-04 dx=I10\n b bob ward 06-01 06-04 dx=I10"),
        lines=lines(
            ("a", "ward", "06-01..06-03", "ct", "03"),
            ("a", "ward", "06-01", "bed", "01"),
            ("b", "ward", "06-01..06-03", "ct", "03"),
            ("b", "ward", "06-02", "massage", "05"),
        ),
    )
    found = measure_of(con, "rule_r18", "test_fee_share", of="a b")
    assert found["rule_r18"].to_dict() == {"a": 1, "b": 0}
    assert found.loc["a", "test_fee_share"] == pytest.approx(0.75)


def test_nobody_pays_and_those_who_need_not() -> None:
    con = draw(
        stays=stays(
            "a ann ward 06-01 06-05 cash_fen=0\n b bob ward 06-01 06-05 cash_fen=0\n c cat ward 06-01 06-05 cash_fen=100"
        ),
        persons="psn_no psn_idet_type\n bob 1",
    )
    assert measure_of(con, "no_self_pay", of="a b c")["no_self_pay"].to_dict() == {"a": 1, "b": 0, "c": 0}
