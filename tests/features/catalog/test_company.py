"""Three cards in company (R25), with near misses."""

import pytest

from tests.features.catalog.drawn import draw, measure_of


@pytest.mark.parametrize(("cards", "days", "expected"), [("abc", 3, 3), ("abc", 2, 0), ("ab", 3, 0)])
def test_three_cards_on_three_days(cards: str, days: int, expected: int) -> None:
    rows = ["setl_id psn_no fixmedins_code happened_at acct_pay_fen"]
    rows += [f"{c}{d} {c} till 06-{d + 10}T10:0{i} 5000" for d in range(days) for i, c in enumerate(cards)]
    rows += [f"x{d} x till 06-{d + 10}T18:00 5000" for d in range(days)]
    assert measure_of(draw(settlements="\n".join(rows)), "rule_r25", of="till").loc["till", "rule_r25_180"] == expected
