"""`--dirty`: the county again, as a county's old system writes it (tables.md §6): GB18030 CSV, mixed dates and numbers, duplicates, broken rows.

Story: three offices export the same data. One writes 2026/3/1, one 20260301, one with points; amounts get thousands separators, a yuan sign or a trailing minus; somebody
concatenated the same block twice, a page total slipped in as a row, Excel ate some identity numbers, one file ends in the middle of a line.
What was spoiled, row by row, is told in `truth/faults.parquet` so that intake can be judged.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TABLES = (
    "persons",
    "institutions",
    "doctors",
    "settlements",
    "fee_details",
    "catalog",
    "inspections",
    "presence_checks",
)
ENDS = {"settlements": "setl_id", "fee_details": "mdtrt_id"}


def soil(county: Path, seed: int) -> None:
    """Write `county/dirty/TABLE.csv` for the main tables and `county/truth/faults.parquet` (table, line, fault)."""
    rng = np.random.default_rng([seed, 77])
    faults: list[tuple[str, int, str]] = []
    (county / "dirty").mkdir()
    for table in TABLES:
        faults += _write(rng, table, county / "claims", county / "dirty" / f"{table}.csv")
    pq.write_table(
        pa.table(
            {
                "table": [f[0] for f in faults],
                "line": pa.array([f[1] for f in faults], pa.int64()),
                "fault": [f[2] for f in faults],
            }
        ),
        county / "truth" / "faults.parquet",
    )


def _read(claims: Path, table: str) -> pa.Table:
    path = claims / f"{table}.parquet"
    return pq.read_table(path if path.exists() else claims / table)


def _texts(column: pa.ChunkedArray) -> list[str]:
    return ["" if x is None else str(x) for x in column.to_pylist()]


def _write(rng: np.random.Generator, table: str, claims: Path, out: Path) -> list[tuple[str, int, str]]:
    data = _read(claims, table)
    names = data.column_names
    moments = [pa.types.is_timestamp(t) or pa.types.is_date(t) for t in data.schema.types]
    amounts = [
        pa.types.is_decimal(t) and "cnt" not in n and "days" not in n
        for n, t in zip(names, data.schema.types, strict=True)
    ]
    columns = [_texts(data.column(n)) for n in names]
    faults: list[tuple[str, int, str]] = []
    line = 1
    with out.open("w", encoding="gb18030", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(names)
        block: list[list[str]] = []
        for row in zip(*columns, strict=True):
            cells = list(row)
            office = int(rng.integers(0, 4))
            for j, cell in enumerate(cells):
                if not cell:
                    continue
                if moments[j]:
                    cells[j] = _DATES[office](cell)
                elif amounts[j] and rng.random() < 0.02:
                    cells[j] = _AMOUNTS[int(rng.integers(0, len(_AMOUNTS)))](cell)
            u = rng.random()
            fault = ""
            if table in ENDS and u < 0.0006:
                cells[names.index(ENDS[table])] = "3.30106E+17"
                fault = "Q04"
            elif u < 0.0010 and any(moments):
                cells[moments.index(True)] = "20260230"
                fault = "Q02"
            elif u < 0.0013 and any(amounts):
                cells[amounts.index(True)] = "1,2.3.4"
                fault = "Q03"
            elif u < 0.0016:
                cells[0] = ""
                fault = "Q01"
            elif u < 0.0018:
                cells = cells[: len(cells) // 2]
                fault = "Q06"
            writer.writerow(cells)
            line += 1
            if fault:
                faults.append((table, line, fault))
            elif len(block) < 50:
                block.append(cells)
            if rng.random() < 0.00005:
                writer.writerow(["合计", *[""] * (len(names) - 1)])
                line += 1
                faults.append((table, line, "Q06"))
        for cells in block:  # a block that was pasted twice
            writer.writerow(cells)
            line += 1
            faults.append((table, line, "duplicate"))
    return faults


def _point(text: str) -> str:
    return text.replace("-", ".")


_DATES: list[Callable[[str], str]] = [
    lambda x: x,
    lambda x: x.replace("-", "/"),
    lambda x: x.replace("-", "") if len(x) == 10 else x.replace("-", "/"),
    _point,
]
_AMOUNTS: list[Callable[[str], str]] = [
    lambda x: f"{float(x):,.2f}",
    lambda x: f"￥{x}",
    lambda x: f"{x}元",
    lambda x: f"{x[1:]}-" if x.startswith("-") else x,
    lambda x: f"({x[1:]})" if x.startswith("-") else x,
    lambda x: x.translate(str.maketrans("0123456789.", "０１２３４５６７８９．")),
]
