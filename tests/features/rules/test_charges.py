"""R49–R51, R54: time words, both sides, beds and grades of nursing, with what is rightly billed beside them."""

from tests.features.catalog.drawn import draw, measure_of
from tests.features.catalog.stays_drawn import stays

LINES = "feedetl_sn mdtrt_id psn_no fixmedins_code happened_at is_inpatient med_list_codg med_chrgitm_type list_type pric cnt fen hilist_name adm_date end_date\n"


def test_without_a_time_word_a_part_is_in_its_bundle_all_through_the_visit() -> None:
    def line(n: int, visit: str, day: str, code: str) -> str:
        return f"{n} {visit} ann ward {day}T10:00 true {code} 04 201 5 1 500 - 06-01 06-08\n"

    con = draw(
        catalog="med_list_codg includes_item max_freq freq_window_days\nbundle part - -\ndaily part 1 1\n",
        lines=LINES
        + line(1, "both", "06-01", "bundle") + line(2, "both", "06-03", "part")
        + line(3, "day", "06-01", "daily") + line(4, "day", "06-03", "part")
        + line(5, "alone", "06-03", "part") + line(6, "before", "06-01", "bundle"),
    )  # fmt: skip
    found = measure_of(con, "rule_r49", of="both day alone before")
    assert found["rule_r49"].to_dict() == {"alone": 0, "before": 0, "both": 1, "day": 0}
    assert found.loc["both", "rule_r49_fen"] == 500


def test_twice_in_seven_days_is_any_seven_days() -> None:
    days = {
        "fair": "01 05 08",
        "thrice": "01 02 07",
        "near": "01 02",
        "again": "01 08",
        "soon": "01 07",
        "same": "01 01",
    }
    once_a_week = ("again", "soon", "same")
    rows = [
        f"{who}{i} v{who}{i} {who} clinic 06-{day}T{9 + i:02d}:00 false {'once' if who in once_a_week else 'twice'} 05 201 30 1 3000 - - -"
        for who, when in days.items()
        for i, day in enumerate(when.split())
    ]
    con = draw(catalog="med_list_codg max_freq freq_window_days\nonce 1 7\ntwice 2 7\n", lines=LINES + "\n".join(rows))
    found = measure_of(con, "rule_r50_person", of=" ".join(days))["rule_r50_person_365"]
    assert found.to_dict() == {"again": 0, "fair": 0, "near": 0, "same": 1, "soon": 1, "thrice": 1}


def test_the_second_side_of_one_operation_is_a_second_operation() -> None:
    con = draw(
        catalog="med_list_codg discount_p discount_q pric_uplmt_amt_e6\nknife 1 2 800000000\n",
        lines=LINES
        + "1 both ann ward 06-01T10:00 true knife 06 201 800 2   160000 - - -\n"
        + "2 half bob ward 06-01T10:00 true knife 06 201 800 1.5 120000 - - -\n"
        + "3 one  cat ward 06-01T10:00 true knife 06 201 800 1   80000  - - -\n",
    )
    found = measure_of(con, "rule_r51", of="both half one")
    assert found["rule_r51"].tolist() == [1, 0, 0]
    assert found.loc["both", "rule_r51_fen"] == 40000


def test_beside_the_bed_and_the_grade_of_nursing() -> None:
    fees = {
        "bed": [("普通床位费", "01", 12, 4000)],
        "nurse": [("Ⅱ级护理", "07", 12, 2000)],
        "cool": [("普通床位费", "01", 10, 4000), ("空调费", "01", 10, 800)],
        "mouth": [("Ⅰ级护理", "07", 10, 3000), ("口腔护理", "07", 20, 500)],
        "third": [("普通床位费", "01", 11, 3333), ("普通床位费", "01", 2, 3333)],
    }
    rows = [
        f"{who}{i} {who} p{who} ward 06-05T10:00 true c 0{kind[1]} 201 1 {n} {n * fen} {name} 06-01 06-11"
        for who, lines in fees.items()
        for i, (name, kind, n, fen) in enumerate(lines)
    ]
    con = draw(stays=stays("\n".join(f"{who} p{who} ward 06-01 06-11" for who in fees)), lines=LINES + "\n".join(rows))
    found = measure_of(con, "rule_r54", of=" ".join(fees))
    assert found["rule_r54"].to_dict() == {"bed": 1, "cool": 0, "mouth": 0, "nurse": 1, "third": 2}
    assert found["rule_r54_fen"].to_dict() == {"bed": 4000, "cool": 0, "mouth": 0, "nurse": 2000, "third": 6666}
