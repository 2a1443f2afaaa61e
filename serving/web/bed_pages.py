"""Tonight's bed check on pages: the sheet for the desk and on paper, the same for a phone, what was found, and the morning after.

The sheet was drawn at publication; a request reads it and what officers have said. Nobody on a page can tell a drawn stay from a ranked one; the morning after, which
counts them apart, is the leader's.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from claims.errors import UserError
from inspection.bedsheet import RESULTS
from inspection.morning import CAVEAT
from inspection.sheet_file import as_workbook
from serving import evening
from serving.desk import beds, log
from serving.desk.beds import Given
from serving.desk.cases import Again, Refused, Unknown
from serving.desk.database import Desk, now
from serving.desk.two_officers import TOLD
from serving.desk.workdays import CHINA
from serving.lists import publish
from serving.web.case_acts import photo_of, upload_of
from serving.web.form import first, form_of, number_of
from serving.web.list_pages import opened
from serving.web.render import kind, person, respond, rights, wants_json

MINUTE = "%Y-%m-%d %H:%M"
UNTYPED = {"lead": "", "result": "", "note": "", "at": "", "back": ""}


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    def run_of(request: Request) -> publish.Run:
        day, name = request.path_params["day"], request.path_params["run"]
        root = warehouse() / "lists" / day / name
        if not root.is_dir():
            raise UserError(f"没有批次 {day}/{name}")
        return publish.open_run(root)

    def page(
        request: Request, message: str = "", typed: Mapping[str, str] | None = None, status: int = 200, more: Any = None
    ) -> Response:
        run, who = run_of(request), person(request)
        opened(desk(), run)
        phone = request.url.path.endswith("/phone") or (typed or {}).get("back") == "phone"
        sheet, found = run.bedsheet(), beds.of_run(desk(), run.name)
        names = {code: zh for zh, code in RESULTS.items()}
        rows = [
            b | {"found": _found(found.get(b["lead"]), who.person_id, names)}
            for b in sheet["beds"]
            if who.sees(str(b["area"]))
        ]
        teams = evening.teams_of(warehouse(), run, who.sees)
        mine = next((t["name"] for t in teams if {who.name, who.shown} & set(t["members"])), "") if phone else ""
        team = request.query_params.get("team", mine)
        team = team if team in {t["name"] for t in teams} else ""
        hospitals = [_hospital(h, list(of), sheet["hours"]) for h, of in groupby(rows, key=lambda b: b["hospital"])]
        data = {
            "title": "今晚查床",
            "teams": teams,
            "team": team,
            "unserved": [] if who.area or team else evening.unserved(warehouse(), run),
            "as_of": run.manifest["as_of"],
            "run": run.name,
            "at": sheet["at"],
            "hospitals": by_team(hospitals, teams, team),
            "beds": len(rows),
            "said": sum(b["found"] is not None for b in rows),
            "confirmed": sum(bool(b["found"] and b["found"]["second"]) for b in rows),
            "results": list(RESULTS),
            "now": (now() + CHINA).strftime("%Y-%m-%dT%H:%M"),
            "message": message,
            "typed": UNTYPED | dict(typed or {}),
            "untyped": UNTYPED,
            "taken": more,
            "once": secrets.token_hex(16),
        }
        if (
            more is None
        ):  # a sheet taken in is logged with what it brought; nothing may fail after it that would say it was not kept
            log.note(desk(), "read", who.name, f"{run.name}/beds")
        return respond(request, "beds_phone.html" if phone else "beds.html", data, status)

    @kind
    def tonight(request: Request) -> Response:
        return RedirectResponse(f"/beds/{publish.current(warehouse()).name}", status_code=303)

    @kind
    def sheet(request: Request) -> Response:
        return page(request)

    @kind
    def workbook(request: Request) -> Response:
        run, who = run_of(request), person(request)
        teams = evening.teams_of(warehouse(), run, who.sees)
        told = evening.blank(run, who.sees, teams, request.query_params.get("team", ""))
        log.note(desk(), "export", who.name, f"{run.name}/beds.xlsx", {"rows": len(told)})
        media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        said = f'attachment; filename="xiezhi-beds-{run.manifest["as_of"]}.xlsx"'
        return Response(
            as_workbook(told, run.bedsheet()["at"]), media_type=media, headers={"content-disposition": said}
        )

    async def said(request: Request) -> Response:
        """One result: JSON from the page's script, or a plain form."""
        form = await fields_of(request)

        def done(r: Request) -> Response:
            run = run_of(r)
            opened(desk(), run)
            given = Given(number_of(form.get("lead", "")), form.get("result", ""), form.get("at", ""), form.get("note", ""), client=form.get("client", ""))  # fmt: skip
            try:
                state = beds.take(desk(), person(r), rights(r), evening.sheet_of(run), given)
            except (Refused, Unknown) as error:
                if is_json(r):
                    return answer({"error": str(error)}, 409)
                return page(r, str(error), form, 409)
            if is_json(r):
                return answer({"state": state, "message": TOLD[state]})
            back = "/phone" if form.get("back") == "phone" else ""
            return RedirectResponse(f"/beds/{run.name}{back}#b{given.lead}", status_code=303)

        return await kind(done)(request)

    async def filled(request: Request) -> Response:
        _, body = await upload_of(request)

        def done(r: Request) -> Response:
            run = run_of(r)
            opened(desk(), run)
            if not body:
                return page(r, "请选择填好的查床单", status=400)
            try:
                taken = evening.take_sheet(desk(), person(r), rights(r), evening.sheet_of(run), body)
            except UserError as error:
                return page(r, str(error), status=409)
            return page(r, more=taken)

        return await kind(done)(request)

    async def photograph(request: Request) -> Response:
        _, body, more = await photo_of(request)

        def done(r: Request) -> Response:
            run, lead = run_of(r), int(r.path_params["lead"])
            opened(desk(), run)
            try:
                beds.photograph(desk(), person(r), rights(r), evening.sheet_of(run), lead, body, **more)
            except (Refused, Again) as error:
                if wants_json(r):
                    return photo_answer(error)
                return page(r, str(error), {"back": r.query_params.get("back", "")}, 409)
            if wants_json(r):
                return photo_answer()
            back = "/phone" if r.query_params.get("back") == "phone" else ""
            return RedirectResponse(f"/beds/{run.name}{back}#b{lead}", status_code=303)

        return await kind(done)(request)

    async def withdrawn(request: Request) -> Response:
        form = await form_of(request)

        def done(r: Request) -> Response:
            run, lead = run_of(r), int(r.path_params["lead"])
            try:
                beds.withdraw(desk(), person(r), rights(r), evening.sheet_of(run), lead)
            except Refused as error:
                return page(r, str(error), {"back": first(form, "back")}, 409)
            back = "/phone" if first(form, "back") == "phone" else ""
            return RedirectResponse(f"/beds/{run.name}{back}#b{lead}", status_code=303)

        return await kind(done)(request)

    @kind
    def after(request: Request) -> Response:
        run = run_of(request)
        told = evening.morning_of(desk(), run, person(request).sees).to_json()
        hours = run.bedsheet()["hours"]
        sees = person(request).sees
        names = {b["unit"]: b["hospital"] for b in run.bedsheet()["beds"] if sees(str(b["area"]))}
        shown = [h | {"hospital": names[h["unit"]]} for h in hours if h["unit"] in names]
        data = {"title": "查床次日", "as_of": run.manifest["as_of"], "run": run.name, "caveat": CAVEAT, "hours": shown}
        return respond(request, "morning.html", data | told)

    prefix = "/beds/{day}/{run}"
    return [
        Route("/beds", tonight),
        Route(prefix + ".json", sheet),
        Route(prefix, sheet),
        Route(prefix + "/phone", sheet),
        Route(prefix + "/sheet.xlsx", workbook),
        Route(prefix + "/sheet", filled, methods=["POST"]),
        Route(prefix + "/results", said, methods=["POST"]),
        Route(prefix + "/morning.json", after),
        Route(prefix + "/morning", after),
        Route(prefix + "/{lead:int}/photo", photograph, methods=["POST"]),
        Route(prefix + "/{lead:int}/withdraw", withdrawn, methods=["POST"]),
    ]


def is_json(request: Request) -> bool:
    """Whether a write came from a page's script."""
    return request.headers.get("content-type", "").startswith("application/json")


def answer(body: Mapping[str, Any], status: int = 200) -> Response:
    """A plain JSON answer."""
    return Response(json.dumps(body, ensure_ascii=False), status, media_type="application/json")


def photo_answer(error: UserError | None = None) -> Response:
    """What a page's script is told of a photograph it sent; one that came before is there, which is all it wants to know."""
    if error is None:
        return answer({"state": "stored", "message": "照片已收到"})
    if isinstance(error, Again):
        return answer({"state": "again", "message": "照片已收到过，没有重复存"})
    return answer({"error": str(error)}, 409)


async def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form or of a JSON object, as text; empty for anything else."""
    if not is_json(request):
        return {k: first({k: v}, k) for k, v in (await form_of(request)).items()}
    try:
        told = json.loads(await request.body())
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {str(k): str(v).replace("\0", "").strip() for k, v in told.items() if isinstance(v, str | int)}


def _found(row: Mapping[str, Any] | None, me: int, names: Mapping[str, str]) -> dict[str, Any] | None:
    """What stands of a bed, as a page shows it."""
    if row is None:
        return None
    return {
        "result": names[row["code"]],
        "at": (row["checked_at"] + CHINA).strftime(MINUTE),
        "note": row["note"],
        "first": row["first_shown"],
        "second": row["second_shown"] or "",
        "second_note": row["second_note"],
        "photo": (row["sha256"] or "")[:12],
        "mine": row["said_by"] == me,
    }


def by_team(hospitals: list[dict[str, Any]], teams: list[dict[str, Any]], team: str) -> list[dict[str, Any]]:
    """Hospitals by team and along its road, each with its stop; those nobody reaches last. team: that one's alone."""
    stops = {s["unit"]: s | {"team": t["name"], "place": (i, s["order"])} for i, t in enumerate(teams) for s in t["stops"]}  # fmt: skip
    told = [h | {"stop": stops.get(h["unit"])} for h in hospitals]
    if team:
        told = [h for h in told if h["stop"] and h["stop"]["team"] == team]
    return sorted(told, key=lambda h: h["stop"]["place"] if h["stop"] else (len(teams), 0))


def _hospital(name: str, of: list[dict[str, Any]], hours: list[dict[str, Any]]) -> dict[str, Any]:
    """A hospital's beds by ward, as one walks, and when to come."""
    when = next((h["text"] for h in hours if h["unit"] == of[0]["unit"]), "")
    wards = [{"ward": w, "beds": list(rows)} for w, rows in groupby(of, key=lambda b: b["ward"])]
    return {"hospital": name, "unit": of[0]["unit"], "when": when, "beds": len(of), "wards": wards}
