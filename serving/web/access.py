"""Which right every address needs: the whole table, read by the gate before anything else sees a request.

What stands in no line is closed to everybody, BentoML's own addresses included; a test walks the routes and fails where one has no line.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ANYBODY: Final = ""
"""Signed in is enough."""
OWN: Final = "own"
"""Signed in oneself: a token, whatever its scope, makes no tokens and changes no second factor."""


@dataclass(frozen=True)
class Rule:
    """Addresses (a whole-path pattern), methods, and the right they need (serving/desk/roles.py)."""

    pattern: re.Pattern[str]
    methods: frozenset[str]
    right: str


def _rule(pattern: str, right: str, *methods: str) -> Rule:
    # a number in an address is plain digits, and no larger than a database holds
    return Rule(
        re.compile(pattern.replace(r"\d+", "[0-9]{1,9}"), re.ASCII), frozenset(methods or ("GET", "HEAD")), right
    )


#: Answered without a session. Probes tell nothing but that the process lives.
OPEN_PATHS: Final = frozenset(
    {"/livez", "/readyz", "/healthz", "/sign-in", "/sign-in/office", "/sign-in/office/back", "/invitation", "/language"}
)
OPEN_PREFIX: Final = "/static/"
STATIC: Final = frozenset(OPEN_PREFIX + p.name for p in (Path(__file__).parent / "static").iterdir())
"""By name: what counts requests by their address must not grow with every address a stranger makes up (D19 of the desk's review)."""

_ENTRY = r"[A-Za-z_]+"
_RUN = r"\d{4}-\d\d-\d\d/[0-9a-f]+"
RULES: Final = (
    _rule(r"/(index\.json)?", ANYBODY),
    _rule(r"/sign-out", OWN, "POST"),
    _rule(r"/me", OWN, "GET", "HEAD", "POST"),
    _rule(rf"/lists/({_RUN}/)?{_ENTRY}(\.json)?", "lists"),
    _rule(rf"/lists/({_RUN}/)?{_ENTRY}\.xlsx", "export"),
    _rule(rf"/lists/({_RUN}/)?{_ENTRY}/\d+(\.json)?", "lists"),
    _rule(rf"/lists/({_RUN}/)?{_ENTRY}/\d+/{_ENTRY}\.svg", "lists"),
    _rule(rf"/beds(/{_RUN}(\.json)?)?", "lists"),
    _rule(rf"/beds/{_RUN}/phone", "inspect"),
    _rule(rf"/beds/{_RUN}/sheet\.xlsx", "export"),
    _rule(rf"/beds/{_RUN}/morning(\.json)?", "assign"),
    _rule(rf"/beds/{_RUN}/(results|sheet|\d+/(photo|withdraw))", "inspect", "POST"),
    _rule(r"/rules(/R\d+)?(\.json)?", "lists"),
    _rule(r"/find", "lists", "GET", "HEAD", "POST"),
    _rule(r"/units(/[^/]+)?(\.json)?", "lists"),
    _rule(r"/units/[^/]+/brief(\.json)?", "lists"),
    _rule(r"/units/[^/]+/brief\.docx", "export"),
    _rule(r"/plan(\.json|\.ics|\.svg)?", "plan"),
    _rule(r"/plan", "assign", "POST"),
    _rule(r"/conflicts(\.json)?", "plan"),
    _rule(r"/conflicts", "plan", "POST"),
    _rule(r"/model(\.json)?", "score"),
    _rule(r"/cases(\.json)?", "lists"),
    _rule(r"/cases/\d+(\.json)?", "lists"),
    _rule(r"/cases/\d+/notice\.docx", "export"),
    _rule(r"/cases/next", "lists", "POST"),
    _rule(
        r"/cases/\d+/(step|note|claim|release|link|ground|reply|ask|grant|settled|files|legal|board|hear)",
        "lists",
        "POST",
    ),
    _rule(r"/cases/\d+/files/\d+", "lists"),
    _rule(r"/selfchecks(/[\w-]+/\d{4}-\d\d-\d\d)?(\.json)?", "lists"),
    _rule(r"/lookback(\.json)?", "lists"),
    _rule(r"/sent(/\d+)?(\.json)?", "lists"),
    _rule(r"/sent/upload", "assign", "POST"),
    _rule(r"/sent/upload/[0-9a-f]+(\.json)?", "assign"),
    _rule(r"/sent/upload/[0-9a-f]+", "assign", "POST"),
    _rule(r"/sent/\d+/return\.xlsx", "export"),
    _rule(r"/sent/\d+/rows/\d+/(answer|case)", "assign", "POST"),
    _rule(r"/field(\.json)?|/cases/\d+/field", "inspect"),
    _rule(r"/cases/\d+/ticks(/[0-9a-f]{12}/photo)?", "inspect", "POST"),
    _rule(r"/quality(\.json)?", "assign"),
    _rule(r"/feedback", "lists", "POST"),
    _rule(r"/cases/\d+/recovered", "finance", "POST"),
    _rule(r"/cases/\d+/reveal", "reveal", "POST"),
    _rule(r"/cases/\d+/diagnosis", "lists", "POST"),
    _rule(r"/people", "people", "GET", "HEAD", "POST"),
    _rule(r"/limits(\.json)?", "approve"),
    _rule(r"/limits", "approve", "POST"),
    _rule(r"/log(\.jsonl)?", "log"),
    _rule(r"/api/lists", "lists", "POST"),
    _rule(r"/api/rank", "lists", "POST"),
    _rule(r"/api/explain", "lists", "POST"),
    _rule(r"/api/check", "check", "POST"),
    _rule(r"/docs\.json|/schema\.json|/metrics", "people"),
)


@functools.lru_cache(maxsize=4096)
def right_for(path: str, method: str) -> str | None:
    """The right an address needs, '' for anybody signed in; None where it is closed to all."""
    for rule in RULES:
        if rule.pattern.fullmatch(path) and method in rule.methods:
            return rule.right
    return None


def is_open(path: str) -> bool:
    """Whether an address is answered without a session."""
    return path in OPEN_PATHS or path in STATIC
