"""Schemathesis over every address, as each role, as nobody, and by a token of each scope: `python -m tests.serving.attack.fuzz [--cases 10000] [--roles officer,…]`.

The cases come from the OpenAPI documents (BentoML's own of the APIs, and tests/serving/attack/openapi.py of the pages); they are sent through the whole service,
its gate included, inside this process, over a house with something behind every door (house.py). No answer may be a 5xx, show a traceback, lack the security
headers, tell a full personal number that was not revealed, or open what the caller has no right to. Writes docs/figures/desk_fuzz.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import NonInteractiveExampleWarning
from sqlalchemy import insert, select

from serving.desk import people, sessions
from serving.desk.roles import PRESETS, RIGHTS, ROLES, rights_of
from serving.desk.schema import CASES, OFFICERS
from serving.web.access import ANYBODY, OWN, is_open, right_for
from serving.web.middleware import desk_of
from tests.serving.attack.openapi import described, steered

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "docs/figures/desk_fuzz.json"
TOKEN = "token:"
NOBODY = "nobody"
EVERY = (*PRESETS, *(r for r in ROLES if (r,) not in PRESETS.values()), NOBODY, *(TOKEN + r for r in RIGHTS))
"""Each preset, each single role that is none, nobody, and a token of each scope."""
FULL = re.compile(r"42900119\d{7,8}")
HEAVY = (".xlsx", ".docx", ".svg", ".jsonl", "export", "print")
"""Addresses that make a file, each in a process of its own: a fortieth as many cases."""
Answer = tuple[int, dict[str, str], bytes]
Proof = tuple[bytes, bytes] | None
"""The header that says who asks."""


def prepared(given: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """(scope of no caller yet, body) of a request, encoded as `requests` sends it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = requests.Request(**given).prepare()
    parts = urlsplit(made.url or "")
    body = made.body or b""
    if isinstance(body, str):
        body = body.encode("utf-8", "replace")
    headers = [(k.lower().encode("latin-1", "replace"), str(v).encode("utf-8", "replace")) for k, v in made.headers.items()]  # fmt: skip
    kept = [(k, v) for k, v in headers if k not in (b"cookie", b"host", b"authorization", b"origin")]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": made.method, "scheme": "http",
        "path": unquote_to_bytes(parts.path).decode("utf-8", "replace"), "raw_path": parts.path.encode(), "query_string": parts.query.encode(), "root_path": "",
        "headers": [*kept, (b"host", b"127.0.0.1")], "client": ("127.0.0.1", 9), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    return scope, bytes(body)


def call(app: Any, loop: asyncio.AbstractEventLoop, request: tuple[dict[str, Any], bytes], proof: Proof) -> Answer:
    """One request of one caller through an ASGI application."""
    scope, body = request
    scope = {**scope, "headers": [*scope["headers"], *([proof] if proof else [])]}
    start: dict[str, Any] = {}
    told: list[bytes] = []
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await asyncio.sleep(3600)
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            told.append(message.get("body", b""))

    try:
        loop.run_until_complete(app(scope, receive, send))
    except Exception as error:  # the server would answer 500
        return 500, {}, repr(error)[:200].encode()
    found = {k.decode().lower(): v.decode("latin-1") for k, v in start.get("headers", [])}
    return int(start.get("status", 599)), found, b"".join(told)


def fault(path: str, answer: Answer, asked: str = "") -> str:
    """What is wrong with an answer; '' for nothing. asked: what the caller typed himself is told back to nobody else."""
    status, headers, body = answer
    if status >= 500:
        return f"{status} {body[:200].decode('utf-8', 'replace')}"
    if "content-security-policy" not in headers:
        return "no security headers"
    text = body.decode("utf-8", "replace") if "text" in headers.get("content-type", "") or "json" in headers.get("content-type", "") else ""  # fmt: skip
    if "Traceback (most recent call last)" in text:
        return "a traceback"
    if "/reveal" not in path and any(number not in asked for number in FULL.findall(text)):
        return "a full personal number"
    return ""


def beyond(method: str, path: str, status: int, rights: frozenset[str] | None, token: bool) -> str:
    """Whether an address was opened to somebody without the right to it. rights: None of nobody."""
    if status >= 400 or is_open(path) or (rights is None and status == 303):
        return ""
    right = right_for(path, method)
    if right is None or rights is None or (right not in rights | {ANYBODY, OWN}) or (token and right == OWN):
        return f"{status} without the right {right!r}"
    return ""


class Signed:
    """Who asks: a session of one role, renewed where a case ended it; a token of one scope (`token:lists`); or nobody."""

    def __init__(self, warehouse: Path, role: str) -> None:
        self.desk, self.role = desk_of(warehouse), role
        self.rights: frozenset[str] | None = None
        self.scope = role.removeprefix(TOKEN) if role.startswith(TOKEN) else ""
        if role == NOBODY:
            return
        given = next(r for r, (_, may) in ROLES.items() if self.scope in may) if self.scope else role
        made = people.add(self.desk, f"fuzz-{given}-{time.time_ns()}", (given,))
        self.who = people.accept(self.desk, made, "a long word for nobody")
        self.rights = frozenset({self.scope}) if self.scope else rights_of(self.who.roles)
        with self.desk.write() as connection:  # sent to what is under inspection, as far as the role may be
            under = connection.execute(select(CASES.c.case_id).where(CASES.c.state == "C40")).scalars().all()
            if under and "inspect" in self.who.rights:
                rows = [{"case_id": n, "person_id": self.who.person_id} for n in under]
                connection.execute(insert(OFFICERS), rows)
        self.renew()

    def renew(self) -> None:
        if self.role == NOBODY:
            return
        people.change(self.desk, self.who.name, "fuzz", active=True)
        if self.scope:
            self.secret = sessions.new_token(self.desk, self.who, (self.scope,), 7)
        else:
            self.secret = sessions.begin(self.desk, self.who)

    @property
    def proof(self) -> Proof:
        if self.role == NOBODY:
            return None
        if self.scope:
            return b"authorization", f"Bearer {self.secret}".encode()
        return b"cookie", f"{sessions.COOKIE}={self.secret}".encode()


@dataclass
class Told:
    """What one caller was answered: counts of statuses, each fault with how to repeat it, the slowest answer."""

    statuses: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")

    @property
    def cases(self) -> int:
        return sum(self.statuses.values())


def attack(
    app: Any,
    loop: asyncio.AbstractEventLoop,
    documents: list[dict[str, Any]],
    callers: list[Signed],
    cases: int,
    runs: list[str],
    start: int = 0,
) -> tuple[int, dict[str, Told]]:
    """(operations, what each caller was told) of about `cases` requests over all operations, each sent by every caller: to think of a request costs more than to
    answer most. A small schema has not so many to give; the rest is asked for under another seed by whoever counts."""
    operations = []
    for document in documents:
        schema = schemathesis.openapi.from_dict(document)
        operations += [found.ok() for found in schema.get_all_operations()]
    weights = [0.025 if any(h in o.path for h in HEAVY) else 1.0 for o in operations]
    told = {who.role: Told() for who in callers}
    for number, (operation, weight) in enumerate(zip(operations, weights, strict=True)):
        most = max(2, round(1.06 * cases * weight / sum(weights)))

        @seed(1_000 * start + number)
        @settings(
            max_examples=most,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), n=st.integers(0, 2**32))
        def one(case: Any, n: int) -> None:
            steered(case, Random(n), runs)
            try:
                asked = case.as_transport_kwargs("http://127.0.0.1")
                asked = {k: v for k, v in asked.items() if k in ("method", "url", "headers", "params", "data", "json", "files", "cookies")}  # fmt: skip
                request = prepared(asked)
            except (requests.RequestException, UnicodeError):
                return  # cannot be sent by any client
            for who in callers:
                _ask(app, loop, case.operation, request, repr(asked), who, told[who.role])

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NonInteractiveExampleWarning)
            warnings.simplefilter("ignore")
            one()
    return len(operations), told


def _ask(
    app: Any, loop: asyncio.AbstractEventLoop, operation: Any, request: Any, asked: str, who: Signed, told: Told
) -> None:
    """One case of one caller."""
    began = time.perf_counter()
    answer = call(app, loop, request, who.proof)
    told.slowest = max(told.slowest, (round(time.perf_counter() - began, 3), operation.label))
    told.statuses[str(answer[0])] += 1
    if answer[0] == 401:
        who.renew()
    method, path = str(request[0]["method"]).upper(), request[0]["path"]
    if wrong := fault(operation.path, answer, asked) or beyond(method, path, answer[0], who.rights, bool(who.scope)):
        told.faults.setdefault(f"{operation.label}: {wrong}", asked[:600])


def documents_of(app: Any, loop: asyncio.AbstractEventLoop, admin: Signed, shell: bool) -> list[dict[str, Any]]:
    """The pages' description, and BentoML's own of the APIs."""
    found = [described()]
    if shell:
        status, _, body = call(app, loop, prepared({"method": "GET", "url": "http://127.0.0.1/docs.json"}), admin.proof)
        if status != 200:
            raise SystemExit(f"/docs.json: {status}")
        document = json.loads(body)
        document["paths"] = {p: o for p, o in document["paths"].items() if p.startswith("/api/")}
        found.append(document)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.serving.attack.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--roles", default=",".join(EVERY))
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    from argon2 import PasswordHasher

    from tests.serving.attack.house import furnished

    people.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # type: ignore[misc]
    result = json.loads(args.out.read_text()) if args.out.exists() else {}
    with tempfile.TemporaryDirectory(prefix="xiezhi-fuzz-") as folder:
        warehouse = Path(folder)
        runs = furnished(warehouse)
        os.environ["XIEZHI_WAREHOUSE"] = folder
        admin = Signed(warehouse, "admin")
        from serving.service import application

        app, loop = application(), asyncio.new_event_loop()
        stop = _started(app, loop)
        documents = documents_of(app, loop, admin, True)
        callers = [Signed(warehouse, role) for role in args.roles.split(",")]
        whole = {who.role: Told() for who in callers}
        began, start, least = time.time(), 0, 0
        while least < args.cases and start < 40:
            operations, found = attack(app, loop, documents, callers, max(args.cases - least, 200), runs, start)
            for role, now in found.items():
                whole[role].statuses.update(now.statuses)
                whole[role].faults |= now.faults
                whole[role].slowest = max(whole[role].slowest, now.slowest)
            least, start = min(one.cases for one in whole.values()), start + 1
        for role, one in whole.items():
            result[role] = {
                "cases": one.cases, "operations": operations, "statuses": dict(sorted(one.statuses.items())),
                "faults": one.faults, "slowest": one.slowest, "steered": True,
            }  # fmt: skip
            print(role, json.dumps(result[role], ensure_ascii=False), flush=True)
        print(f"{time.time() - began:.0f} s for {len(callers)} callers")
        args.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")
        stop()


def _started(app: Any, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """The application's start; returns its end."""
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    ready: asyncio.Queue[str] = asyncio.Queue()

    async def send(message: Any) -> None:
        await ready.put(message["type"])

    inbox.put_nowait({"type": "lifespan.startup"})
    task = loop.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, inbox.get, send))
    said = loop.run_until_complete(ready.get())
    if said != "lifespan.startup.complete":
        raise SystemExit(said)

    def stop() -> None:
        inbox.put_nowait({"type": "lifespan.shutdown"})
        loop.run_until_complete(task)

    return stop


if __name__ == "__main__":
    main()
