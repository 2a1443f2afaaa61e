"""Chronic benefit and cap-line spending: one idea each, with a near miss."""

from tests.features.catalog.drawn import draw, measure_of


def test_a_registry_entered_within_thirty_days_heals() -> None:
    con = draw(
        chronic_registry="psn_no opsp_dise_code opsp_begndate\nann M1 06-01\nbob M1 06-20\n",
        settlements="""
        setl_id psn_no fixmedins_code happened_at visit_class fund_pay_sumamt_fen
        1       ann    clinic         06-10T10:00 chronic     100
        2       bob    clinic         06-10T10:00 chronic     100
        3       cat    clinic         06-10T10:00 chronic     100
        4       dan    clinic         06-10T10:00 two_disease 100
    """,
    )
    found = measure_of(con, "chronic_unregistered_times", "rule_r45", of="ann bob cat dan")
    assert found["chronic_unregistered_times_90"].tolist() == [0, 1, 1, 0]
    assert found["rule_r45_365"].tolist() == [0, 0, 1, 0], "bob's registry came late (N33)"
    assert measure_of(con, "rule_r45_inst", of="clinic").loc["clinic", "rule_r45_inst_365"] == 0, "one is no habit"


def test_a_unit_with_a_habit_of_unregistered_patients() -> None:
    rows = "\n".join(f"{i} p{i} clinic 06-10T10:00 chronic 100" for i in range(3))
    head = "setl_id psn_no fixmedins_code happened_at visit_class fund_pay_sumamt_fen\n"
    con = draw(chronic_registry="psn_no opsp_dise_code opsp_begndate\nann M1 06-01\n", settlements=head + rows)
    assert measure_of(con, "rule_r45_inst", of="clinic").loc["clinic", "rule_r45_inst_365"] == 3


def test_years_of_drugs_without_a_test() -> None:
    rows = ["feedetl_sn psn_no fixmedins_code happened_at visit_class med_chrgitm_type"]
    rows += [f"{who}{m} {who} shop 0{m}-05T10:00 chronic 09" for who in ("ann", "bob") for m in range(1, 7)]
    rows += ["lab bob clinic 03-01T10:00 outpatient 04", "few cat shop 03-01T10:00 chronic 09"]
    swipes = "setl_id psn_no fixmedins_code happened_at visit_class\n" + "\n".join(
        f"{w} {w} shop 03-01T10:00 chronic" for w in ("ann", "bob", "cat")
    )
    found = measure_of(draw(lines="\n".join(rows), settlements=swipes), "chronic_tests", of="ann bob cat")[
        "chronic_tests_365"
    ]
    assert found["ann"] == 0
    assert found["bob"] == 1
    assert found.isna()["cat"], "one purchase is no long treatment"


def test_a_chronic_purchase_inside_the_own_stay_but_not_on_its_edges() -> None:
    con = draw(
        stays="mdtrt_id psn_no fixmedins_code adm_date end_at\nv1 ann ward 06-01 06-10T10:00\n",
        settlements="""
        setl_id psn_no fixmedins_code happened_at visit_class
        1       ann    shop           06-01T09:00 chronic
        2       ann    shop           06-05T09:00 chronic
        3       ann    shop           06-10T19:00 chronic
    """,
    )
    assert measure_of(con, "chronic_in_ward_times", of="ann").loc["ann", "chronic_in_ward_times_365"] == 1


def test_the_limit_drained_in_november_and_december() -> None:
    con = draw(
        chronic_registry="psn_no opsp_dise_code opsp_begndate annual_limit_fen\nann M1 2024-01-01 100000\nbob M1 2024-01-01 100000\n",
        settlements="""
        setl_id psn_no fixmedins_code happened_at         visit_class fund_pay_sumamt_fen
        1       ann    clinic         2024-09-10T10:00:00 chronic     50000
        2       ann    clinic         2024-12-10T10:00:00 chronic     48000
        3       bob    clinic         2024-09-10T10:00:00 chronic     70000
        4       bob    clinic         2024-12-10T10:00:00 chronic     28000
    """,
    )
    found = measure_of(con, "rule_r46", of="ann bob")
    assert found["rule_r46_365"].tolist() == [1, 0], "bob's last months are 29 % of his year"
