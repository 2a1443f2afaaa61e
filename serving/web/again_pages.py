"""What units reported of themselves beside the scan of them, and visits due again with the practice before and after: both as worked out by a command, read here."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from claims.errors import UserError
from inspection import selfcheck
from serving.desk import log, lookbacks
from serving.desk.database import Desk
from serving.lists import publish
from serving.web.case_pages import shown
from serving.web.practices import content, practices
from serving.web.render import kind, person, respond


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    @kind
    def checks(request: Request) -> Response:
        who = person(request)
        found = [d for d in selfcheck.kept(warehouse()) if who.sees(str(d["area"]))]
        return respond(request, "selfchecks.html", {"title": "自查自纠", "checks": found, "groups": selfcheck.GROUPS})

    @kind
    def check(request: Request) -> Response:
        who, unit, day = person(request), request.path_params["code"], request.path_params["day"]
        found = selfcheck.one(warehouse(), unit, day)
        if not who.sees(str(found["area"])):
            raise UserError("没有这份自查比对")
        log.note(desk(), "read", who.name, f"selfcheck/{unit}/{day}"[:120])
        groups = {k: v[:200] for k, v in found["groups"].items()}
        return respond(
            request,
            "selfcheck.html",
            {"title": f"自查自纠 {unit}", **found, "groups": groups, "group_names": selfcheck.GROUPS},
        )

    @kind
    def again(request: Request) -> Response:
        due = lookbacks.due(desk(), person(request))
        told = practices(warehouse())
        units: Mapping[str, Any] = {}
        with suppress(UserError):  # nothing published yet: codes alone
            units = publish.current(warehouse()).units()
        rows = [
            shown(d)
            | content(warehouse(), d)
            | {"left": d["left"], "practice": told.get("cases", {}).get(d["number"])}
            | {"unit_name": units.get(d["unit"], {}).get("name", "")}
            for d in due
        ]
        return respond(request, "lookback.html", {"title": "回头看", "due": rows, "as_of": told.get("as_of", "")})

    return [
        Route("/selfchecks", checks),
        Route("/selfchecks.json", checks),
        Route("/selfchecks/{code}/{day}", check),
        Route("/selfchecks/{code}/{day}.json", check),
        Route("/lookback", again),
        Route("/lookback.json", again),
    ]
