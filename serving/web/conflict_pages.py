"""Conflicts of interest (回避) on their page: whoever inspects declares his own; a leader sees all, writes one down for another, and lifts it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from claims.errors import UserError
from serving.desk import conflicts, people
from serving.desk.cases import Refused
from serving.desk.database import Desk
from serving.lists import publish
from serving.web.form import Form, first, form_of, number_of
from serving.web.render import kind, person, respond, rights


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    async def declared(request: Request) -> Response:
        form = await form_of(request) if request.method == "POST" else {}
        return await kind(lambda r: _declared(r, form))(request)

    def _declared(request: Request, form: Form) -> Response:
        who, leads, message = person(request), "assign" in rights(request), ""
        units: Mapping[str, Any] = {}
        with suppress(UserError):  # nothing published yet: codes alone
            units = publish.current(warehouse()).units()
        if form:
            try:
                message = _act(desk(), request, form, units)
            except Refused as error:
                message = str(error)
        rows = conflicts.standing(desk(), None if leads else who.person_id)
        staff = [p for p in people.everybody(desk()) if p["active"] and "inspector" in p["roles"]] if leads else []
        data = {
            "title": "回避申报",
            "message": message,
            "rows": [
                {k: r[k] for k in ("conflict_id", "name", "shown", "unit", "why", "at")}
                | {"unit_name": units.get(r["unit"], {}).get("name", ""), "own": r["person_id"] == who.person_id}
                for r in rows
            ],
            "leads": leads,
            "staff": [{k: p[k] for k in ("name", "shown")} for p in staff],
            "units": {c: u["name"] for c, u in sorted(units.items()) if who.sees(str(u["area"] or ""))},
        }
        return respond(request, "conflicts.html", data)

    return [Route("/conflicts", declared, methods=["GET", "POST"]), Route("/conflicts.json", declared)]


def _act(desk: Desk, request: Request, form: Form, units: Mapping[str, Any]) -> str:
    """Declare or lift; what was done, in words. Raises Refused."""
    who, may = person(request), rights(request)
    if number := first(form, "lift"):
        if "assign" not in may:
            raise Refused("回避由派查的人解除")
        conflicts.lift(desk, who, number_of(number) or 0)
        return "已解除，下次派查和排定计划时不再计入"
    name, unit = first(form, "name") or who.name, first(form, "unit")
    conflicts.declare(desk, who, name, unit, first(form, "why"), may)
    unknown = "" if not units or unit in units else f"；本周清单中没有机构 {unit}，请核对编码"
    return f"已申报：派查、检查计划和查床从现在起回避{unknown}"
