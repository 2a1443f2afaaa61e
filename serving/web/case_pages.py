"""Cases on the page: the inbox, one case with its evidence and its steps, its papers, the search, and how well reviewers and lists do."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from claims.errors import UserError
from claims.schema.innocents import INNOCENTS
from claims.shown_text import mask
from inspection.bedsheet import RESULTS
from serving.desk import (
    boards,
    conflicts,
    diagnoses,
    hearings,
    inbox,
    log,
    lookbacks,
    money,
    papers,
    people,
    reviews,
    sent,
    ticks,
)
from serving.desk.casefile import case_file
from serving.desk.database import Desk, now
from serving.desk.limits import values
from serving.desk.roles import BUSINESS, rights_of
from serving.desk.states import CLOSED, OPEN, STATES, steps_from
from serving.desk.workdays import left
from serving.lists import publish
from serving.web.list_filters import PAGE, Pages, page_of
from serving.web.list_pages import lead_data
from serving.web.practices import of_case
from serving.web.render import kind, person, respond, rights, wants_json

REASONS = ("在结算系统核对", "现场核查核对身份", "制作文书", "答复陈述申辩")
"""Why a full number is looked at; anything else is typed beside it."""
DIAGNOSIS_REASONS = ("判断是否属合理情形", "安排核查人员", "制作文书")
"""Why a covered diagnosis is looked at before the visit."""

LINE: Final = ("case_id", "number", "grain", "entity_id", "scheme", "state", "outcome", "due_at", "left", "mid_fen", "low_fen", "high_fen", "unit", "unit_name", "area")  # fmt: skip
"""All that a line of the inbox says of a case: lines that say the same are written once."""


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    @kind
    def open_ones(request: Request) -> Response:
        who = person(request)
        state = request.query_params.get("state", "")
        late = request.query_params.get("late") == "1"
        hearing = request.query_params.get("hearing", "")
        hearing = hearing if hearing in hearings.KINDS and hearing in rights(request) else ""
        states = ("C60",) if hearing else (state,) if state in STATES else OPEN
        counts = inbox.counts(desk(), who)
        waiting = inbox.waiting(desk(), who, rights(request))
        if hearing:
            found = sum(w["late"] if late else w["n"] for w in waiting if w.get("hearing") == hearing)
        else:
            found = inbox.late_ones(desk(), who, states) if late else sum(counts.get(s, 0) for s in states)
        kept_in = {k: v for k, v in (("state", state), ("hearing", hearing), ("late", "1" if late else "")) if v}
        pages = Pages.of(page_of(request.query_params), found, kept_in)
        rows = inbox.open_cases(desk(), who, states, PAGE, late=late, after=pages.first, hearing=hearing)
        again = lookbacks.due(desk(), who) if "assign" in rights(request) else []
        filed = [d for d in again if d["state"] == "C80"]  # those put on the list stand among the waiting
        data: dict[str, Any] = {"again": {"n": len(filed), "late": sum(d["left"] < 0 for d in filed), "next": next((d["left"] for d in filed if d["left"] >= 0), None)}}  # fmt: skip
        told = {"counts": counts, "waiting": waiting, "pages": vars(pages), "hearing": hearing}
        units: dict[str, Any] = {}
        with suppress(UserError):  # nothing published yet: codes alone
            units = publish.current(warehouse()).units()
        named = [shown(r) | {"unit_name": units.get(r["unit"], {}).get("name", "")} for r in rows]
        cases = named if wants_json(request) else [{k: r[k] for k in LINE} for r in named]
        data |= {"title": "案件", "cases": cases, "found": found, "state": state, "late": late}
        return respond(request, "cases.html", data | told)

    @kind
    def one(request: Request) -> Response:
        return case_page(request, warehouse(), desk(), int(request.path_params["case"]))

    @kind
    def paper(request: Request) -> Response:
        number, file_id = int(request.path_params["case"]), int(request.path_params["file"])
        name, body = papers.take_out(desk(), person(request), number, file_id)
        # never as what it says it is: a page that came as a paper must not run here
        said = f"attachment; filename=\"paper-{file_id}\"; filename*=UTF-8''{quote(name)}"
        return Response(body, media_type="application/octet-stream", headers={"content-disposition": said})

    @kind
    def quality(request: Request) -> Response:
        found = reviews.quality(desk(), person(request))
        return respond(request, "quality.html", {"title": "复核与清单质量", **found})

    return [
        Route("/cases", open_ones),
        Route("/cases.json", open_ones),
        Route("/quality", quality),
        Route("/quality.json", quality),
        Route("/cases/{case:int}.json", one),
        Route("/cases/{case:int}", one),
        Route("/cases/{case:int}/files/{file:int}", paper),
    ]


def case_page(
    request: Request,
    warehouse: Path,
    desk: Desk,
    number: int,
    message: str = "",
    revealed: str = "",
    status: int = 200,
    uncovered: bool = False,
) -> Response:
    """One case: the evidence of its last lead, what may be done, what was done; uncovered: with its diagnoses, which the log knows. Raises Unknown."""
    who, may = person(request), rights(request)
    found = case_file(desk, who, number)
    lead = sent.last_listed(found["leads"])
    data: dict[str, Any] = {}
    with suppress(UserError):  # an old run may have been cleared away; the case stays
        run = publish.open_run(warehouse / "lists" / lead["run"])
        covered = frozenset() if uncovered else diagnoses.hidden(diagnoses.groups(desk), may, found)
        data = lead_data(who, may, run, lead["list"], lead["lead"], None, covered)
    log.note(desk, "read", who.name, found["number"])
    steps = steps_from(found["state"], may, found["proposal"])
    staff = people.everybody(desk) if any("officers" in s.asks for s in steps) else []
    inspectors = [p for p in staff if "inspector" in p["roles"] and p["active"]]
    kept = {c["person_id"] for c in conflicts.standing(desk) if c["unit"] == found["unit"]} if inspectors else set()
    sits = "board" in may and found["state"] == "C60"
    worked: set[int] = set()
    if sits:
        with desk.read() as connection:
            worked = boards.worked_on(connection, found)
    members = [
        {k: p[k] for k in ("person_id", "shown")}
        for p in (people.everybody(desk) if sits else [])
        if p["active"] and "board" in rights_of(frozenset(p["roles"])) and p["person_id"] not in worked
    ]
    found["leads"] = [{k: one[k] for k in ("run", "list", "lead", "as_of")} for one in found["leads"]]
    works = bool(may & BUSINESS)
    extra = {
        "title": f"案件 {found['number']}",
        "file": shown(found),
        "again": of_case(desk, warehouse, who, found),
        "steps": [vars(s) | {"choices": s.outcomes} for s in steps],
        "inspectors": [
            {"person_id": p["person_id"], "shown": p["shown"], "kept_from": p["person_id"] in kept} for p in inspectors
        ],
        "members": members,
        "sits": sits,
        "asks_hearing": "sign" in may and found["state"] == "C60" and None in (found["legal_by"], found["board_id"]),
        "reviews_law": "legal" in may and found["state"] == "C60",
        "heard_from": _heard_from(desk) if found["state"] == "C60" else {},
        "message": message,
        "revealed": revealed,
        "uncovered": uncovered,
        "reveal_for": REASONS,
        "diagnosis_for": DIAGNOSIS_REASONS,
        "innocents": data.get("innocents", []),
        "explained_by": {code: zh for code, (zh, *_) in INNOCENTS.items()},
        "apart": money.apart(found["dispositions"]),
        "of_money": money.OF_MONEY,
        "paper_words": papers.WORDS,
        "decisions": reviews.DECISIONS,
        "bed_words": {code: zh for zh, code in RESULTS.items()},
        "tick_words": ticks.FOUND,
        "done_words": {"confirmed": "（两人确认）", "withdrawn": "（撤回）"},
        "works": works,
        "may_reopen": works and found["state"] in ("C80", "C90"),
        "may_extend": works and found["state"] not in (*CLOSED, "C92") and found["due_at"] is not None,
        "once": secrets.token_hex(8),
        "has_lead": bool(data),
    }
    return respond(request, "case.html", {**data, **extra}, status)


def _heard_from(desk: Desk) -> dict[str, int]:
    """From which amount on, in fen, a decision asks for 法制审核 and for 案审会."""
    with desk.read() as connection:
        found = values(connection, ("legal_yuan", "board_yuan"))
    return {"legal": found["legal_yuan"] * 100, "board": found["board_yuan"] * 100}


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A case as a page shows it: the subject masked where it is a person or a group of persons, the days left beside the deadline, and nothing of
    who reviews it blind."""
    others: dict[str, Any] = {k: [shown(r) for r in row[k]] for k in ("earlier", "beside", "linked") if k in row}
    if "history" in row:
        others["history"] = {zh: [shown(r) for r in rows] for zh, rows in row["history"].items()}
    hidden = {"entity_id": mask(row["entity_id"])} if row["grain"] in ("person", "ring") else {}
    hidden |= {"psn_no": mask(row["psn_no"])} if row.get("psn_no") else {}
    due = row["due_at"] if row["state"] not in CLOSED else None
    days = {"left": left(now(), due) if due else None}
    return {k: v for k, v in row.items() if k != "blind"} | others | hidden | days
