"""What the APIs answer, without the server around it: published lists and explanations as JSON-ready dictionaries."""

from datetime import date
from pathlib import Path
from typing import Any

from claims.errors import Damaged, UserError
from serving.lists import publish
from serving.lists.dossier import explain as explain_now
from serving.web import sessions


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
    elif not sessions.ready(warehouse):
        _stop(f"nobody can sign in yet; run `xiezhi serve --new-token --warehouse {warehouse}` and start again")


def _stop(message: str) -> None:
    print(f"xiezhi: {message}", flush=True)
    raise SystemExit(2)


def lists(warehouse: Path | None) -> dict[str, Any]:
    """The run in force: as_of, run, lists {grain: facts}, notes, absent."""
    run = publish.current(_named(warehouse))
    told = {k: run.manifest[k] for k in ("as_of", "published_at", "lists", "absent")}
    return told | {"notes": run.notes, "run": run.name}


def rank(warehouse: Path | None, grain: str, top: int) -> dict[str, Any]:
    """Rows of a published list by rank: the first `top` ranked ones, then its draw and controls. Raises Absent, UserError."""
    if top < 1:
        raise UserError("top must be at least 1")
    document = _run_with(warehouse, grain).worklist(grain)
    rows = [r for r in document["rows"] if r["slot"] != "ranked" or r["rank"] <= top]
    return {**document, "rows": sorted(rows, key=lambda r: r["rank"])}


def explain(warehouse: Path | None, grain: str, entity_id: str, as_of: date | None = None) -> dict[str, Any]:
    """The dossier of an entity: as published if it is on the list, else computed. Raises Absent for an unknown id."""
    root = _named(warehouse)
    run = _run_with(warehouse, grain)
    day = as_of or date.fromisoformat(run.manifest["as_of"])
    if day.isoformat() == run.manifest["as_of"]:
        for row in run.worklist(grain)["rows"]:
            if row["entity_id"] == entity_id:
                return run.lead(grain, int(row["lead"]))
    try:
        return explain_now(root, day, grain, entity_id)
    except Damaged:
        raise
    except UserError as error:
        raise Absent(str(error)) from None


def _run_with(warehouse: Path | None, grain: str) -> publish.Run:
    run = publish.current(_named(warehouse))
    if grain not in run.grains:
        raise Absent(f"this week's run has no list {grain!r}; it has {', '.join(run.grains)}")
    return run


def _named(warehouse: Path | None) -> Path:
    if warehouse is None:
        raise UserError("no warehouse is named; set XIEZHI_WAREHOUSE")
    return warehouse
