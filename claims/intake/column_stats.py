"""Which text columns of a source hold few different values, and which hold nothing but plain identifiers.

The habits of contract.md §6.2 are rare in a well-kept export, but looking for them cell by cell is most of the work of
an intake. A column of few different values (codes, names, units) is therefore parsed by its values, once each, and
becomes an ENUM: sorting and writing then move small integers. A column of many values (numbers of visits and
settlements) is looked at by its bytes, vectorised, and taken as it is if they are plain. Either way the answer only
saves work; it never changes a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from claims.store.sql import name

WORTH = 10_000  # a table of fewer rows is parsed cell by cell
FEW = 65_536  # a column of more different values is not worth an ENUM
SHORTEST = 5  # shorter cells may be a word for "missing" (claims.intake.normalize.MISSING)
SAMPLE, BATCH = 50_000, 65_536
_SAFE = np.zeros(256, bool)
_SAFE[[*b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"]] = True


def few_valued(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> list[str]:
    """The columns that seem to hold few different values, by the first rows of `relation`; the count proper is the
    caller's."""
    if not columns:
        return []
    counted = ", ".join(f"approx_count_distinct({name(c)})" for c in columns)
    head = f"SELECT {', '.join(map(name, columns))} FROM {relation} AS source LIMIT {SAMPLE}"
    rows, *different = con.execute(f"SELECT count(*), {counted} FROM ({head})").fetchall()[0]
    return [c for c, n in zip(columns, different, strict=True) if n <= rows // 2 + 1]


def _plain(cells: pa.Array) -> bool:
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


def plain_columns(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> set[str]:
    """The columns of identifiers whose every value parses to itself."""
    alive = list(columns)
    if not alive:
        return set()
    for batch in con.sql(f"SELECT {', '.join(map(name, columns))} FROM {relation} AS source").to_arrow_reader(BATCH):
        alive = [c for c in alive if _plain(batch.column(columns.index(c)))]
        if not alive:
            break
    return set(alive)
