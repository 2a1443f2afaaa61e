"""Days are China's days, whatever the clock of the machine says; a deadline is the end of a working day."""

from datetime import datetime

import pytest

from serving.desk.workdays import after, left, today


@pytest.mark.parametrize(
    ("moment", "days", "due"),
    [
        ("2026-11-26 10:00", 3, "2026-12-01 15:59:59"),  # Thursday → Friday, Monday, Tuesday
        ("2026-11-26 20:00", 1, "2026-11-30 15:59:59"),  # Friday 4 o'clock in China → Monday
        ("2025-09-30 01:00", 1, "2025-10-09 15:59:59"),  # eight days of holiday
        ("2025-09-26 01:00", 1, "2025-09-28 15:59:59"),  # a Sunday that is worked
    ],
)
def test_a_deadline_is_the_end_of_a_working_day_in_china(moment: str, days: int, due: str) -> None:
    assert str(after(datetime.fromisoformat(moment), days)) == due


def test_days_left_are_working_days_and_below_none_late() -> None:
    start = datetime(2026, 11, 26, 10)
    assert [left(start, after(start, n)) for n in (0, 1, 5)] == [0, 1, 5]
    assert left(datetime(2026, 11, 30, 1), after(start, 0)) == -2
    assert left(datetime(2026, 11, 29, 1), datetime(2026, 11, 28, 15)) == -1, "late is late, on a Sunday too"
    assert str(today(datetime(2026, 11, 26, 16))) == "2026-11-27"
