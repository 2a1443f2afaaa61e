"""How long the words of the command line take on a published county, beside the start of a bare Python with the libraries they need.

    python -m benchmarks.desk_cli --warehouse W [--top 100] [--out docs/figures/desk_cli.md]

W holds a published week (`xiezhi intake`, `fit`, `week`). Seconds of the wall clock depend on what else the machine does; seconds of the processor hardly do.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from serving.lists.publish import current

LIMITS = {"explain (listed)": 3.0, "explain (not listed)": 3.0, "rank .csv": 5.0, "rank .xlsx": 5.0, "bedcheck": 30.0}
"""Seconds a command may take on 20,000 insured."""


def timed(words: list[str]) -> dict[str, float]:
    """Wall and processor seconds of a command. Raises SystemExit with what it said where it failed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([sys.executable, *words], check=False, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr.strip()[-300:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": time.monotonic() - began, "cpu": cpu}


def measured(warehouse: Path, top: int) -> dict[str, dict[str, float]]:
    """{what: seconds} of every command, the bare start first."""
    run = current(warehouse)
    day, grain = str(run.manifest["as_of"]), "admission"
    listed = str(run.worklist(grain)["rows"][0]["entity_id"])
    chosen = {str(r["entity_id"]) for r in run.worklist(grain)["rows"]}
    other = next(str(e) for e in _everybody(warehouse, day) if str(e) not in chosen)
    said = ["--warehouse", str(warehouse)]
    evening = f"{datetime.combine(date.fromisoformat(day) - timedelta(days=7), datetime.min.time()):%Y-%m-%d} 19:30"
    with tempfile.TemporaryDirectory() as folder:
        csv, book, beds = (str(Path(folder) / n) for n in ("a.csv", "a.xlsx", "b.csv"))
        rank = ["-m", "xiezhi", "rank", *said, "--as-of", day, "--grain", grain, "--top", str(top), "--out"]
        explain = ["-m", "xiezhi", "explain", *said, "--as-of", day, "--grain", grain, "--id"]
        return {
            "python -c 'import pandas, duckdb'": timed(["-c", "import pandas, duckdb"]),
            "explain (listed)": timed([*explain, listed]),
            "explain (not listed)": timed([*explain, other]),
            "rank .csv": timed([*rank, csv]),
            "rank .xlsx": timed([*rank, book]),
            "bedcheck": timed(["-m", "xiezhi", "bedcheck", *said, "--at", evening, "--out", beds]),
        }


def _everybody(warehouse: Path, day: str) -> Any:
    from features.matrix import load_matrix

    return load_matrix(warehouse, date.fromisoformat(day), "admission").entities.index


def page(figures: dict[str, dict[str, float]]) -> str:
    """The table."""
    bare = next(iter(figures.values()))
    lines = [
        "# The command line on a published county",
        "",
        f"`python -m benchmarks.desk_cli --warehouse W`; load of the machine while measured: {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores.",
        "",
        "| command | wall s | processor s | × bare start (processor) | allowed s |",
        "|---|---|---|---|---|",
    ]
    for name, took in figures.items():
        limit = f"{LIMITS[name]:.0f}" if name in LIMITS else ""
        lines.append(f"| {name} | {took['wall']:.1f} | {took['cpu']:.1f} | {took['cpu'] / bare['cpu']:.1f} | {limit} |")
    return "\n".join([*lines, ""])


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--warehouse", type=Path, required=True)
    ask.add_argument("--top", type=int, default=50)
    ask.add_argument("--out", type=Path)
    given = ask.parse_args()
    text = page(measured(given.warehouse, given.top))
    print(text)
    if given.out:
        given.out.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
