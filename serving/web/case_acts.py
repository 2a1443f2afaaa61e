"""What is done to a case from its page. Each form is an act of serving/desk, and the same form posted again does nothing: its mark is made of
the page it stood on and of what it says."""

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from claims.errors import UserError
from serving.desk import (
    appeals,
    boards,
    cases,
    feedback,
    hearings,
    inbox,
    links,
    money,
    papers,
    requests,
    reveals,
    steps,
)
from serving.desk.cases import Again, Refused
from serving.desk.database import Desk
from serving.desk.roles import BUSINESS
from serving.desk.states import DISPOSITIONS
from serving.desk.steps import Given
from serving.web.case_pages import case_page
from serving.web.form import Form, amount_of, first, form_of, number_of
from serving.web.render import kind, person, refuse, respond, rights

Act = Callable[[Request, int, Form, str], Response | None]


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    def answer(request: Request, work: Act, form: Form, once: str) -> Response:
        """Run an act; what is refused comes back on the page of the case."""
        number = int(request.path_params["case"])
        try:
            to = work(request, number, form, once)
        except Again:
            to = None
        except Refused as error:
            return case_page(request, warehouse(), desk(), number, str(error), status=409)
        return to or RedirectResponse(f"/cases/{number}", status_code=303)

    def act(work: Act) -> Any:
        async def handler(request: Request) -> Response:
            form = await form_of(request)
            once = mark(request, first(form, "once"), await request.body())
            return await kind(lambda r: answer(r, work, form, once))(request)

        return handler

    def step(request: Request, number: int, form: Form, once: str) -> Response | None:
        version = number_of(first(form, "version"))
        if version is None:
            raise Refused("请重新打开此案")
        who, may = person(request), rights(request)
        steps.take(desk(), who, may, number, first(form, "step"), version, given_of(form, desk(), request, once))
        if first(form, "then") != "next":
            return None
        following = inbox.next_for(desk(), who, may)
        return RedirectResponse(f"/cases/{following}" if following else "/cases", status_code=303)

    def working(request: Request) -> None:
        if not rights(request) & BUSINESS:
            raise Refused("您的岗位不办理案件")

    def noted(request: Request, number: int, form: Form, once: str) -> None:
        working(request)
        cases.note(desk(), person(request), number, first(form, "note"), once)

    def claim(request: Request, number: int, _: Form, __: str) -> None:
        working(request)
        inbox.claim(desk(), person(request), number)

    def release(request: Request, number: int, _: Form, __: str) -> None:
        inbox.release(desk(), person(request), number)

    def recovered(request: Request, number: int, form: Form, once: str) -> None:
        at = number_of(first(form, "version"))
        fen = amount_of(first(form, "amount")) or 0
        money.recover(desk(), person(request), rights(request), number, fen, at, once)

    def settled(request: Request, number: int, form: Form, once: str) -> None:
        order = whole(form, "disposition")
        money.settle(desk(), person(request), rights(request), number, order, first(form, "document"), once)

    def linked(request: Request, number: int, form: Form, once: str) -> None:
        working(request)
        links.link(desk(), person(request), number, first(form, "number"), first(form, "note"), once)

    def ground(request: Request, number: int, form: Form, once: str) -> None:
        waived, said = first(form, "waived") == "1", first(form, "said")
        appeals.state_ground(desk(), person(request), rights(request), number, said, waived=waived, once=once)

    def reply(request: Request, number: int, form: Form, once: str) -> None:
        accepted = first(form, "accepted")
        if accepted not in ("yes", "no"):
            raise Refused("请选择采纳或不采纳")
        who, may = person(request), rights(request)
        words = first(form, "answer")
        appeals.answer_ground(desk(), who, may, number, whole(form, "ground"), words, accepted == "yes", once)

    def asked(request: Request, number: int, form: Form, once: str) -> None:
        days = whole(form, "days") if first(form, "days") else None
        who, may = person(request), rights(request)
        requests.ask(desk(), who, may, number, first(form, "kind"), first(form, "note"), days, once)

    def granted(request: Request, number: int, form: Form, once: str) -> None:
        said = first(form, "granted")
        if said not in ("yes", "no"):
            raise Refused("请选择批准或不批准")
        requests.answer(desk(), person(request), rights(request), number, whole(form, "request"), said == "yes", once)

    def law(request: Request, number: int, form: Form, once: str) -> None:
        said = first(form, "passed")
        if said not in ("yes", "no"):
            raise Refused("请选择通过或退回")
        boards.review(desk(), person(request), rights(request), number, said == "yes", first(form, "note"), once)

    def hear(request: Request, number: int, form: Form, once: str) -> None:
        hearings.ask(desk(), person(request), rights(request), number, first(form, "note"), once)

    def board(request: Request, number: int, form: Form, once: str) -> None:
        sat, against = (
            {n for v in form.get(name, []) if (n := number_of(v)) is not None} for name in ("member", "against")
        )
        boards.record(
            desk(),
            person(request),
            rights(request),
            number,
            held_on=day_of(first(form, "held_on")),
            members=sat,
            against=against,
            opinion=first(form, "opinion"),
            minutes=number_of(first(form, "minutes")),
            once=once,
        )

    def reveal(request: Request, number: int, form: Form, _: str) -> Response:
        reason = first(form, "reason") or first(form, "other")
        full = reveals.reveal(desk(), person(request), number, reason)
        return case_page(request, warehouse(), desk(), number, revealed=full)

    def uncovered(request: Request, number: int, form: Form, _: str) -> Response:
        working(request)
        reveals.reveal(desk(), person(request), number, first(form, "reason") or first(form, "other"), "diagnosis")
        return case_page(request, warehouse(), desk(), number, uncovered=True)

    async def handed_in(request: Request) -> Response:
        _, body = await upload_of(request)

        def done(r: Request) -> Response:
            if not body:
                return refuse(r, "请选择填好的工作簿", 400)
            try:
                taken, refused = feedback.hand_in(desk(), person(r), rights(r), body)
            except UserError as error:
                return refuse(r, str(error), 400)
            return respond(r, "handed_in.html", {"title": "核查反馈", "taken": taken, "refused": refused})

        return await kind(done)(request)

    async def attached(request: Request) -> Response:
        name, body = await upload_of(request)

        def attach(r: Request, number: int, _: Form, __: str) -> None:
            papers.attach(desk(), person(r), rights(r), number, name, body)

        return await kind(lambda r: answer(r, attach, {}, ""))(request)

    async def following(request: Request) -> Response:
        def done(r: Request) -> Response:
            found = inbox.next_for(desk(), person(r), rights(r))
            return RedirectResponse(f"/cases/{found}" if found else "/cases", status_code=303)

        return await kind(done)(request)

    acts: dict[str, Act] = {
        "step": step,
        "note": noted,
        "claim": claim,
        "release": release,
        "recovered": recovered,
        "settled": settled,
        "link": linked,
        "ground": ground,
        "reply": reply,
        "ask": asked,
        "grant": granted,
        "legal": law,
        "board": board,
        "hear": hear,
        "reveal": reveal,
        "diagnosis": uncovered,
    }
    return [
        Route("/feedback", handed_in, methods=["POST"]),
        Route("/cases/next", following, methods=["POST"]),
        Route("/cases/{case:int}/files", attached, methods=["POST"]),
        *(Route(f"/cases/{{case:int}}/{name}", act(work), methods=["POST"]) for name, work in acts.items()),
    ]


def mark(request: Request, page: str, body: bytes) -> str:
    """What a form is known by: the page it stood on, where it goes and what it says; '' for one that names no page."""
    said = "\n".join((page, request.url.path)).encode() + b"\n" + body
    return hashlib.sha256(said).hexdigest()[:32] if page else ""


async def upload_of(request: Request) -> tuple[str, bytes]:
    """(name, bytes) of an uploaded file; empty where there is none."""
    name, body, _ = await photo_of(request)
    return name, body


async def photo_of(request: Request) -> tuple[str, bytes, dict[str, str]]:
    """(name, bytes, what came beside it) of an uploaded file; empty where there is none. once: made of the sender's id and of what he sent, so that twice sent is once kept."""
    try:
        form = await request.form(max_files=1, max_fields=5)
    except HTTPException:
        return "", b"", {}
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        return "", b"", {}
    body = await upload.read()
    client, original = (str(form.get(name) or "")[:64] for name in ("client", "original"))
    once = hashlib.sha256(client.encode() + b"\n" + body).hexdigest()[:32] if client else ""
    return upload.filename or "", body, {"once": once, "original": original}


def whole(form: Form, name: str) -> int:
    """A whole number of at most nine digits. Raises Refused."""
    found = number_of(first(form, name))
    if found is None:
        raise Refused(f"{first(form, name)[:20]!r} 应为数字")
    return found


def day_of(text: str) -> date | None:
    """A day as a form gives it; None for none. Raises Refused."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Refused(f"日期 {text[:20]!r} 应写作 2026-11-30") from None


def given_of(form: Form, desk: Desk, request: Request, once: str) -> Given:
    """A posted step. Raises Refused for a date, an amount or a case that is none."""
    into = None
    if number := first(form, "into"):
        with desk.read() as connection:
            into = int(links.numbered(connection, person(request), number)["case_id"])
    amounts = {kind: amount_of(first(form, f"amount_{kind}")) for kind in DISPOSITIONS}
    return Given(
        note=first(form, "note"),
        outcome=first(form, "outcome"),
        innocent=first(form, "innocent"),
        violation_class=first(form, "violation_class"),
        confirmed_fen=amount_of(first(form, "confirmed")),
        dispositions=tuple(form.get("disposition", [])),
        amounts={kind: fen for kind, fen in amounts.items() if fen is not None},
        officers=tuple(n for v in form.get("officer", []) if (n := number_of(v)) is not None),
        declared=bool(first(form, "declared")),
        until=day_of(first(form, "until")),
        into=into,
        worth={"yes": True, "no": False}.get(first(form, "worth")),
        once=once,
    )
