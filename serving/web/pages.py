"""All pages over one warehouse. Who may come in is the gate's business (serving/web/middleware.py)."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount, Route
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
    errors,
    field_pages,
    find_pages,
    list_pages,
    paper_pages,
    plan_pages,
    sent_pages,
    unit_pages,
)
from serving.web.middleware import desk_of, named_warehouse
from serving.web.render import HERE


def pages(given: Path | None = None) -> Starlette:
    """The application of all pages over one warehouse: the process's own, unless given."""

    def warehouse() -> Path:
        found = named_warehouse(given)
        if found is None:
            raise UserError("no warehouse is named; set XIEZHI_WAREHOUSE, or start with `xiezhi serve --warehouse DIR`")
        return found

    def desk() -> Desk:
        return desk_of(warehouse())

    static = Mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    return Starlette(
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
            *unit_pages.routes(warehouse, desk),
            Route("/language", errors.speak, methods=["POST"]),
            static,
        ],
        exception_handlers=errors.HANDLERS,
    )
