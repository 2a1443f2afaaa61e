"""Between lists sent down and the desk: one that came, matched, put on heaps and taken in. Command and page do the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from claims.errors import UserError
from inspection.sent import Row, Sent, hits_of, matched, triaged
from inspection.sorting import LARGE_YUAN
from serving.desk import sent
from serving.desk.database import Desk
from serving.lists.publish import current
from serving.lists.schema import NAMES

Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class How:
    """How a list is taken in: as_of: the day up to which claims are looked at; large_yuan: from which an amount alone puts a row among the first."""

    number: str
    source: str
    as_of: date
    due: datetime
    by: str
    large_yuan: float = LARGE_YUAN


def take_in(
    desk: Desk, warehouse: Path, understood: Sent, body: bytes, how: How, tell: Tell
) -> tuple[Sent, list[Row], dict[str, Any]]:
    """(list as it was understood, its rows on their heaps, counts of cases). tell: step and share done. Raises UserError; nothing is kept of a list that is refused."""
    sent.new_name(desk, how.number)  # said before minutes of work
    tell("claims", 0.1)
    understood, rows, claims = matched(understood, warehouse, how.as_of)
    tell("rules", 0.4)
    looked = hits_of(warehouse, how.as_of, rows, claims)
    tell("heaps", 0.8)
    subjects = sorted({r.match.subject for r in rows if r.match.found})
    known = sent.what_is_known(desk, subjects)
    placed = triaged(rows, claims, warehouse, how.as_of, looked, listed_in(warehouse), known, how.large_yuan)
    areas = {code: area for code, (_, area) in claims.units.items()}
    done = sent.take_in(desk, understood, placed, body, number=how.number, source=how.source, as_of=how.as_of, due=how.due, areas=areas, by=how.by)  # fmt: skip
    return understood, placed, done


def listed_in(warehouse: Path) -> Mapping[tuple[str, str], str]:
    """Subject → where it stands on the lists in force; none where nothing was published."""
    try:
        run = current(warehouse)
    except UserError:
        return {}
    rows = [(n, r) for n in run.grains for r in run.worklist(n)["rows"]]
    return {(str(r["grain"]), str(r["entity_id"])): f"{run.name} {NAMES.get(n, n)}第{r['lead']}号" for n, r in rows}
