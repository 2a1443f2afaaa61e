"""Lists and suspects of a day that was published, read instead of made again, in a second instead of half a minute. A suspect is told without what a week adds
for its pages; a workbook has its names.

Only where nothing they rest on has changed since (serving/lists/basis.py), and only as `xiezhi week` makes them; else nothing is found here.
"""

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from claims.errors import UserError
from serving.lists.basis import basis
from serving.lists.publish import Run, open_run
from serving.lists.schema import EXTRA, Note, WorkList, claim_table


def runs_of(warehouse: Path, as_of: date) -> list[Run]:
    """What was published for a day, newest first; damaged ones left out."""
    found = []
    for root in (warehouse / "lists" / as_of.isoformat()).glob("*"):
        with suppress(UserError):
            found.append(open_run(root))
    return sorted(found, key=lambda r: str(r.manifest["published_at"]), reverse=True)


def of_day(warehouse: Path, as_of: date, grain: str, top: int | None = None) -> Run | None:
    """The newest run of a day with a list of a grain (of this capacity) that still says what would be made now."""
    standing = [r for r in runs_of(warehouse, as_of) if r.manifest.get("basis") and grain in r.grains]
    wanted = [r for r in standing if top in (None, r.manifest["top"])]
    if not wanted:
        return None
    now = basis(warehouse, as_of)
    return next((r for r in wanted if r.manifest["basis"] == now), None)


def worklist(warehouse: Path, as_of: date, grain: str, top: int) -> WorkList | None:
    """The published list of a grain with this capacity; None where there is none."""
    run = of_day(warehouse, as_of, grain, top)
    if run is None:
        return None
    return replace(listed(run, grain), claim_rows=_claim_rows(warehouse, run, grain))


def _claim_rows(warehouse: Path, run: Run, grain: str) -> Callable[[str], pd.DataFrame]:
    """The claim rows of each suspect as the list was made with. A run keeps the first of a reason (dossier.ROWS_SHOWN); where there are more, they are
    asked of the claims, once for the whole list."""
    leads = {str(r["entity_id"]): int(r["lead"]) for r in run.worklist(grain)["rows"]}

    def reasons(entity_id: str) -> list[dict[str, Any]]:
        return list(run.lead(grain, leads[entity_id])["reasons"])

    @functools.cache
    def longer() -> dict[tuple[str, str, str], pd.DataFrame]:
        from serving.lists.claims_behind import (
            claim_rows,  # the declarations, which a list without longer reasons does not need
        )

        wanted = [_key(r) for e in leads for r in reasons(e) if _left_out(r)]
        return claim_rows(warehouse, date.fromisoformat(run.manifest["as_of"]), wanted)

    def rows_of(entity_id: str) -> pd.DataFrame:
        told = reasons(entity_id)
        return claim_table(
            [longer().get(_key(r)) if _left_out(r) else pd.DataFrame(r["evidence"]["rows"]) for r in told]
        )

    return rows_of


def _key(reason: dict[str, Any]) -> tuple[str, str, str]:
    return reason["about"], reason["own"], reason["subject"]


def _left_out(reason: dict[str, Any]) -> bool:
    return bool(reason["evidence"]["total"] > len(reason["evidence"]["rows"]))


def listed(run: Run, name: str) -> WorkList:
    """A list of a run as it was made, without the claim rows. Raises UserError if the run has no such list or it is damaged."""
    found = run.worklist(name)
    return WorkList(
        grain=found["grain"],
        as_of=date.fromisoformat(found["as_of"]),
        rows=pd.DataFrame(found["rows"], columns=None if found["rows"] else [*found["columns"], *EXTRA]),
        explained=pd.DataFrame(found["explained"]),
        notes=tuple(Note(**note) for note in found["notes"]),
        facts=found["facts"],
        at=datetime.fromisoformat(found["at"]) if found["at"] else None,
    )


def dossier(warehouse: Path, as_of: date, grain: str, entity_id: str) -> dict[str, Any] | None:
    """The dossier of somebody on a published list of that day; None where there is none."""
    run = of_day(warehouse, as_of, grain)
    if run is None:
        return None
    lead = next((int(r["lead"]) for r in run.worklist(grain)["rows"] if r["entity_id"] == entity_id), None)
    return (
        None
        if lead is None
        else {k: v for k, v in run.lead(grain, lead).items() if k not in ("lead", "seen", "linked", "pairs")}
    )
