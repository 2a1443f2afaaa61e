"""The wall clock where the claims are: pages, papers and workbooks say one time, whatever zone the machine runs in."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


def wall_clock() -> datetime:
    """This moment as China reads it, without zone, to the second."""
    return datetime.now(SHANGHAI).replace(tzinfo=None, microsecond=0)


def as_read(utc: datetime) -> datetime:
    """A moment of UTC, with or without zone, as China reads it, without zone."""
    return utc.replace(tzinfo=None) + timedelta(hours=8)
