"""The page of the desk under load, from what `benchmarks/desk_load.py` measured.

python -m benchmarks.desk_page        docs/figures/desk_load.json → docs/figures/desk.md
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WANTED = {"p50_ms": 60, "p95_ms": 200, "p99_ms": 500}


def page(measured: dict[str, Any]) -> str:
    """Markdown; what misses its target stands first."""
    officers, bare, kill = measured["officers"], measured["saturation"], measured["kill"]
    ratios = {name: sorted(r)[len(r) // 2] for name, r in bare["ratio"].items()}
    lines = [
        "# The desk under load",
        "",
        "    make trust-load",
        "",
        f"{officers['officers']} officers with {officers['think_s']} s think time for {officers['seconds']:.0f} s, {measured['workers']} workers, "
        f"{measured['cores']} cores that the clients share. Each round at saturation lasts {bare['seconds']:.0f} s, three rounds each; middle one shown.",
        "",
        "| | ours | wanted | |",
        "|---|---:|---:|---|",
    ]
    rows = [
        (f"throughput beside a bare page of the same size, {name}", f"{r:.2f} ×", "0.5 ×", r >= 0.5)
        for name, r in ratios.items()
    ]
    rows += [
        (
            f"all requests, {k.removesuffix('_ms')}",
            f"{officers['all'][k]:.0f} ms",
            f"{most} ms",
            officers["all"][k] <= most,
        )
        for k, most in WANTED.items()
    ]
    rows.append(("errors", str(officers["errors"]), "0", officers["errors"] == 0))
    beside = officers["beside_an_export"]
    idle, busy = officers["pages"]["list"]["p99_ms"], beside["pages"]["list"]["p99_ms"]
    rows.append(
        (f"list p99 while {beside['exports']} exports run", f"{busy:.0f} ms", f"{2 * idle:.0f} ms", busy <= 2 * idle)
    )
    shown = measured["alone"]["pages"]["suspect with pictures"]
    rows.append(
        (
            "suspect with its pictures, one browser, slowest",
            f"{shown['max_ms']:.0f} ms",
            "300 ms",
            shown["max_ms"] <= 300,
        )
    )
    lost = sum(n for code, n in kill["answers"].items() if code != "200")
    rows.append(
        (f"pages lost while {kill['killed']} workers were killed, of {kill['asked']:,}", str(lost), "0", lost == 0)
    )
    if (till := measured.get("counter")) is not None:
        alone, asked = till["one_after_the_other"]["check"], till["at_20_a_second"]
        turned = sum(n for code, n in asked["answers"].items() if code != "200")
        rows.append(
            ("counter check, one after the other, p99", f"{alone['p99_ms']:.0f} ms", "100 ms", alone["p99_ms"] <= 100)
        )
        p99 = asked["check"]["p99_ms"] if "check" in asked else float("inf")
        said = f"{p99:,.0f} ms, {turned} of {sum(asked['answers'].values())} turned away"
        rows.append(("counter check at 20/s, p99", said, "100 ms, none", p99 <= 100 and not turned))
    if (lagging := measured.get("slow")) is not None:
        idle, busy = (lagging[k]["list"]["p99_ms"] for k in ("without", "with"))
        rows.append(
            (
                f"list p99 beside {lagging['clients']} slow clients",
                f"{busy:.0f} ms",
                f"{2 * idle:.0f} ms",
                busy <= 2 * idle,
            )
        )
    lines += [
        f"| {what} | {ours} | {want} | {'' if held else '**missed**'} |"
        for what, ours, want, held in sorted(rows, key=lambda r: r[3])
    ]
    lines += ["", "| page | asked | p50 ms | p95 ms | p99 ms | slowest ms |", "|---|---:|---:|---:|---:|---:|"]
    for name, p in officers["pages"].items():
        lines.append(
            f"| {name} | {p['n']:,} | {p['p50_ms']:.0f} | {p['p95_ms']:.0f} | {p['p99_ms']:.0f} | {p['max_ms']:.0f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    told = json.loads((ROOT / "docs/figures/desk_load.json").read_text("utf-8"))
    (ROOT / "docs/figures/desk.md").write_text(page(told), "utf-8")
