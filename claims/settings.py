"""What the environment may set, read here and nowhere else (docs/design.md §13)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from claims.errors import UserError

NAMES = (
    "XIEZHI_WAREHOUSE",
    "XIEZHI_HOSTS",
    "XIEZHI_WORKERS",
    "XIEZHI_MEMORY",
    "XIEZHI_TRACEBACK",
    "XIEZHI_DESK",
)


@dataclass(frozen=True)
class Settings:
    """warehouse: of a served process (None while a bento is built). hosts: names it answers to besides loopback.
    workers: its processes. memory: what one DuckDB connection of an intake may hold. traceback: show where a defect of
    ours is. desk: SQLAlchemy address of the desk's database, '' = SQLite in the warehouse."""

    warehouse: Path | None = None
    hosts: frozenset[str] = frozenset()
    workers: int = 2
    memory: str = "2500MB"
    traceback: bool = False
    desk: str = ""

    def environment(self) -> dict[str, str]:
        """The same as variables, for a process that reads them."""
        return {
            **({"XIEZHI_WAREHOUSE": str(self.warehouse)} if self.warehouse else {}),
            "XIEZHI_HOSTS": ",".join(sorted(self.hosts)),
            "XIEZHI_WORKERS": str(self.workers),
            "XIEZHI_MEMORY": self.memory,
            "XIEZHI_TRACEBACK": "1" if self.traceback else "",
            "XIEZHI_DESK": self.desk,
        }


def settings() -> Settings:
    """The settings of this moment. Raises UserError for a number of workers or an amount of memory that is none."""
    warehouse, hosts, workers, memory, traceback, desk = (os.environ.get(name, "").strip() for name in NAMES)
    if workers and not re.fullmatch(r"[1-9]\d?", workers):
        raise UserError(f"XIEZHI_WORKERS={workers}: give a number of processes from 1 to 99")
    if memory and not re.fullmatch(r"\d+(\.\d+)? ?[KMGT]i?B", memory):
        raise UserError(f"XIEZHI_MEMORY={memory}: give an amount like 2500MB or 4GB")
    return Settings(
        warehouse=Path(warehouse) if warehouse else None,
        hosts=frozenset(h.strip().lower() for h in hosts.split(",") if h.strip()),
        workers=int(workers or Settings.workers),
        memory=memory or Settings.memory,
        traceback=bool(traceback),
        desk=desk,
    )
