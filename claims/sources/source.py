"""One source of claims, found and loaded: whatever it is, it becomes rows DuckDB can see, faults included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from claims.sources.delimited import TextFault


@dataclass(frozen=True)
class Source:
    """One file, sheet or database table that fills one official table."""

    table: str
    label: str  # as shown to people: the file's name
    path: Path | None = None
    kind: str = "csv"  # csv, parquet, xlsx, database, pending
    sheet: str | None = None
    url: str | None = None
    db_table: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What a mapping may call it by: its label, and the names of its folders, file and sheet without suffix."""
        parts = [p for p in re.split(r"[/\[\]]", self.label) if p]
        return (self.label, *parts, *(p.split(".")[0] for p in parts))


@dataclass(frozen=True)
class Ignored:
    """Something of a delivery that is not read. `refuses`: data that may have been meant; the delivery is refused
    unless it is named."""

    name: str
    reason: str
    refuses: bool = False


@dataclass(frozen=True)
class Loaded:
    """A source inside DuckDB: a relation with its local columns and `_row` (0, 1, …), and what could not become a
    row."""

    relation: str  # SQL that can stand behind FROM, gives the local columns and "_row"
    types: dict[str, str]  # local column → DuckDB type
    rows: int
    first_line: int = 2
    jumps: tuple[tuple[int, int], ...] = ()  # from row n on, the line is row + offset
    faults: tuple[TextFault, ...] = ()
    digest: str = ""
    drop: str | None = None  # relation to drop when done
    above: int = 0  # lines of title above the header

    def line(self, row: int) -> int:
        """Line of the file a row began on (header = line 1)."""
        offset = self.first_line
        for start, shift in self.jumps:
            if row < start:
                break
            offset = shift
        return row + offset
