"""Which counties are judged, at which dates and capacities: fixed before any was looked at."""

from datetime import date, timedelta

from features.grains import Grain

SEVERITY = {31: 1.0, 32: 0.6, 33: 0.75, 34: 0.9, 35: 1.05, 36: 1.2, 37: 1.4, 38: 1.6}
"""Fixed before any was looked at. Any other seed is a development county of severity 1."""
PERSONS, MONTHS = 60_000, 18
LAST = date(2026, 9, 25)
SNAPSHOTS = [LAST - timedelta(days=90 * i) for i in range(6)]
DATES = SNAPSHOTS[:4]
GRAINS: tuple[Grain, ...] = ("admission", "person", "institution", "doctor")
CAPACITY = {"admission": (100, 30), "person": (100, 25), "institution": (17, 8), "doctor": (50, 10)}
"""First the capacity the targets are read at: 100 where the population allows it, else the office's own."""
OTHERS = 4000
"""Innocents drawn per snapshot to teach the ceiling."""
BED_SHARE = 0.1
