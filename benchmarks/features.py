"""How fast and how large: all features of all grains for one as-of, beside what DuckDB needs to read the same Parquet once.

    python -m benchmarks.features --work DIR --json FILE [--persons 400000] [--growth 1000000] [--growth-months 3]
    python -m benchmarks.features --page FILE > docs/figures/features.md

Every figure is taken in a process of its own; CPU seconds are user + system over all threads, memory is the largest resident size of the pass over the whole county.
*Read once* sums every number and takes the maximum of every other column of every Parquet file of the warehouse, both layouts, with as many threads as the
features use; it is taken before and after the pass, and their mean stands for it. *Plain* are the fourteen columns of benchmarks/reference, in pandas and networkx, on every tenth insured person (sample by hash); *ours* are
the same columns of the same sample by the declared SQL, as-of views included. *Growth* compares a county with one of a quarter of its insured, over fewer
months, so that the larger one fits this disk. Rings are measured in graphs.md.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import duckdb

from claims.intake.pipeline import intake
from claims.store.executor import LocalExecutor
from claims.store.sql import paths_sql
from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.bucket import evaluate, focus, named_words
from features.build import build
from features.columns import columns_of
from features.declarations import load_catalog
from features.declare import REGISTRY
from simulator import simulate

THREADS = LocalExecutor().workers
SEED = 5
#: Figure → (target, whether at most).
TARGETS: dict[str, tuple[float, bool]] = {
    "features / read once, CPU": (25.0, True),
    "peak memory, GiB": (4.0, True),
    "plain / ours, same columns and sample, CPU": (30.0, False),
    "CPU per settlement, large / a quarter of it": (1.2, True),
    "second as-of / first, CPU": (0.5, True),
}


def read_once(house: Path) -> None:
    """Sum or maximum of every column of every file."""
    warehouse = Warehouse.open(house)
    con = duckdb.connect()
    con.execute(f"SET threads={THREADS}")
    for table, layouts in warehouse.manifest["tables"].items():
        for layout in layouts:
            source = f"read_parquet({paths_sql(warehouse.files(table, layout, verify=False))}, union_by_name=true)"
            columns = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
            sums = [f'sum("{c}")' if k in ("BIGINT", "INTEGER", "DOUBLE") else f'max("{c}")' for c, k, *_ in columns]
            con.execute(f"SELECT {', '.join(sums)} FROM {source}").fetchall()


def dozen_ours(house: Path, day: date) -> None:
    """The reference's columns by the declared SQL, bucket by bucket."""
    from benchmarks.reference.dozen import COLUMNS

    load_catalog()
    wanted = [columns_of(grain)[column].feature for grain, column in COLUMNS.values()]  # type: ignore[index,arg-type]
    warehouse = Warehouse.open(house)
    for layout in ("person", "institution"):
        features = [f for f in wanted if f.by == layout]
        for bucket in range(warehouse.buckets):
            con = open_views(warehouse, day, layout, bucket, words=named_words(features), threads=1)  # type: ignore[arg-type]
            for grain in dict.fromkeys(f.grain for f in features):
                focus(con, grain, 365)
                evaluate(con, [f for f in features if f.grain == grain])
            con.close()


def dozen_plain(county: Path, day: date) -> None:
    """The same in pandas and networkx."""
    from benchmarks.reference.dozen import compute, read

    compute(read(county), datetime.combine(day, clock(23, 59, 59, 999999)))


def sample(county: Path, out: Path) -> None:
    """Every tenth person of a county, by hash, with all that is his."""
    (out / "claims").mkdir(parents=True)
    con = duckdb.connect()
    con.execute("SET threads=1; SET memory_limit='2GB'")
    for path in sorted((county / "claims").iterdir()):
        source = f"'{path / '*.parquet' if path.is_dir() else path}'"
        names = [r[0] for r in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
        ours = "WHERE CAST('0x' || substr(md5(psn_no), 1, 8) AS UBIGINT) % 10 = 0" if "psn_no" in names else ""
        con.execute(f"COPY (SELECT * FROM {source} {ours}) TO '{out / 'claims' / path.stem}.parquet' (FORMAT parquet)")


def spent(task: str, *words: str) -> dict[str, float]:
    """CPU and wall seconds and peak GiB of one task in a process of its own; the time to import is taken off."""
    command = [sys.executable, "-m", "benchmarks.features", "--task", task, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    print(task, *words, found, file=sys.stderr, flush=True)
    return found


def run_task(task: str, words: list[str]) -> None:
    tasks: dict[str, Callable[[], Any]] = {
        "read": lambda: read_once(Path(words[0])),
        "build": lambda: build(words[0], date.fromisoformat(words[1]), "admission"),
        "ours": lambda: dozen_ours(Path(words[0]), date.fromisoformat(words[1])),
        "plain": lambda: dozen_plain(Path(words[0]), date.fromisoformat(words[1])),
    }
    load_catalog()
    # What is imported is no part of the work, on either side.
    import benchmarks.reference.dozen  # noqa: F401
    import features.networks.scores.card_visits  # noqa: F401

    cpu, wall = time.process_time(), time.monotonic()
    tasks[task]()
    # Not ru_maxrss: a child begins with its parent's.
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 2**20  # type: ignore[index]
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall, "gib": peak}))


def all_features(house: Path, day: date) -> dict[str, float]:
    """One pass over every grain, from nothing."""
    folder = house / "features" / day.isoformat()
    if folder.exists():
        subprocess.run(["rm", "-r", str(folder)], check=True)
    return spent("build", str(house), day.isoformat())


def county_of(work: Path, persons: int, months: int) -> tuple[dict[str, Any], Path, Path]:
    """A simulated county taken in: what it is, its export, its warehouse. What stands is used again."""
    name = f"{persons}-{months}"
    county, house = work / f"county-{name}", work / f"warehouse-{name}"
    if not (county / "truth").exists():
        simulate(county, persons, months, SEED)
    if not (house / "CURRENT").exists():
        intake(str(county), house)
    warehouse = Warehouse.open(house)
    told = {"persons": persons, "months": months, "buckets": warehouse.buckets}
    told |= {"settlements": warehouse.rows("settlements"), "lines": warehouse.rows("fee_details")}
    return told, county, house


def measure(work: Path, persons: int, months: int, growth: int, growth_months: int) -> dict[str, Any]:
    """All figures of a county and of a tenth of it, and of two counties of `growth` insured and a quarter of that for growth."""
    told, county, house = county_of(work, persons, months)
    grown, _, large = county_of(work, growth, growth_months)
    little, _, small = county_of(work, growth // 4, growth_months)
    last, most, end = (Warehouse.open(h).span()[1].date() for h in (house, large, small))
    found: dict[str, Any] = {
        "counties": {"county": told, "large": grown, "small": little}, "columns": sum(len(f.windows) for f in REGISTRY.values() if f.by != "county"), "threads": THREADS,
        "read once": spent("read", str(house)), "all features": all_features(house, last), "read once again": spent("read", str(house)),
        "small, a week earlier": all_features(small, end - timedelta(days=7)), "small": all_features(small, end), "large": all_features(large, most),
    }  # fmt: skip
    with tempfile.TemporaryDirectory(dir=work) as folder:
        sample(county, Path(folder) / "tenth")
        intake(str(Path(folder) / "tenth"), Path(folder) / "house")
        found["plain, a tenth"] = spent("plain", str(Path(folder) / "tenth"), last.isoformat())
        found["ours, a tenth"] = spent("ours", str(Path(folder) / "house"), last.isoformat())
    return found


def processes(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """What was measured in a process of its own."""
    return {name: one for name, one in found.items() if isinstance(one, dict) and "cpu" in one}


def figures(found: dict[str, Any]) -> dict[str, float]:
    """What has a target, of what was measured."""
    cpu = {name: one["cpu"] for name, one in processes(found).items()}
    large, small = (found["counties"][size]["settlements"] for size in ("large", "small"))
    return {
        "features / read once, CPU": cpu["all features"] / ((cpu["read once"] + cpu["read once again"]) / 2),
        "peak memory, GiB": found["all features"]["gib"],
        "plain / ours, same columns and sample, CPU": cpu["plain, a tenth"] / cpu["ours, a tenth"],
        "CPU per settlement, large / a quarter of it": (cpu["large"] / large) / (cpu["small"] / small),
        "second as-of / first, CPU": cpu["small"] / cpu["small, a week earlier"],
    }


def told_of(county: dict[str, Any]) -> str:
    return (
        f"{county['persons']:,} insured × {county['months']} months, {county['settlements']:,} settlements, {county['lines']:,} fee lines,"
        f" {county['buckets']} buckets"
    )


def page(found: dict[str, Any]) -> str:
    """Markdown: the figures against their targets, then what they are made of."""
    doc = (__doc__ or "").split("\n", 1)
    sizes = found["counties"]
    out = [
        f"# Speed and memory of the features\n\n{doc[0]}\n{doc[1]}",
        f"County: {told_of(sizes['county'])}; {found['columns']} columns; {found['threads']} threads. For growth: large {told_of(sizes['large'])}; small"
        f" {told_of(sizes['small'])}. All of seed {SEED}.\n",
        "| figure | measured | target | |\n|---|---:|---|---|",
    ]
    for name, value in figures(found).items():
        target, most = TARGETS[name]
        met = value <= target if most else value >= target
        out.append(f"| {name} | {value:.2f} | {'≤' if most else '≥'} {target:g} | {'met' if met else '**missed**'} |")
    out.append("\n| process | CPU s | wall s |\n|---|---:|---:|")
    out += [f"| {name} | {one['cpu']:.1f} | {one['wall']:.1f} |" for name, one in processes(found).items()]
    out.append(
        "\nA second as-of reuses nothing of the first: every window moves with the date, and a fact that arrives later can change a stay that was closed. What it saves is"
        " the verification of files already read, within one process. *Well under the first* is read as half of it."
    )
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--persons", type=int, default=400_000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--growth", type=int, default=1_000_000)
    parser.add_argument("--growth-months", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--task", nargs="+")
    args = parser.parse_args()
    if args.task:
        run_task(args.task[0], args.task[1:])
        return
    if args.page:
        print(page(json.loads(args.page.read_text("utf-8"))))
        return
    load_catalog()
    found = measure(args.work, args.persons, args.months, args.growth, args.growth_months)
    args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
