"""Write docs/figures/graphs.md from the JSON the two benchmarks left.

python -m benchmarks.graphs_page docs/figures
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rings import page as ring_page

#: row: label, our task, other task, factor on the other's time, target, share answers?
ROWS = (
    ("co-visit, same institution, k ≥ 3", "covisit-same ours", "covisit-same duckdb", 20.0, True),
    ("co-visit, any institution, k ≥ 3", "covisit-any ours", "covisit-any duckdb", 12.0, True),
    ("co-visit, 300k events", "covisit-300k ours", "covisit-300k networkx", 100.0, False),
    ("FRAUDAR", "fraudar ours", "fraudar python", 35.0, True),
    ("k-core", "k-core ours", "k-core networkx", 150.0, True),
    ("k-core", "k-core ours", "k-core igraph", 3.0, True),
    ("egonets (k3)", "egonets-k3 ours", "egonets networkx", 500.0, True),
    ("egonets (k2)", "egonets ours", "egonets igraph", 1.0, True),
    ("personalised PageRank", "pagerank ours", "pagerank networkx", 20.0, True),
    ("personalised PageRank", "pagerank ours", "pagerank scipy", 4.0, True),
    ("visit measures", "visits ours", "visits networkx", 200.0, False),
    ("visit measures", "visits ours", "visits duckdb", 5.0, True),
)


def page(done: dict[str, dict[str, Any]], n_events: int, cards: int) -> str:
    """The speed table in Markdown; every miss is said."""
    out = [
        "## Speed", "",
        f"`python -m benchmarks.graphs --cards {cards}`: {n_events:,} events, CPU seconds over all threads, best of 3 for our kernels (others once), one process per task. "
        "Compile time is not in these figures; it stands below.", "",
        "| task | ours, CPU s | other | CPU s | ratio | target | met | same answer |", "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for label, ours, other, target, same in ROWS:
        a, b = done.get(ours), done.get(other)
        if a is None or b is None or "error" in a or "error" in b:
            out.append(f"| {label} | – | {other.split()[1]} | not measured | | {target:g}× | | |")
            continue
        factor = cards / 2000 if other == "visits networkx" else 1.0
        ratio = b["cpu"] * factor / max(a["cpu"], 1e-9)
        equal = "–" if not same else "yes" if _close(a["answer"], b["answer"]) else f"no: {a['answer']} / {b['answer']}"
        note = " (2,000 cards, scaled)" if factor > 1 else " (tiles, easier)" if "300k" in ours else ""
        out.append(
            f"| {label} | {a['cpu']:.3f} | {other.split()[1]}{note} | {b['cpu'] * factor:.2f} | **{ratio:.1f}×** | {target:g}× | {'yes' if ratio >= target else '**no**'} | {equal} |"
        )
    a, b = done.get("covisit-same ours", {}), done.get("covisit-same duckdb", {})
    if a.get("peak_mb", 0) > 0 and "peak_mb" in b:  # 0: hidden below the peak of loading, so no figure
        share = a["peak_mb"] / max(b["peak_mb"], 1e-9)
        out.append(
            f"| memory over base, same institution | {a['peak_mb']:.0f} MB | duckdb | {b['peak_mb']:.0f} MB | 1/{1 / max(share, 1e-9):.0f} | 1/20 | {'yes' if share <= 0.05 else '**no**'} | – |"
        )
    x1, x5 = done.get("growth x1", {}), done.get("growth x5", {})
    if "cpu" in x1 and "cpu" in x5:
        one, five = x1["cpu"] / n_events * 1e9, x5["cpu"] / (5 * n_events) * 1e9
        out.append(
            f"| growth: ns per event at {5 * n_events / 1e6:.0f} M events | {five:.0f} | ours at {n_events / 1e6:.1f} M | {one:.0f} | {five / one:.2f}× | ≤ 1.2× | {'yes' if five / one <= 1.2 else '**no**'} | – |"
        )
        whole = x5["base_mb"] + x5["peak_mb"]
        out.append(
            f"| growth: whole process at {5 * n_events / 1e6:.0f} M events | {whole:.0f} MB | | | | < 2,000 MB | {'yes' if whole < 2000 else '**no**'} | – |"
        )
    q, r = done.get("communities ours", {}), done.get("communities igraph", {})
    if "answer" in q and "answer" in r:
        gap = 1 - q["answer"] / r["answer"]
        out.append(
            f"| communities: modularity | {q['answer']} ({q['cpu']:.2f} s) | igraph, better of Leiden and Louvain | {r['answer']} ({r['cpu']:.2f} s) | {gap:+.2%} behind | ≤ 1 % | {'yes' if gap <= 0.01 else '**no**'} | – |"
        )
    compiled = {n: d["compile"] for n, d in done.items() if n.endswith(("ours", "x1")) and "compile" in d}
    slowest = max(compiled, key=lambda n: compiled[n])
    out += [
        "",
        f"First call in a process (cached compilation loaded, tiny input): at most {compiled[slowest]:.2f} s CPU ({slowest}). A task with no cache compiles once in 2–15 s.",
    ]
    return "\n".join(out) + "\n"


def _close(a: Any, b: Any) -> bool:
    x, y = np.atleast_1d(np.asarray(a, dtype=float)), np.atleast_1d(np.asarray(b, dtype=float))
    return x.shape == y.shape and bool(np.allclose(x, y, rtol=1e-6))


def main() -> None:
    folder = Path(sys.argv[1])
    out = ["# Graphs: what they find, and how fast", ""]
    rings = folder / "rings.json"
    if rings.exists():
        out.append(ring_page(json.loads(rings.read_text(encoding="utf-8"))))
    speed = folder / "graphs.json"
    if speed.exists():
        known = json.loads(speed.read_text(encoding="utf-8"))
        out.append(page(known["tasks"], known["events"], known["cards"]))
    out.append(
        "## One ring of the pilot export\n\n![ring](ring.svg)\n\nMembers are numbers, units are letters. `python -m benchmarks.draw_ring EXPORT_FOLDER docs/figures/ring.svg`\n"
    )
    (folder / "graphs.md").write_text("\n".join(out), encoding="utf-8")


if __name__ == "__main__":
    main()
