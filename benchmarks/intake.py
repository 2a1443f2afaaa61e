"""How fast intake is, and how much memory it takes, beside the least any program must do with the same file.

    python -m benchmarks.intake [--rows 10000000] [--pilot DIR] [--work DIR] [--write]

Makes `--rows` fee lines of the pilot's shape (its visits repeated under new numbers), as Parquet and as GB18030 CSV, and measures in processes of their own:

1. Parquet: intake of visits and lines ÷ a plain DuckDB copy of both with a sort by person (target ≤ 3);
2. CSV: intake ÷ a bare streaming decode to UTF-8 + DuckDB reading it into a table (target ≤ 4);
3. peak memory of both intakes (target < 4 GiB).

`--write` puts the figures into docs/figures/intake.md.
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

ROOT = Path(__file__).parents[1]
HEADING = "## Speed and memory"

#: Each measured step runs alone, so that its peak memory is its own. {…} are filled in.
STEPS = {
    "parquet_copy": """
con = duckdb.connect(); con.execute("SET threads = 2; SET memory_limit = '2500MB'; SET enable_progress_bar = false; SET temp_directory = '{work}/spill'")
for table, moment in (("settlements", "begntime"), ("fee_details", "fee_ocur_time")):
    con.execute(f"COPY (FROM '{work}/parquet/{{table}}.parquet' ORDER BY psn_no, {{moment}}) TO '{work}/copy_{{table}}.parquet' (FORMAT parquet, COMPRESSION zstd)")
""",
    "parquet_intake": """
from claims.intake import intake
intake("{work}/parquet", "{work}/house_parquet", "pilot")
""",
    "csv_bare": """
import codecs
con = duckdb.connect(); con.execute("SET threads = 2; SET memory_limit = '2500MB'; SET enable_progress_bar = false; SET temp_directory = '{work}/spill'")
for table in ("settlements", "fee_details"):
    with codecs.open(f"{work}/csv/{{table}}.csv", encoding="gb18030") as source, open(f"{work}/bare.csv", "w", encoding="utf-8") as out:
        while block := source.read(1 << 22):
            out.write(block)
    con.execute(f"CREATE TABLE {{table}} AS FROM read_csv('{work}/bare.csv', all_varchar = true, header = true)")
""",
    "csv_intake": """
from claims.intake import intake
intake("{work}/csv", "{work}/house_csv", "pilot")
""",
}  # fmt: skip
FRAME = """
import json, resource, sys, time
sys.path.insert(0, {root!r})
import duckdb
import claims.intake
started, spent = time.perf_counter(), time.process_time()
{step}
print(json.dumps({{"wall": time.perf_counter() - started, "cpu": time.process_time() - spent, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}}))
"""


def make(pilot: Path, work: Path, rows: int) -> int:
    """Write the pilot's visits and lines, repeated or cut to `rows` lines; returns the lines written."""
    import duckdb

    for folder in ("parquet", "csv"):
        (work / folder).mkdir(parents=True)
    with duckdb.connect() as con:
        con.execute("SET threads = 2; SET memory_limit = '2500MB'; SET enable_progress_bar = false")
        con.execute(f"SET temp_directory = '{work}/spill'")
        held = con.execute(f"SELECT count(*) FROM '{pilot}/fee_details.parquet'").fetchall()[0][0]
        times, part = -(-rows // held), min(1.0, rows / held)
        whole = f"CAST('0x' || md5(mdtrt_id)[1:8] AS UBIGINT) < {part} * 4294967296"
        for table, ids in (
            ("settlements", ("setl_id", "mdtrt_id", "init_setl_id")),
            ("fee_details", ("mdtrt_id", "setl_id")),
        ):
            fresh = ", ".join(f"{c} || k::VARCHAR AS {c}" for c in ids)
            body = f"SELECT f.* REPLACE ({fresh}) FROM '{pilot}/{table}.parquet' f, range({times}) r(k) WHERE {whole}"
            if table == "settlements":  # a refund lies under another visit: cut both or neither
                body += " AND refd_setl_flag = '0'"
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


def measure(step: str, work: Path) -> dict[str, float]:
    """Wall and CPU seconds and peak memory (GiB) of one step in a process of its own."""
    code = FRAME.format(root=str(ROOT), step=STEPS[step].format(work=work))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{step} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def page(lines: int, rows: int, figures: dict[str, dict[str, float]]) -> str:
    """The figures as Markdown."""
    said = [HEADING, "", f"Made by `python -m benchmarks.intake --rows {rows} --write`: {lines:,} fee lines of the pilot's shape and their visits; {os.cpu_count()} cores, {platform.machine()}.",
            "CPU seconds are compared, because other work shared the machine.", "", "| step | wall s | CPU s | peak GiB |", "|---|---|---|---|"]  # fmt: skip
    said += [f"| {s} | {f['wall']:.1f} | {f['cpu']:.1f} | {f['peak']:.2f} |" for s, f in figures.items()]
    for name, ours, bare, target in (("Parquet intake ÷ plain copy with sort", "parquet_intake", "parquet_copy", 3), ("GB18030 CSV intake ÷ bare decode and read", "csv_intake", "csv_bare", 4)):  # fmt: skip
        ratio = figures[ours]["cpu"] / figures[bare]["cpu"]
        said += ["", f"{name}: **{ratio:.1f}** (target ≤ {target}: {'met' if ratio <= target else 'missed'})"]
    peak = max(figures[s]["peak"] for s in ("parquet_intake", "csv_intake"))
    said += [
        "",
        f"Peak memory of intake: **{peak:.2f} GiB** (target < 4: {'met' if peak < 4 else 'missed'} at this size)",
    ]
    return "\n".join(said) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--pilot", type=Path, default=Path(os.environ.get("XIEZHI_SHARED", ROOT.parent / "shared")) / "data" / "pilot" / "claims")  # fmt: skip
    parser.add_argument("--work", type=Path, help="folder for the files (default: a temporary one)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/figures/intake.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        work = Path(folder)
        lines = make(given.pilot, work, given.rows)
        text = page(lines, given.rows, {step: measure(step, work) for step in STEPS})
    print(text)
    if given.write:
        out = ROOT / "docs" / "figures" / "intake.md"
        kept = out.read_text(encoding="utf-8") if out.exists() else ""
        out.write_text((kept[: kept.index(HEADING)] if HEADING in kept else f"{kept}\n") + text, encoding="utf-8")


if __name__ == "__main__":
    main()
