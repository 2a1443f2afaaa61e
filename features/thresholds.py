"""The thresholds of every rule: defaults of the rule list in thresholds.toml, over them what an office set for its area
and time (features/office.py).

Declarations hold thresholds as text, so one process knows one set of them: those of the day its command is about. They
are chosen (`tune`) before the first declaration is read.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from claims.errors import UserError
from claims.store.sql import quote
from features.office import Entry, Office, read_office

FILE = Path(__file__).with_name("thresholds.toml")
#: Keys that describe a rule instead of tuning it.
TEXT = ("name", "amount", "unseen")


@dataclass
class _Tuned:
    """The office of this process: whose warehouse, which day; what it set by (rule, key)."""

    root: Path | None = None
    day: date | None = None
    over: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    read: bool = False


_TUNED = _Tuned()


def tune(root: Path | None = None, day: date | None = None) -> None:
    """Take the thresholds the office of a warehouse set for a day (today where none is said); what is not given stays.

    Raises UserError where declarations were read with others already.
    """
    root, day = root or _TUNED.root, day or _TUNED.day
    over = in_force(read_office(root), day or date.today()) if root is not None and root.is_dir() else {}
    if _TUNED.read and {k: e.value for k, e in over.items()} != {k: e.value for k, e in _TUNED.over.items()}:
        raise UserError(
            f"the thresholds of {root} on {day} are not those this process works with; run the command by itself"
        )
    _TUNED.root, _TUNED.day, _TUNED.over = root, day, over
    settings.cache_clear()


def in_force(office: Office, day: date) -> dict[tuple[str, str], Entry]:
    """{(rule, key): entry} of the thresholds an office set that hold on a day."""
    keys = dict.fromkeys((e.rule, e.key) for e in office.log if e.kind == "threshold")
    return {(r, k): e for r, k in keys if (e := office.said("threshold", r, day, k)) is not None}


def day_in_use() -> date | None:
    """The day whose thresholds this process works with; None where nobody said one."""
    return _TUNED.day


def tuned(rule: str, key: str) -> Entry | None:
    """What the office set of a threshold, None where the default holds."""
    return _TUNED.over.get((rule, key))


@cache
def settings() -> dict[str, dict[str, Any]]:
    """The whole file, tuned: `{"R02": {"name": …, "amount": …, "gap_hours": 72}, …, "sets": {…}}`.

    Raises UserError where it cannot be read.
    """
    try:
        told = tomllib.loads(FILE.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"features/thresholds.toml cannot be read: {error}; correct it or restore the file") from None
    for (rule, key), entry in _TUNED.over.items():
        if key in told.get(rule, {}):
            told[rule][key] = entry.value
    return told


def setting(rule: str, key: str) -> Any:
    """One threshold: `setting("R02", "gap_hours")` → 72. Raises UserError naming the rule and key."""
    _TUNED.read = True
    try:
        return settings()[rule][key]
    except KeyError:
        raise UserError(f"features/thresholds.toml has no {key} under [{rule}]; write it there") from None


def thresholds(rule: str) -> dict[str, Any]:
    """What tunes a rule, without its name and amount basis."""
    return {k: v for k, v in settings()[rule].items() if k not in TEXT}


def family_of_diagnoses(key: str) -> str:
    """A diagnosis family as a SQL literal holding a regular expression: `regexp_matches(dx, {dx("psych")})`."""
    return quote(setting("sets", key))
