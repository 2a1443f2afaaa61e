"""The week's plan as it was published, and a leader's changes of it, which count at the next planning: nothing is planned in a request."""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from claims.errors import UserError
from inspection.plan_store import current_plan
from inspection.settings import WEEKDAYS
from serving.desk import log, plan_changes
from serving.desk.cases import Refused
from serving.desk.database import Desk
from serving.lists import publish
from serving.web.form import Form, first, form_of, number_of
from serving.web.render import kind, person, respond, rights

FILES = {".ics": "text/calendar; charset=utf-8", ".svg": "image/svg+xml"}
ABOUT = frozenset({"week", "objective", "days"})
WHOLE = frozenset({"worth", "bound", "gap", "price", "unmet", "notes"})
"""What is said of the plan as a whole, to whoever sees all areas."""
NONE = "还没有发布检查计划；请运行 xiezhi plan … --publish"


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    async def plan(request: Request) -> Response:
        form = await form_of(request) if request.method == "POST" else {}
        return await kind(lambda r: _plan(r, form))(request)

    def _plan(request: Request, form: Form) -> Response:
        who, found = person(request), current_plan(warehouse())
        if found is None:
            return respond(request, "plan.html", {"title": "检查计划", "plan": None, "message": NONE})
        told, message = found.plan, ""
        log.note(
            desk(), "read", who.name, f"plan/{found.name}"[:120]
        )  # first: after a change nothing may fail that would say it was not kept
        units = [v for v in told["visits"] if who.sees(v["area"])]
        counted = [c for c in found.facts["changes"] if who.sees(c["area"])]
        listed = _others(warehouse(), who.sees)
        others = listed | {c["site"]: c["name"] for c in counted}
        names = dict(sorted((others | {v["site"]: v["name"] for v in units}).items(), key=lambda kv: kv[1]))
        if form:
            try:
                _change(desk(), request, told, names, form)
                message = "已记下，下次排定计划时计入并说明代价"
            except Refused as error:
                message = str(error)
        changes = plan_changes.changes_of(desk(), told["week"])
        had = {c["change_id"] for c in found.facts["changes"]}
        waiting = [c for c in changes if c["change_id"] not in had and c["site"] in names]
        days = [{"day": d, "weekday": _named(d), "visits": [v for v in units if v["day"] == d]} for d in told["days"]]
        data = {
            "title": "检查计划",
            "as_of": found.facts["as_of"],
            "published_at": found.facts["published_at"],
            "campaign": found.facts["campaign"],
            "message": message,
            "plan": {k: v for k, v in told.items() if k in (ABOUT if who.area else {*ABOUT, *WHOLE})},
            "days": days,
            "visits": len(units),
            "hidden": len(told["visits"]) - len(units),
            "whole": not who.area,
            "waiting": [plan_changes.told(c, names[c["site"]]) for c in waiting],
            "counted": counted,
            "listed": sorted(listed),
            "choices": names,
            "teams": [t["name"] for t in told["teams"]],
            "weekdays": [(_weekday(d), _named(d)) for d in told["days"]],
            "may_change": "assign" in rights(request),
        }
        return respond(request, "plan.html", data)

    @kind
    def file(request: Request) -> Response:
        ending = Path(request.url.path).suffix
        found, who = current_plan(warehouse()), person(request)
        if found is None or who.area:
            raise UserError(NONE if found is None else "日历和路线图包含其他片区的机构，只向全局账户提供")
        log.note(desk(), "read", who.name, f"plan/{found.name}{ending}"[:120])
        name = f"plan-{found.plan['week']}{ending}"
        headers = {"content-disposition": f'attachment; filename="{name}"'} if ending == ".ics" else {}
        return Response(found.file(ending), media_type=FILES[ending], headers=headers)

    return [
        Route("/plan", plan, methods=["GET", "POST"]),
        Route("/plan.json", plan),
        *(Route(f"/plan{ending}", file) for ending in FILES),
    ]


def _change(desk: Desk, request: Request, told: dict[str, Any], known: Mapping[str, str], form: Form) -> None:
    """Keep what a leader asks. Raises Refused."""
    site, team = first(form, "site"), first(form, "team")
    day = number_of(first(form, "day") or "0")
    if site not in known:
        raise Refused("请选择机构")
    if team and team not in {t["name"] for t in told["teams"]}:
        raise Refused("没有这个检查组")
    if day is None or (day and day not in {_weekday(d) for d in told["days"]}):
        raise Refused("这一天不排检查")
    plan_changes.change(
        desk,
        person(request),
        told["week"],
        site,
        team=team,
        day=day,
        never=bool(first(form, "never")),
        why=first(form, "why"),
        made=(first(form, "start"), first(form, "finish")),
    )


def _others(warehouse: Path, sees: Callable[[str], bool]) -> dict[str, str]:
    """Units of this week's lists: code → name; none where nothing was published."""
    try:
        units = publish.current(warehouse).units()
    except publish.Unpublished:
        return {}
    return {c: str(u["name"]) for c, u in units.items() if sees(str(u["area"] or ""))}


def _weekday(day: str) -> int:
    return date.fromisoformat(day).isoweekday()


def _named(day: str) -> str:
    return f"周{WEEKDAYS[_weekday(day) - 1]}"
