"""The page of the desk under load and of the command line, from what was measured.

python -m benchmarks.desk_page        docs/figures/desk_load.json, desk_cli.json → docs/figures/desk.md

`benchmarks/desk_load.py` writes the first after each of its parts, `benchmarks/desk_cli.py` the second: what was not measured has no row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs/figures"
WANTED = {"p50_ms": 60, "p95_ms": 200, "p99_ms": 500}
LIMITS = {"explain": 3.0, "rank": 5.0, "bedcheck": 30.0}
"""Seconds a command may take on 20,000 insured, by its first word."""
Row = tuple[str, str, str, bool]
"""What, ours, wanted, whether it is held."""


def _middle(found: list[float]) -> float:
    return sorted(found)[len(found) // 2]


def _at_most(what: str, ms: float, most: float) -> Row:
    return what, f"{ms:,.0f} ms", f"{most:,.0f} ms", ms <= most


def _officers(d: dict[str, Any]) -> Iterator[Row]:
    for k, most in WANTED.items():
        yield _at_most(f"all requests, {k.removesuffix('_ms')}", d["all"][k], most)
    yield "errors", str(d["errors"]), "0", d["errors"] == 0
    beside = d["beside_an_export"]
    idle, busy = d["pages"]["list"]["p99_ms"], beside["pages"]["list"]["p99_ms"]
    rows = f" of {beside['rows']} suspects" if "rows" in beside else ""
    yield _at_most(f"list p99 while {beside['exports']} exports{rows} run", busy, 2 * idle)


def _alone(d: dict[str, Any]) -> Iterator[Row]:
    yield _at_most(
        "suspect with its pictures, one browser, slowest", d["pages"]["suspect with pictures"]["max_ms"], 300
    )


def _saturation(d: dict[str, Any]) -> Iterator[Row]:
    for name, ratios in d["ratio"].items():
        r = _middle(ratios)
        yield f"throughput beside a bare page of the same size, {name}", f"{r:.2f} ×", "0.5 ×", r >= 0.5


def _kill(d: dict[str, Any]) -> Iterator[Row]:
    lost = sum(n for code, n in d["answers"].items() if code != "200")
    yield f"pages lost while {d['killed']} workers were killed, of {d['asked']:,}", str(lost), "0", lost == 0


def _counter(d: dict[str, Any]) -> Iterator[Row]:
    for name, said in (("one_after_the_other", "one after the other"), ("at_20_a_second", "at 20/s")):
        turned = sum(n for code, n in d[name]["answers"].items() if code != "200")
        p99 = d[name]["check"]["p99_ms"] if "check" in d[name] else float("inf")
        ours = f"{p99:,.0f} ms, {turned} of {sum(d[name]['answers'].values())} turned away"
        yield f"counter check {said}, p99", ours, "100 ms, none", p99 <= 100 and not turned


def _slow(d: dict[str, Any]) -> Iterator[Row]:
    idle, busy = (d[k]["list"]["p99_ms"] for k in ("without", "with"))
    yield _at_most(f"list p99 beside {d['clients']} slow clients", busy, 2 * idle)


PARTS = {
    "alone": _alone,
    "officers": _officers,
    "saturation": _saturation,
    "kill": _kill,
    "counter": _counter,
    "slow": _slow,
}


def _table(rows: list[Row]) -> list[str]:
    """What misses its target stands first."""
    lines = [
        f"| {what} | {ours} | {want} | {'' if held else '**missed**'} |"
        for what, ours, want, held in sorted(rows, key=lambda r: r[3])
    ]
    return ["| | ours | wanted | |", "|---|---:|---:|---|", *lines]


def under_load(measured: dict[str, Any]) -> list[str]:
    """Markdown of the load."""
    given = [p for p in PARTS if p in measured]
    lines = [f"Warehouse {measured['warehouse']}, {measured['workers']} workers, {measured['cores']} cores that the clients share."]  # fmt: skip
    if (officers := measured.get("officers")) is not None:
        lines[0] += f" {officers['officers']} officers with {officers['think_s']:g} s think time for {officers['seconds']:.0f} s."  # fmt: skip
    if (bare := measured.get("saturation")) is not None:
        lines[0] += f" At saturation three rounds of {bare['seconds']:g} s each, in turn with the bare page's; the middle one is shown."  # fmt: skip
    busy = [f"{p} {measured[p]['load_before']:.0f}" for p in given if "load_before" in measured[p]]
    if busy:
        lines += ["", f"Load of the machine before each part (idle: 0): {', '.join(busy)}."]
    lines += ["", *_table([row for p in given for row in PARTS[p](measured[p])])]
    if bare is not None and "cpu_ms" in bare["ours"]["list"]:
        lines += ["", "| at saturation | pages/s | bare | processor ms a page | bare |", "|---|---:|---:|---:|---:|"]
        for name in bare["ratio"]:
            ours, other = bare["ours"][name], bare["bare"][name]
            lines.append(f"| {name} | {ours['req_per_s']:.0f} | {other['req_per_s']:.0f} | {ours['cpu_ms']:.2f} | {other['cpu_ms']:.2f} |")  # fmt: skip
    if officers is not None:
        lines += ["", "| page | asked | p50 ms | p95 ms | p99 ms | slowest ms |", "|---|---:|---:|---:|---:|---:|"]
        for name, p in officers["pages"].items():
            lines.append(
                f"| {name} | {p['n']:,} | {p['p50_ms']:.0f} | {p['p95_ms']:.0f} | {p['p99_ms']:.0f} | {p['max_ms']:.0f} |"
            )
    return lines


def command_line(measured: dict[str, Any]) -> list[str]:
    """Markdown of the commands. Seconds of the processor, since those of the wall clock depend on what else the machine does."""
    lines = [
        f"Warehouse {measured['warehouse']}; load of the machine {measured['load_before']:.0f} on {measured['cores']} cores. "
        "A command is held to its limit by the seconds of a processor it takes: those of the wall clock depend on what else runs.",
        "",
        "| command | processor s | wall s | wanted s | |",
        "|---|---:|---:|---:|---|",
    ]
    for name, took in measured["commands"].items():
        limit = LIMITS.get(name.split(" ")[0])
        held = limit is None or took["cpu"] <= limit
        lines.append(
            f"| {name} | {took['cpu']:.1f} | {took['wall']:.1f} | {'' if limit is None else f'{limit:.0f}'} | {'' if held else '**missed**'} |"
        )
    return lines


def page() -> str:
    """The whole page."""
    lines = ["# The desk under load", "", "    make trust-load", ""]
    if (load := FIGURES / "desk_load.json").exists():
        lines += [*under_load(json.loads(load.read_text("utf-8"))), ""]
    if (words := FIGURES / "desk_cli.json").exists():
        lines += ["## The command line", "", "    python -m benchmarks.desk_cli WAREHOUSE", ""]
        lines += [*command_line(json.loads(words.read_text("utf-8"))), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    (FIGURES / "desk.md").write_text(page(), "utf-8")
