"""An OpenAPI description of every address of the pages, made from their routes: what schemathesis makes its cases of.

Forms and queries are of the fields that the handlers read; each is now one of the words it knows, now any text at all.
"""

import re
from pathlib import Path
from typing import Any

from claims.schema.outcomes import OUTCOMES
from serving.desk.roles import PRESETS, ROLES
from serving.desk.states import CLASSES, DISPOSITIONS, STATES, STEPS
from serving.web.pages import pages

WEB = Path(__file__).resolve().parents[3] / "serving/web"
WORDS: dict[str, list[str]] = {
    "step": list(STEPS),
    "outcome": list(OUTCOMES),
    "violation_class": list(CLASSES),
    "disposition": list(DISPOSITIONS),
    "state": list(STATES),
    "act": ["add", "invite", "close", "open"],
    "role": [*ROLES, *PRESETS],
    "version": [str(n) for n in range(5)],
    "officer": [str(n) for n in range(12)],
    "into": [str(n) for n in range(5)],
    "declared": ["1"],
    "then": ["next"],
    "until": ["2026-12-31", "9999-12-31", "0000-00-00"],
    "confirmed": ["0", "1,234.50", "1e9", "999999999999.99"],
    "amount": ["0.01", "1,234.50", "-1"],
    "innocent": ["N02", "N99"],
    "next": ["/", "//evil.example", "/lists/person"],
}
PATHS: dict[str, list[Any]] = {
    "grain": ["admission", "person", "institution", "doctor", "ring", "bedcheck"],
    "lead": [1, 2, 13, 0, 99],
    "case": list(range(1, 66)),
    "picture": ["timeline", "peers", "ring"],
    "rule": ["R01", "R38", "R99"],
}


def fields() -> tuple[list[str], list[str]]:
    """(of forms, of queries): the names that handlers read."""
    text = "\n".join(p.read_text() for p in sorted(WEB.glob("*.py")))
    forms = re.findall(r'first\(form, "(\w+)"', text) + re.findall(r'form\.get\("(\w+)"', text)
    picked = re.search(r'for k in \(((?:"\w+",? ?)+)\)', (WEB / "list_filters.py").read_text())
    queries = [
        *re.findall(r'(?:query_params|given)\.get\(\s*"(\w+)"', text),
        *re.findall(r"\w+", picked[1] if picked else ""),
    ]
    return sorted({*forms} - {"password", "file"}), sorted({*queries})


def _value(name: str) -> dict[str, Any]:
    known = WORDS.get(name)
    return {"anyOf": [{"enum": known}, {"type": "string"}]} if known else {"type": "string"}


def _in_path(name: str, kind: str, runs: list[str]) -> dict[str, Any]:
    known: list[Any] = PATHS.get(name, [])
    if name in ("day", "run"):
        known = [r.split("/")[name == "run"] for r in runs]
    if kind == "int":
        return {"anyOf": [{"enum": known}, {"type": "integer", "minimum": 0}]}
    free = {"type": "string", "minLength": 1}
    return {"anyOf": [{"enum": known}, free]} if known else free


def described(runs: list[str]) -> dict[str, Any]:
    """The document. runs: names of published runs ("2025-09-28/ab…")."""
    forms, queries = fields()
    paths: dict[str, dict[str, Any]] = {}
    for route in pages().routes:
        path, methods = getattr(route, "path", ""), getattr(route, "methods", None)
        if (
            not methods or path == "/sign-out"
        ):  # it would end the session of the cases after it; tests/serving/test_web.py has it
            continue
        named = re.findall(r"\{(\w+)(?::(\w+))?\}", path)
        given = [{"name": n, "in": "path", "required": True, "schema": _in_path(n, k, runs)} for n, k in named]
        asked = [{"name": q, "in": "query", "schema": _value(q)} for q in queries]
        for method in sorted(methods - {"HEAD"}):
            operation: dict[str, Any] = {"parameters": given + asked, "responses": {"200": {"description": "a page"}}}
            if method == "POST":
                form = {
                    "type": "object",
                    "properties": {f: _value(f) for f in forms},
                    "required": [f for f in ("step", "version", "act") if f in forms],
                }
                content = {k: {"schema": form} for k in ("application/x-www-form-urlencoded", "multipart/form-data")}
                operation["requestBody"] = {"required": True, "content": content}
            paths.setdefault(re.sub(r":\w+\}", "}", path), {})[method.lower()] = operation
    return {"openapi": "3.1.0", "info": {"title": "pages", "version": "1"}, "paths": paths}
