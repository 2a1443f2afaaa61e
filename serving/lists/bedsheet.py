"""The evening's sheet as a run keeps it (bedsheet.json): beds in walking order, when to come to each hospital; drawn at publication, so that a page only reads."""

from datetime import datetime, time
from pathlib import Path
from typing import Any

from inspection.bedsheet import in_order, places
from inspection.hours import best_hours
from serving.lists.schema import WorkList


def published_sheet(warehouse: Path, worklist: WorkList) -> dict[str, Any]:
    """at: its moment; beds: inspection.bedsheet.Bed of each stay; hours: inspection.hours.Hour of each hospital. Nothing in it tells a drawn stay from a ranked one."""
    at = worklist.at or datetime.combine(worklist.as_of, time(23, 59))
    rows = worklist.rows
    beds = in_order(rows, places(warehouse, at, list(rows["entity_id"].astype(str))), at)
    hours = best_hours(warehouse, at, sorted({b.unit for b in beds} - {""}))
    return {
        "at": at.isoformat(sep=" ", timespec="minutes"),
        "beds": [b.to_json() for b in beds],
        "hours": [h.to_json() for h in hours],
    }
