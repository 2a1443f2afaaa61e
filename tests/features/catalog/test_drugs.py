"""Drugs: one idea each, with a near miss."""

from tests.features.catalog.drawn import draw, measure_of


def test_supply_on_hand_runs_down_day_by_day() -> None:
    con = draw(lines="""
        feedetl_sn psn_no fixmedins_code happened_at med_list_codg prd_days
        1          ann    east           04-01T10:00 statin        30
        2          ann    west           04-11T10:00 statin        30
        3          ann    east           05-31T10:00 statin        30
        4          bob    east           04-01T10:00 statin        30
        5          bob    east           05-01T10:00 statin        30
        6          bob    east           05-01T10:00 insulin       30
    """)  # fmt: skip
    found = measure_of(
        con, "supply_held_days", "supply_overlap_days", "supply_overlap_elsewhere_days", "drug_same_units", of="ann bob"
    )
    assert found["supply_held_days_365"].tolist() == [20, 0]
    assert found["supply_overlap_days_365"].tolist() == [20, 0], "on 31 May ann's first sixty days are used up"
    assert found["supply_overlap_elsewhere_days_365"].tolist() == [20, 0]
    assert found["drug_same_units_180"].tolist() == [2, 1]


def test_rule_38_allows_forty_five_days_and_a_long_prescription() -> None:
    con = draw(lines="""
        feedetl_sn psn_no fixmedins_code happened_at med_list_codg prd_days visit_class scope_fen
        1          ann    east           06-01T10:00 statin        30       outpatient  3000
        2          ann    west           06-11T10:00 statin        30       outpatient  3000
        3          bob    east           06-01T10:00 statin        84       chronic     9000
        4          cat    east           06-01T10:00 statin        45       outpatient  3000
    """)  # fmt: skip
    found = measure_of(con, "rule_r38", of="ann bob cat")
    assert found["rule_r38_365"].tolist() == [1, 0, 0]
    assert found.loc["ann", "rule_r38_365_fen"] == 1500, "15 of the last 30 days are too many"


def test_a_tour_of_two_units_in_a_day_and_dear_drugs() -> None:
    con = draw(lines="""
        feedetl_sn psn_no fixmedins_code happened_at med_list_codg pric fen   dr_codg
        1          ann    east           06-01T10:00 albumin       600  60000 d1
        2          ann    west           06-01T15:00 albumin       600  60000 d2
        3          bob    east           06-01T10:00 aspirin       20   2000  d1
        4          bob    west           06-02T10:00 aspirin       20   2000  d1
    """)  # fmt: skip
    found = measure_of(con, "drug_tour_days", "drug_dear_yuan", "drug_doctors", "drug_same_fills", of="ann bob")
    assert found["drug_tour_days_90"].tolist() == [1, 0]
    assert found["drug_dear_yuan_90"].tolist() == [1200, 0]
    assert found["drug_doctors_90"].tolist() == [2, 1]
    assert found["drug_same_fills_30"].tolist() == [2, 2]


def test_one_bag_for_eight_patients_a_day() -> None:
    rows = ["feedetl_sn mdtrt_id psn_no fixmedins_code happened_at med_list_codg dr_codg fen"]
    for i in range(8):
        rows += [
            f"a{i} va{i} p{i} east 06-01T10:{i:02d} one same 1000",
            f"b{i} va{i} p{i} east 06-01T10:{i:02d} two same 1000",
        ]
        rows += [
            f"c{i} vc{i} p{i} east 06-01T10:{i:02d} one other 1000",
            f"d{i} vc{i} p{i} east 06-01T10:{i:02d} x{i} other 1000",
        ]
    con = draw(lines="\n".join(rows))
    found = measure_of(con, "rx_same_bag_most", "rule_r47", "rx_kinds_mean", of="same other")
    assert found["rx_same_bag_most_30"].to_dict() == {"same": 8, "other": 1}
    assert found.loc["same", "rule_r47_365_fen"] == 16000
    assert found.loc["other", "rule_r47_365"] == 0


def test_more_than_five_kinds_are_too_many() -> None:
    rows = ["feedetl_sn mdtrt_id psn_no fixmedins_code happened_at med_list_codg dr_codg fen"]
    rows += [f"a{i} six ann east 06-01T10:00 drug{i} d1 1000" for i in range(6)]
    rows += [f"b{i} five bob east 06-01T10:00 drug{i} d2 1000" for i in range(5)]
    found = measure_of(draw(lines="\n".join(rows)), "rule_r43", of="d1 d2")
    assert found["rule_r43_365"].tolist() == [1, 0]
    assert found.loc["d1", "rule_r43_365_fen"] == 1000
    cards = measure_of(draw(lines="\n".join(rows)), "rule_r43_person", of="ann bob")
    assert cards["rule_r43_person_365"].tolist() == [1, 0]
    assert cards.loc["ann", "rule_r43_person_365_fen"] == 1000


def test_limits_come_from_the_catalogue_or_not_at_all() -> None:
    con = draw(
        persons="psn_no gend brdy\nann 2 1980-01-01\nbob 1 1950-01-01\n",
        catalog="med_list_codg lmt_gend resale_risk_flag begndate\nprostate 1 0 2024-01-01\nalbumin - 1 2024-01-01\n",
        lines="""
        feedetl_sn psn_no fixmedins_code happened_at med_list_codg cnt fen
        1          ann    east           06-01T10:00 prostate      1   500
        2          bob    east           06-01T10:00 prostate      1   500
        3          ann    a              06-01T10:00 albumin       30  900
        4          ann    b              06-02T10:00 albumin       30  900
        5          ann    c              06-03T10:00 albumin       1   900
        6          bob    a              06-01T10:00 albumin       61  900
    """,
    )
    found = measure_of(con, "drug_unfit_yuan", "rule_r41_person", "resale_yuan", "rule_r39", of="ann bob")
    assert found["drug_unfit_yuan_180"].tolist() == [5, 0]
    assert found["resale_yuan_180"].tolist() == [27, 9]
    assert found["rule_r39_180"].tolist() == [3, 0], "three units and more than sixty packs, not one of both"
