"""The bare page that the desk's throughput is held against: uvicorn + Starlette, one page of a given size, no templates, no rights.

It looks the session up with its account, refuses one that has ended or lain idle, writes its use down once a minute, and, where the desk logs a reading,
writes a row of a hash chain, forced to disk as the desk's is; all in plain SQL by the driver, as somebody would write it in an afternoon; its `own` pages do both by the desk's own functions. Started by benchmarks/desk_load.py with BARE_DATABASE, BARE_SIZES and BARE_WAREHOUSE in its environment.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from serving.desk import log, sessions
from serving.desk.database import Desk, open_desk

SIZES: dict[str, int] = json.loads(os.environ.get("BARE_SIZES", '{"list": 20000, "suspect": 60000}'))
_LOCAL = threading.local()


def database() -> sqlite3.Connection:
    """A connection of this thread."""
    if not hasattr(_LOCAL, "connection"):
        connection = sqlite3.connect(os.environ["BARE_DATABASE"], timeout=10, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        _LOCAL.connection = connection
    found: sqlite3.Connection = _LOCAL.connection
    return found


def prepare(path: Path, secrets: list[str]) -> None:
    """The bare page's tables, with a session a secret."""
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "PRAGMA journal_mode=WAL; CREATE TABLE people (person TEXT PRIMARY KEY, active INTEGER);"
            "CREATE TABLE sessions (secret TEXT PRIMARY KEY, person TEXT, used_at TEXT, ends_at TEXT);"
            "CREATE TABLE log (seq INTEGER PRIMARY KEY, at TEXT, who TEXT, about TEXT, hash TEXT);"
        )
        now = datetime.now(UTC)
        until = (now + sessions.LONGEST).isoformat()
        rows = [
            (hashlib.sha256(s.encode()).hexdigest(), f"p{i}", now.isoformat(), until) for i, s in enumerate(secrets)
        ]
        connection.executemany("INSERT INTO sessions VALUES (?, ?, ?, ?)", rows)
        connection.executemany("INSERT INTO people VALUES (?, 1)", [(row[1],) for row in rows])


def person_of(request: Request) -> str | None:
    """Whose open session the cookie is."""
    key = hashlib.sha256(request.cookies.get("xiezhi_session", "").encode()).hexdigest()
    asked = "SELECT s.person, used_at, ends_at FROM sessions s JOIN people p ON p.person = s.person WHERE secret = ? AND p.active"
    row = database().execute(asked, (key,)).fetchone()
    if row is None:
        return None
    now = datetime.now(UTC)
    idle = now - datetime.fromisoformat(row[1])
    if now.isoformat() > row[2] or idle > sessions.IDLE:
        return None
    if idle > sessions.NOTED:
        database().execute("UPDATE sessions SET used_at = ? WHERE secret = ?", (now.isoformat(), key))
    return str(row[0])


def listed(request: Request) -> Response:
    """A page that nobody's reading is logged of."""
    if person_of(request) is None:
        return Response(status_code=401)
    return HTMLResponse(BODIES["list"])


def suspect(request: Request) -> Response:
    """A page whose reading is logged before it is shown."""
    who = person_of(request)
    if who is None:
        return Response(status_code=401)
    connection = database()
    connection.execute("BEGIN IMMEDIATE")
    last = connection.execute("SELECT seq, hash FROM log ORDER BY seq DESC LIMIT 1").fetchone() or (0, "")
    row = (last[0] + 1, datetime.now(UTC).isoformat(), who, request.url.path)
    head = hashlib.sha256(json.dumps([*row, last[1]]).encode()).hexdigest()
    connection.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?)", (*row, head))
    connection.execute("COMMIT")
    return HTMLResponse(BODIES["suspect"])


def desk() -> Desk:
    """The desk whose own session check and log the `own` pages use."""
    return open_desk(Path(os.environ["BARE_WAREHOUSE"]))


def own_list(request: Request) -> Response:
    """As `listed`, the session looked up by the desk's own function."""
    found = sessions.whose(_desk(), request.cookies.get("xiezhi_session", ""))
    return Response(status_code=401) if found is None else HTMLResponse(BODIES["list"])


def own_suspect(request: Request) -> Response:
    """As `suspect`, session and log by the desk's own functions."""
    found = sessions.whose(_desk(), request.cookies.get("xiezhi_session", ""))
    if found is None:
        return Response(status_code=401)
    log.note(_desk(), "read", found[0].name, request.url.path)
    return HTMLResponse(BODIES["suspect"])


_desk = functools.cache(desk)
BODIES = {name: b"<!doctype html><title>bare</title>" + b"x" * max(0, size - 34) for name, size in SIZES.items()}
application = Starlette(
    routes=[
        Route("/list", listed),
        Route("/suspect", suspect),
        Route("/own_list", own_list),
        Route("/own_suspect", own_suspect),
    ]
)
