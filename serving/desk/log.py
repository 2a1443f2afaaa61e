"""The log of the desk: append-only, in order, each row's hash over the row before it; kept for ever.

What is done and its row are one transaction: an act that cannot be logged does not happen. The database refuses to change or
delete a row; whoever owns the file can still rewrite it, so the head of the chain leaves the machine on every list and
export, and `serving/desk/verify.py` (which needs nothing but Python) holds a copy against an earlier head.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from serving.desk.database import Desk, exclusive, now
from serving.desk.prepared import Prepared
from serving.desk.schema import LOG
from serving.desk.verify import FIRST, digest

LOCK: Final = 2
"""The lock of the chain."""
_LAST: Final = Prepared(select(LOG.c.seq, LOG.c.hash).order_by(LOG.c.seq.desc()).limit(1))
_ADD: Final = Prepared(insert(LOG), [c.name for c in LOG.c])


def append(
    connection: Connection, act: str, who: str = "", about: str = "", detail: Mapping[str, Any] | None = None
) -> str:
    """Write one row inside the caller's transaction; returns the new head, SEQ:HASH. detail: no personal data, numbers of records only."""
    exclusive(connection, LOCK)
    seq, prev = next(iter(_LAST.within(connection, {})), (0, FIRST))
    row = {
        "seq": seq + 1,
        "at": now().isoformat(timespec="milliseconds") + "Z",
        "who": who,
        "act": act,
        "about": about,
        "detail": json.dumps(dict(detail or {}), ensure_ascii=False, sort_keys=True),
        "prev": prev,
    }
    row["hash"] = digest(row)
    _ADD.within(connection, row)
    return f"{row['seq']}:{row['hash']}"


def note(desk: Desk, act: str, who: str = "", about: str = "", detail: Mapping[str, Any] | None = None) -> str:
    """`append` by itself, for reads, failed sign-ins, exports: it is on disk when this returns."""
    return desk.together(lambda connection: append(connection, act, who, about, detail))


def head(desk: Desk) -> tuple[int, str]:
    """(sequence, hash) of the last row; (0, zeros) of an empty log."""
    seq, last = next(iter(_LAST.asked(desk.engine, {})), (0, FIRST))
    return seq, last


def rows(desk: Desk, after: int = 0, limit: int = 200) -> list[dict[str, Any]]:
    """Rows after a sequence number, in order."""
    with desk.read() as connection:
        found = connection.execute(select(LOG).where(LOG.c.seq > after).order_by(LOG.c.seq).limit(limit)).mappings()
        return [dict(row) for row in found]


def walk(desk: Desk, until: int | None = None, piece: int = 1_000) -> Iterator[dict[str, Any]]:
    """Every row to a sequence number (to the last one there is), in order, a piece at a time: however long the log, little of it is held."""
    last = head(desk)[0] if until is None else until
    after = 0
    while found := rows(desk, after, min(piece, last - after)) if after < last else []:
        yield from found
        after = int(found[-1]["seq"])
