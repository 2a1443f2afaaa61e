"""A warehouse that grew month by month, beside one that took the same year in at once.

    python -m benchmarks.growth CLAIMS [--share 0.2] [--months 12] [--work DIR] [--write]

CLAIMS is a folder of Parquet in the pilot's form. A share of its persons is delivered by months of settlement, then laid out anew, and delivered at once. Measured in
processes of their own: files, bytes, and the CPU seconds of one pass of features of all grains that lie in buckets. The rows must be the same before and after the new
layout, by hash of every table. `--write` puts the table into docs/figures/growth.md.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from claims.intake.layout import compact, contents_of
from claims.intake.pipeline import intake
from claims.store.files import put
from claims.store.sql import copy_to, parquet
from claims.store.warehouse import Warehouse

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "figures" / "growth.md"
AS_OF = "2025-09-28"
PASS = """
import sys, time
from datetime import date
from pathlib import Path
from features.build import build
build(Path(sys.argv[1]), date.fromisoformat(sys.argv[2]), "person", mend=True)
print(time.process_time())
"""


def deliver(claims: Path, share: float, months: int, out: Path) -> list[Path]:
    """One folder a delivery, the last months of the data; persons and all that is no claim come with the first. The last folder is all of them at once."""
    con = duckdb.connect()
    chosen = f"hash(psn_no) % 10000 < {round(share * 10000)}"
    settlements = f"SELECT * FROM {parquet([claims / 'settlements.parquet'])} WHERE {chosen}"
    con.execute(f"CREATE TABLE settlements AS {settlements}")
    con.execute(f"CREATE TABLE fee_details AS SELECT * FROM {parquet([claims / 'fee_details.parquet'])} WHERE {chosen}")
    con.execute(
        "CREATE TABLE months AS SELECT mdtrt_id, max(date_trunc('month', coalesce(setl_time, begntime))) AS month FROM settlements GROUP BY 1"
    )
    held = [r[0] for r in con.execute("SELECT DISTINCT month FROM months ORDER BY 1").fetchall()][-months:]
    made = []
    for i, month in enumerate([*held, None]):
        folder = out / (f"{i + 1:02d}" if month else "once")
        folder.mkdir(parents=True)
        made.append(folder)
        which = f"month = TIMESTAMP '{month}'" if month else f"month >= TIMESTAMP '{held[0]}'"
        for table in ("settlements", "fee_details"):
            con.execute(
                copy_to(
                    f"FROM {table} SEMI JOIN (FROM months WHERE {which}) USING (mdtrt_id)", folder / f"{table}.parquet"
                )
            )
        for file in sorted(claims.glob("*.parquet")) if i == 0 or not month else ():
            if file.stem not in ("settlements", "fee_details"):
                where = f" WHERE {chosen}" if file.stem == "persons" else ""
                con.execute(copy_to(f"SELECT * FROM {parquet([file])}{where}", folder / file.name))
    return made


def measured(house: Path, passes: int) -> dict[str, Any]:
    """Files and bytes of a warehouse, and the CPU seconds of the shortest pass of features."""
    entries = [
        e for t in Warehouse.open(house).manifest["tables"].values() for b in t.values() for f in b.values() for e in f
    ]
    spent = []
    for _ in range(passes):
        shutil.rmtree(house / "features", ignore_errors=True)
        told = subprocess.run(
            [sys.executable, "-c", PASS, str(house), AS_OF], cwd=ROOT, capture_output=True, text=True, check=True
        )
        spent.append(float(told.stdout.split()[-1]))
    return {"files": len(entries), "bytes": sum(e["bytes"] for e in entries), "cpu": min(spent)}


def main() -> None:
    """Deliver, take in, lay out, measure; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", type=Path)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = asked.work or Path(folder)
        *parts, once = deliver(asked.claims, asked.share, asked.months, work / "sent")
        spent = time.process_time()
        for part in parts:
            intake(part, work / "grown", "pilot")
        grown_cpu, spent = time.process_time() - spent, time.process_time()
        intake(once, work / "at_once", "pilot")
        once_cpu = time.process_time() - spent
        rows = contents_of(Warehouse.open(work / "grown"))
        figures = {f"{len(parts)} deliveries": measured(work / "grown", asked.passes)}
        spent = time.process_time()
        compact(work / "grown")
        compact_cpu = time.process_time() - spent
        same = contents_of(Warehouse.open(work / "grown")) == rows
        figures["the same, laid out anew"] = measured(work / "grown", asked.passes)
        figures["one delivery"] = measured(work / "at_once", asked.passes)
        lines_held = Warehouse.open(work / "grown").rows("fee_details")
    least = figures["one delivery"]["cpu"]
    lines = [
        "# A warehouse that grows",
        "",
        f"Made by `python -m benchmarks.growth CLAIMS --share {asked.share:g} --months {asked.months} --write` on the pilot: {lines_held:,} fee lines.",
        "",
        "| warehouse | files | MB | features, CPU s | ÷ one delivery |",
        "|---|---|---|---|---|",
        *(
            f"| {n} | {f['files']:,} | {f['bytes'] / 1e6:.1f} | {f['cpu']:.1f} | {f['cpu'] / least:.2f} |"
            for n, f in figures.items()
        ),
        "",
        f"Intake: {grown_cpu:.0f} CPU s in {len(parts)} deliveries, {once_cpu:.0f} at once; laying out anew {compact_cpu:.0f}. Contents before and after it are "
        f"{'equal' if same else 'NOT EQUAL'} by hash of every table.",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if asked.write:
        put(PAGE, text.encode())
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
