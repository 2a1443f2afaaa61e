"""Cases on the page: the inbox, one case with its evidence and its steps, the search, the reveal of a number."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from claims.errors import UserError
from serving.desk import cases, feedback, inbox, log, money, people, steps
from serving.desk.cases import Refused
from serving.desk.database import Desk
from serving.desk.states import OPEN, STATES, steps_from
from serving.desk.steps import Given
from serving.lists import publish
from serving.lists.schema import mask
from serving.web.account_pages import first, form_of
from serving.web.list_pages import lead_data
from serving.web.render import kind, person, refuse, respond, rights

REASONS = ("在结算系统核对", "现场核查核对身份", "制作文书", "答复陈述申辩")
"""Why a full number is looked at; anything else is typed beside it."""


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    @kind
    def open_ones(request: Request) -> Response:
        state, words = request.query_params.get("state", ""), request.query_params.get("q", "").strip()
        states = (state,) if state in STATES else OPEN
        rows = (
            inbox.search(desk(), person(request), words) if words else inbox.open_cases(desk(), person(request), states)
        )
        data = {"title": "案件", "cases": [_shown(r) for r in rows], "state": state, "q": words}
        return respond(request, "cases.html", data | {"counts": inbox.counts(desk(), person(request))})

    @kind
    def one(request: Request) -> Response:
        return page(request, int(request.path_params["case"]))

    def page(request: Request, number: int, message: str = "", revealed: str = "", status: int = 200) -> Response:
        who, may = person(request), rights(request)
        found = cases.case(desk(), who, number)
        lead = found["leads"][-1]
        data: dict[str, Any] = {}
        with suppress(UserError):  # an old run may have been cleared away; the case stays
            run = publish.open_run(warehouse() / "lists" / lead["run"])
            data = lead_data(request, run, lead["list"], lead["lead"], None)
        log.note(desk(), "read", who.name, found["number"])
        possible = steps_from(found["state"], may, found["proposal"])
        inspectors = [p for p in people.everybody(desk()) if "inspector" in p["roles"] and p["active"]]
        found["leads"] = [
            {k: v for k, v in one.items() if k in ("run", "list", "lead", "as_of")} for one in found["leads"]
        ]
        extra = {
            "title": f"案件 {found['number']}",
            "file": _shown(found),
            "steps": [vars(s) | {"choices": s.outcomes} for s in possible],
            "inspectors": [{"person_id": p["person_id"], "shown": p["shown"]} for p in inspectors],
            "message": message,
            "revealed": revealed,
            "reveal_for": REASONS,
            "has_lead": bool(data),
        }
        return respond(request, "case.html", {**data, **extra}, status)

    def act(work: Callable[[Request, int, dict[str, list[str]]], Response | None]) -> Any:
        async def handler(request: Request) -> Response:
            form = await form_of(request)

            def done(r: Request) -> Response:
                number = int(r.path_params["case"])
                try:
                    answer = work(r, number, form)
                except Refused as error:
                    return page(r, number, str(error), status=409)
                return answer or RedirectResponse(f"/cases/{number}", status_code=303)

            return await kind(done)(request)

        return handler

    def step(request: Request, number: int, form: dict[str, list[str]]) -> Response | None:
        version = first(form, "version")
        if not version.isdigit():
            raise Refused("请重新打开此案")
        who, may = person(request), rights(request)
        steps.take(desk(), who, may, number, first(form, "step"), int(version), given_of(form))
        if first(form, "then") != "next":
            return None
        following = inbox.next_for(desk(), who, may)
        return RedirectResponse(f"/cases/{following}" if following else "/cases", status_code=303)

    def noted(request: Request, number: int, form: dict[str, list[str]]) -> None:
        cases.note(desk(), person(request), number, first(form, "note"))

    def claim(request: Request, number: int, form: dict[str, list[str]]) -> None:
        inbox.claim(desk(), person(request), number)

    def release(request: Request, number: int, form: dict[str, list[str]]) -> None:
        inbox.release(desk(), person(request), number)

    def recovered(request: Request, number: int, form: dict[str, list[str]]) -> None:
        money.recover(desk(), person(request), rights(request), number, fen_of(first(form, "amount")) or 0)

    def reveal(request: Request, number: int, form: dict[str, list[str]]) -> Response:
        reason = first(form, "reason") or first(form, "other")
        if not reason:
            raise Refused("请选择或填写查看全号的理由")
        found = cases.case(desk(), person(request), number)
        log.note(desk(), "reveal", person(request).name, found["number"], {"reason": reason[:80]})
        return page(request, number, revealed=found["entity_id"])

    async def handed_in(request: Request) -> Response:
        try:
            form = await request.form(max_files=1, max_fields=5)
            upload = form.get("file")
            body = await upload.read() if isinstance(upload, UploadFile) else b""
        except HTTPException:
            body = b""

        def done(r: Request) -> Response:
            if not body:
                return refuse(r, "请选择填好的工作簿", 400)
            try:
                taken, refused = feedback.hand_in(desk(), person(r), rights(r), body)
            except UserError as error:
                return refuse(r, str(error), 400)
            return respond(r, "handed_in.html", {"title": "核查反馈", "taken": taken, "refused": refused})

        return await kind(done)(request)

    async def following(request: Request) -> Response:
        def done(r: Request) -> Response:
            found = inbox.next_for(desk(), person(r), rights(r))
            return RedirectResponse(f"/cases/{found}" if found else "/cases", status_code=303)

        return await kind(done)(request)

    return [
        Route("/cases", open_ones),
        Route("/cases.json", open_ones),
        Route("/feedback", handed_in, methods=["POST"]),
        Route("/cases/next", following, methods=["POST"]),
        Route("/cases/{case:int}.json", one),
        Route("/cases/{case:int}", one),
        Route("/cases/{case:int}/step", act(step), methods=["POST"]),
        Route("/cases/{case:int}/note", act(noted), methods=["POST"]),
        Route("/cases/{case:int}/claim", act(claim), methods=["POST"]),
        Route("/cases/{case:int}/release", act(release), methods=["POST"]),
        Route("/cases/{case:int}/recovered", act(recovered), methods=["POST"]),
        Route("/cases/{case:int}/reveal", act(reveal), methods=["POST"]),
    ]


def given_of(form: dict[str, list[str]]) -> Given:
    """A posted step. Raises Refused for a date or an amount that is none."""
    until = first(form, "until")
    try:
        day = date.fromisoformat(until) if until else None
    except ValueError:
        raise Refused(f"日期 {until[:20]!r} 应写作 2026-11-30") from None
    return Given(
        note=first(form, "note"),
        outcome=first(form, "outcome"),
        innocent=first(form, "innocent"),
        violation_class=first(form, "violation_class"),
        confirmed_fen=fen_of(first(form, "confirmed")),
        dispositions=tuple(form.get("disposition", [])),
        officers=tuple(int(v) for v in form.get("officer", []) if v.isdigit()),
        declared=bool(first(form, "declared")),
        until=day,
        into=int(first(form, "into")) if first(form, "into").isdigit() else None,
    )


def fen_of(text: str) -> int | None:
    """Yuan as typed, in fen. Raises Refused for what is no amount of at most two decimals."""
    plain = text.replace(",", "").replace("，", "").replace("¥", "").strip()
    if not plain:
        return None
    whole, _, cents = plain.partition(".")
    if not (whole.isdigit() and len(whole) <= 12 and len(cents) <= 2 and (cents.isdigit() or not cents)):
        raise Refused(f"金额 {text[:20]!r} 应写作 1234.56")
    return int(whole) * 100 + int(cents.ljust(2, "0") or 0)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A case as a page shows it: the subject masked where it is a person or a group of persons."""
    others = {k: [_shown(r) for r in row[k]] for k in ("earlier", "beside") if k in row}
    hidden = {"entity_id": mask(row["entity_id"])} if row["grain"] in ("person", "ring") else {}
    return row | others | hidden
