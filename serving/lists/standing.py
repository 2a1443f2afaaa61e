"""Where everybody stood when a list was made, published beside it (serving/lists/everybody.py): so that "why is he not on the list?" is answered by reading.

One Parquet file a grain, sorted by id. Of whoever is listed only that is told: a rank would give away who was drawn by chance.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

LISTED, BELOW, DECIDED, EXPLAINED = "listed", "below", "decided", "explained"
_SCHEMA: Final = pa.schema(
    [
        ("entity_id", pa.string()),
        ("state", pa.string()),
        ("rank", pa.int64()),
        ("probability", pa.float64()),
        ("probability_low", pa.float64()),
        ("probability_high", pa.float64()),
        ("area", pa.string()),
        ("label", pa.string()),
        ("finding", pa.string()),
        ("hits", pa.string()),
        ("unknown", pa.string()),
    ]
)
_ROWS: Final = 20_000
"""Of a row group: one is read to answer."""


def as_parquet(table: pd.DataFrame) -> bytes:
    """The file as it is published."""
    told = table.sort_values("entity_id", kind="stable").reset_index(drop=True)
    told["rank"] = told["rank"].astype("Int64")
    for c in ("area", "label", "finding", "hits", "unknown"):
        told[c] = told[c].astype(object).where(told[c].notna(), "").astype(str)
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_pandas(told, schema=_SCHEMA, preserve_index=False), sink, row_group_size=_ROWS, compression="zstd"
    )
    return bytes(sink.getvalue())


def look_up(path: Path, entity_id: str) -> Mapping[str, Any] | None:
    """The row of an id; None where it was not among those looked at."""
    found = pq.read_table(path, filters=[("entity_id", "=", entity_id)]).to_pylist()
    return found[0] if found else None
