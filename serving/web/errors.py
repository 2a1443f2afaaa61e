"""What a page says where there is none, where something broke, and in which language."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serving.web.account_pages import safe_next
from serving.web.english import COOKIE
from serving.web.form import first, form_of
from serving.web.middleware import BUSY
from serving.web.render import ABSENT, LANGUAGES, refuse

SAID: Final = {400: "请求不完整，请返回重试", 404: ABSENT, 405: "这个地址不接受这种操作"}
BROKEN: Final = "处理时出错，没有任何改动被保存；请重试，仍不行请告知系统管理员"
YEAR: Final = 31_536_000


async def missing(request: Request, error: Exception) -> Response:
    """An address, a method or a body that nothing answers."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    return refuse(request, SAID.get(status, ABSENT), status)


async def busy(request: Request, error: Exception) -> Response:
    """The desk's database is locked, full or gone: what was begun is not there."""
    return refuse(request, BUSY, 503)


async def broken(request: Request, error: Exception) -> Response:
    """Anything nobody foresaw; the server's log has its name, the page does not."""
    return refuse(request, BROKEN, 500)


async def speak(request: Request) -> Response:
    """Choose the language of the pages on this machine."""
    form = await form_of(request)
    to = first(form, "to")
    answer = RedirectResponse(safe_next(first(form, "next")), status_code=303)
    if to in LANGUAGES:
        answer.set_cookie(COOKIE, to, max_age=YEAR, httponly=True, samesite="lax", path="/")
    return answer


HANDLERS: Final[Mapping[Any, Callable[[Request, Exception], Any]]] = {
    HTTPException: missing,
    DBAPIError: busy,
    Exception: broken,
}
