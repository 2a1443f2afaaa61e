"""One gate over everything the process answers: pages, APIs and what BentoML adds by itself (/, /metrics, /docs.json, static).

Who asks is read off the session cookie or an API token, and must have the right that serving/web/access.py names for the address; one that stands there in no
line is closed. The gate also checks the Host (DNS rebinding), the Origin of writes (CSRF), the size of bodies, and sets the security headers.
"""

import contextlib
import functools
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from html import escape
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from urllib.parse import quote, urlsplit

from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.requests import cookie_parser
from starlette.responses import Response

from claims.settings import settings
from serving.desk import sessions
from serving.desk.database import Desk, open_desk
from serving.desk.people import Person
from serving.desk.roles import RIGHTS
from serving.web.access import OPEN_PREFIX, OWN, is_open, right_for
from serving.web.english import COOKIE, english, translated

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PROBES = frozenset({"/livez", "/readyz", "/healthz"})
MAX_BODY = 1_000_000
MAX_UPLOAD = 20_000_000
"""Of a workbook that comes back or is sent down, and of a paper of a case; everything else is small."""
MAX_CLAIM = 4_000_000
"""Of a claim at the counter: its two thousand lines (serving/counter.py), each with every official column."""
PAPERS = re.compile(
    r"/cases/\d+/files|/cases/\d+/ticks/[0-9a-f]+/photo|/beds/[^/]+/[^/]+/(\d+/photo|sheet)|/sent/upload"
)
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # without any, a browser sends "Origin: null" with our own forms
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


BUSY = "数据库暂时不能读写，这一步没有保存，请稍后再试；仍不行请告知系统管理员"
Refusal = tuple[int, str, list[tuple[bytes, bytes]]]


@runtime_checkable
class AtOnce(Protocol):
    """An application that answers a request in the thread in which the gate looked up who asks: a trip to a thread costs more than the lookup."""

    def at_once(self, scope: Scope) -> Response | None:
        """The answer; None where it must be asked as any application is, which an error raised here comes to in scope[FAILED]."""


FAILED = "xiezhi.failed"


class TooLarge(Exception):
    """A body above what its address takes."""


def hosts() -> frozenset[str]:
    """Host names this service answers to: loopback, and those of XIEZHI_HOSTS (comma separated)."""
    return frozenset({"127.0.0.1", "localhost", "[::1]", *settings().hosts})


def named_warehouse(given: Path | None = None) -> Path | None:
    """The warehouse of this process: as given, else by XIEZHI_WAREHOUSE; None where neither names one (a bento being built)."""
    return given or settings().warehouse


_WHO: ContextVar[tuple[Person, frozenset[str]]] = ContextVar("who")


def asking() -> tuple[Person, frozenset[str]]:
    """Who asks and what he may do, for an API that is handed no request. Raises LookupError outside of one."""
    return _WHO.get()


@functools.cache
def desk_of(warehouse: Path) -> Desk:
    """The desk of a warehouse, opened once a process."""
    return open_desk(warehouse)


def _header(scope: Scope, name: bytes) -> str:
    for k, v in scope["headers"]:  # in small letters, as ASGI has them
        if k == name:
            return str(v.decode("latin-1"))
    return ""


def _hostname(host: str) -> str:
    host = host.lower()
    return host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.split(":", 1)[0]


def session_of(scope: Scope) -> str:
    """The session cookie of a request, or an empty string."""
    name = sessions.HOST_COOKIE if is_https(scope) else sessions.COOKIE
    return cookie_parser(_header(scope, b"cookie")).get(name, "")


def is_https(scope: Scope) -> bool:
    """Whether the browser speaks https, to this process or to what stands before it."""
    return (_header(scope, b"x-forwarded-proto") or str(scope.get("scheme", ""))) == "https"


def token_of(scope: Scope) -> str:
    """The API token of a request (Authorization: Bearer …), or an empty string."""
    kind, _, token = _header(scope, b"authorization").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def largest(scope: Scope) -> int:
    """Bytes a body may have."""
    if scope["path"] == "/api/check":
        return MAX_CLAIM
    return MAX_UPLOAD if scope["path"] == "/feedback" or PAPERS.fullmatch(scope["path"]) else MAX_BODY


class Gate:
    """ASGI middleware. Without a warehouse nobody can have a session, so everything but the probes stays shut."""

    def __init__(self, app: App, warehouse: Path | None = None) -> None:
        self.app = app
        self.at_once = app.at_once if isinstance(app, AtOnce) else None
        self.warehouse = warehouse
        self.hosts = hosts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no websocket is offered
            await send({"type": "websocket.close", "code": 1008})
            return
        answer: Refusal | Response | None = self._stopped(scope)
        if answer is None and scope["path"] not in PROBES and not is_open(scope["path"]):
            answer = await run_in_threadpool(self._admitted, scope)
            if not isinstance(answer, tuple):
                _WHO.set((scope["state"]["person"], scope["state"]["rights"]))
        if isinstance(answer, tuple):
            spoken = "en" if f"{COOKIE}=en" in _header(scope, b"cookie") else "zh"
            await _answer(send, *answer, html="text/html" in _header(scope, b"accept"), spoken=spoken)
            return
        started, size, most = False, 0, largest(scope)

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if size > most and not started:
                return  # whatever the application makes of the cut, the caller is told 413 below
            if message["type"] == "http.response.start":
                started = True
                headers = [(k, v) for k, v in message.get("headers", []) if k.lower() not in _SET_HERE]
                static = scope["path"].startswith(OPEN_PREFIX)
                cache = b"public, max-age=3600" if static else b"no-store"
                message = {**message, "headers": [*headers, *HEADERS, (b"cache-control", cache)]}
            await send(message)

        async def receive_limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                raise TooLarge
            return message

        with contextlib.suppress(TooLarge):
            await (answer or self.app)(scope, receive_limited, send_with_headers)
        if size > most and not started:
            await _answer(send, 413, "请求内容过大", [])

    def _stopped(self, scope: Scope) -> Refusal | None:
        """Why a request is turned away whoever asks: status, text, headers."""
        if scope["path"] in PROBES:
            return None
        if _hostname(_header(scope, b"host")) not in self.hosts:
            return 421, "此服务不认识该主机名；如需开放，请设置 XIEZHI_HOSTS", []
        if (said := _header(scope, b"content-length")).isdecimal() and int(said[:20]) > largest(scope):
            return 413, "请求内容过大", []
        if scope["method"] not in {"GET", "HEAD", "OPTIONS"} and _foreign(scope):
            return 403, "请求来自其他网站，已拒绝", []
        return None

    def _admitted(self, scope: Scope) -> Refusal | Response | None:
        """Why who asks is turned away, or what he is answered; None where the application is to answer. Who it is stands in scope["state"]. Waits for the
        database."""
        refusal = self._turned_away(scope)
        if refusal is not None or self.at_once is None:
            return refusal
        try:
            return self.at_once(scope)
        except Exception as error:
            scope[FAILED] = error
            return None

    def _turned_away(self, scope: Scope) -> Refusal | None:
        path, method = scope["path"], scope["method"]
        warehouse = named_warehouse(self.warehouse)
        secret = token_of(scope) or session_of(scope)
        found: tuple[Person, frozenset[str]] | None = None
        if warehouse is not None and secret:
            try:
                with contextlib.suppress(FileNotFoundError):  # there is no such warehouse
                    found = sessions.whose(desk_of(warehouse), secret)
            except DBAPIError:
                return 503, BUSY, [(b"retry-after", b"5")]
        if found is None:
            if method in {"GET", "HEAD"} and "text/html" in _header(scope, b"accept"):
                return 303, "请先登录", [(b"location", b"/sign-in?next=" + quote(path, safe="/").encode())]
            return 401, "请先登录", []
        right = right_for(path, method)
        if right is None:
            return 404, "没有这个地址", []
        person, rights = found
        if right == OWN:
            if token_of(scope):
                return 403, "令牌不能用于账号本身", []
        elif right and right not in rights:
            return 403, f"您的岗位没有“{RIGHTS[right]}”的权限", []
        scope["state"] = {**(scope.get("state") or {}), "person": person, "rights": rights, "secret": secret}
        return None


def _foreign(scope: Scope) -> bool:
    """Whether a write comes from another site: its Origin, or what the browser says of it, is not this one."""
    origin = _header(scope, b"origin")
    if origin:
        return urlsplit(origin).netloc.lower() != _header(scope, b"host").lower()
    return _header(scope, b"sec-fetch-site") not in ("", "same-origin", "none")


_SET_HERE = frozenset({*(name for name, _ in HEADERS), b"cache-control", b"server"})


PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>无法显示 · 獬豸</title>
<link rel="stylesheet" href="/static/xiezhi.css"><main><section class="card narrow"><h1>无法显示</h1><p role="alert">{text}</p><p><a href="/">返回本周清单</a></p></section></main></html>
"""


async def _answer(
    send: Send, status: int, text: str, headers: list[tuple[bytes, bytes]], *, html: bool = False, spoken: str = "zh"
) -> None:
    page = translated(PAGE).replace("zh-CN", "en") if spoken == "en" else PAGE
    said = english(text) if spoken == "en" else text
    body = (page.format(text=escape(said)) if html else json.dumps({"error": text}, ensure_ascii=False)).encode()
    kind = b"text/html" if html else b"application/json"
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", kind + b"; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                *HEADERS,
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
