"""Signing in and out, the first password by an invitation, one's own account; and the two administrators' pages: people, log."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

import pyotp
from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from claims.errors import UserError
from claims.settings import settings
from serving.desk import limits, log, oidc, people, sessions, vault
from serving.desk.cases import Refused
from serving.desk.database import Desk
from serving.desk.people import Person
from serving.desk.roles import RIGHTS, ROLES
from serving.web.form import Form, first, form_of, number_of
from serving.web.middleware import is_https
from serving.web.render import kind, person, refuse, respond, rights


def safe_next(path: str) -> str:
    """Where to go after signing in: a path of this service, else the first page."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path else "/"


class Crowded(UserError):
    """Too many sign in at once."""


async def hashed(work: Callable[..., Person], *given: Any) -> Person:
    """What hashes a password, on threads of its own: strangers who try thousands wait for one another, and no page waits for them. Raises Crowded."""
    door = _DOORS.setdefault(asyncio.get_running_loop(), CapacityLimiter(people.AT_ONCE))
    if door.statistics().tasks_waiting >= WAITING:
        raise Crowded("正在登录的人过多，请稍后再试")
    return await to_thread.run_sync(partial(work, *given), limiter=door)


WAITING: Final = 60
"""Sign-ins that may wait in a process: some two seconds of hashing."""
_DOORS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, CapacityLimiter]] = WeakKeyDictionary()


def routes(desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    def welcome(request: Request, who: Person, to: str) -> Response:
        answer = RedirectResponse(to, status_code=303)
        secure = is_https(request.scope)
        age = int(sessions.LONGEST.total_seconds())
        cookie = sessions.begin(desk(), who)
        # Lax: a link in the office's own system must not land on the sign-in page; writes are held by the Origin
        name = sessions.HOST_COOKIE if secure else sessions.COOKIE
        answer.set_cookie(name, cookie, httponly=True, samesite="lax", secure=secure, path="/", max_age=age)
        return answer

    async def sign_in(request: Request) -> Response:
        form = await form_of(request) if request.method == "POST" else {}
        to = safe_next(first(form, "next") or request.query_params.get("next", "/"))
        data = {
            "title": "登录",
            "message": "",
            "next": to,
            "name": first(form, "name"),
            "office": settings().oidc is not None,
        }
        if request.method != "POST":
            return respond(request, "sign_in.html", data)
        given = (first(form, "name"), (form.get("password") or [""])[0], first(form, "code"))
        try:
            who = await hashed(people.sign_in, desk(), *given)
        except Crowded as error:
            return respond(request, "sign_in.html", {**data, "message": str(error)}, 503)
        except (people.Refused, vault.Locked) as error:
            return respond(request, "sign_in.html", {**data, "message": str(error)}, 403)
        return await run_in_threadpool(welcome, request, who, to)

    def back_of(request: Request) -> str:
        return f"{'https' if is_https(request.scope) else 'http'}://{request.headers['host']}/sign-in/office/back"

    def office(request: Request) -> Response:
        given = settings().oidc
        to = safe_next(request.query_params.get("next", "/"))
        if given is None:
            return refuse(request, "没有设置统一认证", 404)
        try:
            begun = oidc.begin(desk(), given, back_of(request), to)
        except UserError as error:
            return refused(request, error, to)
        answer = RedirectResponse(begun.address, status_code=303)
        secure, age = is_https(request.scope), int(oidc.LIFE.total_seconds())
        about: dict[str, Any] = {"httponly": True, "samesite": "lax", "secure": secure, "path": "/sign-in/office"}
        answer.set_cookie(oidc.COOKIE, begun.secret, max_age=age, **about)
        return answer

    def back(request: Request) -> Response:
        given = settings().oidc
        if given is None:
            return refuse(request, "没有设置统一认证", 404)
        query, kept = request.query_params, request.cookies.get(oidc.COOKIE, "")
        try:
            who, to = oidc.finish(desk(), given, back_of(request), kept, query.get("state", ""), query.get("code", ""))
        except UserError as error:
            return refused(request, error, "/")
        answer = welcome(request, who, to)
        answer.delete_cookie(oidc.COOKIE, path="/sign-in/office", httponly=True, samesite="lax")
        return answer

    def refused(request: Request, error: UserError, to: str) -> Response:
        data = {"title": "登录", "message": str(error), "next": to, "name": "", "office": True}
        return respond(request, "sign_in.html", data, 403)

    async def invitation(request: Request) -> Response:
        form = await form_of(request) if request.method == "POST" else {}
        token = first(form, "token") or request.query_params.get("token", "")
        data = {"title": "设置密码", "message": "", "token": token, "shortest": people.SHORTEST}
        if request.method != "POST":
            return respond(request, "invitation.html", data)
        password, again = (form.get("password") or [""])[0], (form.get("again") or [""])[0]
        try:
            if password != again:
                raise UserError("两次输入的密码不一致")
            who = await hashed(people.accept, desk(), token, password)
        except UserError as error:
            return respond(request, "invitation.html", {**data, "message": str(error)}, 403)
        return await run_in_threadpool(welcome, request, who, "/")

    @kind
    def sign_out(request: Request) -> Response:
        sessions.end(desk(), request.state.secret, person(request))
        answer = RedirectResponse("/sign-in", status_code=303)
        for name in (sessions.COOKIE, sessions.HOST_COOKIE):
            answer.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=name == sessions.HOST_COOKIE)
        return answer

    async def me(request: Request) -> Response:
        form = await form_of(request) if request.method == "POST" else {}
        return await kind(lambda r: _me(r, form))(request)

    def _me(request: Request, form: dict[str, list[str]]) -> Response:
        who = person(request)
        secret, message, token = first(form, "secret") or pyotp.random_base32(), "", ""
        if form:
            try:
                message, token = _own(desk(), who, rights(request), form)
            except UserError as error:
                message = str(error)
        mine = next(p for p in people.everybody(desk()) if p["person_id"] == who.person_id)
        data: dict[str, Any] = {"title": "我的账号", "message": message, "secret": secret, "area": who.area}
        data |= {
            "token": token,
            "tokens": sessions.tokens(desk(), who.person_id),
            "choices": {r: RIGHTS[r] for r in RIGHTS if r in rights(request)},
            "second": mine["second"],
            "ready": mine["ready"],
            "roles": [ROLES[r][0] for r in sorted(who.roles)],
            "may": [RIGHTS[r] for r in RIGHTS if r in rights(request)],
        }
        return respond(request, "me.html", data)

    async def staff(request: Request) -> Response:
        form = await form_of(request) if request.method == "POST" else {}
        return await kind(lambda r: _staff(r, form))(request)

    def _staff(request: Request, form: dict[str, list[str]]) -> Response:
        who, message, link = person(request).name, "", ""
        if form:
            try:
                message, link = _change(desk(), who, form)
            except UserError as error:
                message = str(error)
        rows = [r | {"roles": [ROLES[x][0] for x in r["roles"]]} for r in people.everybody(desk())]
        choices = {name: zh for name, (zh, _) in ROLES.items()}
        data = {"title": "人员", "message": message, "link": link, "people": rows, "choices": choices}
        return respond(request, "people.html", data)

    async def policy(request: Request) -> Response:
        form = await form_of(request) if request.method == "POST" else {}
        return await kind(lambda r: _policy(r, form))(request)

    def _policy(request: Request, form: Form) -> Response:
        message = ""
        if form:
            try:
                message = _limit(desk(), person(request), rights(request), form)
            except Refused as error:
                message = str(error)
        data = {"title": "期限与口径", "limits": limits.all_values(desk()), "message": message}
        return respond(request, "limits.html", data)

    @kind
    def logged(request: Request) -> Response:
        if request.url.path.endswith(".jsonl"):
            head = log.note(desk(), "log.export", person(request).name)
            lines = (json.dumps(r, ensure_ascii=False) + "\n" for r in log.walk(desk(), int(head.partition(":")[0])))
            told = {"x-log-head": head}
            return StreamingResponse(lines, media_type="application/x-ndjson", headers=told)
        seq, head = log.head(desk())
        before = request.query_params.get("before", "")
        last = int(before) if re.fullmatch("[0-9]{1,12}", before) else seq + 1
        rows = log.rows(desk(), max(0, last - 101), min(100, max(0, last - 1)))
        data = {"title": "日志", "rows": rows[::-1], "seq": seq, "head": head, "before": rows[0]["seq"] if rows else 0}
        return respond(request, "log.html", data)

    return [
        Route("/sign-in", sign_in, methods=["GET", "POST"]),
        Route("/sign-in/office", threaded(office)),
        Route("/sign-in/office/back", threaded(back)),
        Route("/invitation", invitation, methods=["GET", "POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/me", me, methods=["GET", "POST"]),
        Route("/people", staff, methods=["GET", "POST"]),
        Route("/limits", policy, methods=["GET", "POST"]),
        Route("/limits.json", policy),
        Route("/log", logged),
        Route("/log.jsonl", logged),
    ]


def threaded(handler: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An open page that waits for others (the provider), off the loop."""

    async def page(request: Request) -> Response:
        return await run_in_threadpool(handler, request)

    return page


def _own(desk: Desk, who: Person, may: frozenset[str], form: Form) -> tuple[str, str]:
    """What somebody did to his own account: (message, a new token's secret)."""
    match first(form, "act"):
        case "second":
            people.confirm(desk, who, (form.get("password") or [""])[0])
            people.set_second_factor(desk, who, first(form, "secret"), first(form, "code"))
            return "动态码已启用，下次登录时需要", ""
        case "token":
            days, scope = first(form, "days"), tuple(r for r in form.get("scope", []) if r in may)
            if not scope or not (days.isascii() and days.isdigit() and 1 <= int(days[:5]) <= 366):
                raise UserError("请选择至少一项权限，有效期为1至366天")
            made = sessions.new_token(desk, who, scope, int(days), first(form, "label"))
            return "令牌只显示这一次，请立即保存：", made
        case "revoke":
            sessions.revoke(desk, who, first(form, "handle"))
            return "令牌已作废", ""
    raise UserError("没有这个操作")


def _limit(desk: Desk, who: Person, may: frozenset[str], form: Form) -> str:
    """A limit proposed, or one of another's granted or refused. Raises Refused."""
    if said := first(form, "granted"):
        number = number_of(first(form, "limit"))
        if said not in ("yes", "no") or number is None:
            raise Refused("请选择批准或不批准")
        limits.answer(desk, who, may, number, said == "yes")
        return "已批准，从现在起生效" if said == "yes" else "未批准，原值不变"
    if "policy" not in may:
        raise Refused(f"此步骤需要“{RIGHTS['policy']}”的权限")
    wanted = number_of(first(form, "value"))
    if wanted is None:
        raise Refused("请填写整数")
    limits.propose(desk, who, first(form, "name"), wanted, first(form, "note"))
    return "已提出，须另一人批准后生效"


def _change(desk: Desk, by: str, form: dict[str, list[str]]) -> tuple[str, str]:
    """What an administrator posted: (message, invitation path)."""
    name, act = first(form, "name"), first(form, "act")
    if act == "add":
        roles = tuple(v for v in form.get("role", []) if v)
        token = people.add(desk, name, roles, shown=first(form, "shown"), area=first(form, "area"), by=by)
        return f"已建立账号 {name}。请把下面的一次性链接交给本人：", f"/invitation?token={token}"
    if act == "invite":
        return f"{name} 的密码和动态码已作废，新的一次性链接：", f"/invitation?token={people.invite(desk, name, by)}"
    if act == "roles":
        people.change(desk, name, by, roles=tuple(v for v in form.get("role", []) if v))
        return f"{name} 的岗位已变更，从现在起生效；原岗位留有记录", ""
    if act in ("close", "open"):
        people.change(desk, name, by, active=act == "open")
        return f"账号 {name} 已{'启用' if act == 'open' else '停用'}", ""
    raise UserError("没有这个操作")
