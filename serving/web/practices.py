"""回头看 as pages read it: the practice of a case's unit before and after, as `xiezhi lookback` worked it out, beside what the desk knows of its visits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claims.store.files import read_sealed
from serving.desk import lookbacks
from serving.desk.database import Desk
from serving.desk.people import Person

PRACTICES = "lookbacks.json"
REMEDY = "请重新运行 xiezhi lookback"


def of_case(desk: Desk, warehouse: Path, who: Person, case: Mapping[str, Any]) -> dict[str, Any]:
    """回头看 of one case: when it is due (None: it is not), what earlier visits found, the practice before and after as `xiezhi lookback` worked it out."""
    waits = case["state"] in ("C80", "C85")
    due = lookbacks.due(desk, who, int(case["case_id"])) if waits else []
    told = practices(warehouse) if case["decided_at"] else {}
    return {
        "due": {k: due[0][k] for k in ("look_at", "left")} if due else None,
        "visits": lookbacks.visits(case["events"]),
        "practice": told.get("cases", {}).get(case["number"]),
        "as_of": told.get("as_of", ""),
    }


def practices(warehouse: Path) -> dict[str, Any]:
    """What `xiezhi lookback` worked out; empty where it was not run. Raises Damaged."""
    path = warehouse / PRACTICES
    return dict(read_sealed(path, REMEDY)) if path.is_file() else {}
