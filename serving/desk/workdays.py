"""Working days of China: weekends, public holidays and the Saturdays worked instead, from the `holidays` library's calendar.

A year the State Council has not announced yet is counted by weekends and fixed feasts alone; an office can add days by a table
(`holidays` of the input contract is for features; the desk's clock is people's).
"""

from __future__ import annotations

import functools
from datetime import date, datetime, time, timedelta

import holidays


@functools.cache
def _china(year: int) -> holidays.HolidayBase:
    return holidays.country_holidays("CN", years=year)


def is_workday(day: date) -> bool:
    """Whether offices work on that day, adjusted Saturdays and Sundays included."""
    return bool(_china(day.year).is_working_day(day))


def after(moment: datetime, days: int) -> datetime:
    """The end (23:59:59) of the n-th working day after a moment."""
    day = moment.date()
    for _ in range(days):
        day += timedelta(days=1)
        while not is_workday(day):
            day += timedelta(days=1)
    return datetime.combine(day, time(23, 59, 59))
