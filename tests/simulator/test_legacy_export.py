"""The soiled county: decodable as GB18030, faults told, nothing else lost."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq

from simulator import simulate


def test_dirty_county_tells_its_faults(tmp_path: Path) -> None:
    summary = simulate(tmp_path / "county", 600, 3, 3, dirty=True)
    faults = pq.read_table(tmp_path / "county" / "truth" / "faults.parquet").to_pylist()
    assert {f["fault"] for f in faults} >= {"duplicate", "Q01", "Q02"}
    with (tmp_path / "county" / "dirty" / "settlements.csv").open(encoding="gb18030", newline="") as stream:
        rows = list(csv.reader(stream))
    added = [
        f
        for f in faults
        if f["table"] == "settlements" and (f["fault"] == "duplicate" or rows[f["line"] - 1][0] == "合计")
    ]
    assert len(rows) - 1 - len(added) == summary.tables["settlements"]
    begins = {r[rows[0].index("begntime")][4:5] for r in rows[1:] if len(r) == len(rows[0]) and r[7]}
    assert {"-", "/", "."} <= begins
