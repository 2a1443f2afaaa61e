"""What honest people and ordinary practice do must not be a hit; beside each stands what must be one."""

from tests.features.catalog.drawn import draw, measure_of
from tests.features.catalog.stays_drawn import stays


def test_a_refill_when_the_last_one_ends_is_no_oversupply() -> None:
    fills = ["feedetl_sn psn_no fixmedins_code happened_at med_list_codg prd_days scope_fen"]
    fills += [f"a{i} ann shop 0{i}-01T10:00 drug 30 3000" for i in range(1, 7)]
    fills += [f"b{i} bob shop 03-{1 + 10 * i:02d}T10:00 drug 30 3000" for i in range(2)]
    fills += [f"c{i} cat shop 0{3 + i}-0{1 + i}T10:00 drug 30 3000" for i in range(2)]
    found = measure_of(draw(lines="\n".join(fills)), "rule_r38", of="ann bob cat")
    assert found["rule_r38_365"].tolist() == [0, 1, 0], "once a month for a month; twenty days too early; in time"
    assert found.loc["bob", "rule_r38_365_fen"] == 1500, "15 of the last 30 days are too many"


def test_one_fill_beyond_the_days_the_catalogue_allows() -> None:
    con = draw(
        catalog="med_list_codg max_days\ndrug 7\n",
        lines="""
            feedetl_sn psn_no fixmedins_code happened_at med_list_codg prd_days scope_fen
            1          ann    shop           06-01T10:00 drug          15       1500
            2          bob    shop           06-01T10:00 drug          7        700
        """,
    )
    found = measure_of(con, "rule_r38", of="ann bob")
    assert found["rule_r38_365"].tolist() == [1, 0]
    assert found.loc["ann", "rule_r38_365_fen"] == 800


def test_the_way_from_the_doctor_to_the_pharmacy_is_no_doubled_card() -> None:
    con = draw(
        institutions="""
            fixmedins_code fixmedins_type lnt    lat
            ward           1              111.00 30.00
            near           2              111.01 30.00
            far            2              111.50 30.00
            nowhere        2              -      -
            other          2              111.03 30.00
        """,
        settlements="""
            setl_id psn_no fixmedins_code happened_at acct_pay_fen visit_class
            a1      ann    ward           06-01T10:00 100          outpatient
            a2      ann    near           06-01T10:20 100          pharmacy
            b1      bob    near           06-01T10:00 100          pharmacy
            b2      bob    nowhere        06-01T10:10 100          pharmacy
            c1      cat    near           06-01T10:00 100          pharmacy
            c2      cat    other          06-01T10:10 100          pharmacy
            d1      dan    ward           06-01T10:00 100          outpatient
            d2      dan    far            06-01T10:05 100          pharmacy
        """,
    )
    found = measure_of(con, "rule_r26", of="ann bob cat dan")["rule_r26_365"]
    assert found.to_dict() == {"ann": 0, "bob": 0, "cat": 1, "dan": 1}, (
        "a kilometre in 20 minutes, a unit without coordinates; two shops in ten minutes, 48 km in five"
    )


def test_who_tops_up_with_cash_did_not_empty_the_account_for_cash() -> None:
    con = draw(settlements="""
        setl_id psn_no fixmedins_code happened_at acct_pay_fen balc_fen psn_cash_pay_fen
        a1      ann    shop           03-02T10:00 30000        0        9000
        a2      ann    shop           04-02T10:00 30000        0        9000
        b1      bob    shop           03-02T10:00 30000        0        0
        b2      bob    shop           04-02T10:00 30000        0        0
    """)  # fmt: skip
    assert measure_of(con, "rule_r28", of="ann bob")["rule_r28_365"].tolist() == [0, 2]


def test_dialysis_under_a_chronic_registration_is_dialysis() -> None:
    rows = ["setl_id psn_no fixmedins_code happened_at fund_pay_sumamt_fen visit_class opt_diag_code"]
    for person, dx in (("ann", "N18.5"), ("bob", "M54")):
        rows += [f"{person}{i} {person} ward 06-{i + 1:02d}T10:00 100 chronic {dx}" for i in range(16)]
    found = measure_of(draw(settlements="\n".join(rows)), "rule_r36", of="ann bob")
    assert found["rule_r36_365"].tolist() == [0, 2]


def test_the_other_eye_and_the_newborn_come_back_as_planned() -> None:
    con = draw(stays=stays("""
        a1 ann ward 06-01 06-03 dx=H25.1
        a2 ann ward 06-10 06-12 dx=H25.1
        b1 bob ward 06-01 06-05 dx=P59.9
        b2 bob ward 06-13 06-15 dx=P59.9
        c1 cat ward 06-01 06-05 dx=J18.9
        c2 cat ward 06-13 06-15 dx=J18.9
    """))  # fmt: skip
    assert measure_of(con, "rule_r13", of="a2 b2 c2")["rule_r13"].tolist() == [0, 0, 1]
    assert measure_of(con, "rule_r13_inst", of="ward")["rule_r13_inst_180"].tolist() == [1]


def test_a_poisoning_of_a_village_is_no_batch_of_patients() -> None:
    def batch(unit: str, dx: str) -> str:
        return "\n".join(f"{unit}{i} {unit}p{i} {unit} 06-01 06-06 dx={dx}" for i in range(6))

    people = "psn_no curr_addr_code\n" + "\n".join(f"{u}p{i} village" for u in ("sick", "fake") for i in range(6))
    con = draw(stays=stays(batch("sick", "A05.9") + "\n" + batch("fake", "M54.5")), persons=people)
    assert measure_of(con, "rule_r08", of="fake sick")["rule_r08_365"].tolist() == [1, 0]


def test_a_bed_at_home_excuses_the_days_it_was_filed_for() -> None:
    con = draw(
        stays=stays("a1 ann ward 06-01 06-08\nb1 bob ward 06-01 06-08"),
        filings="psn_no kind begndate enddate\nann 家庭病床 05-01 06-30\nbob 家庭病床 01-01 02-01\n",
    )
    assert measure_of(con, "rule_r03", of="a1 b1")["rule_r03"].tolist() == [0, 1], "bob's filing ended in February"


def test_a_unit_without_any_agreement_settles_all_the_same() -> None:
    con = draw(
        agreement_periods="""
            fixmedins_code begndate stas   enddate
            lapsed         01-01    active 03-31
            held           01-01    active 03-31
            held           04-01    active -
        """,
        settlements="""
            setl_id psn_no fixmedins_code happened_at acct_pay_fen
            1       ann    lapsed         03-01T10:00 100
            2       ann    lapsed         05-01T10:00 700
            3       ann    held           05-01T10:00 900
        """,
    )
    found = measure_of(con, "rule_r33", of="held lapsed")
    assert found["rule_r33_365"].tolist() == [0, 1]
    assert found.loc["lapsed", "rule_r33_365_fen"] == 700


def test_a_catheter_placed_as_treatment_is_an_operation_for_its_material() -> None:
    con = draw(
        stays=stays("picc ann ward 06-01 06-08\nplain bob ward 06-01 06-08"),
        lines="""
            feedetl_sn mdtrt_id psn_no fixmedins_code happened_at is_inpatient med_chrgitm_type pric fen hilist_name
            1          picc     ann    ward           06-02T10:00 true         08           1280 128000 PICC套件
            2          picc     ann    ward           06-02T10:00 true         05           300  30000  PICC置管术
            3          plain    bob    ward           06-02T10:00 true         08           1280 128000 PICC套件
            4          plain    bob    ward           06-02T10:00 true         05           300  30000  换药
        """,
    )
    assert measure_of(con, "rule_r57", of="picc plain")["rule_r57"].tolist() == [0, 1]


def test_an_injury_that_somebody_else_must_pay_stays_open() -> None:
    con = draw(
        stays=stays("a1 ann ward 06-01 06-08 dx=S72.0\nb1 bob ward 06-01 06-08 dx=S72.0"),
        injury_cases="""
            case_no psn_no mdtrt_id third_party verdict
            1       ann    a1       0           covered
            2       bob    b1       1           third_party_liable
        """,
    )
    assert measure_of(con, "rule_r62", of="a1 b1")["rule_r62"].tolist() == [0, 1]


def test_a_stay_that_runs_on_after_death() -> None:
    con = draw(
        persons="psn_no death_date\nann 05-10\nbob 06-01\n",
        settlements="""
            setl_id psn_no fixmedins_code happened_at endtime     is_inpatient fund_pay_sumamt_fen
            1       ann    ward           05-02T10:00 05-27T10:00 true         50000
            2       bob    ward           05-20T10:00 06-02T10:00 true         50000
        """,
    )
    assert measure_of(con, "rule_r34", of="ann bob")["rule_r34_365"].tolist() == [1, 0], "bob's bill came a day later"


def test_ones_own_account_is_ones_own_money() -> None:
    rows = [
        f"{u}{i} {u}p{i} {u} 06-{i + 1:02d} 06-{i + 4:02d} cash_fen=0 dedc_fen=1 acct_fen={paid}"
        for u, paid in (("own", 9000), ("none", 0))
        for i in range(12)
    ]
    con = draw(stays=stays("\n".join(rows)))
    assert measure_of(con, "rule_r64", of="none own")["rule_r64_180"].tolist() == [12, 0]


def test_the_catalogue_of_the_day_of_service_judges() -> None:
    con = draw(
        catalog="""
            med_list_codg begndate enddate lmt_hosp_lv
            tightened     01-01    -       -
            tightened     06-15    -       3
            lifted        01-01    06-14   3
        """,
        institutions="fixmedins_code level fixmedins_type\nward 2 1\n",
        persons="psn_no gend\nann 1\n",
        lines="""
            feedetl_sn mdtrt_id psn_no fixmedins_code happened_at med_list_codg scope_fen
            1          before   ann    ward           06-01T10:00 tightened     900
            2          after    ann    ward           06-20T10:00 tightened     900
            3          held     ann    ward           06-01T10:00 lifted        900
            4          free     ann    ward           06-20T10:00 lifted        900
        """,
    )
    found = measure_of(con, "rule_r42", of="before after held free")
    assert found["rule_r42"].to_dict() == {"after": 1, "before": 0, "free": 0, "held": 1}


def test_a_registration_counts_while_it_lasts_and_with_its_own_limit() -> None:
    con = draw(
        chronic_registry="""
            psn_no opsp_dise_code opsp_begndate opsp_enddate annual_limit_fen
            ann    M1             2023-01-01    2023-12-31   200000
            ann    M1             2024-01-01    2024-12-31   200000
            bob    M1             2023-01-01    2024-12-31   200000
            bob    M1             06-25         -            200000
        """,
        settlements="""
            setl_id psn_no fixmedins_code happened_at         visit_class fund_pay_sumamt_fen acct_pay_fen
            1       ann    clinic         2024-09-10T10:00:00 chronic     80000               0
            2       ann    clinic         2024-12-10T10:00:00 chronic     119000              0
            3       bob    clinic         2024-09-10T10:00:00 chronic     80000               60000
            4       bob    clinic         2024-12-10T10:00:00 chronic     60000               0
            5       bob    clinic         02-10T10:00         chronic     100                 0
            6       bob    clinic         06-10T10:00         chronic     100                 0
        """,
    )
    found = measure_of(con, "rule_r46", "rule_r45", of="ann bob")
    assert found["rule_r46_365"].tolist() == [1, 0], "99 % of the year's limit; 70 %, the account's money is one's own"
    assert found["rule_r45_365"].tolist() == [0, 1], "in the gap; the one in June is healed within thirty days"
