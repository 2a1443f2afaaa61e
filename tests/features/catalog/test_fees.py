"""Fees: one idea each, with a near miss."""

import pytest

from tests.features.catalog.drawn import draw, measure_of

CAPS = """
    med_list_codg pric_uplmt_amt_e6 begndate
    ct            300000000         2024-01-01
    ct            200000000         2025-06-10
"""


def test_the_cap_of_the_day_counts() -> None:
    con = draw(
        catalog=CAPS,
        lines="""
        feedetl_sn mdtrt_id psn_no fixmedins_code happened_at is_inpatient med_list_codg med_chrgitm_type pric fen   cnt
        1          v1       ann    ward           06-09T10:00 true         ct            03               300  30000 1
        2          v1       ann    ward           06-10T10:00 true         ct            03               300  30000 1
        3          v2       bob    ward           06-10T10:00 false        ct            03               200  40000 2
    """,
    )
    stay = measure_of(con, "stay_over_cap_yuan", "stay_over_cap_lines", "rule_r53", of="v1").loc["v1"]
    assert stay["stay_over_cap_yuan"] == 100, "the new price holds from its first day on (N24)"
    assert stay["stay_over_cap_lines"] == 1
    assert stay["rule_r53_fen"] == 10000
    assert measure_of(con, "rule_r53_inst", of="ward").loc["ward", "rule_r53_inst_365"] == 1


def test_bed_days_beyond_the_nights() -> None:
    con = draw(
        stays="""
        mdtrt_id psn_no fixmedins_code adm_date end_at      open
        over     ann    ward           06-01    06-06T10:00 false
        both     bob    ward           06-01    06-06T10:00 false
        open     cat    ward           06-01    06-06T10:00 true
    """,
        lines="feedetl_sn mdtrt_id psn_no fixmedins_code happened_at is_inpatient med_chrgitm_type cnt fen adm_date end_date\n"
        + "\n".join(
            f"1{m} {m} p ward 06-06T09:00 true 01 {n} {n * 1000} 06-01 06-06"
            for m, n in (("over", 8), ("both", 6), ("open", 9))
        ),
    )
    found = measure_of(con, "stay_bed_days_over", "rule_r54", of="over both open")
    assert found["stay_bed_days_over"].to_dict() == {"over": 3, "both": 1, "open": 4}
    assert found["rule_r54"].to_dict() == {"over": 1, "both": 0, "open": 0}, (
        "counting both ends is a convention; an open stay is not judged"
    )
    assert found.loc["over", "rule_r54_fen"] == 2000


def test_the_same_item_twice_in_a_minute() -> None:
    con = draw(lines="""
        feedetl_sn mdtrt_id psn_no fixmedins_code happened_at    is_inpatient med_list_codg med_chrgitm_type adm_date end_date
        1          v1       ann    ward           06-01T10:00:00 true         blood         04               06-01    06-05
        2          v1       ann    ward           06-01T10:00:40 true         blood         04               06-01    06-05
        3          v1       ann    ward           06-01T18:00:00 true         blood         04               06-01    06-05
        4          v1       ann    ward           06-02T10:00:00 true         urine         04               06-01    06-05
        5          v1       ann    ward           06-02T10:00:10 true         pill          09               06-01    06-05
        6          v1       ann    ward           06-02T10:00:20 true         pill          09               06-01    06-05
    """)  # fmt: skip
    stay = measure_of(
        con, "stay_twin_lines", "stay_repeat_yuan", "stay_test_kinds", "stay_test_repeats", "stay_test_share", of="v1"
    ).loc["v1"]
    assert stay.tolist() == [1, 20, 2, 2, pytest.approx(4 / 6)]
    unit = measure_of(con, "repeat_lines", "repeat_twin_lines", of="ward").loc["ward"]
    assert unit["repeat_lines_30"] == 2
    assert unit["repeat_twin_lines_90"] == 1


def test_a_price_above_the_units_own_month() -> None:
    rows = ["feedetl_sn setl_id psn_no fixmedins_code happened_at med_list_codg pric fen"]
    rows += [f"{i} s{i} p{i} shop 06-{i + 1:02d}T10:00 pill 10 1000" for i in range(9)]
    rows += ["90 card ann shop 06-20T10:00 pill 15 1500", "91 cash bob shop 06-20T10:00 pill 15 1500"]
    con = draw(
        lines="\n".join(rows),
        settlements="setl_id psn_no fixmedins_code happened_at acct_pay_fen medfee_sumamt_fen\ncard ann shop 06-20T10:00 1500 1500\ncash bob shop 06-20T10:00 0 1500\n",
    )
    found = measure_of(con, "dual_price_lines", "dual_price_yuan", "rule_r53_dual", of="shop").loc["shop"]
    assert found["dual_price_lines_30"] == 2
    assert found["dual_price_yuan_30"] == 5, "only what the card paid for"
    assert found["rule_r53_dual_365"] == 0, "one shop is no area to compare with"


def test_a_bed_is_due_once_a_day() -> None:
    rows = ["feedetl_sn mdtrt_id psn_no fixmedins_code happened_at is_inpatient med_list_codg med_chrgitm_type cnt fen"]
    rows += [f"{i} v{i} p{i} ward 06-01T08:00 true nurse 07 1 1000" for i in range(10)]
    rows += ["90 v0 p0 ward 06-01T08:01 true nurse 07 1 1000", "91 v1 p1 ward 06-01T08:00 true bed 01 2 7000"]
    rows += ["92 v2 p2 ward 06-01T09:00 true drip 05 3 900", "93 v3 p3 ward 06-02T08:00 true nurse 07 1 1000"]
    found = measure_of(draw(lines="\n".join(rows)), "daily_fee_twice_times", "daily_fee_twice_per_stay", of="ward")
    assert found.loc["ward"].tolist() == [2, 2, pytest.approx(0.2), pytest.approx(0.2)]


def test_an_implant_without_an_operation() -> None:
    con = draw(lines="""
        feedetl_sn mdtrt_id psn_no fixmedins_code happened_at is_inpatient med_chrgitm_type pric fen
        1          alone    ann    ward           06-01T10:00 true         08               2000 200000
        2          cut      bob    ward           06-01T10:00 true         08               2000 200000
        3          cut      bob    ward           06-01T09:00 true         06               5000 500000
        4          gauze    cat    ward           06-01T10:00 true         08               20   2000
    """)  # fmt: skip
    found = measure_of(con, "stay_implant_alone_yuan", "rule_r57", of="alone cut gauze")
    assert found["stay_implant_alone_yuan"].to_dict() == {"alone": 2000, "cut": 0, "gauze": 0}
    assert found["rule_r57"].to_dict() == {"alone": 1, "cut": 0, "gauze": 0}
    assert measure_of(con, "rule_r57_inst", "implant_alone_stays", of="ward").loc["ward"].tolist() == [1, 200000, 1, 1]


def test_one_panel_for_all() -> None:
    rows = [
        "feedetl_sn mdtrt_id psn_no fixmedins_code happened_at is_inpatient med_list_codg med_chrgitm_type adm_date end_date"
    ]
    for i in range(12):
        for unit, codes in (("copy", "abc"), ("mixed", "abcdefghijklmnop"[i : i + 3])):
            rows += [f"{unit}{i}{c} {unit}{i} p{i} {unit} 06-01T10:00 true {c} 04 06-01 06-05" for c in codes]
    found = measure_of(draw(lines="\n".join(rows)), "panel_same_share", of="copy mixed")["panel_same_share_90"]
    assert found.to_dict() == {"copy": 1, "mixed": pytest.approx(1 / 12)}


def test_bundles_and_frequencies_come_from_the_catalogue() -> None:
    con = draw(
        catalog="med_list_codg includes_item max_freq freq_window_days begndate\nbundle part,other 9 1 2024-01-01\npart - - - 2024-01-01\nmassage - 1 1 2024-01-01\n",
        lines="""
        feedetl_sn mdtrt_id psn_no fixmedins_code happened_at is_inpatient med_list_codg med_chrgitm_type list_type fen cnt
        1          v1       ann    ward           06-01T10:00 true         bundle        05               201       900 1
        2          v1       ann    ward           06-01T11:00 true         part          05               201       300 1
        3          v1       ann    ward           06-02T11:00 true         part          05               201       300 1
        4          v1       ann    ward           06-02T12:00 true         massage       05               201       800 2
    """,
    )
    found = measure_of(con, "rule_r49", "rule_r50", of="v1").loc["v1"]
    assert found["rule_r49_fen"] == 300, "a bundle of the day: the next day the part stands alone"
    assert found["rule_r50_fen"] == 400
