"""Field mode: the tasks of a case at the place, on a page that keeps its form without a network, and the day's wrap-up.

Tasks are made of the case's last published lead, so that both officers see the same; the conclusion goes the way of every conclusion of a visit (step `found`).
"""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from claims.errors import UserError
from claims.schema.innocents import INNOCENTS
from claims.schema.outcomes import OUTCOMES
from inspection.tasks import KINDS, Task, tasks_of
from serving.desk import log, ticks
from serving.desk.casefile import case_file
from serving.desk.cases import Again, Refused, Unknown
from serving.desk.database import Desk
from serving.desk.sent import last_listed
from serving.desk.two_officers import TOLD
from serving.lists import publish
from serving.web.bed_pages import answer, fields_of, is_json, photo_answer
from serving.web.case_acts import photo_of
from serving.web.case_pages import shown
from serving.web.render import kind, moment, person, respond, rights, wants_json

CONCLUSIONS: Final = {
    "属实": tuple(c for c, o in OUTCOMES.items() if o.klass in ("confirmed", "error")),
    "不属实": tuple(c for c, o in OUTCOMES.items() if o.klass == "refuted"),
    "存疑": tuple(c for c, o in OUTCOMES.items() if o.klass == "missing"),
}
"""What officers say on the spot → outcomes that the step `found` puts to the next person."""


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    def case_of(request: Request) -> dict[str, Any]:
        return case_file(desk(), person(request), int(request.path_params["case"]))

    def named(case: dict[str, Any]) -> dict[str, Any]:
        """With the name of its unit, which is what one asks for on the road."""
        units: dict[str, Any] = {}
        with suppress(UserError):
            units = publish.current(warehouse()).units()
        return case | {"unit_name": units.get(str(case["unit"]), {}).get("name", "")}

    def tasks_for(case: Mapping[str, Any]) -> list[Task]:
        lead = last_listed(case["leads"])
        with suppress(UserError):  # an old run may have been cleared away; what was ticked stays
            run = publish.open_run(warehouse() / "lists" / lead["run"])
            charts: list[str] = []
            if case["grain"] == "institution":
                with suppress(UserError):  # a run without briefs
                    charts = [str(r["mdtrt_id"]) for r in run.brief(str(case["entity_id"]))["charts"]["rows"]]
            return tasks_of(run.lead(lead["list"], int(lead["lead"])), charts)
        return []

    def page(
        request: Request, message: str = "", typed: Mapping[str, str] | None = None, status: int = 200
    ) -> Response:
        case, who = case_of(request), person(request)
        mine = who.person_id in {o["person_id"] for o in case["officers"]}
        if not mine or case["state"] != "C40":
            raise Refused("只有派到本案的核查人员在核查中可以打开现场任务")
        found = ticks.of_case(desk(), who, case["case_id"])
        told: list[dict[str, Any]] = [{**vars(t), "key": t.key} for t in tasks_for(case)]
        known = {t["key"] for t in told}
        columns = ("key", "kind", "text", "basis", "rows")
        told += [{k: r[k] for k in columns} for r in found.values() if r["key"] not in known]
        told.sort(key=lambda t: list(KINDS).index(t["kind"]))
        rows = [t | {"found": _found(found.get(t["key"]), who.person_id)} for t in told]
        data = {
            "title": f"现场核查 {case['number']}",
            "case": named(shown({k: case[k] for k in SHOWN})),
            "officers": [o["shown"] for o in case["officers"]],
            "kinds": [{"kind": KINDS[k], "tasks": list(of)} for k, of in groupby(rows, key=lambda t: t["kind"])],
            "tasks": len(rows),
            "ticked": sum(r["found"] is not None for r in rows),
            "confirmed": sum(bool(r["found"] and r["found"]["second"]) for r in rows),
            "papers": len(case["papers"]),
            "codes": ticks.FOUND,
            "conclusions": CONCLUSIONS,
            "explained_by": {code: zh for code, (zh, *_) in INNOCENTS.items()},
            "message": message,
            "typed": UNTYPED | dict(typed or {}),
            "untyped": UNTYPED,
            "once": secrets.token_hex(14),
        }
        log.note(desk(), "read", who.name, case["number"])
        return respond(request, "field.html", data, status)

    @kind
    def at_the_place(request: Request) -> Response:
        return page(request)

    async def ticked(request: Request) -> Response:
        form = await fields_of(request)

        def done(r: Request) -> Response:
            case = case_of(r)
            key = form.get("key", "")
            task = next((t for t in tasks_for(case) if t.key == key), None)
            try:
                state = ticks.tick(desk(), person(r), rights(r), case["case_id"], task, form.get("result", ""), form.get("note", ""), form.get("client", ""))  # fmt: skip
            except (Refused, Unknown) as error:
                return answer({"error": str(error)}, 409) if is_json(r) else page(r, str(error), form, 409)
            if is_json(r):
                return answer({"state": state, "message": TOLD[state]})
            return RedirectResponse(f"/cases/{case['case_id']}/field#t{key}", status_code=303)

        return await kind(done)(request)

    async def photograph(request: Request) -> Response:
        name, body, more = await photo_of(request)

        def done(r: Request) -> Response:
            number, key = int(r.path_params["case"]), r.path_params["key"]
            try:
                ticks.photograph(desk(), person(r), rights(r), number, key, name, body, **more)
            except (Refused, Again) as error:
                if wants_json(r):
                    return photo_answer(error)
                return page(r, str(error), status=409)
            if wants_json(r):
                return photo_answer()
            return RedirectResponse(f"/cases/{number}/field#t{key}", status_code=303)

        return await kind(done)(request)

    @kind
    def day(request: Request) -> Response:
        found = [d | {"case": named(shown(d["case"]))} for d in ticks.day_of(desk(), person(request))]
        return respond(request, "day.html", {"title": "今日小结", "cases": found})

    return [
        Route("/field", day),
        Route("/field.json", day),
        Route("/cases/{case:int}/field", at_the_place),
        Route("/cases/{case:int}/ticks", ticked, methods=["POST"]),
        Route("/cases/{case:int}/ticks/{key}/photo", photograph, methods=["POST"]),
    ]


SHOWN = ("case_id", "number", "grain", "entity_id", "state", "due_at", "version", "psn_no", "unit")
UNTYPED = {"key": "", "result": "", "note": ""}


def _found(row: Mapping[str, Any] | None, me: int) -> dict[str, Any] | None:
    """What stands of a task, as the page shows it."""
    if row is None:
        return None
    return {
        "result": ticks.FOUND[row["code"]],
        "at": moment(row["said_at"]),
        "note": row["note"],
        "first": row["first_shown"],
        "second": row["second_shown"] or "",
        "second_note": row["second_note"],
        "photo": (row["sha256"] or "")[:12],
        "mine": row["said_by"] == me,
    }
