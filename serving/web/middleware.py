"""One gate over everything the process answers: pages, APIs and what BentoML adds by itself (/, /metrics, /docs.json, static).

Whatever is not on the allow-list needs a session; a new route is therefore closed until somebody decides otherwise.
It also checks the Host (DNS rebinding), the Origin of writes (CSRF), the size of bodies, and sets the security headers.
"""

import contextlib
import json
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from claims.settings import settings
from serving.web import sessions

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Answered without a session. Probes tell nothing but that the process lives.
OPEN_PATHS = frozenset({"/livez", "/readyz", "/healthz", "/sign-in"})
OPEN_PREFIX = "/static/"
MAX_BODY = 1_000_000
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class TooLarge(Exception):
    """A body above MAX_BODY."""


def hosts() -> frozenset[str]:
    """Host names this service answers to: loopback, and those of XIEZHI_HOSTS (comma separated)."""
    return frozenset({"127.0.0.1", "localhost", "[::1]", *settings().hosts})


def named_warehouse(given: Path | None = None) -> Path | None:
    """The warehouse of this process: as given, else by XIEZHI_WAREHOUSE; None where neither names one (a bento being built)."""
    return given or settings().warehouse


def _header(scope: Scope, name: bytes) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k.lower() == name), "")


def _hostname(host: str) -> str:
    host = host.lower()
    return host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.split(":", 1)[0]


def session_of(scope: Scope) -> str:
    """The session cookie of a request, or an empty string."""
    try:
        cookie = SimpleCookie(_header(scope, b"cookie"))
    except CookieError:
        return ""
    return cookie[sessions.COOKIE].value if sessions.COOKIE in cookie else ""


class Gate:
    """ASGI middleware. Without a warehouse nobody can have a session, so everything but the probes stays shut."""

    def __init__(self, app: App, warehouse: Path | None = None) -> None:
        self.app = app
        self.warehouse = warehouse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no websocket is offered
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        started, size = False, 0

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if size > MAX_BODY and not started:
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
            if size > MAX_BODY:
                raise TooLarge
            return message

        with contextlib.suppress(TooLarge):
            await self.app(scope, receive_limited, send_with_headers)
        if size > MAX_BODY and not started:
            await _answer(send, 413, "请求内容过大", [])

    def _refusal(self, scope: Scope) -> tuple[int, str, list[tuple[bytes, bytes]]] | None:
        """Why a request is turned away (status, text, headers); None lets it pass."""
        path, method = scope["path"], scope["method"]
        if path in {"/livez", "/readyz", "/healthz"}:
            return None
        if _hostname(_header(scope, b"host")) not in hosts():
            return 421, "此服务不认识该主机名；如需开放，请设置 XIEZHI_HOSTS", []
        if _header(scope, b"content-length").isdigit() and int(_header(scope, b"content-length")) > MAX_BODY:
            return 413, "请求内容过大", []
        if method not in {"GET", "HEAD", "OPTIONS"}:
            origin = _header(scope, b"origin")
            if origin and urlsplit(origin).netloc.lower() != _header(scope, b"host").lower():
                return 403, "请求来自其他网站，已拒绝", []
        if path in OPEN_PATHS or (path.startswith(OPEN_PREFIX) and ".." not in path):
            return None
        session = session_of(scope)
        warehouse = named_warehouse(self.warehouse)
        if warehouse is not None and session and sessions.is_open(warehouse, session):
            return None
        if method in {"GET", "HEAD"} and "text/html" in _header(scope, b"accept"):
            return 303, "请先登录", [(b"location", b"/sign-in")]
        return 401, "请先登录：在服务器上运行 xiezhi serve --new-token --warehouse 仓库 取得一次性登录口令", []


_SET_HERE = frozenset({*(name for name, _ in HEADERS), b"cache-control", b"server"})


async def _answer(send: Send, status: int, text: str, headers: list[tuple[bytes, bytes]]) -> None:
    body = json.dumps({"error": text}, ensure_ascii=False).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                *HEADERS,
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
