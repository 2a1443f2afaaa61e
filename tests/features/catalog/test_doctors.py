"""Doctors: one idea each, with a near miss."""

from tests.features.catalog.drawn import draw, measure_of


def test_one_hour_in_two_institutions() -> None:
    con = draw(lines="""
        feedetl_sn mdtrt_id psn_no fixmedins_code happened_at dr_codg med_chrgitm_type
        1          a        p1     east           06-01T10:05 two     09
        2          b        p2     west           06-01T10:50 two     09
        3          c        p3     east           06-01T10:05 one     09
        4          d        p4     west           06-01T11:50 one     09
    """)  # fmt: skip
    found = measure_of(con, "doctor_two_units_hours", "doctor_busiest_day", "doctor_active_hours", of="one two")
    assert found["doctor_two_units_hours_90"].to_dict() == {"one": 0, "two": 1}
    assert found["doctor_busiest_day_30"].tolist() == [2, 2]
    assert found["doctor_active_hours_30"].to_dict() == {"one": 2, "two": 1}


def test_more_hours_than_a_day_of_sixteen() -> None:
    con = draw(
        catalog="med_list_codg std_minutes begndate\nmassage 30 2024-01-01\n",
        lines="""
        feedetl_sn psn_no fixmedins_code happened_at dr_codg med_list_codg cnt fen
        1          p1     east           06-01T10:00 busy    massage       40  40000
        2          p2     east           06-01T11:00 fair    massage       32  32000
    """,
    )
    found = measure_of(con, "doctor_most_hours", "rule_r56", of="busy fair")
    assert found["doctor_most_hours_90"].to_dict() == {"busy": 20, "fair": 16}
    assert found["rule_r56_365"].to_dict() == {"busy": 1, "fair": 0}
    assert found.loc["busy", "rule_r56_365_fen"] == 8000
