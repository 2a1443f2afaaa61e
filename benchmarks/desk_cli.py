"""How long the words of the command line take on a published county, beside the start of a bare Python with the libraries they need.

    python -m benchmarks.desk_cli WAREHOUSE

WAREHOUSE holds a published week (`xiezhi intake`, `fit`, `week`) and is written to: features of one new evening. Writes docs/figures/desk_cli.json after each command; `python -m benchmarks.desk_page` makes the page.
Seconds of the wall clock depend on what else the machine does; seconds of the processor hardly do.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Final

from features.asof import tag_of
from features.matrix import load_matrix
from serving.desk.database import open_desk
from serving.lists.publish import current

OUT = Path(__file__).resolve().parents[1] / "docs/figures/desk_cli.json"
GRAIN: Final = "admission"


def timed(words: list[str]) -> dict[str, float]:
    """Wall and processor seconds of a command. Raises SystemExit with what it said where it failed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([sys.executable, *words], check=False, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr.strip()[-300:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": round(time.monotonic() - began, 2), "cpu": round(cpu, 2)}


def unbuilt(warehouse: Path, day: date) -> datetime:
    """A moment of an evening that no feature was ever computed for: asked a second time, a bed check reads what the first one built."""
    moment = datetime.combine(day, time_of_day(19, 30))
    while (warehouse / "features" / tag_of(moment)).exists():
        moment += timedelta(minutes=1)
    return moment


def commands(warehouse: Path, top: int, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """(what, its words); the starts first."""
    run = current(warehouse)
    day = str(run.manifest["as_of"])
    rows = [str(r["entity_id"]) for r in run.worklist(GRAIN)["rows"]]
    everybody = load_matrix(warehouse, date.fromisoformat(day), GRAIN).entities.index
    other = next(str(e) for e in everybody if str(e) not in set(rows))
    house = ["--warehouse", str(warehouse)]
    about = [*house, "--as-of", day, "--grain", GRAIN]
    evening = f"{unbuilt(warehouse, date.fromisoformat(day) - timedelta(days=7)):%Y-%m-%d %H:%M}"
    yield "python -c 'import pandas, duckdb'", ["-c", "import pandas, duckdb"]
    for name, words in (
        ("--help", ["--help"]),
        ("people list", ["people", "list", *house]),
        ("explain (listed)", ["explain", *about, "--id", rows[0]]),
        ("explain (not listed)", ["explain", *about, "--id", other]),
        ("rank .csv", ["rank", *about, "--top", str(top), "--out", str(folder / "a.csv")]),
        ("rank .xlsx", ["rank", *about, "--top", str(top), "--out", str(folder / "a.xlsx")]),
        ("bedcheck (new moment)", ["bedcheck", *house, "--at", evening, "--out", str(folder / "b.csv")]),
    ):
        yield name, ["-m", "xiezhi", *words]


def main() -> None:
    ask = argparse.ArgumentParser(prog="python -m benchmarks.desk_cli", description=__doc__.splitlines()[0])
    ask.add_argument("warehouse", type=Path)
    ask.add_argument("--top", type=int, default=50, help="as it was published with")
    ask.add_argument("--out", type=Path, default=OUT)
    given = ask.parse_args()
    open_desk(given.warehouse).engine.dispose()
    result = {"warehouse": given.warehouse.name, "load_before": round(os.getloadavg()[0], 1), "cores": os.cpu_count()}
    took: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, words in commands(given.warehouse, given.top, Path(folder)):
            took[name] = timed(words)
            print(name, json.dumps(took[name]), flush=True)
            given.out.write_text(json.dumps(result | {"commands": took}, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
