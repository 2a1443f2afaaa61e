"""Just beside the rule: what differs from a hit by one thing. A world a test, everybody in it but for one thing alike."""

from typing import Any

from tests.features.catalog.drawn import draw, measure_of
from tests.features.catalog.stays_drawn import stays

LINES = "feedetl_sn mdtrt_id psn_no fixmedins_code happened_at is_inpatient med_list_codg med_chrgitm_type cnt pric fen hilist_name\n"


def told(rule: str, of: str, **tables: str) -> dict[str, float]:
    """{entity: value} of one declaration, its first window."""
    frame = measure_of(draw(**tables), rule, of=of)
    return {str(k): float(v) for k, v in frame[frame.columns[0]].items()}


def test_a_swipe_during_a_stay_that_the_ward_may_send_for() -> None:
    swipe = "{0} v{0} {0} {1} 06-05T10:00 {2} 100\n"
    people = [
        ("ann", "shop", "pharmacy"),
        ("bob", "dual", "special_drug"),
        ("cat", "net", "outpatient"),
        ("dan", "dual", "pharmacy"),
    ]
    found = told(
        "rule_r01",
        "ann bob cat dan",
        stays=stays("\n".join(f"{p} {p} ward 06-01 06-10" for p, _, _ in people)),
        settlements="setl_id mdtrt_id psn_no fixmedins_code happened_at visit_class acct_pay_fen\n"
        + "".join(swipe.format(*x) for x in people),
        institutions="fixmedins_code fixmedins_name sp_drugstore_flag level\nshop 药店 0 0\ndual 双通道药店 1 0\nnet 县互联网医院 0 3\nward 县医院 0 2\n",
    )
    assert found == {"ann": 1, "bob": 0, "cat": 0, "dan": 1}, (
        "a dual-channel shop is no excuse for what it sells everybody"
    )


def test_extra_beds_and_beds_at_home_are_no_shared_bed() -> None:
    beds = {"a": "501", "b": "501", "c": "加1", "d": "加1", "e": "502", "f": "502"}
    found = told(
        "rule_r05",
        "a b c d e f",
        stays=stays("\n".join(f"{k} p{k} ward 06-01 06-08 bed={v} dept=内一" for k, v in beds.items())),
        filings="psn_no kind begndate enddate\npe 家庭病床 05-01 07-01\n",
    )
    assert found == {"a": 1, "b": 1, "c": 0, "d": 0, "e": 0, "f": 0}


def test_nights_over_the_beds_do_not_count_those_at_home() -> None:
    rows = "\n".join(f"{u}{i} {u}p{i} {u} 06-01 06-12" for u in ("full", "home") for i in range(3))
    found = told(
        "rule_r06",
        "full home",
        stays=stays(rows),
        institutions="fixmedins_code aprv_bed_cnt level\nfull 2 1\nhome 2 1\n",
        filings="psn_no kind begndate enddate\nhomep0 居家护理 05-01 07-01\n",
    )
    assert found == {"full": 11, "home": 0}


def test_a_doctor_who_bills_from_his_own_bed() -> None:
    tables: dict[str, Any] = {
        "persons": "psn_no certno\nann c1\nbob c2\ncat c3\n",
        "doctors": "dr_codg fixmedins_code certno\nd1 clinic c1\nd2 clinic c2\nd3 ward c3\n",
        "stays": stays("ann ann ward 06-01 06-10\nbob bob ward 06-01 06-10\ncat cat ward 06-01 06-10"),
        "lines": "feedetl_sn psn_no fixmedins_code happened_at dr_codg\n1 eve clinic 06-05T10:00 d1\n2 eve clinic 06-10T10:00 d2\n",
    }
    assert told("rule_r10", "ann bob cat", **tables) == {"ann": 1, "bob": 0, "cat": 1}, (
        "on the day of discharge he may work"
    )
    assert told("rule_r10_doctor", "d1 d2 d3", **tables) == {"d1": 1, "d2": 0, "d3": 1}


def test_two_numbers_of_one_certificate_lie_in_two_hospitals() -> None:
    tables: dict[str, Any] = {
        "persons": "psn_no certno\nann c1\nann2 c1\nbob c2\nbob2 c3\n" + "".join(f"x{i} c9\n" for i in range(4)),
        "stays": stays(
            "a ann h1 06-01 06-10 insutype=310\nb ann2 h2 06-03 06-08 insutype=390\nc bob h1 06-01 06-10 insutype=310\nd bob2 h2 06-03 06-08 insutype=390\n"
            + "\n".join(f"x{i} x{i} h{i} 06-01 06-10 insutype={'310' if i % 2 else '390'}" for i in range(4))
        ),
    }
    assert told("rule_r11", "ann ann2 bob x0", **tables) == {"ann": 1, "ann2": 1, "bob": 0, "x0": 0}, (
        "a certificate of four is a filler"
    )
    assert told("rule_r63", "ann ann2 bob x0", **tables) == {"ann": 0, "ann2": 1, "bob": 0, "x0": 0}, (
        "the second of the two"
    )


def test_two_schemes_on_one_day() -> None:
    rows = [
        ("in", "ann", "310", "06-01T09:00", "06-10T09:00", "true"), ("out", "ann", "390", "06-05T09:00", "06-05T09:00", "false"),
        ("in2", "bob", "310", "06-01T09:00", "06-10T09:00", "true"), ("out2", "bob", "390", "06-10T09:00", "06-10T09:00", "false"),
        ("m", "cat", "310", "06-05T09:00", "06-05T09:00", "false"), ("n", "cat", "390", "06-05T15:00", "06-05T15:00", "false"),
        ("o", "dan", "310", "06-05T09:00", "06-05T09:00", "false"), ("p", "dan", "390", "06-20T15:00", "06-20T15:00", "false"),
    ]  # fmt: skip
    head = "setl_id psn_no insutype happened_at endtime is_inpatient fund_pay_sumamt_fen visit_class\n"
    found = told(
        "rule_r63", "ann bob cat dan", settlements=head + "".join(" ".join(r) + " 500 outpatient\n" for r in rows)
    )
    assert found == {"ann": 1, "bob": 0, "cat": 1, "dan": 0}, (
        "the day of discharge and one change of scheme are nothing"
    )


def test_what_year_end_and_another_ward_cut_in_two_is_one_stay() -> None:
    found = told(
        "rule_r14",
        "year next ward same",
        stays=stays("""
            a    ann h 2024-12-10 2024-12-31 dx=K80 dept=内
            year ann h 2024-12-31 2025-01-15 dx=K80 dept=内
            b    bob h 2024-12-10 2024-12-31 dx=K80 dept=内
            next bob h 2025-01-01 2025-01-15 dx=K80 dept=内
            c    cat h 06-01 06-08 dx=K80 dept=内
            ward cat h 06-08 06-15 dx=K80 dept=外
            d    dan h 06-01 06-08 dx=K80 dept=内
            same dan h 06-08 06-15 dx=K80 dept=内
        """),
    )
    assert found == {"next": 0, "same": 1, "ward": 0, "year": 0}


def test_leave_is_counted_by_the_days_on_its_paper() -> None:
    leaves = {
        "ann": [("06-03", "06-06")],
        "bob": [("06-03", "06-05")],
        "cat": [(f"06-0{i}", f"06-0{i}") for i in (2, 4, 6, 8)],
    }
    con = draw(
        stays=stays("\n".join(f"{p} {p} ward 06-01 06-13" for p in leaves)),
        filings="psn_no kind begndate enddate\n"
        + "".join(f"{p} 请假 {a} {b}\n" for p, spans in leaves.items() for a, b in spans),
    )
    found = measure_of(con, "rule_r20", of="ann bob cat")
    assert found["rule_r20"].to_dict() == {"ann": 1, "bob": 0, "cat": 4}
    assert found["rule_r20_fen"].to_dict() == {"ann": 100000, "bob": 0, "cat": 100000}


def test_growth_is_over_the_year_and_a_quota_goes_before() -> None:
    def many(unit: str, day: str, fen: int) -> str:
        return "".join(
            f"{unit}{day}{i} {unit}{i} {unit} {day} {day[:-1]}{int(day[-1]) + 3} medfee_fen={fen}\n" for i in range(30)
        )

    found = told(
        "rule_r22",
        "grown same winter quota",
        stays=stays(
            many("grown", "2025-06-01", 540000) + many("grown", "2024-06-01", 500000)
            + many("same", "2025-06-01", 540000) + many("same", "2024-06-01", 540000) + many("same", "2024-12-01", 400000)
            + many("winter", "2025-06-01", 540000) + many("winter", "2024-12-01", 500000)
            + many("quota", "2025-06-01", 540000) + many("quota", "2024-06-01", 540000)
        ),
        quota="fixmedins_code year cap_per_visit_fen\nquota 2025 520000\n",
    )  # fmt: skip
    assert found == {"grown": 1, "quota": 1, "same": 0, "winter": 1}


def test_the_last_begun_period_of_an_agreement_holds() -> None:
    periods = {
        "inside": [("2020-01-01", "normal", "2029-12-31"), ("06-01", "suspended", "06-30")],
        "back": [("06-01", "suspended", "06-30"), ("06-10", "normal", "-")],
        "ended": [("2020-01-01", "normal", "05-31")],
        "restored": [("05-01", "suspended", "05-31")],
    }
    found = told(
        "rule_r33",
        " ".join(periods),
        agreement_periods="fixmedins_code begndate stas enddate\n"
        + "".join(f"{u} {b} {s} {e}\n" for u, rows in periods.items() for b, s, e in rows),
        settlements="setl_id psn_no fixmedins_code happened_at fund_pay_sumamt_fen\n"
        + "".join(f"s{u} ann {u} 06-15T10:00 100\n" for u in periods),
    )
    assert found == {"back": 0, "ended": 1, "inside": 1, "restored": 0}


def test_a_course_of_treatment_is_one_visit() -> None:
    def daily(who: str, kind: str, code: str) -> tuple[str, str]:
        swipes = "".join(
            f"{who}{i} v{who}{i} {who} clinic 06-{i + 1:02d}T09:00 outpatient 310 100\n" for i in range(15)
        )
        lines = "".join(
            f"{who}{i} v{who}{i} {who} clinic 06-{i + 1:02d}T09:00 false {code}{i if kind == '09' else ''} {kind} 1 40 4000 -\n"
            for i in range(15)
        )
        return swipes, lines

    told_of = [daily("ann", "09", "pill"), daily("bob", "05", "needles")]
    found = told(
        "rule_r36",
        "ann bob",
        settlements="setl_id mdtrt_id psn_no fixmedins_code happened_at visit_class insutype fund_pay_sumamt_fen\n"
        + told_of[0][0]
        + told_of[1][0],
        lines=LINES + told_of[0][1] + told_of[1][1],
    )
    assert found == {"ann": 1, "bob": 0}


def test_one_fill_beyond_twelve_weeks() -> None:
    fills = {"long": ("chronic", 90), "fair": ("chronic", 84), "filed": ("outpatient", 60), "self": ("outpatient", 90)}
    head = "feedetl_sn psn_no fixmedins_code happened_at med_list_codg med_chrgitm_type visit_class prd_days scope_fen is_inpatient\n"
    found = told(
        "rule_r38",
        "long fair filed self",
        lines=head
        + "".join(
            f"{p} {p} clinic 06-01T10:00 pill 09 {k} {d} {0 if p == 'self' else 900} false\n"
            for p, (k, d) in fills.items()
        ),
        filings="psn_no kind begndate enddate\nfiled 长处方 05-01 -\n",
    )
    assert found == {"fair": 0, "filed": 0, "long": 1, "self": 0}, "what the patient pays alone is his own"


def test_two_prescriptions_of_one_visit() -> None:
    head = "feedetl_sn mdtrt_id psn_no fixmedins_code happened_at med_list_codg med_chrgitm_type dr_codg rxno\n"
    rows = "".join(
        f"a{i} va ann clinic 06-01T10:00 d{i} 09 dr {1 + i // 3}\nb{i} vb bob clinic 06-01T10:00 d{i} 09 dr 1\nc{i} vc cat clinic 06-01T10:00 d{i} 09 dr -\n"
        for i in range(6)
    )
    assert told("rule_r43_person", "ann bob cat", lines=head + rows) == {"ann": 0, "bob": 1, "cat": 1}


def test_registered_for_another_disease() -> None:
    con = draw(
        chronic_registry="psn_no opsp_dise_code opsp_begndate\nann M03900 2024-01-01\nbob M03900 2024-01-01\ncat - 2024-01-01\ndan M03900 2024-01-01\n",
        settlements="setl_id psn_no fixmedins_code happened_at visit_class dise_codg fund_pay_sumamt_fen\n"
        + "1 ann c 06-01T10:00 chronic M07801 100\n2 bob c 06-01T10:00 chronic M03904 100\n3 cat c 06-01T10:00 chronic M07801 100\n4 dan c 06-01T10:00 chronic - 100\n",
    )
    found = measure_of(con, "rule_r45", of="ann bob cat dan")
    assert found["rule_r45_365"].to_dict() == {"ann": 1, "bob": 0, "cat": 0, "dan": 0}, (
        "a stage of the same disease, and a paper that names none"
    )


def test_boxes_beside_tablets_without_a_pack_factor_are_not_judged() -> None:
    sold = {"little": 103, "boxes": 280, "known": 600}
    found = told(
        "rule_r48",
        " ".join(sold),
        catalog="med_list_codg pack_factor\nknown 1\n",
        stock_moves="move_id fixmedins_code med_list_codg move_type cnt_e4 move_time\nm1 little herb buy 1000000 01-02T00:00\nm2 boxes herb buy 100000 01-02T00:00\nm3 known known buy 1000000 01-02T00:00\n",
        lines="feedetl_sn psn_no fixmedins_code happened_at med_list_codg cnt\n"
        + "".join(f"{u} ann {u} 06-01T10:00 {'known' if u == 'known' else 'herb'} {n}\n" for u, n in sold.items()),
    )
    assert found == {"boxes": 0, "known": 1, "little": 1}


def test_a_birth_and_the_illness_after_it_under_one_fund() -> None:
    rows = [("b1", "ann", "maternity_ip", "310", "06-01", "O80"), ("i1", "ann", "inpatient", "310", "06-10", "O85"),
            ("b2", "bob", "maternity_ip", "310", "06-20", "O80"), ("i2", "bob", "inpatient", "310", "06-01", "O20"),
            ("i3", "cat", "inpatient", "390", "06-01", "O80"),
            ("b4", "dan", "maternity_ip", "510", "06-20", "O80"), ("i4", "dan", "inpatient", "310", "06-01", "O20")]  # fmt: skip
    found = told(
        "rule_r52",
        "ann bob cat dan",
        stays=stays(
            "\n".join(
                f"{v} {p} h {d} {d[:3]}{int(d[3:]) + 3:02d} dx={dx} visit_class={k}" for v, p, k, _, d, dx in rows
            )
        ),
        settlements="setl_id mdtrt_id psn_no fixmedins_code visit_class insutype happened_at fund_pay_sumamt_fen is_inpatient\n"
        + "".join(f"s{v} {v} {p} h {k} {i} {d}T10:00 100 true\n" for v, p, k, i, d, _ in rows),
    )
    assert found == {"ann": 1, "bob": 0, "cat": 0, "dan": 1}


def test_dearer_on_the_card_than_for_cash() -> None:
    rows = [
        (u, i, "card" if i < 3 else "cash") for u in ("dual", "fair", "once") for i in range(4 if u == "once" else 6)
    ]
    price = {("dual", "card"): 12, ("once", "card"): 12}
    found = told(
        "rule_r53_dual",
        "dual fair once",
        settlements="setl_id mdtrt_id psn_no fixmedins_code happened_at acct_pay_fen psn_cash_pay_fen\n"
        + "".join(
            f"{u}{i} v{u}{i} p {u} 06-0{i + 1}T10:00 {1000 if k == 'card' else 0} {0 if k == 'card' else 1000}\n"
            for u, i, k in rows
        ),
        lines=LINES
        + "".join(
            f"{u}{i} v{u}{i} p {u} 06-0{i + 1}T10:00 false pill{u} 09 1 {price.get((u, k), 10)} 1200 -\n"
            for u, i, k in rows
        ),
    )
    assert found == {"dual": 3, "fair": 0, "once": 0}, "one sale for cash is no price"


def test_a_picture_without_the_machine() -> None:
    def exam(unit: str, name: str, kind: str = "03") -> str:
        return f"{unit} v{unit} p{unit} {unit} 06-02T10:00 true x {kind} 1 200 20000 {name}\n"

    found = told(
        "rule_r55_inst",
        "none some late lab unregistered",
        stays=stays("\n".join(f"v{u} p{u} {u} 06-01 06-08" for u in ("none", "some", "late", "lab", "unregistered"))),
        equipment="fixmedins_code kind count begndate\nnone DR 1 2020-01-01\nsome 64排CT 1 2020-01-01\nlate CT 1 06-20\nlab DR 1 2020-01-01\n",
        lines=LINES
        + exam("none", "头颅CT平扫")
        + exam("some", "头颅CT平扫")
        + exam("late", "胸部CT")
        + exam("lab", "降钙素原PCT", "04")
        + exam("unregistered", "头颅CT平扫"),
    )
    assert found == {"lab": 0, "late": 1, "none": 1, "some": 0, "unregistered": 0}


def test_one_hour_at_two_units() -> None:
    def bill(doctor: str, unit: str, at: str) -> str:
        return f"{doctor}{unit}{at[6:8]} v{doctor}{unit} p {unit} 06-01T{at} false x 05 1 20 2000 - {doctor}\n"

    found = told(
        "rule_r56",
        "both next multi",
        catalog="med_list_codg std_minutes\nx 10\n",
        doctors="dr_codg fixmedins_code mul_prac_flag\nmulti a 1\n",
        lines=LINES.strip() + " dr_codg\n"
        + bill("both", "a", "08:10") + bill("both", "b", "08:50") + bill("next", "a", "08:10") + bill("next", "b", "09:10") + bill("multi", "a", "08:10") + bill("multi", "b", "08:50"),
    )  # fmt: skip
    assert found == {"both": 1, "multi": 0, "next": 0}


def test_codes_that_contradict_half_the_patients_are_no_evidence() -> None:
    def ward(unit: str, wrong: int, right: int) -> str:
        return "".join(
            f"{unit}w{i} man {unit} 06-01 06-08 dx=R10 oprn_oprt_code=68.4\n" for i in range(wrong)
        ) + "".join(f"{unit}r{i} woman {unit} 06-01 06-08 dx=R10 oprn_oprt_code=68.4\n" for i in range(right))

    tables: dict[str, Any] = {
        "persons": "psn_no gend brdy\nman 1 1970-01-01\nwoman 2 1970-01-01\n",
        "stays": stays(ward("noise", 20, 20) + ward("sound", 1, 39) + ward("small", 1, 2)),
    }
    found = told("rule_r60_inst", "noise sound small", **tables)
    assert found == {"noise": 0, "small": 0, "sound": 1}, "a small unit is read as its county, which is noise"
    assert told("rule_r61_codes", "noise sound small", **tables) == {"noise": 20, "small": 1, "sound": 0}, (
        "and the defect is told"
    )
    alone = told("rule_r60_inst", "sound", persons=tables["persons"], stays=stays(ward("sound", 1, 39)))
    assert alone == {"sound": 1}


def test_bills_long_after_the_care_and_versions_that_contradict_are_defects() -> None:
    found = told(
        "rule_r61",
        "late fair hand",
        catalog="med_list_codg\nx\n",
        settlements="setl_id psn_no fixmedins_code happened_at setl_time manual_flag\n1 ann late 06-01T10:00 06-10T10:00 -\n2 ann fair 06-01T10:00 06-03T10:00 -\n3 ann hand 06-01T10:00 06-20T10:00 1\n",
    )
    assert found == {"fair": 0, "hand": 0, "late": 1}
    limits: dict[str, Any] = {
        "catalog": "med_list_codg begndate enddate lmt_hosp_lv\nover 2024-01-01 06-30 3\nover 06-01 - -\nnext 2024-01-01 05-31 3\nnext 06-01 - -\nsame 2024-01-01 06-30 3\nsame 06-01 - 3\n",
        "institutions": "fixmedins_code level hosp_lv\nward 2 05\n",
        "persons": "psn_no gend\nann 1\n",
        "lines": "feedetl_sn mdtrt_id psn_no fixmedins_code happened_at med_list_codg scope_fen\n1 over ann ward 06-15T10:00 over 900\n2 next ann ward 06-15T10:00 next 900\n3 same ann ward 06-15T10:00 same 900\n4 old ann ward 05-15T10:00 over 900\n",
    }
    assert told("rule_r42", "over next same old", **limits) == {"next": 0, "old": 1, "over": 0, "same": 1}, (
        "two versions that say the same judge"
    )
    assert told("rule_r61_catalogue", "ward", **limits) == {"ward": 1}


def test_an_injury_without_a_bed() -> None:
    found = told(
        "rule_r62_person",
        "ann bob cat dan",
        settlements="setl_id mdtrt_id psn_no fixmedins_code happened_at visit_class opt_diag_code fund_pay_sumamt_fen\n1 v1 ann h 06-01T10:00 injury_op - 100\n2 v2 bob h 06-01T10:00 outpatient S61 100\n3 v3 cat h 06-01T10:00 injury_op S61 100\n4 v4 dan h 06-01T10:00 outpatient J06 100\n",
        injury_cases="case_no psn_no mdtrt_id third_party verdict\nc1 cat v3 0 covered\n",
    )
    assert found == {"ann": 1, "bob": 1, "cat": 0, "dan": 0}


def test_a_used_up_cap_by_year_and_by_what_it_was_used_for() -> None:
    con = draw(
        policy_params="admdvs key begndate value enddate\nx fund_cap_390 2024-01-01 90000 2025-12-31\nx fund_cap_310 2024-01-01 90000 -\nx fund_cap_310 2024-06-01 320000 -\n",
        stays=stays("a ann h 06-01 06-10 dx=I63\nb bob h 06-01 06-10 dx=Z51.1\nc cat h 06-01 06-10 dx=I63"),
        settlements="setl_id mdtrt_id psn_no fixmedins_code insutype happened_at fund_pay_sumamt_fen is_inpatient visit_class\n1 a ann h 390 06-10T10:00 8100000 true inpatient\n2 b bob h 390 06-10T10:00 8800000 true inpatient\n3 c cat h 310 06-10T10:00 8100000 true inpatient\n",
    )
    found = measure_of(con, "rule_r66", of="ann bob cat")["rule_r66_365"]
    assert found.to_dict() == {"ann": 1, "bob": 0, "cat": 0}, "two caps that contradict each other say nothing"


def test_a_ventilator_makes_a_group_heavy() -> None:
    care = {"ann": "静脉输液", "bob": "呼吸机辅助呼吸", "cat": "血液净化", "dan": "无创通气"}
    found = told(
        "rule_r67",
        " ".join(care),
        stays=stays("\n".join(f"{p} {p} h 06-01 06-10 dx=J96 drg_weight=2.5" for p in care)),
        lines=LINES + "".join(f"{p} {p} {p} h 06-02T10:00 true x 05 1 50 5000 {name}\n" for p, name in care.items()),
    )
    assert found == {"ann": 1, "bob": 0, "cat": 0, "dan": 0}
