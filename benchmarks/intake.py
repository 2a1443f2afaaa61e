"""How fast intake is, and how much memory it takes, beside the least any program must do with the same file.

    python -m benchmarks.intake [--rows 3000000 10000000] [--work DIR] [--steps parquet_copy …] [--write]

Makes fee lines of the pilot's shape (all of its visits, repeated under new numbers), as Parquet and as GB18030 CSV, and measures in processes of their own:

1. Parquet: intake of visits and lines ÷ a plain DuckDB copy of both with a sort by person (target ≤ 3);
2. CSV: intake ÷ a bare streaming decode to UTF-8 + DuckDB reading it into a table (target ≤ 4);
3. peak memory of both intakes (target < 4 GiB), and whether it grows with the file.

With `--work` the files and the figures so far are kept there, and only the steps still missing (or named) are run. `--write` puts the figures of
all sizes into docs/figures/intake.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "figures" / "intake.md"
HEADING, NEXT = "## Speed and memory", "## "
CONNECT = """con = duckdb.connect()
con.execute("SET threads = 2; SET memory_limit = '2500MB'; SET enable_progress_bar = false; SET temp_directory = '{work}/spill'")
"""

#: Each measured step runs alone, so that its peak memory is its own. {…} are filled in; `phase(label)` ends the phase before.
STEPS = {
    "parquet_copy": CONNECT + """
for table, moment in (("settlements", "begntime"), ("fee_details", "fee_ocur_time")):
    con.execute(f"COPY (FROM '{work}/parquet/{{table}}.parquet' ORDER BY psn_no, {{moment}}) TO '{work}/copy.parquet' (FORMAT parquet, COMPRESSION zstd)")
""",
    "parquet_intake": """
from claims.intake.pipeline import intake
intake("{work}/parquet", "{work}/house_parquet", "pilot", progress=phase)
""",
    "csv_bare": "import codecs\n" + CONNECT + """
for table in ("settlements", "fee_details"):
    with codecs.open(f"{work}/csv/{{table}}.csv", encoding="gb18030") as source, open(f"{work}/bare.csv", "w", encoding="utf-8") as out:
        while block := source.read(1 << 22):
            out.write(block)
    con.execute(f"CREATE TABLE {{table}} AS FROM read_csv('{work}/bare.csv', all_varchar = true, header = true)")
""",
    "csv_intake": """
from claims.intake.pipeline import intake
intake("{work}/csv", "{work}/house_csv", "pilot", progress=phase)
""",
}  # fmt: skip
FRAME = """
import json, resource, sys, time
sys.path.insert(0, {root!r})
import duckdb
import claims.intake.pipeline
phases, begun = {{}}, [("", time.process_time())]
def phase(label, done=0, total=0):
    now = time.process_time()
    if begun[-1][0]:
        phases[begun[-1][0]] = phases.get(begun[-1][0], 0) + now - begun[-1][1]
    begun.append((label, now))
started, spent = time.perf_counter(), time.process_time()
{step}
phase("")
print(json.dumps({{"wall": time.perf_counter() - started, "cpu": time.process_time() - spent, "phases": phases,
                   "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}}))
"""


def make(pilot: Path, work: Path, rows: int) -> int:
    """Write the pilot's visits and lines, repeated (or cut to some persons) to about `rows` lines; returns the lines written."""
    import duckdb

    for folder in ("parquet", "csv"):
        (work / folder).mkdir(parents=True)
    with duckdb.connect() as con:
        con.execute("SET threads = 2; SET memory_limit = '2500MB'; SET enable_progress_bar = false")
        con.execute(f"SET temp_directory = '{work}/spill'; SET preserve_insertion_order = false")
        held = con.execute(f"SELECT count(*) FROM '{pilot}/fee_details.parquet'").fetchall()[0][0]
        times, part = -(-rows // held), min(1.0, rows / held)
        for table, ids in (
            ("settlements", ("setl_id", "mdtrt_id", "init_setl_id")),
            ("fee_details", ("mdtrt_id", "setl_id")),
        ):
            fresh = ", ".join(f"{c} || k::VARCHAR AS {c}" for c in ids)
            whose = f"CAST('0x' || md5(psn_no)[1:8] AS UBIGINT) < {part} * 4294967296"
            body = f"SELECT f.* REPLACE ({fresh}) FROM '{pilot}/{table}.parquet' f, range({times}) r(k) WHERE {whose}"
            con.execute(f"COPY ({body}) TO '{work}/parquet/{table}.parquet' (FORMAT parquet)")
            con.execute(f"COPY (FROM '{work}/parquet/{table}.parquet') TO '{work}/utf8.csv' (HEADER)")
            with (
                (work / "utf8.csv").open(encoding="utf-8") as source,
                (work / "csv" / f"{table}.csv").open("w", encoding="gb18030") as out,
            ):
                while block := source.read(1 << 22):
                    out.write(block)
            (work / "utf8.csv").unlink()
        return int(con.execute(f"SELECT count(*) FROM '{work}/parquet/fee_details.parquet'").fetchall()[0][0])


def measure(step: str, work: Path) -> dict[str, Any]:
    """Wall and CPU seconds, CPU by phase and peak memory (GiB) of one step in a process of its own."""
    code = FRAME.format(root=str(ROOT), step=STEPS[step].format(work=work))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{step} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def study(pilot: Path, work: Path, rows: int, steps: list[str] | None) -> dict[str, Any]:
    """The figures of one size: those still missing are measured, or those named in `steps` and no others."""
    here = work / str(rows)
    kept = here / "figures.json"
    figures: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    if not figures:
        figures = {"lines": make(pilot, here, rows)}
        kept.write_text(json.dumps(figures))
    for step in STEPS:
        if step in steps if steps is not None else step not in figures:
            subprocess.run(["rm", "-rf", here / "house_parquet", here / "house_csv"], check=True)
            figures[step] = measure(step, here)
            kept.write_text(json.dumps(figures))
    return figures


def page(all_figures: dict[int, dict[str, Any]]) -> str:
    """The figures as Markdown."""
    sizes = " ".join(str(rows) for rows in all_figures)
    said = [HEADING, "", f"Made by `python -m benchmarks.intake --rows {sizes} --write`: fee lines of the pilot's shape and their visits; {os.cpu_count()} cores, {platform.machine()}.",
            "CPU seconds are compared, because other work shared the machine. The copy writes the rows once, sorted; intake writes them twice (by person and by", "institution), splits settlements in three, checks, counts and versions every row.",
            "", "| fee lines | step | wall s | CPU s | peak GiB |", "|---|---|---|---|---|"]  # fmt: skip
    for figures in all_figures.values():
        said += [
            f"| {figures['lines']:,} | {step} | {f['wall']:.1f} | {f['cpu']:.1f} | {f['peak']:.2f} |"
            for step, f in figures.items()
            if step in STEPS
        ]
    for figures in all_figures.values():
        for name, ours, bare, target in (("Parquet intake ÷ plain copy with sort", "parquet_intake", "parquet_copy", 3), ("GB18030 CSV intake ÷ bare decode and read", "csv_intake", "csv_bare", 4)):  # fmt: skip
            if ours in figures and bare in figures:
                ratio = figures[ours]["cpu"] / figures[bare]["cpu"]
                said += ["", f"{figures['lines']:,} lines, {name}: **{ratio:.1f}** (target ≤ {target}: {'met' if ratio <= target else 'missed'})"]  # fmt: skip
    intakes = [(f["lines"], f[s]["peak"]) for f in all_figures.values() for s in ("parquet_intake", "csv_intake") if s in f]  # fmt: skip
    peak = max(p for _, p in intakes)
    said += ["", f"Peak memory of intake: **{peak:.2f} GiB** (target < 4: {'met' if peak < 4 else 'missed'})."]
    return "\n".join([*said, *_phases(all_figures)]) + "\n"


def _phases(all_figures: dict[int, dict[str, Any]]) -> list[str]:
    """Where the CPU seconds of the largest intakes go."""
    figures = all_figures[max(all_figures)]
    held = {s: figures[s]["phases"] for s in ("parquet_intake", "csv_intake") if s in figures}
    labels = list(dict.fromkeys(label.split(".")[0] for phases in held.values() for label in phases))
    said = ["", f"Where they go at {figures['lines']:,} lines (CPU seconds):", "", f"| phase | {' | '.join(held)} |", f"|---|{'---|' * len(held)}"]  # fmt: skip
    for label in labels:
        cells = [sum(v for k, v in phases.items() if k.split(".")[0] == label) for phases in held.values()]
        said.append(f"| {label} | {' | '.join(f'{c:.1f}' for c in cells)} |")
    return said


def write_section(heading: str, text: str) -> None:
    """Put a section into docs/figures/intake.md in place of the one of that heading, or at its end."""
    kept = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    before, found, rest = kept.partition(heading + "\n")
    after = NEXT + rest.split("\n" + NEXT, 1)[1] if found and "\n" + NEXT in rest else ""
    PAGE.write_text(f"{before.rstrip()}\n\n{text}" + (f"\n{after}" if after else ""), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[3_000_000, 10_000_000])
    parser.add_argument("--pilot", type=Path, default=Path(os.environ.get("XIEZHI_SHARED", ROOT.parent / "shared")) / "data" / "pilot" / "claims")  # fmt: skip
    parser.add_argument("--work", type=Path, help="folder that keeps the files and figures (default: a temporary one)")
    parser.add_argument("--steps", nargs="*", help="measure these anew and no others (none named: only print)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/figures/intake.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        text = page({rows: study(given.pilot, work, rows, given.steps) for rows in sorted(given.rows)})
    print(text)
    if given.write:
        write_section(HEADING, text)


if __name__ == "__main__":
    main()
