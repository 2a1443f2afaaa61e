"""An export nobody told the product of, from files to its first list, by stopwatch: `python -m benchmarks.first_list EXPORT --as-of D --work FOLDER`.

Types the lines of README's "Your own export" with the shorter `rank` in place of `week`, and prints a line of docs/figures/first_list.md: seconds by the wall and of CPU a step.
`--write NAME` puts the line into the page, in place of the one of that name.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from claims.store.files import put

PAGE = Path(__file__).parents[1] / "docs" / "figures" / "first_list.md"
HEAD = "| export | rows | taken in | lines of the draft | marked `← check` | not understood | suggest | intake | rank | all | load |"


def step(*words: str) -> tuple[float, float, str]:
    """Wall seconds, CPU seconds and output of one command; its own words and SystemExit where it fails."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([sys.executable, "-m", "xiezhi", *words], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"xiezhi {' '.join(words)}: {done.stderr[-800:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, cpu, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_list", description=__doc__)
    parser.add_argument("export")
    parser.add_argument("--as-of", required=True)
    parser.add_argument("--work", type=Path, required=True, help="a folder that is not there yet")
    parser.add_argument("--write", metavar="NAME", default="")
    args = parser.parse_args()
    args.work.mkdir(parents=True)
    draft, house, out = (str(args.work / n) for n in ("draft.toml", "W", "list.csv"))
    drafted = step("mapping", "suggest", args.export, "--out", draft, "--json")
    taken = step("intake", args.export, "--warehouse", house, "--mapping", draft, "--json")
    ranked = step(
        "rank",
        "--warehouse",
        house,
        "--as-of",
        args.as_of,
        "--grain",
        "admission",
        "--top",
        "50",
        "--out",
        out,
        "--json",
    )
    told, counts = json.loads(drafted[2]), json.loads(taken[2])["tables"]
    rows = sum(c["rows_in"] for c in counts.values())
    accepted = sum(c["accepted"] for c in counts.values())
    steps = " | ".join(f"{wall:.0f} / {cpu:.0f}" for wall, cpu, _ in (drafted, taken, ranked))
    whole = f"{sum(s[0] for s in (drafted, taken, ranked)):.0f} / {sum(s[1] for s in (drafted, taken, ranked)):.0f}"
    line = (
        f"| {args.write or Path(args.export).name} | {rows:,} | {accepted:,} | {len(told['confidence'])} | {len(told['check'])} | {len(told['unknown'])} "
        f"| {steps} | {whole} | {os.getloadavg()[1]:.0f} |"
    )
    print(line)
    if args.write:
        put(PAGE, on_page(PAGE.read_text("utf-8"), line).encode())


def on_page(page: str, line: str) -> str:
    """The page with this line of its table, in place of the one of the same name."""
    before, _, after = page.partition(HEAD + "\n")
    rule, *rest = after.splitlines()
    table = [r for r in rest if r.startswith("| ")]
    name = line.split(" | ")[0]
    if any(r.startswith(name + " | ") for r in table):
        table = [line if r.startswith(name + " | ") else r for r in table]
    else:
        table.append(line)
    return before + "\n".join([HEAD, rule, *table, *(r for r in rest if not r.startswith("| "))]) + "\n"


if __name__ == "__main__":
    main()
