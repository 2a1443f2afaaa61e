"""Marks of innocence that the fills of a card tell (N08, N28, N29)."""

from tests.features.catalog.drawn import draw, measure_of

MARKS = ("card_like_n08", "card_like_n28", "card_like_n29")


def fills(card: str, days: int, every: int, drugs: str = "x") -> list[str]:
    """Fills of each drug for `days` days, one `every` so many days, from 1 January on."""
    from datetime import date, timedelta

    return [
        f"{card}{drug}{k} {card} east {date(2025, 1, 1) + timedelta(every * k):%m-%d}T10:00 {drug} {days}"
        for drug in drugs for k in range(150 // every + 1)
    ]  # fmt: skip


def test_only_the_registered_who_do_not_fetch_early_are_excused() -> None:
    rows = ["feedetl_sn psn_no fixmedins_code happened_at med_list_codg prd_days"]
    rows += fills("long", 84, 80) + fills("month", 28, 28) + fills("early", 28, 7) + fills("nobody", 84, 80)
    con = draw(lines="\n".join(rows), chronic_registry="psn_no\nlong\nmonth\nearly", persons="psn_no age\nlong 50")
    found = measure_of(con, *MARKS, of="early long month nobody")
    assert found["card_like_n08_365"].tolist() == [0, 1, 0, 0]
    assert found["card_like_n28_365"].tolist() == [0, 1, 1, 0]


def test_many_diseases_are_three_drugs_for_months_in_old_age() -> None:
    rows = ["feedetl_sn psn_no fixmedins_code happened_at med_list_codg prd_days"]
    rows += (
        fills("old", 28, 28, "xyz")
        + fills("young", 28, 28, "xyz")
        + fills("two", 28, 28, "xy")
        + fills("hasty", 28, 7, "xyz")
    )
    con = draw(lines="\n".join(rows), persons="psn_no age\nold 70\nyoung 40\ntwo 70\nhasty 70")
    assert measure_of(con, "card_like_n29", of="hasty old two young")["card_like_n29_365"].tolist() == [0, 1, 0, 0]
