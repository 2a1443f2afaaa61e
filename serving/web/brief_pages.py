"""检查前简报 of a unit on a page that prints on two sheets, and as a document; both as published, nothing computed."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from claims.errors import UserError
from claims.store.files import SEAL
from serving.desk import log
from serving.desk.database import Desk, now
from serving.lists import publish
from serving.papers.brief import Brief, brief_document
from serving.web.paper_pages import WORD
from serving.web.render import LEVEL_ZH, kind, person, respond


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    def found(request: Request) -> tuple[publish.Run, dict[str, Any]]:
        run, code = publish.current(warehouse()), request.path_params["code"]
        told = run.brief(code)
        if not person(request).sees(str(told["area"] or "")):
            raise UserError(f"批次 {run.name} 没有机构 {code} 的简报")
        return run, told

    @kind
    def page(request: Request) -> Response:
        run, told = found(request)
        log.note(desk(), "read", person(request).name, f"{run.name}/brief/{told['code']}"[:120])
        extra = {
            "title": f"检查前简报 {told['name']}",
            "level_zh": LEVEL_ZH.get(told["level"], ""),
            "run": run.name,
            "seal": str(run.manifest[SEAL])[:32],
        }
        return respond(request, "brief.html", {**told, **extra})

    @kind
    def document(request: Request) -> Response:
        run, told = found(request)
        who = person(request)
        log.note(desk(), "brief", who.name, f"{run.name}/brief/{told['code']}"[:120])
        when = f"{now() + timedelta(hours=8):%Y-%m-%d %H:%M}"
        body = brief_document(Brief(told, run.name, str(run.manifest[SEAL]), who.shown, when))
        name = f"brief-{told['code']}.docx"
        return Response(body, media_type=WORD, headers={"content-disposition": f'attachment; filename="{name}"'})

    return [
        Route("/units/{code}/brief.docx", document),
        Route("/units/{code}/brief.json", page),
        Route("/units/{code}/brief", page),
    ]
