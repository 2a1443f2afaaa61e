"""All pages over one warehouse. Who may come in is the gate's business (serving/web/middleware.py)."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount, Route
from starlette.staticfiles import StaticFiles

from claims.errors import UserError
from serving.desk.database import Desk
from serving.web import (
    account_pages,
    again_pages,
    bed_pages,
    brief_pages,
    case_acts,
    case_pages,
    conflict_pages,
    errors,
    field_pages,
    find_pages,
    list_pages,
    paper_pages,
    plan_pages,
    sent_pages,
    unit_pages,
)
from serving.web.middleware import Scope, desk_of, named_warehouse
from serving.web.render import HERE, maker


class Pages(Starlette):
    """The pages, of which most can be made in the thread in which the gate looked up who asks (serving/web/middleware.py)."""

    def at_once(self, scope: Scope) -> Response | None:
        """A page that is only read, made here and now; None for one that takes a body or waits by itself, and where there is none."""
        if scope["method"] not in ("GET", "HEAD"):
            return None
        made, given = self._route(scope["path"])
        return None if made is None else made(Request({**scope, "path_params": dict(given)}))

    @functools.cached_property
    def _route(self) -> Callable[[str], tuple[Callable[[Request], Response] | None, dict[str, Any]]]:
        """How the page of an address is made, and what its address says: looked up once."""

        @functools.lru_cache(maxsize=4096)
        def looked_up(path: str) -> tuple[Callable[[Request], Response] | None, dict[str, Any]]:
            asked = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
            for route in self.routes:
                found, said = route.matches(asked)
                if found is Match.FULL:
                    return maker(said["endpoint"]), said["path_params"]
            return None, {}

        return looked_up


def pages(given: Path | None = None) -> Pages:
    """The application of all pages over one warehouse: the process's own, unless given."""

    def warehouse() -> Path:
        found = named_warehouse(given)
        if found is None:
            raise UserError("no warehouse is named; set XIEZHI_WAREHOUSE, or start with `xiezhi serve --warehouse DIR`")
        return found

    def desk() -> Desk:
        return desk_of(warehouse())

    static = Mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    return Pages(
        routes=[
            *list_pages.routes(warehouse, desk),  # first, since they are asked for most and are looked for one by one
            *account_pages.routes(desk),
            *case_pages.routes(warehouse, desk),
            *paper_pages.routes(warehouse, desk),
            *case_acts.routes(warehouse, desk),
            *bed_pages.routes(warehouse, desk),
            *sent_pages.routes(warehouse, desk),
            *again_pages.routes(warehouse, desk),
            *field_pages.routes(warehouse, desk),
            *find_pages.routes(warehouse, desk),
            *brief_pages.routes(warehouse, desk),
            *plan_pages.routes(warehouse, desk),
            *conflict_pages.routes(warehouse, desk),
            *unit_pages.routes(warehouse, desk),
            Route("/language", errors.speak, methods=["POST"]),
            static,
        ],
        exception_handlers=errors.HANDLERS,
    )
