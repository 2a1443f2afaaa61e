"""Fictitious stays: one idea each, with a near miss."""

from tests.features.catalog.drawn import draw, measure_of
from tests.features.catalog.stays_drawn import SPAN, lines, stays


def test_bags_alike_within_a_month_of_one_unit() -> None:
    SPAN.update(a=("06-01", "06-05"), b=("06-06", "06-10"), c=("06-06", "06-10"), d=("02-01", "02-05"))
    same = [f"i{k}" for k in range(12)]
    blocks = [("a", "ward", "06-01", i, "09") for i in same] + [("b", "ward", "06-06", i, "09") for i in same]
    blocks += [("c", "ward", "06-06", f"j{k}", "09") for k in range(12)] + [
        ("d", "ward", "02-01", i, "09") for i in same
    ]
    con = draw(
        stays=stays(
            "a ann ward 06-01 06-05 dx=E11\n b bob ward 06-06 06-10 dx=E11\n c cat ward 06-06 06-10 dx=E11\n d dan ward 02-01 02-05 dx=E11"
        ),
        lines=lines(*blocks),
    )
    found = measure_of(con, "bag_likeness", "near_twins", "twin_same_fee", of="a b c d")
    assert found["bag_likeness"].to_dict() == {"a": 1, "b": 1, "c": 0, "d": 0}, (
        "other items, or four months away, is no twin"
    )
    assert found["near_twins"].to_dict() == {"a": 1, "b": 1, "c": 0, "d": 0}


def test_five_in_five_out_three_of_one_village() -> None:
    rows = [f"a{i} p{i} ward 06-01 06-05 dx=E11" for i in range(5)] + [
        f"b{i} q{i} ward 06-02 06-05 dx=E11" for i in range(5)
    ]
    people = (
        "psn_no curr_addr_code\n"
        + "\n".join(f"p{i} {'v1' if i < 3 else 'w' + str(i)}" for i in range(5))
        + "\n"
        + "\n".join(f"q{i} u{i}" for i in range(5))
    )
    con = draw(stays=stays("\n".join(rows)), persons=people)
    found = measure_of(con, "rule_r08", of="ward").loc["ward"]
    assert found["rule_r08_365"] == 1, "the second five come from five villages"
    assert found["rule_r08_365_fen"] == 5 * 300000
    step = measure_of(con, "in_step_persons", "in_step_same_origin", of="a0 a4 b0")
    assert step["in_step_persons"].to_dict() == {"a0": 4, "a4": 4, "b0": 4}
    assert step["in_step_same_origin"].to_dict() == {"a0": 2, "a4": 0, "b0": 0}


def test_the_units_own_doctor_in_its_bed() -> None:
    con = draw(
        stays=stays("a ann ward 06-01 06-05\n b ann other 06-10 06-12"), persons="psn_no certno\n ann k1",
        doctors="dr_codg fixmedins_code certno\n d1 ward k1",
    )  # fmt: skip
    assert measure_of(con, "rule_r10", "staff_as_patient", of="a b")["rule_r10"].to_dict() == {"a": 1, "b": 0}


def test_never_seen_before_and_never_again() -> None:
    con = draw(
        stays=stays("a ann ward 05-10 05-15 dx=E11\n b bob ward 05-10 05-15 dx=E11"),
        settlements="setl_id psn_no fixmedins_code happened_at opt_diag_code\n x bob shop 04-01T10:00 E11.9\n y bob shop 05-20T10:00 -\n z ann shop 06-29T10:00 -",
    )
    found = measure_of(con, "visits_before", "disease_trace_before", "follow_up_month", of="a b")
    assert found.loc["b"].tolist() == [1, 1, 1]
    assert found.loc["a"].tolist() == [0, 0, 0], "six weeks later is no follow-up"
