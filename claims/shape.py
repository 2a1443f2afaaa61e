"""Which text columns of a source hold canonical values only, so that no cell of them need be parsed.

The habits of tables.md §6.2 are rare in a well-kept export, but looking for them cell by cell in SQL is most of the work of an intake. Here every
cell is looked at once, vectorised: a column of few different values by its values, a column of many (numbers of visits and settlements) by its
bytes. A column that fails is parsed as ever; the answer only saves work, it never changes a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Named
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from claims.parse import FULL, MISSING, WHITE, name

FEW = 4096  # different values looked at one by one
SHORTEST = 5  # shorter cells may be a word for "missing" (claims.parse.MISSING); those are only judged by value
BATCH = 65_536
_ODD = re.compile("[\x00-\x1f\x7f\ufffd]")
_HABIT = re.compile(f"[+{FULL}]")
_SAFE = np.zeros(256, bool)
_SAFE[[*b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"]] = True


def is_canonical(cell: str, kind: str) -> bool:
    """Whether one cell is already what the parser of `kind` would make of it (the reverse of `claims.parse`: in doubt, no)."""
    if cell in MISSING or cell.strip(WHITE) != cell or _ODD.search(cell):
        return False
    return kind == "text" or not (_HABIT.search(cell) or cell.endswith(".0") or cell.startswith("'"))


def _safe_bytes(cells: pa.Array) -> bool:
    """Whether all cells are ASCII letters, digits and ``_``, and none is so short that it could mean something else."""
    cells = cells.drop_null()
    if not len(cells):
        return True
    wide = np.int64 if pa.types.is_large_string(cells.type) else np.int32
    _, offsets, data = cells.buffers()
    ends: Any = np.frombuffer(offsets, wide)[cells.offset : cells.offset + len(cells) + 1]
    if (ends[1:] - ends[:-1]).min() < SHORTEST or data is None:
        return False
    return bool(_SAFE[np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]].all())


def canonical_columns(con: duckdb.DuckDBPyConnection, relation: str, kinds: Named[str, str]) -> set[str]:
    """Local columns of `relation` whose every value parses to itself. `kinds`: local VARCHAR column → ``code``, ``text`` or ``bool``."""
    if not kinds:
        return set()
    names = list(kinds)
    few: dict[str, set[Any] | None] = {column: set() for column in names}
    alive = set(names)
    reader = con.sql(f"SELECT {', '.join(map(name, names))} FROM {relation} AS source").to_arrow_reader(BATCH)
    for batch in reader:
        for column, cells in zip(names, batch.columns, strict=True):
            if column not in alive:
                continue
            seen = few[column]
            if seen is not None:
                seen.update(pc.unique(cells).to_pylist())
                if len(seen) <= FEW:
                    continue
                few[column] = None
                cells = pa.array(sorted(filter(None.__ne__, seen)), pa.string())
            if not _safe_bytes(cells):
                alive.discard(column)
        if not alive:
            break
    for column in sorted(alive):
        if not all(v is None or is_canonical(v, kinds[column]) for v in few[column] or ()):
            alive.discard(column)
    return alive
