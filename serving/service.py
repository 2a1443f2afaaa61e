"""The BentoML shell: four APIs, the pages mounted, one gate over both. The only file that imports bentoml.

    xiezhi serve --warehouse DIR                                  (after `xiezhi people add NAME --role ROLE --warehouse DIR`)
    XIEZHI_WAREHOUSE=DIR bentoml serve serving.service:Xiezhi

The warehouse is named by the environment, so that a built bento carries no data and no path.
"""

import os

os.environ["BENTOML_DO_NOT_TRACK"] = "True"

import logging
import re
from http import HTTPStatus
from typing import Annotated, Any

import bentoml
from bentoml.exceptions import BadInput, BentoMLException, NotFound, ServiceUnavailable
from pydantic import Field

from claims.errors import Damaged, UserError
from claims.settings import settings
from serving import api, counter
from serving.lists.publish import Unpublished
from serving.serve import serve
from serving.web.english import HAN
from serving.web.middleware import App, Gate, Receive, Scope, Send, asking, desk_of, named_warehouse
from serving.web.pages import pages
from serving.web.render import ABSENT, DAMAGED, UNPUBLISHED
from serving.web.spoken import WRONG, Spoken, because


class NoInput(logging.Filter):
    """Drops tracebacks from the server's log: a validation error carries what the caller typed, and that may be a personal number."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            kind = record.exc_info[0]
            record.exc_info, record.exc_text = None, None
            record.msg = f"{record.getMessage()}: {kind.__name__ if kind else 'error'}"
            record.args = ()
        return True


for _name in ("bentoml", "bentoml.serve", "bentoml._internal.server.http_app", "uvicorn.error"):
    logging.getLogger(_name).addFilter(NoInput())


@bentoml.service(
    name="xiezhi",
    workers=settings().workers,
    traffic={"timeout": 60},
    logging={"access": {"enabled": False}},
)
@bentoml.asgi_app(pages(), path="/")
class Xiezhi:
    """Leads from the published lists, the explanation of a row, and the check of a settlement at the counter, as JSON."""

    def __init__(self) -> None:
        api.check_start(named_warehouse())

    @bentoml.api(route="/api/lists")
    def lists(self) -> dict[str, Any]:
        """What is published: as-of, grains, sizes, quality notes."""
        return _told(api.lists, named_warehouse())

    @bentoml.api(route="/api/rank")
    def rank(self, grain: str, top: int = 50) -> dict[str, Any]:
        """The first `top` rows of a published list as the sheet has them."""
        return _told(api.rank, named_warehouse(), grain, top, *asking())

    @bentoml.api(route="/api/explain")
    def explain(self, grain: str, lead: int) -> dict[str, Any]:
        """Reasons and claim rows of a published row; for whoever may see them SHAP contributions: `base` + contributions = `raw`."""
        return _told(api.explain, named_warehouse(), grain, lead, *asking())

    @bentoml.api(route="/api/check")
    async def check(
        self,
        settlement: counter.Settlement,  # type: ignore[valid-type]
        lines: Annotated[list[counter.Line], Field(max_length=counter.MOST_LINES)] = [],  # type: ignore[valid-type] # noqa: B006
        at: counter.Moment | None = None,
    ) -> dict[str, Any]:
        """One settlement with its fee lines against every rule that it and its patient's past can answer; official columns, amounts in yuan.
        at: the moment it is judged at, by default when it was settled. Nothing is stored."""
        house = named_warehouse()
        try:
            return await counter.check(api.named(house), desk_of(api.named(house)), asking()[0], settlement, lines, at)
        except UserError as error:
            raise _refusal(error) from None


def _told(function: Any, *args: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = function(*args)
    except UserError as error:
        raise _refusal(error) from None
    return found


def _refusal(error: UserError) -> BentoMLException:
    """What an API answers to an error: 404, 503 or 400, with a Chinese sentence that names no path and no value."""
    if isinstance(error, api.Absent):
        return NotFound(because(_chinese(error, ABSENT)))
    if isinstance(error, counter.Crowded):
        return BentoMLException(because(str(error), error.after), error_code=HTTPStatus.TOO_MANY_REQUESTS)
    if isinstance(error, Unpublished):
        return ServiceUnavailable(because(UNPUBLISHED))
    if isinstance(error, Damaged):
        return ServiceUnavailable(because(DAMAGED))
    return BadInput(because(_chinese(error, WRONG)))


def _chinese(error: UserError, otherwise: str) -> str:
    return str(error) if HAN.search(str(error)) else otherwise


Xiezhi.add_asgi_middleware(Spoken)  # type: ignore[attr-defined]
Xiezhi.add_asgi_middleware(Gate)  # type: ignore[attr-defined]


def application() -> App:
    """The service with its gate, for the processes of `xiezhi serve`.

    Pages are answered before BentoML's own layers see them: these take as long again as a page does, and keep a row of measurements for every
    address anybody asks for, whether it is one or not.
    """
    house = named_warehouse()  # once a process, not several times a page
    shell, front = Xiezhi.to_asgi(), Gate(pages(house), house)  # type: ignore[attr-defined]

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" and house is not None:
            counter.warm(house)
        chosen = front if scope["type"] == "http" and not _SHELL.fullmatch(scope["path"]) else shell
        await chosen(scope, receive, send)

    return served


_SHELL = re.compile(r"/api/\w+|/(docs|schema)\.json|/metrics|/(live|ready|health)z")
"""What BentoML answers itself."""


__all__ = ["Xiezhi", "application", "serve"]
