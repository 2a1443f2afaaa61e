"""What it costs to see the warehouse as it was known at a moment, beside scanning the same Parquet plainly.

    python -m benchmarks.asof [--pilot DIR | --warehouse DIR] [--as-of 2025-09-01] [--trials 3] [--write]

Every column is aggregated, in CPU seconds, both layouts, all buckets, best of `--trials`:

1. plainly, from the files;
2. fee lines in force at T, straight from the files: both clocks and the superseded versions (target ≤ 2 × the plain scan of the lines);
3. all views of features/asof.py opened once (visits joined to lines, refunds matched, three readings kept in memory) and aggregated once;
4. the same aggregate again, as each of the hundreds of features does.

`--write` puts the figures into docs/figures/intake.md.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import datetime
from pathlib import Path

import duckdb

from benchmarks.intake import ROOT, write_section
from claims.intake.pipeline import intake
from claims.schema.tables import FACTS
from claims.store.known import scan
from claims.store.warehouse import Warehouse
from features.asof import open_views

HEADING = "## As-of views"
VIEWS = ("net.lines", "net.settlements", "net.stays")


def aggregate(con: duckdb.DuckDBPyConnection, relation: str, columns: list[str]) -> None:
    """Touch every value of a relation."""
    con.execute(f"SELECT {', '.join(f'max({c})' for c in columns)} FROM {relation}").fetchall()


def columns_of(con: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    return [f'"{row[0]}"' for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]


def measure(house: Warehouse, t: datetime, trials: int) -> dict[str, float]:
    """CPU seconds of each way, summed over layouts and buckets."""
    spent = dict.fromkeys(("plain", "plain_lines", "lines", "opened", "again"), 0.0)
    for layout in ("person", "institution"):
        for bucket in range(house.buckets):
            best = dict.fromkeys(spent, float("inf"))
            for _ in range(trials):
                for way, seconds in _trial(house, t, layout, bucket).items():
                    best[way] = min(best[way], seconds)
            for way, seconds in best.items():
                spent[way] += seconds
    return spent


def _trial(house: Warehouse, t: datetime, layout: str, bucket: int) -> dict[str, float]:
    found = {"plain": 0.0}
    marks = [time.process_time()]

    def lap() -> float:
        marks.append(time.process_time())
        return marks[-1] - marks[-2]

    with open_views(house, t, layout, bucket) as con:  # type: ignore[arg-type]
        opened = lap()
        for table in FACTS:
            source = scan(house, table, layout, bucket)
            if source is None:
                continue
            filled = [f'"{c}"' for c in house.columns(table)]
            lap()
            aggregate(con, source, filled)
            found["plain"] += (spent := lap())
            if table == "fee_details":
                found["plain_lines"] = spent
                aggregate(con, "base.fee_details_stored", columns_of(con, "base.fee_details_stored"))
                found["lines"] = lap()
        lap()
        for view in VIEWS:
            aggregate(con, view, columns_of(con, view))
        found["again"] = lap()
        found["opened"] = opened + found["again"]
    return found


def page(house: Warehouse, t: datetime, spent: dict[str, float]) -> str:
    """The figures as Markdown."""
    lines, whole = spent["lines"] / spent["plain_lines"], spent["opened"] / spent["plain"]
    rows = house.rows("fee_details")
    said = [HEADING, "", f"Made by `python -m benchmarks.asof --write`: every column aggregated as of {t:%Y-%m-%d}, {rows:,} fee lines, {house.buckets} bucket(s), both layouts, CPU seconds.", "",
            "| way | CPU s | ÷ plain |", "|---|---|---|",
            f"| fee lines plainly, from the files | {spent['plain_lines']:.2f} | 1.00 |",
            f"| fee lines in force at T, from the same files (both clocks, versions) | {spent['lines']:.2f} | {lines:.2f} |",
            f"| all facts plainly, from the files | {spent['plain']:.2f} | 1.00 |",
            f"| all views opened (lines joined to visits, refunds matched, three readings) and aggregated once | {spent['opened']:.2f} | {whole:.2f} |",
            f"| the views aggregated again, as each feature does | {spent['again']:.2f} | {spent['again'] / spent['plain']:.2f} |",
            "", f"What the two clocks cost: **{lines:.2f}** (target ≤ 2: {'met' if lines <= 2 else 'missed'}).",
            f"Opening all readings and one aggregate: **{whole:.2f}** (target ≤ 2: {'met' if whole <= 2 else 'missed'}). Most of that is joining lines to their",
            "visits and keeping them in memory; it is paid once a bucket, for all features.",
            ]  # fmt: skip
    return "\n".join(said) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pilot", type=Path, default=Path(os.environ.get("XIEZHI_SHARED", ROOT.parent / "shared")) / "data" / "pilot" / "claims")  # fmt: skip
    parser.add_argument("--warehouse", type=Path, help="a warehouse that is there already")
    parser.add_argument("--as-of", type=datetime.fromisoformat, default=datetime(2025, 9, 1))
    parser.add_argument("--trials", type=int, default=3, help="the best of how many")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/figures/intake.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.warehouse is None:
            intake(given.pilot, Path(folder) / "house", "pilot")
        house = Warehouse.open(given.warehouse or Path(folder) / "house")
        text = page(house, given.as_of, measure(house, given.as_of, given.trials))
    print(text)
    if given.write:
        write_section(HEADING, text)


if __name__ == "__main__":
    main()
