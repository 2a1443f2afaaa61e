"""回头看 as pages read it: the practice of a case's unit before and after, as `xiezhi lookback` worked it out, beside what the desk knows of its visits."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from claims.errors import UserError
from claims.store.files import read_sealed
from inspection.tasks import tasks_of
from serving.desk import lookbacks
from serving.desk.database import Desk
from serving.desk.people import Person
from serving.lists import publish

PRACTICES = "lookbacks.json"
AGAIN, MOST = ("charts", "stock", "equipment", "papers"), 6
"""Kinds of tasks that a look-back repeats, and how many at most: whom to ask and what would clear was settled the first time."""
REMEDY = "请重新运行 xiezhi lookback"


def of_case(desk: Desk, warehouse: Path, who: Person, case: Mapping[str, Any]) -> dict[str, Any]:
    """回头看 of one case: when it is due (None: it is not), what earlier visits found, the practice before and after as `xiezhi lookback` worked it out."""
    waits = case["state"] in ("C80", "C85")
    due = lookbacks.due(desk, who, int(case["case_id"])) if waits else []
    more = content(warehouse, due[0]) if due else {}
    told = practices(warehouse) if case["decided_at"] else {}
    return {
        "due": {k: due[0][k] for k in ("look_at", "left")} | more if due else None,
        "visits": lookbacks.visits(case["events"]),
        "practice": told.get("cases", {}).get(case["number"]),
        "as_of": told.get("as_of", ""),
    }


def content(warehouse: Path, due: Mapping[str, Any]) -> dict[str, Any]:
    """What a look-back visit is about: decided, found (sentences: at the place, 不符), promised (sentences), look (what to look at again: what was found, else the tasks of the lead)."""
    look = [f["text"] for f in due["found"] if f["kind"] != "innocent"]
    if not look and due["lead"] is not None:
        with suppress(UserError):  # an old run may have been cleared away
            run = publish.open_run(warehouse / "lists" / due["lead"]["run"])
            made = tasks_of(run.lead(due["lead"]["list"], int(due["lead"]["lead"])))
            look = [t.text for t in made if t.kind in AGAIN][:MOST]
    promised = [lookbacks.promised(o) for o in due["orders"]]
    found = [
        ("可以排除的情形不成立：" if f["kind"] == "innocent" else "现场不符：")
        + "　".join(filter(None, (f["text"].removeprefix("是否属于："), f["note"])))
        for f in due["found"]
    ]
    return {"decided": due["decided"], "found": found, "promised": promised, "look": look}


def practices(warehouse: Path) -> dict[str, Any]:
    """What `xiezhi lookback` worked out; empty where it was not run. Raises Damaged."""
    path = warehouse / PRACTICES
    return dict(read_sealed(path, REMEDY)) if path.is_file() else {}
