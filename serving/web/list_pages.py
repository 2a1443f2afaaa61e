"""This week's lists, an earlier run's, and the page of each row: who, what, how much, why, and what could clear them.

They read the published run only; nothing is computed on request. Personal numbers leave masked, in HTML and JSON alike.
A row's address names its run and its number on the sheet: it means the same suspect for ever, and no personal number stands in
a log or a browser's history.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from claims.errors import Damaged, UserError
from claims.schema.sensitive import covered
from inspection.campaigns import Campaign
from serving.desk import diagnoses, inbox, leads, log
from serving.desk.database import Desk, now
from serving.desk.people import Person
from serving.lists import publish
from serving.lists.publish import RULES
from serving.lists.sheets import Mark
from serving.web import exports, kept, list_filters
from serving.web.export_job import job_of
from serving.web.masking import covers, masked_once
from serving.web.render import TITLES, UNPUBLISHED, kind, moment, person, respond, rights, wants_json
from serving.web.workbook import Taken

HIDDEN = frozenset(
    {"slot", "selection_prob", "rank", "risk", "probability", "probability_low", "probability_high", "scheme_share"}
)
"""What a row of the unmarked sheet does not show, so that a control is checked like any other."""
ALL = "all"
"""All lists of a week as one."""
BLANK: Mapping[str, Any] = {"who": {}, "units": {}, "linked": [], "seen": [], "pairs": []}
"""What runs published before do not say."""
SCORE = ("risk", "raw", "base", "probability", "probability_low", "probability_high", "contributions")


def opened(desk: Desk, run: publish.Run) -> None:
    """Cases for a run that has none yet."""
    if (desk.folder, run.name) in _OPENED:
        return
    if not leads.known(desk, run.name):
        rows = {name: [row | _doctor(run, name, row) for row in run.worklist(name)["rows"]] for name in run.grains}
        leads.open_run(desk, run.name, run.manifest["as_of"], rows)
    _OPENED.add((desk.folder, run.name))


_OPENED: set[tuple[Path, str]] = set()
"""Runs this process knows to have their cases."""


@functools.lru_cache(maxsize=256)
def _root(warehouse: Path, day: str, name: str) -> Path:
    """Where a run lies."""
    return warehouse / "lists" / day / name


def _doctor(run: publish.Run, grain: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Whose stay it is: what was confirmed about the doctor before belongs to the case."""
    return {"dr_codg": run.lead(grain, int(row["lead"]))["entity"].get("dr_codg")} if grain == "admission" else {}


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes; warehouse and desk of this process."""

    def run_of(request: Request) -> publish.Run:
        day, name = request.path_params.get("day"), request.path_params.get("run")
        if day is None:
            return publish.current(warehouse())
        root = _root(warehouse(), day, str(name))
        try:
            return publish.open_run(root)
        except Damaged:
            if root.is_dir():
                raise
            raise UserError(f"没有批次 {day}/{name}") from None

    @kind
    def home(request: Request) -> Response:
        try:
            current = publish.current(warehouse())
        except publish.Unpublished:
            blank: dict[str, Any] = {
                "as_of": None,
                "message": UNPUBLISHED,
                "lists": [],
                "notes": [],
                "absent": {},
                "waiting": [],
            }
            return respond(request, "home.html", {"title": "本周清单", **blank})
        opened(desk(), current)
        manifest = current.manifest
        data = {
            "title": "本周清单",
            "as_of": manifest["as_of"],
            "run": current.name,
            "published_at": manifest["published_at"],
            "lists": [{"grain": g, "title": TITLES[g], **facts} for g, facts in manifest["lists"].items()],
            "notes": current.notes,
            "absent": manifest["absent"],
            "waiting": inbox.waiting(desk(), person(request), rights(request)),
        }
        return respond(request, "home.html", data)

    @kind
    def one_list(request: Request) -> Response:
        name = request.path_params["grain"]
        run, who = run_of(request), person(request)
        opened(desk(), run)
        published = {n: run.worklist(n) for n in (run.grains if name == ALL else [name])}
        cases = {n: leads.columns_of_run(desk(), run.name, n, who) for n in published}
        chosen = list_filters.of(request.query_params, name == ALL)
        groups = diagnoses.groups(desk()) if chosen.campaign else frozenset()
        told = (chosen, who, rights(request), groups)
        key = (run.root, chosen, groups, tuple(cases.values()))
        return kept.respond(
            request,
            "list.html",
            key,
            lambda: list_data(run, name, published, {n: leads.told(c) for n, c in cases.items()}, *told),
        )

    @kind
    def rules(request: Request) -> Response:
        current = publish.current(warehouse())
        cards = [c | {"proposed": c["law"][0].removeprefix("三违建议：")} for c in current.rules()]
        data = {"title": "规则", "as_of": current.manifest["as_of"], "run": current.name, "rules": cards}
        return respond(request, "rules.html", data)

    @kind
    def one_rule(request: Request) -> Response:
        number, current = request.path_params["rule"], publish.current(warehouse())
        card = next((c for c in current.rules() if c["rule"] == number), None)
        if card is None:
            raise UserError(f"批次 {current.name} 没有规则 {number!r}")
        data = {"title": f"规则 {card['name']}", "as_of": current.manifest["as_of"], "run": current.name, "card": card}
        return respond(request, "rule.html", data)

    def taken_of(request: Request) -> tuple[Taken, Mark]:
        """What who asks may take, after the log has it; the head of the log is printed on it."""
        grain, run, who = request.path_params["grain"], run_of(request), person(request)
        opened(desk(), run)
        covered = diagnoses.hidden(diagnoses.groups(desk()), rights(request), None)
        taken = Taken.of(run, grain, who, leads.of_run(desk(), run.name, grain, who), covered)
        detail = {"rows": len(taken.document["rows"]), "base": taken.base.digest}
        head = log.note(desk(), "export", who.name, f"{run.name}/{grain}.xlsx", detail)
        return taken, Mark(who.shown, moment(now()), head)

    @kind
    async def sheet(request: Request) -> Response:
        taken, mark = await run_in_threadpool(taken_of, request)
        body = await exports.made(job_of(taken, mark))
        media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        name = f"xiezhi-{taken.grain}-{taken.run.manifest['as_of']}.xlsx"
        return Response(body, media_type=media, headers={"content-disposition": f'attachment; filename="{name}"'})

    @kind
    def one_lead(request: Request) -> Response:
        grain, lead = request.path_params["grain"], request.path_params["lead"]
        run = run_of(request)
        if request.path_params.get("day") is None and not wants_json(request):
            run.lead(grain, lead)
            return RedirectResponse(f"/lists/{run.name}/{grain}/{lead}", status_code=303)
        opened(desk(), run)
        who, may = person(request), rights(request)
        seen_by(who, run, grain, lead)
        case = leads.of_lead(desk(), run.name, grain, lead, who)
        hidden = diagnoses.hidden(diagnoses.groups(desk()), may, case)
        log.note(desk(), "read", who.name, f"{run.name}/{grain}/{lead}")
        key = (run.root, grain, lead, hidden, tuple(case.values()) if case else None)
        return kept.respond(request, "lead.html", key, lambda: lead_data(who, may, run, grain, lead, case, hidden))

    @kind
    def picture(request: Request) -> Response:
        run, grain, lead = run_of(request), request.path_params["grain"], request.path_params["lead"]
        document = run.lead(grain, lead)
        if not person(request).sees(str(document["entity"].get("area") or "")):
            raise UserError("没有这一条")
        return Response(run.picture(grain, lead, request.path_params["picture"]), media_type="image/svg+xml")

    made = [Route("/", home), Route("/index.json", home), Route("/rules.json", rules), Route("/rules", rules)]
    made += [Route("/rules/{rule}.json", one_rule), Route("/rules/{rule}", one_rule)]
    for prefix in ("/lists", "/lists/{day}/{run}"):
        made += [
            Route(prefix + "/{grain}.json", one_list),
            Route(prefix + "/{grain}.xlsx", sheet),
            Route(prefix + "/{grain}", one_list),
            Route(prefix + "/{grain}/{lead:int}.json", one_lead),
            Route(prefix + "/{grain}/{lead:int}", one_lead),
            Route(prefix + "/{grain}/{lead:int}/{picture}.svg", picture),
        ]
    return made


def seen_by(who: Person, run: publish.Run, grain: str, lead: int) -> dict[str, Any]:
    """The dossier of a row of somebody's area. Raises UserError for one of another, or none."""
    document = run.lead(grain, lead)
    if not who.sees(str(document["entity"].get("area") or "")):
        raise UserError(f"名单中没有第 {lead} 号")
    return document


def list_data(
    run: publish.Run,
    name: str,
    published: Mapping[str, Mapping[str, Any]],
    cases: Mapping[str, Mapping[int, Mapping[str, Any]]],
    chosen: list_filters.Filters,
    who: Person,
    may: frozenset[str],
    groups: frozenset[str],
) -> dict[str, Any]:
    """What the page of a list shows to who asks: rows of his area that pass the filters, unmarked and masked, with the cases he sees.
    groups: diagnoses that the office covers; who may not see one is not told by a campaign either."""
    documents = {n: masked_once(document, n) for n, document in published.items()}
    units = run.units()
    rows = [
        _unmarked(r)
        | {
            "list": n,
            "case": cases[n].get(int(r["lead"])),
            "level": (units.get(str(r["fixmedins_code"])) or {}).get("level"),
        }
        for n, document in documents.items()
        for r in document["rows"]
        if who.sees(str(r["area"] or ""))
    ]
    told = run.campaigns()
    claims: list[Mapping[str, Any]] = []
    if chosen.campaign:
        held = {n: run.claims(n) for n in documents}
        hidden = [diagnoses.hidden(groups, may, r["case"]) for r in rows]
        claims = [uncovered(held[r["list"]].get(str(r["lead"]), {}), h) for r, h in zip(rows, hidden, strict=True)]
    campaign = _campaign(told, chosen.campaign, rows, claims)
    shown = chosen.rows(campaign["rows"] if campaign else rows)
    pages = list_filters.Pages.of(chosen.page, len(shown), chosen.address())
    one = documents[name] if name != ALL else {"grain": "", "as_of": run.manifest["as_of"], "at": None, "facts": None}
    return {
        **one,
        "rows": shown[pages.first : pages.first + list_filters.PAGE],
        "title": TITLES.get(name, name) if name != ALL else "本周全部线索",
        "name": name,
        "run": run.name,
        "lists": run.grains,
        "filters": chosen.told(),
        "choices": list_filters.choices(rows) | {"campaign": {c: c for c in told}},
        "campaign": _summed(campaign, shown),
        "all": len(rows),
        "found": len(shown),
        "pages": vars(pages),
        "new_known": any(r.get("seen") for r in rows),
    }


def lead_data(
    who: Person,
    may: frozenset[str],
    run: publish.Run,
    grain: str,
    lead: int,
    case: Mapping[str, Any] | None,
    hidden: frozenset[str],
) -> dict[str, Any]:
    """What the page of a row shows to who asks: masked, without the diagnoses of `hidden` groups, without the score where he has no right to it."""
    document = seen_by(who, run, grain, lead)
    facts = run.manifest["lists"][grain]
    data = {**BLANK, **masked_once(document, grain, hidden)}
    hidden = (
        hidden if covers(data) else frozenset()
    )  # most documents say nothing to hide, and are one part of a page for all
    cards = {c["rule"]: c for c in run.rules()} if RULES in run.manifest["files"] else {}
    peers = {p["column"]: p for p in data["peers"]}
    asked = [{k: (cards.get(r["rule"]) or {}).get(k, "") for k in ("ask", "clears")} for r in data["reasons"]]
    data["reasons"] = [{**r, **a, "peers": peers.get(r["column"])} for r, a in zip(data["reasons"], asked, strict=True)]
    total = data["base"] + sum(c["contribution"] for c in data["contributions"])
    if "score" not in may:
        data = {k: v for k, v in data.items() if k not in SCORE}
    extra = {
        "title": f"{TITLES.get(grain, grain)}第 {lead} 号",
        "name": grain,
        "run": run.name,
        "base_path": f"/lists/{run.name}/{grain}",
        "count": facts["ranked"] + facts["draw"] + facts["control"],
        "case": case,
        "hidden": sorted(hidden),
    }
    return {**data, **extra, **({"sum": total} if "score" in may else {})}


def _campaign(
    told: Mapping[str, tuple[Campaign, str]],
    name: str,
    rows: list[dict[str, Any]],
    claims: list[Mapping[str, Any]],
) -> dict[str, Any] | None:
    """A campaign and its rows; none of one that cannot be answered. None where no campaign is asked for."""
    if not name:
        return None
    if name not in told:
        raise UserError(f"没有名为 {name} 的专项")
    one, lacks = told[name]
    mine = [] if lacks else list_filters.of_campaign(one, rows, claims)
    return {"name": name, "about": one.about, "lacks": lacks, "rows": mine}


def uncovered(claims: Mapping[str, Any], hidden: frozenset[str]) -> Mapping[str, Any]:
    """What of a row's claims may be gone by: without a diagnosis that is covered."""
    return {**claims, "dx": covered(str(claims.get("dx") or ""), claims.get("age"), hidden)}


def _summed(campaign: Mapping[str, Any] | None, shown: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What the page says of a campaign: the sum at risk as far as rows tell it, and of how many rows they do not."""
    if campaign is None:
        return None
    known = [r["campaign_yuan"] for r in shown if r["campaign_yuan"] is not None]
    told = {k: campaign[k] for k in ("name", "about", "lacks")}
    return {**told, "rows": len(shown), "yuan": round(sum(known), 2), "untold": len(shown) - len(known)}


def _unmarked(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k not in HIDDEN}
