"""What the APIs answer, without the server around it: published lists and explanations as JSON-ready dictionaries."""

from pathlib import Path
from typing import Any

from claims.errors import Damaged, UserError
from serving.desk import diagnoses, leads, log, people
from serving.desk.database import open_desk
from serving.desk.people import Person
from serving.lists import publish
from serving.web.list_pages import HIDDEN, SCORE
from serving.web.masking import masked
from serving.web.middleware import desk_of


class Absent(UserError):
    """Asked for something that is not there."""


def check_start(warehouse: Path | None) -> None:
    """Refuse to start without a warehouse, or without anybody being able to sign in: an open door is worse than a shut one.

    Ends the process with one sentence; a server that restarts its workers would repeat a traceback for ever.
    """
    if warehouse is None:
        _stop("XIEZHI_WAREHOUSE is not set; start with `xiezhi serve --warehouse DIR`")
    elif not warehouse.is_dir():
        _stop(f"there is no warehouse at {warehouse}; run `xiezhi intake` first")
    elif not people.anybody(open_desk(warehouse)):
        _stop(f"nobody can sign in yet; run `xiezhi people add NAME --role officer --warehouse {warehouse}` first")


def _stop(message: str) -> None:
    print(f"xiezhi: {message}", flush=True)
    raise SystemExit(2)


def lists(warehouse: Path | None) -> dict[str, Any]:
    """The run in force: as_of, run, lists {grain: facts}, notes, absent."""
    run = publish.current(named(warehouse))
    told = {k: run.manifest[k] for k in ("as_of", "published_at", "lists", "absent")}
    return told | {"notes": run.notes, "run": run.name}


def rank(warehouse: Path | None, grain: str, top: int, who: Person, rights: frozenset[str]) -> dict[str, Any]:
    """The first `top` rows of a published list as the unmarked sheet has them, of the caller's area, personal numbers masked; with slot, rank and risk
    only for whoever trains models. Raises Absent, UserError."""
    if top < 1:
        raise UserError("top 须不小于 1")
    run = _run_with(warehouse, grain)
    document = run.worklist(grain)
    rows = [r for r in document["rows"] if who.sees(str(r["area"] or ""))]
    if "model" in rights:
        rows = sorted((r for r in rows if r["slot"] != "ranked" or r["rank"] <= top), key=lambda r: r["rank"])
    else:
        rows = [{k: v for k, v in r.items() if k not in HIDDEN} for r in sorted(rows, key=lambda r: r["lead"])[:top]]
    log.note(desk_of(named(warehouse)), "read.list", who.name, f"{run.name}/{grain}", {"rows": len(rows)})
    return masked({**document, "rows": rows}, grain)


def explain(warehouse: Path | None, grain: str, lead: int, who: Person, rights: frozenset[str]) -> dict[str, Any]:
    """The dossier of a row as published, masked; without scores for whoever may not see them. Raises Absent for one that is not there: nothing is
    computed on request (`xiezhi explain` does)."""
    run = _run_with(warehouse, grain)
    try:
        document = run.lead(grain, lead)
    except Damaged:
        raise
    except UserError as error:
        raise Absent(str(error)) from None
    if not who.sees(str(document["entity"].get("area") or "")):
        raise Absent(f"名单中没有第 {lead} 号")
    desk = desk_of(named(warehouse))
    log.note(desk, "read", who.name, f"{run.name}/{grain}/{lead}")
    case = leads.of_lead(desk, run.name, grain, lead, who)
    shown = masked(document, grain, diagnoses.hidden(diagnoses.groups(desk), rights, case))
    return shown if "score" in rights else {k: v for k, v in shown.items() if k not in SCORE}


def _run_with(warehouse: Path | None, grain: str) -> publish.Run:
    run = publish.current(named(warehouse))
    if grain not in run.grains:
        raise Absent(f"本周没有这份清单；有 {'、'.join(run.grains)}")
    return run


def named(warehouse: Path | None) -> Path:
    """The warehouse of this process. Raises UserError where none is named."""
    if warehouse is None:
        raise UserError("服务没有指定数据仓，请系统管理员设置 XIEZHI_WAREHOUSE")
    return warehouse
