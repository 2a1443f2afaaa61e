"""One box finds everything: a case, a suspect of this week, a unit, a rule, a kind of suspicion, and of anybody else why he is not on a list.

What is typed comes in the body of a form, never in an address: it may be a personal number. Answers are masked, and the log says that somebody looked.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from claims.errors import UserError
from claims.shown_text import mask
from features.grains import GRAINS, SCHEMES
from serving.desk import inbox, log
from serving.desk.database import Desk
from serving.desk.people import Person
from serving.lists import publish
from serving.lists.schema import NAMES
from serving.lists.why_not import cut_of, rule_names, why
from serving.web.form import first, form_of
from serving.web.list_pages import opened
from serving.web.masking import masked
from serving.web.render import kind, person, respond, rights

SHORTEST: Final = 2
MOST: Final = 40


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    async def find(request: Request) -> Response:
        form = await form_of(request) if request.method == "POST" else {}
        return await kind(lambda r: found(r, first(form, "q")[:64]))(request)

    def found(request: Request, words: str) -> Response:
        run, who = publish.current(warehouse()), person(request)
        opened(desk(), run)
        data: dict[str, Any] = {"title": "查找", "words": words, "as_of": run.manifest["as_of"], "run": run.name}
        data |= {"cases": [], "leads": [], "units": [], "standing": [], "rules": [], "schemes": []}
        data["short"] = len(words) < SHORTEST
        if data["short"]:
            return respond(request, "find.html", data)
        data["cases"] = [_case(c) for c in inbox.search(desk(), who, words)]
        data["leads"] = listed(run, who, words)
        units = run.units()
        data["units"] = [
            {"code": c, **u}
            for c, u in units.items()
            if words.casefold() in f"{c} {u['name']}".casefold() and who.sees(str(u["area"] or ""))
        ][:MOST]
        data |= named(run, words)
        data["standing"] = standing(run, who, words, "score" in rights(request))
        personal = any(one["personal"] for one in (*data["standing"], *data["leads"]))
        personal |= any(c["grain"] in ("person", "ring") and c["number"] != words for c in data["cases"])
        data["words"] = mask(words) if personal or _number(words) else words
        log.note(desk(), "find", who.name, data["words"], {"found": len(data["leads"]) + len(data["standing"])})
        return respond(request, "find.html", data)

    return [Route("/find", find, methods=["GET", "POST"])]


def _number(words: str) -> bool:
    """Whether somebody may be named by it: as long as a personal number."""
    return sum(c.isdigit() for c in words) >= 10


def _case(row: Mapping[str, Any]) -> dict[str, Any]:
    hidden = row["grain"] in ("person", "ring")
    told = {k: row[k] for k in ("case_id", "number", "state", "scheme", "grain")}
    return told | {"entity_id": mask(row["entity_id"]) if hidden else row["entity_id"]}


def named(run: publish.Run, words: str) -> dict[str, list[dict[str, str]]]:
    """Rules and kinds of suspicion whose code or name is meant: by the code whole, by the name in part."""
    low = words.casefold()

    def meant(code: str, name: str) -> bool:
        return low == code.casefold() or low in name.casefold()

    rules: list[dict[str, str]] = []
    with suppress(UserError):  # a run that kept no rules
        rules = [{"code": c["rule"], "name": c["name"]} for c in run.rules() if meant(c["rule"], c["name"])]
    schemes = [{"code": code, "name": name} for code, name in SCHEMES.items() if meant(code, name)]
    return {"rules": rules[:MOST], "schemes": schemes[:MOST]}


def listed(run: publish.Run, who: Person, words: str) -> list[dict[str, Any]]:
    """Rows of this week's lists that words name: a number whole or from its beginning, a name or a unit in part."""
    out: list[dict[str, Any]] = []
    low = words.casefold()
    for name in run.grains:
        document = run.worklist(name)
        rows = []
        for row in document["rows"]:
            ids = [row["entity_id"], row["psn_no"], row["fixmedins_code"], *str(row.get("members") or "").split(";")]
            exact = [v for v in ids if v and str(v).casefold().startswith(low)]
            in_part = low in f"{row['label'] or ''} {row.get('unit_name') or ''}".casefold()
            if (exact or in_part) and who.sees(str(row["area"] or "")):
                rows.append(row)
        for row in masked({"grain": document["grain"], "rows": rows}, name)["rows"]:
            told = {
                k: row.get(k)
                for k in (
                    "lead",
                    "entity_id",
                    "label",
                    "psn_no",
                    "unit_name",
                    "who",
                    "scheme",
                    "amount_at_risk_yuan",
                    "reason_1",
                )
            }
            out.append(
                told
                | {
                    "list": name,
                    "personal": bool(row["psn_no"]) and low not in str(row.get("unit_name") or "").casefold(),
                }
            )
    return out[:MOST]


def standing(run: publish.Run, who: Person, words: str, score: bool) -> list[dict[str, Any]]:
    """Where an id stood on each list of this week, in sentences; nothing of another area. Empty for what is no id."""
    if not words.isascii() or " " in words:
        return []
    cards = rule_names(run)
    out = []
    for name, facts in run.manifest["lists"].items():
        if name not in GRAINS:
            continue
        row = run.standing(name, words)
        if row is None or not who.sees(str(row["area"] or "")):
            continue
        spec = GRAINS[name]  # type: ignore[index]
        shown = mask(words) if spec.personal else row["label"] or words
        out.append(
            {
                "list": name,
                "personal": spec.personal,
                "who": f"{NAMES[name]} {shown}",
                "said": why(row, facts, cards, score, cut_of(run, name)),
            }
        )
    return out
