"""An OpenAPI description of every address of the pages, made from their routes: what schemathesis makes its cases of.

Forms and queries are of the fields that the handlers read; each is now one of the words it knows (`steered`), now any text at all.
"""

import re
from pathlib import Path
from random import Random
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
    "note": ["见证据明细"],
    "reason": ["现场核查核对身份"],
    "said": ["床位在用"],
    "answer": ["已核"],
    "why": ["约好"],
    "situation": ["合规"],
    "minutes": ["会议纪要"],
    "ground": ["1"],
    "waived": ["1"],
    "q": ["H42000001", "429001198000003"],
    "tier": ["focus"],
    "key": ["0123456789ab"],
    "act": ["add", "invite", "close", "open"],
    "role": [*ROLES, *PRESETS],
    "version": [str(n) for n in range(5)],
    "officer": [["5", "6"], "5", *(str(n) for n in range(12))],
    "into": [str(n) for n in range(5)],
    "declared": ["1"],
    "then": ["next"],
    "until": ["2026-12-31", "9999-12-31", "0000-00-00"],
    "confirmed": ["0", "1,234.50", "1e9", "999999999999.99"],
    "amount": ["0.01", "1,234.50", "-1"],
    "innocent": ["N02", "N99"],
    "next": ["/", "//evil.example", "/lists/person"],
    "result": ["在床", "不在", "请假有据", "as_billed", "not_as_billed", "unable"],
    "verdict": ["yes", "partly", "no", "unsure"],
    "kind": ["extend", "reopen"],
    "days": ["5", "400", "-1"],
    "site": ["H0", "H11"],
    "lead": [str(n) for n in range(14)],
    "at": ["2025-09-28T20:40", "3025-09-28T20:40", "2025-09-28T20:40+08:00"],
    "client": ["c" * 32],
    "accepted": ["yes", "no"],
    "granted": ["yes", "no"],
    "held_on": ["2025-09-27", "3025-01-01"],
    "value": ["5", "0", "999999999"],
    "scope": ["lists", "people"],
}
BODIES: dict[str, list[Any]] = {
    "grain": ["admission", "person", "ring", "bedcheck"],
    "top": [0, 1, 50, 10**9],
    "lead": [1, 2, 99],
}
"""Of the APIs."""
PATHS: dict[str, list[Any]] = {
    "grain": ["admission", "person", "institution", "doctor", "ring", "bedcheck"],
    "lead": [1, 2, 13, 0, 99],
    "case": list(range(1, 76)),
    "file": [1, 2, 3],
    "sent": [1, 2],
    "row": [1, 2, 3, 4, 9],
    "code": ["H42000001", "H42000009"],
    "key": ["0123456789ab", "0123456789abcdef0123456789abcdef"],
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


TEXT = {"type": "string"}


def _in_path(kind: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0} if kind == "int" else {"type": "string", "minLength": 1}


def steered(case: Any, rng: Random, runs: list[str]) -> None:
    """Most parts of a case become words that are known: of an address with three parts at random nothing comes but 404, and of a form without its step nothing
    but a refusal. (As `anyOf` in the document they would be lost: a word is a string, so the whole is read as any string.)"""
    path, query, body = case.path_parameters or {}, case.query or {}, case.body
    for name in path:
        if name in PATHS and rng.random() < 0.85:
            path[name] = rng.choice(PATHS[name])
    if "run" in path and rng.random() < 0.85:
        path["day"], path["run"] = rng.choice(runs).split("/")
    for name in query:
        if name in WORDS and rng.random() < 0.5:
            query[name] = rng.choice(WORDS[name])
    if not isinstance(body, dict) or not isinstance(case.path_parameters, dict | None):
        return
    form = case.operation.path.startswith("/api/")
    for name, words in (BODIES if form else WORDS).items():
        if rng.random() < (0.8 if name in body or form else 0.35):
            body[name] = rng.choice(words)


def described() -> dict[str, Any]:
    """The document."""
    forms, queries = fields()
    paths: dict[str, dict[str, Any]] = {}
    for route in pages().routes:
        path, methods = getattr(route, "path", ""), getattr(route, "methods", None)
        if (
            not methods or path == "/sign-out"
        ):  # it would end the session of the cases after it; tests/serving/test_web.py has it
            continue
        named = re.findall(r"\{(\w+)(?::(\w+))?\}", path)
        given = [{"name": n, "in": "path", "required": True, "schema": _in_path(k)} for n, k in named]
        asked = [{"name": q, "in": "query", "schema": TEXT} for q in queries]
        for method in sorted(methods - {"HEAD"}):
            operation: dict[str, Any] = {"parameters": given + asked, "responses": {"200": {"description": "a page"}}}
            if method == "POST":
                form: dict[str, Any] = {
                    "type": "object",
                    "properties": dict.fromkeys(forms, TEXT),
                    "required": [f for f in ("step", "version", "act") if f in forms],
                }
                sent = {**form["properties"], "file": {"type": "string", "format": "binary"}}
                content = {
                    "application/x-www-form-urlencoded": {"schema": form},
                    "multipart/form-data": {"schema": {**form, "properties": sent}},
                    "application/json": {"schema": form},
                }
                operation["requestBody"] = {"required": True, "content": content}
            paths.setdefault(re.sub(r":\w+\}", "}", path), {})[method.lower()] = operation
    return {"openapi": "3.1.0", "info": {"title": "pages", "version": "1"}, "paths": paths}
