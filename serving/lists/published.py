"""Lists and suspects of a day that was published, read instead of made again, in a second instead of half a minute. A suspect is told without what a week adds
for its pages; a workbook has its names.

Only where nothing they rest on has changed since (serving/lists/basis.py), and only as `xiezhi week` makes them; else nothing is found here.
"""

import functools
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from claims.errors import UserError
from serving.lists.basis import basis
from serving.lists.publish import Run, open_run
from serving.lists.schema import EXTRA, Note, WorkList


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
    """The published list of a grain with this capacity, with its claim rows; None where there is none."""
    run = of_day(warehouse, as_of, grain, top)
    path = None if run is None else run.claim_rows(grain)
    if run is None or path is None:
        return None
    made = listed(run, grain)
    leads = dict(zip(made.rows["entity_id"].astype(str), made.rows["lead"].astype(int), strict=True))

    @functools.cache
    def all_rows() -> dict[Any, pd.DataFrame]:
        return dict(iter(pd.read_parquet(path).groupby("lead")))

    def rows_of(entity_id: str) -> pd.DataFrame:
        found = all_rows().get(leads[entity_id], pd.DataFrame())
        return found.drop(columns="lead", errors="ignore").reset_index(drop=True)

    return replace(made, claim_rows=rows_of)


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
