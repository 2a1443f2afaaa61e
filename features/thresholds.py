"""The thresholds of every rule, read once from thresholds.toml: defaults of the rule list, which a bureau may edit."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from claims.errors import UserError
from claims.store.sql import quote

FILE = Path(__file__).with_name("thresholds.toml")
#: Keys that describe a rule instead of tuning it.
TEXT = ("name", "library", "amount", "unseen")


@cache
def settings() -> dict[str, dict[str, Any]]:
    """The whole file: `{"R02": {"name": …, "library": …, "amount": …, "gap_hours": 72}, …, "sets": {…}}`.

    Raises UserError where it cannot be read.
    """
    try:
        return tomllib.loads(FILE.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"features/thresholds.toml cannot be read: {error}; correct it or restore the file") from None


def setting(rule: str, key: str) -> Any:
    """One threshold: `setting("R02", "gap_hours")` → 72. Raises UserError naming the rule and key."""
    try:
        return settings()[rule][key]
    except KeyError:
        raise UserError(f"features/thresholds.toml has no {key} under [{rule}]; write it there") from None


def thresholds(rule: str) -> dict[str, Any]:
    """What tunes a rule, without its name, library entry and amount basis."""
    return {k: v for k, v in settings()[rule].items() if k not in TEXT}


def family_of_diagnoses(key: str) -> str:
    """A diagnosis family as a SQL literal holding a regular expression: `regexp_matches(dx, {dx("psych")})`."""
    return quote(setting("sets", key))
