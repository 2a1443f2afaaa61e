"""Ghost beds: one idea each, with a near miss."""

import pytest

from tests.features.catalog.drawn import draw, measure_of
from tests.features.catalog.stays_drawn import SPAN, lines, stays

STAY = "s1 ann ward 06-01 06-08"


def test_a_swipe_on_an_inner_day_counts_and_one_on_the_day_of_admission_does_not() -> None:
    con = draw(
        stays=stays(STAY + "\n s2 bob ward 06-01 06-08"),
        settlements="""
        setl_id psn_no fixmedins_code happened_at acct_pay_fen
        a       ann    shop           06-01T15:00 1000
        b       ann    shop           06-03T15:00 1000
        c       ann    shop           06-03T16:00 2000
        d       ann    ward           06-04T16:00 4000
        e       ann    shop           06-08T15:00 8000
    """,
    )
    found = measure_of(con, "outside_swipe_days", "outside_swipes", "outside_money", "rule_r01", of="s1 s2")
    assert found.loc["s1"].tolist()[:4] == [1, 2, 30, 2]
    assert found.loc["s1", "rule_r01_fen"] == 300000, "M-STAY: the fund's part of the stay"
    assert found.loc["s2"].tolist() == [0, 0, 0, 0, 0]


def test_the_usual_shop_the_family_account_and_leave_are_explained() -> None:
    con = draw(
        stays=stays(STAY),
        settlements="""
        setl_id psn_no fixmedins_code happened_at acct_pay_fen acct_mulaid_pay_fen
        old     ann    usual          05-01T15:00 1000         -
        a       ann    usual          06-03T15:00 1000         -
        b       ann    other          06-04T15:00 1000         1000
        c       ann    third          06-05T15:00 1000         -
        d       ann    fourth         06-06T15:00 1000         -
    """,
        filings="psn_no kind begndate enddate\n ann 请假 06-05 06-05",
    )
    found = measure_of(con, "outside_swipe_days", "outside_unexplained_days", "rule_r01", of="s1").loc["s1"]
    assert found.tolist()[:3] == [4, 1, 1], "N18, N05 and N19 leave one day"


def test_an_open_stay_counts_today() -> None:
    con = draw(
        stays=stays("s1 ann ward 06-20 -"),
        settlements="setl_id psn_no fixmedins_code happened_at acct_pay_fen\n a ann shop 06-30T15:00 1000",
    )
    assert measure_of(con, "outside_swipe_days", of="s1").loc["s1", "outside_swipe_days"] == 1


def test_three_silent_days_make_a_gap_and_a_rehabilitation_ward_is_let_be() -> None:
    SPAN.update(s1=("06-01", "06-08"), s2=("06-01", "06-08"), s3=("06-01", "06-08"))
    blocks = []
    for visit in ("s1", "s2"):
        blocks += [
            (visit, "ward", "06-01..06-07", "bed", "01"),
            (visit, "ward", "06-01", "blood", "04"),
            (visit, "ward", "06-05", "pill", "09"),
        ]
    blocks += [("s3", "ward", "06-01..06-07", "drip", "05")]
    con = draw(
        stays=stays("s1 ann ward 06-01 06-08 dx=J18\n s2 bob ward 06-01 06-08 dx=F20\n s3 cat ward 06-01 06-08 dx=J18"),
        lines=lines(*blocks),
    )
    found = measure_of(
        con, "longest_gap_hours", "rule_r02", "longest_idle_run", "idle_days", "service_day_share", of="s1 s2 s3"
    )
    assert found["longest_gap_hours"].to_dict() == {"s1": 96, "s2": 96, "s3": 24}
    assert found["rule_r02"].to_dict() == {"s1": 1, "s2": 0, "s3": 0}, (
        "three days more to the discharge are waiting for it"
    )
    assert found["longest_idle_run"].to_dict() == {"s1": 3, "s2": 3, "s3": 0}
    assert found["idle_days"].to_dict() == {"s1": 5, "s2": 5, "s3": 0}
    assert found.loc["s1", "service_day_share"] == pytest.approx(1 / 7)


def test_a_stay_without_any_service() -> None:
    SPAN.update(s1=("06-01", "06-04"), s2=("06-01", "06-04"), s3=("06-01", "06-03"))
    con = draw(
        stays=stays("s1 ann ward 06-01 06-04 dx=J18\n s2 bob ward 06-01 06-04 dx=J18\n s3 cat ward 06-01 06-03 dx=J18"),
        lines=lines(
            ("s1", "ward", "06-01..06-03", "bed", "01"),
            ("s2", "ward", "06-01..06-03", "nursing", "07"),
            ("s3", "ward", "06-01..06-02", "bed", "01"),
        ),
    )
    assert measure_of(con, "rule_r03", of="s1 s2 s3")["rule_r03"].to_dict() == {"s1": 1, "s2": 0, "s3": 0}, (
        "nursing, or two nights only, is no hit"
    )


def test_two_people_in_one_bed_and_an_infant_beside_its_mother() -> None:
    con = draw(
        stays=stays(
            "s1 ann ward 06-01 06-05 bed=3 dept=A\n s2 bob ward 06-04 06-08 bed=3 dept=A\n s3 cat ward 06-05 06-09 bed=3 dept=B\n s4 baby ward 06-01 06-05 bed=3 dept=A"
        ),
        persons="psn_no age\n baby 0\n ann 30",
    )
    found = measure_of(con, "shared_bed_nights", "rule_r05", of="s1 s3 s4")
    assert found["shared_bed_nights"].to_dict() == {"s1": 1, "s3": 0, "s4": 0}
    assert found.loc["s1", "rule_r05_fen"] == 300000
