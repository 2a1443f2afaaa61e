"""Split stays: one idea each, with a near miss."""

from tests.features.catalog.drawn import draw, measure_of
from tests.features.catalog.stays_drawn import stays


def test_back_within_a_fortnight_for_the_same_illness() -> None:
    con = draw(stays=stays("""
        a ann ward 05-01 05-10 dx=J44.1
        b ann ward 05-20 05-28 dx=J44.9
        c bob ward 05-01 05-10 dx=J44.1
        d bob ward 05-20 05-28 dx=I63.9
        e cat ward 05-01 05-10 dx=J44.1
        f cat ward 05-27 05-30 dx=J44.1
        g dan ward 05-01 05-10 dx=Z51.1
        h dan ward 05-20 05-28 dx=Z51.1
    """))  # fmt: skip
    found = measure_of(con, "rule_r13", "returns_fortnight", "days_since_same_unit", of="a b d f h")
    assert found["rule_r13"].to_dict() == {"a": 0, "b": 1, "d": 0, "f": 0, "h": 0}, (
        "another illness, 17 days, chemotherapy: no hit"
    )
    assert found["returns_fortnight"].to_dict() == {"a": 0, "b": 1, "d": 0, "f": 0, "h": 1}
    assert found.loc["b", "days_since_same_unit"] == 10
    assert found.loc["b", "rule_r13_fen"] == 300000
    assert measure_of(con, "days_to_next_stay", of="a").loc["a", "days_to_next_stay"] == 10
    assert measure_of(con, "rule_r13_inst", of="ward").loc["ward", "rule_r13_inst_180"] == 1


def test_a_stay_that_begins_during_another_is_no_return() -> None:
    con = draw(stays=stays("""
        a ann ward 05-01 05-20 dx=J44.1
        b ann ward 05-12 05-28 dx=J44.9
        c bob other 05-01 05-10 dx=J44.1
        d bob other 05-20 05-28 dx=J44.9
    """))  # fmt: skip
    found = measure_of(con, "person_short_returns", of="ann bob")
    assert found["person_short_returns_365"].to_dict() == {"ann": 0, "bob": 1}
    found = measure_of(con, "rule_r23", "inst_return_share", "inst_month_return_share", of="ward other")
    assert found["rule_r23_180"].to_dict() == {"ward": 0, "other": 1}
    assert found["inst_return_share_180"].to_dict() == {"ward": 0, "other": 0.5}
    assert found["inst_month_return_share_180"].to_dict() == {"ward": 0, "other": 0.5}


def test_a_transfer_is_no_split() -> None:
    con = draw(stays=stays("a ann ward 05-01 05-10 dx=J44 dscg_way=2\n b ann ward 05-20 05-28 dx=J44 dscg_way=1"))
    assert measure_of(con, "rule_r13", of="b").loc["b", "rule_r13"] == 0


def test_out_and_in_on_one_day() -> None:
    con = draw(
        stays=stays(
            "a ann ward 05-01 05-10 dx=J44\n b ann ward 05-10 05-18 dx=I63\n c bob ward 05-01 05-10 dx=J44\n d bob other 05-10 05-18 dx=J44"
        )
    )
    assert measure_of(con, "rule_r14", "same_day_return", of="b d")["rule_r14"].to_dict() == {"b": 1, "d": 0}, (
        "another hospital is no split"
    )


def test_six_stays_a_year_but_not_six_cycles() -> None:
    rows = [
        f"{who}{i} {who} ward {month}-01 {month}-05 dx={dx}"
        for who, dx in (("ann", "J44"), ("bob", "Z51.1"))
        for i, month in enumerate(("01", "02", "03", "04", "05", "06"))
    ]
    con = draw(stays=stays("\n".join([*rows[:-1], rows[-1]])))
    found = measure_of(con, "rule_r16", of="ann bob")
    assert found["rule_r16"].to_dict() == {"ann": 6, "bob": 0}
    assert found.loc["ann", "rule_r16_fen"] == 300000, "from the sixth stay on"


def test_everybody_leaves_on_the_same_day_of_stay() -> None:
    rows = [f"a{i} p{i} ward 05-{1 + i % 20:02d} 05-{6 + i % 20:02d} dx=J44" for i in range(30)]
    rows += [f"b{i} q{i} other 05-{1 + i % 20:02d} 05-{4 + i % 20 + i % 5:02d} dx=J44" for i in range(30)]
    found = measure_of(draw(stays=stays("\n".join(rows))), "rule_r15", "inst_length_bunching", of="ward other")
    assert found["rule_r15_365"].to_dict() == {"other": 0, "ward": 1}
