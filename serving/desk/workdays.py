"""Working days of China: weekends, public holidays and the Saturdays worked instead, from the `holidays` library's calendar.

A year the State Council has not announced yet is counted by weekends and fixed feasts alone; an office can add days by a table
(`holidays` of the input contract is for features; the desk's clock is people's).
"""

from __future__ import annotations

import functools
from datetime import date, datetime, time, timedelta

import holidays

CHINA = timedelta(hours=8)
"""From UTC; no summer time since 1991."""


@functools.cache
def _china(year: int) -> holidays.HolidayBase:
    return holidays.country_holidays("CN", years=year)


@functools.lru_cache(4096)
def is_workday(day: date) -> bool:
    """Whether offices work on that day, adjusted Saturdays and Sundays included."""
    return bool(_china(day.year).is_working_day(day))


def today(moment: datetime) -> date:
    """The day it is in China at a moment (UTC)."""
    return (moment + CHINA).date()


def end_of(day: date) -> datetime:
    """The last second of a day in China, as UTC."""
    return datetime.combine(day, time(23, 59, 59)) - CHINA


def after(moment: datetime, days: int) -> datetime:
    """The end of the n-th working day after a moment, both UTC; days are China's."""
    day = today(moment)
    for _ in range(days):
        day += timedelta(days=1)
        while not is_workday(day):
            day += timedelta(days=1)
    return end_of(day)


def left(moment: datetime, due: datetime) -> int:
    """Working days from a moment to a deadline: 0 = today is the last one, below 0 = so many days late."""
    here, there = today(moment), today(due)
    early, late = min(here, there), max(here, there)
    days = sum(is_workday(early + timedelta(days=n)) for n in range(1, (late - early).days + 1))
    return days if there >= here else -max(days, 1)
