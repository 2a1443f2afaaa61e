"""Lists sent down from above: all with their deadlines, one uploaded and taken in, one with its rows by heap, a row answered or made a case, the workbook given back."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from claims.errors import UserError
from claims.shown_text import mask
from inspection.matching import LEVELS
from inspection.returned import VERDICTS
from inspection.sent_columns import BY_NAME
from inspection.sorting import LARGE_YUAN, TIERS
from inspection.workbooks import MAX_BYTES, MAX_ROWS
from serving.desk import log, received, sent
from serving.desk.cases import Refused, Unknown
from serving.desk.database import Desk
from serving.desk.received import READ, READING, Received
from serving.lists.publish import current
from serving.web import exports, sent_job
from serving.web.case_acts import upload_of
from serving.web.form import Form, amount_of, first, form_of
from serving.web.render import kind, moment, person, respond, rights

AS_PROPOSED = "="
"""Of a column: as the header says; anything else is what a person said."""
WAIT = "2"
"""Seconds after which a page about work under way asks again."""


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    def all_of_them(request: Request, message: str = "", status: int = 200) -> Response:
        who, may = person(request), rights(request)
        found = received.waiting(desk(), who, may)
        data = {
            "title": "下发疑点",
            "lists": sent.lists(desk(), who),
            "tier_names": TIERS,
            "may_upload": "assign" in may and not who.area,
            "uploads": [{"key": r.key, **r.about, "state": r.told["state"]} for r in found],
            "most_mb": MAX_BYTES // 1_000_000,
            "most_rows": MAX_ROWS,
            "message": message,
        }
        return respond(request, "sent_lists.html", data, status)

    @kind
    def every(request: Request) -> Response:
        return all_of_them(request)

    async def uploaded(request: Request) -> Response:
        name, body = await upload_of(request)

        def done(r: Request) -> Response:
            try:
                found, new = received.put_down(desk(), person(r), rights(r), name, body)
            except Refused as error:
                return all_of_them(r, str(error), 409)
            if new:
                sent_job.start(desk(), warehouse(), found)
            return RedirectResponse(f"/sent/upload/{found.key}" + ("" if new else "?again=1"), status_code=303)

        return await kind(done)(request)

    def upload_page(request: Request, message: str = "", typed: Form | None = None, status: int = 200) -> Response:
        key = request.path_params["key"]
        try:
            found = received.of(desk(), person(request), rights(request), key)
        except Unknown:
            if (there := received.taken_as(desk(), key)) is None:
                raise
            return RedirectResponse(f"/sent/{there[0]}", status_code=303)
        again = "这份文件已上传过，没有重复接收" if request.query_params.get("again") else ""
        data = shown_upload(found, typed or {}) | {"message": message or found.told.get("message", "") or again}
        answer = respond(request, "sent_upload.html", data, status)
        if found.running:
            answer.headers["refresh"] = WAIT
        return answer

    @kind
    def upload(request: Request) -> Response:
        return upload_page(request)

    async def acted(request: Request) -> Response:
        form = await form_of(request)

        def done(r: Request) -> Response:
            key, act = r.path_params["key"], first(form, "act")
            who, may = person(r), rights(r)
            try:
                if act == "drop":
                    received.drop(desk(), who, may, key)
                    return RedirectResponse("/sent", status_code=303)
                found = received.of(desk(), who, may, key)
                how = how_of(found, form, who.name, current(warehouse()).manifest["as_of"]) if act == "take" else None
                if how is not None:
                    sent.new_name(desk(), how["number"])
                if not sent_job.start(desk(), warehouse(), found, how):
                    raise Refused("正在处理，请稍候")
            except Unknown:
                raise
            except UserError as error:
                return upload_page(r, str(error).removeprefix("--name：").removeprefix("--deadline "), form, 409)
            return RedirectResponse(f"/sent/upload/{key}", status_code=303)

        return await kind(done)(request)

    @kind
    def one(request: Request) -> Response:
        return page(request, desk(), int(request.path_params["sent"]))

    @kind
    async def back(request: Request) -> Response:
        told = await run_in_threadpool(sent.to_give, desk(), person(request), int(request.path_params["sent"]))
        body = await exports.made({"sent": told})
        said = f"attachment; filename=\"return.xlsx\"; filename*=UTF-8''{quote(sent.name_given(told))}"
        media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return Response(body, media_type=media, headers={"content-disposition": said})

    async def answered(request: Request) -> Response:
        form = await form_of(request)

        def done(r: Request) -> Response:
            number, row = int(r.path_params["sent"]), int(r.path_params["row"])
            try:
                sent.answer(desk(), person(r), rights(r), row, first(form, "verdict"), first(form, "situation"))
            except Refused as error:
                return page(r, desk(), number, str(error), 409)
            return RedirectResponse(f"/sent/{number}#r{row}", status_code=303)

        return await kind(done)(request)

    @kind
    def opened(request: Request) -> Response:
        number, row = int(request.path_params["sent"]), int(request.path_params["row"])
        try:
            sent.open_case(desk(), person(request), rights(request), row)
        except Refused as error:
            return page(request, desk(), number, str(error), 409)
        return RedirectResponse(f"/sent/{number}#r{row}", status_code=303)

    return [
        Route("/sent", every),
        Route("/sent.json", every),
        Route("/sent/upload", uploaded, methods=["POST"]),
        Route("/sent/upload/{key}.json", upload),
        Route("/sent/upload/{key}", upload),
        Route("/sent/upload/{key}", acted, methods=["POST"]),
        Route("/sent/{sent:int}", one),
        Route("/sent/{sent:int}.json", one),
        Route("/sent/{sent:int}/return.xlsx", back),
        Route("/sent/{sent:int}/rows/{row:int}/answer", answered, methods=["POST"]),
        Route("/sent/{sent:int}/rows/{row:int}/case", opened, methods=["POST"]),
    ]


def page(request: Request, desk: Desk, number: int, message: str = "", status: int = 200) -> Response:
    """One list, its rows heap by heap or those of one heap. Raises Unknown."""
    who = person(request)
    found = sent.one(desk, who, number)
    log.note(desk, "read", who.name, f"sent/{number}")
    tier = request.query_params.get("tier", "")
    rows = [shown(r) for t in TIERS if tier in ("", t) for r in found["lines"] if r["tier"] == t]
    data = {k: v for k, v in found.items() if k not in ("lines", "columns")}
    extra = {
        "title": f"下发疑点 {found['number']}",
        "lines": rows,
        "tier": tier,
        "tier_names": TIERS,
        "levels": LEVELS,
        "verdicts": VERDICTS,
        "message": message,
    }
    return respond(request, "sent.html", {**data, **extra, "whole": not who.area}, status)


def shown(row: dict[str, object]) -> dict[str, object]:
    """A row as a page shows it: persons masked, the answer as plain values."""
    masked = {
        "psn_no": mask(str(row["psn_no"])),
        "entity_id": mask(str(row["entity_id"])) if row["grain"] == "person" else row["entity_id"],
    }
    return row | masked | {"result": vars(row["result"])}


def how_of(found: Received, form: Form, by: str, as_of: str) -> dict[str, Any]:
    """How an upload is to be taken in, JSON-ready, as a form says. Raises UserError."""
    if found.told["state"] != READ and "sheets" not in found.told:
        raise Refused("这份文件还没有读完，或读不成清单")
    titles = {c["title"] for t in found.told["sheets"] for c in t["columns"]}
    columns = {}
    for title, meant in zip(form.get("column", []), form.get("field", []), strict=False):
        if meant != AS_PROPOSED and title in titles and (not meant or meant in BY_NAME):
            columns[title] = meant
    fen = amount_of(first(form, "large"))
    due = sent.deadline(first(form, "deadline"))
    source = first(form, "source")[:64] or "上级医保部门"
    return {
        "number": first(form, "number"),
        "source": source,
        "due": due.isoformat(),
        "as_of": as_of,
        "large": LARGE_YUAN if fen is None else fen / 100,
        "by": by,
        "columns": columns,
    }


def shown_upload(found: Received, typed: Form) -> dict[str, Any]:
    """An upload as its page shows it: each title once, whichever sheets have it."""
    columns: dict[str, dict[str, Any]] = {}
    for sheet in found.told.get("sheets", []):
        for column in sheet["columns"]:
            columns.setdefault(column["title"], column)
    stem = str(found.about["name"]).removesuffix(".xlsx")[:32]
    given = {name: first(typed, name) for name in ("number", "source", "deadline", "large")}
    said = dict(zip(typed.get("column", []), typed.get("field", []), strict=False))
    return {
        "title": "上传下发清单",
        "key": found.key,
        "about": {k: found.about[k] for k in ("name", "size", "shown")},
        "uploaded": moment(datetime.fromisoformat(str(found.about["at"]))),
        "state": found.told["state"],
        "running": found.running,
        "reading": found.told["state"] == READING or found.told.get("was") == READING,
        "step": found.told.get("step", ""),
        "share": found.told.get("share", 0.0),
        "sheets": [{k: t[k] for k in ("sheet", "line", "rows")} for t in found.told.get("sheets", [])],
        "unread": found.told.get("unread", []),
        "columns": [c | {"said": said.get(c["title"], AS_PROPOSED)} for c in columns.values()],
        "fields": {c.name: c.zh for c in BY_NAME.values()},
        "given": given | {"number": given["number"] or stem, "large": given["large"] or f"{LARGE_YUAN:.0f}"},
    }
