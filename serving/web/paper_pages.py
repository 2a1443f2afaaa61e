"""Papers of a case that leave the house: the draft of the notice to the inspected."""

from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.desk.database import Desk
from serving.papers.drafts import notice_of
from serving.web.render import kind, person

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    @kind
    def notice(request: Request) -> Response:
        number, body = notice_of(desk(), warehouse(), person(request), int(request.path_params["case"]))
        name = f"notice-{number}.docx"
        return Response(body, media_type=WORD, headers={"content-disposition": f'attachment; filename="{name}"'})

    return [Route("/cases/{case:int}/notice.docx", notice)]
