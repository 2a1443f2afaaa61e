"""docs/figures/county.md from measured figures: python -m benchmarks.county_page BEFORE.json AFTER.json … > docs/figures/county.md

Each file is what `python -m benchmarks.county --json FILE` wrote; the first one is the county before the change.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.county import GATES
from benchmarks.county_features import LIMIT

HEAD = """# How hard the simulated county is

The county is the yardstick of everything else here, so it is gated itself (`benchmarks/county.py`, exit code 1 on a miss).
A county is good when plain methods fail on it, when no single column gives a scheme away, and when what remains is findable.

    python -m benchmarks.county --persons 60000 --months 15 --seed S --features --json S.json
    python -m benchmarks.county_page BEFORE.json S.json … > docs/figures/county.md

Plain = LightGBM on 13 simple aggregates (length, cost, shares, age, counts, the unit's means); rich = the same with some fifty traces.
Visible = trained on what inspectors had concluded; truth = trained on the truth of earlier stays. Tested on the stays of the last 90 days.
Seeds 1 and 2 were developed on; seeds 11 and 12 were run only for this page. The column *before* is seed 1 before the change.
"""

NOTES = """
Where few are planted, the best of some three hundred columns looks good by chance alone: for doctors and institutions the table gates the
lower end (5 %) of the bootstrap interval, among columns that beat what the best column reaches for as many units drawn by lot
(`chance`, 19 of 20 draws). 0.5 means no column did. Institutions are held against their own kind (pharmacies, or the others); schemes with
fewer than 15 planted persons or stays, or fewer than 4 units or doctors, are not judged. Stays are read over a year, the other grains in the
window the product ranks them in.
"""


def cell(name: str, value: float | None, gates: dict[str, tuple[float, float]]) -> str:
    if value is None:
        return "–"
    low, high = gates.get(name, (float("-inf"), float("inf")))
    text = f"{value:.0f}" if abs(value) >= 2 else f"{value:.3f}"
    return text if low <= value <= high else f"**{text} missed**"


def page(runs: list[dict[str, Any]]) -> str:
    """Markdown: the gates of every run side by side, then the strongest column of each scheme in the last run that has them."""
    gates: dict[str, tuple[float, float]] = dict(GATES)
    names = list(dict.fromkeys(n for r in runs for n in r["figures"]))
    gates |= {n: (0.5, LIMIT) for n in names if n.startswith("largest single-feature")}
    titles = [
        f"{'before, ' if k == 0 else ''}seed {r['recipe']['seed']}, {r['recipe']['persons']:,}"
        for k, r in enumerate(runs)
    ]
    out = [HEAD, "| figure | gate | " + " | ".join(titles) + " |", "|---|---|" + "---:|" * len(runs)]
    for name in names:
        gate = f"{gates[name][0]:g} … {gates[name][1]:g}" if name in gates else ""
        out.append(f"| {name} | {gate} | " + " | ".join(cell(name, r["figures"].get(name), gates) for r in runs) + " |")
    out.append(NOTES)
    for run in runs:
        if "strongest" not in run:
            continue
        out += [
            f"## The strongest single column of each scheme, seed {run['recipe']['seed']}\n",
            "| grain | scheme | column | planted | others | AUC | 90 % interval | chance |",
            "|---|---|---|---:|---:|---:|---|---:|",
        ]
        for r in run["strongest"]:
            chance = "" if r["chance"] is None else f"{r['chance']:.3f}"
            out.append(
                f"| {r['grain']} | {r['scheme']} | `{r['feature']}` | {r['planted']} | {r['others']} | {r['auc']:.3f} | {r['low']:.3f}–{r['high']:.3f} | {chance} |"
            )
        out.append("")
    return "\n".join(out)


if __name__ == "__main__":
    print(page([json.loads(Path(name).read_text()) for name in sys.argv[1:]]))
