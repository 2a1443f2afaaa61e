"""Which diagnoses, and what else tells them, are covered from whom: groups as the office has set them, until a case is investigated (C40), for everybody without the right.

Whoever works on a case may see the one he asks for, for a reason that is written down first (serving/desk/reveals.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from claims.schema.sensitive import ALL, GROUPS
from claims.settings import settings
from serving.desk.database import FOLDER, Desk, open_desk
from serving.desk.limits import LIMITS, last_granted
from serving.desk.prepared import Prepared

INVESTIGATED: Final = frozenset({"C40", "C50", "C60", "C70", "C80", "C85", "C93"})
"""States in which a case is in the hands of those who must know."""
_COVERS: Final = {g: f"cover_{g}" for g in GROUPS}
_GRANTED: Final = Prepared(last_granted(tuple(_COVERS.values())))


def groups(desk: Desk) -> frozenset[str]:
    """Groups that the office covers (limits `cover_…`)."""
    found: dict[str, int] = dict(_GRANTED.asked(desk.engine, {}))
    return frozenset(g for g, name in _COVERS.items() if found.get(name, LIMITS[name].default))


def groups_of(warehouse: Path) -> frozenset[str]:
    """Groups that the office of a warehouse covers; all where it has no desk yet, which is not made for the asking."""
    made = settings().desk or (warehouse / FOLDER).is_dir()
    return groups(open_desk(warehouse)) if made else ALL


def hidden(covered: frozenset[str], rights: frozenset[str], case: Mapping[str, Any] | None) -> frozenset[str]:
    """The groups covered from somebody with these rights, on the pages of a case in its state; of a lead without one, as before the first review."""
    if "diagnosis" in rights or (case is not None and case["state"] in INVESTIGATED):
        return frozenset()
    return covered
