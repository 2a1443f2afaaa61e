"""Identity: one idea each, with a near miss."""

from tests.features.catalog.drawn import draw, measure_of

PEOPLE = """
    psn_no gend brdy       death_date certno psn_idet_type
    ann    2    1980-01-01 -          c1     -
    bob    1    1950-01-01 2025-06-01 c2     -
    cat    2    1990-01-01 -          c2     1
"""


def test_impossible_for_the_sex_but_an_infant_on_the_mothers_number_is_not() -> None:
    con = draw(
        persons=PEOPLE,
        settlements="""
        setl_id psn_no fixmedins_code happened_at opt_diag_code fund_pay_sumamt_fen
        1       bob    desk           05-01T10:00 O80.900       700
        2       ann    desk           05-01T10:00 N40.x00       300
        3       cat    desk           05-01T10:00 P22.000       900
        4       ann    desk           05-01T10:00 O80.900       100
    """,
    )
    people = measure_of(con, "dx_impossible_times", "rule_r60_person", of="ann bob cat")
    assert people["dx_impossible_times_365"].tolist() == [1, 1, 0]
    assert people["rule_r60_person_365_fen"].tolist() == [300, 700, 0]
    assert measure_of(con, "desk_dx_impossible_times", of="desk").loc["desk", "desk_dx_impossible_times_90"] == 2


def test_three_days_of_grace_after_a_death() -> None:
    con = draw(
        persons=PEOPLE,
        settlements="""
        setl_id psn_no fixmedins_code happened_at acct_pay_fen
        1       bob    desk           06-04T10:00 500
        2       bob    desk           06-05T10:00 800
    """,
    )
    found = measure_of(con, "after_death_times", "rule_r34", of="bob").loc["bob"]
    assert found["after_death_times_365"] == 1
    assert found["rule_r34_365_fen"] == 800


def test_two_places_at_once_but_the_door_beside_does_not_count() -> None:
    con = draw(
        institutions="fixmedins_code lnt lat\nhere 113.0 30.0\nbeside 113.001 30.0\nfar 113.5 30.0\n",
        settlements="""
        setl_id psn_no fixmedins_code happened_at acct_pay_fen acct_mulaid_pay_fen
        1       ann    here           06-01T10:00 100          -
        2       ann    far            06-01T10:10 100          -
        3       bob    here           06-01T10:00 100          -
        4       bob    beside         06-01T10:10 100          -
        5       cat    here           06-01T10:00 100          -
        6       cat    far            06-01T10:10 100          100
    """,
    )
    found = measure_of(con, "two_places_times", "two_places_gap", "rule_r26", of="ann bob cat")
    assert found["two_places_times_90"].tolist() == [1, 0, 0], "cat's second swipe is a shared account (N05)"
    assert found.loc["ann", "two_places_gap_90"] == 10
    assert found["rule_r26_365"].tolist() == [1, 0, 0]


def test_overlapping_stays_but_not_a_transfer() -> None:
    con = draw(stays="""
        mdtrt_id psn_no fixmedins_code adm_date end_at      dscg_way
        a1       ann    east           06-01    06-10T10:00 1
        a2       ann    west           06-05    06-12T10:00 1
        b1       bob    east           06-01    06-10T10:00 2
        b2       bob    west           06-09    06-12T10:00 1
    """)  # fmt: skip
    assert measure_of(con, "stays_overlap_days", of="ann bob")["stays_overlap_days_365"].tolist() == [5, 0]
    assert measure_of(con, "stay_overlap_elsewhere", of="a1 a2 b1")["stay_overlap_elsewhere"].tolist() == [5, 5, 0]


def test_two_schemes_in_turn_and_a_single_change() -> None:
    con = draw(settlements="""
        setl_id psn_no fixmedins_code happened_at insutype fund_pay_sumamt_fen
        1       ann    desk           06-01T10:00 310      100
        2       ann    desk           06-05T10:00 390      200
        3       ann    desk           06-09T10:00 310      400
        4       bob    desk           06-01T10:00 390      100
        5       bob    desk           06-09T10:00 310      100
        6       bob    desk           06-12T10:00 310      100
    """)  # fmt: skip
    found = measure_of(con, "two_schemes_times", "rule_r63", of="ann bob")
    assert found["two_schemes_times_365"].tolist() == [1, 0]
    assert found["rule_r63_365_fen"].tolist() == [200, 0]


def test_assistance_without_a_status_and_a_certificate_with_two_numbers() -> None:
    con = draw(
        persons=PEOPLE,
        settlements="""
        setl_id psn_no fixmedins_code happened_at maf_pay_fen
        1       ann    desk           06-01T10:00 5000
        2       cat    desk           06-01T10:00 5000
        3       bob    desk           05-01T10:00 -
    """,
    )
    people = measure_of(con, "assisted_without_status_yuan", "rule_r63_status", of="ann cat")
    assert people["assisted_without_status_yuan_365"].tolist() == [50, 0]
    assert measure_of(con, "desk_twin_people", of="desk").loc["desk", "desk_twin_people_365"] == 1
