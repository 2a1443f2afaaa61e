"""Lists sent down from above: all with their deadlines, one with its rows by heap, a row answered or made a case, the workbook given back."""

from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from claims.shown_text import mask
from inspection.matching import LEVELS
from inspection.returned import VERDICTS
from inspection.sorting import TIERS
from serving.desk import log, sent
from serving.desk.cases import Refused
from serving.desk.database import Desk
from serving.web.form import first, form_of
from serving.web.render import kind, person, respond, rights


def routes(desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    @kind
    def every(request: Request) -> Response:
        return respond(
            request,
            "sent_lists.html",
            {"title": "下发疑点", "lists": sent.lists(desk(), person(request)), "tier_names": TIERS},
        )

    @kind
    def one(request: Request) -> Response:
        return page(request, desk(), int(request.path_params["sent"]))

    @kind
    def back(request: Request) -> Response:
        name, body, _ = sent.give_back(desk(), person(request), int(request.path_params["sent"]))
        said = f"attachment; filename=\"return.xlsx\"; filename*=UTF-8''{quote(name)}"
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
