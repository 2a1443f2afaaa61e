"""Write docs/figures/graphs.md from the JSON the two benchmarks left.

python -m benchmarks.graphs_page docs/figures
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.graphs import page as speed_page
from benchmarks.rings import page as ring_page


def main() -> None:
    folder = Path(sys.argv[1])
    out = ["# Graphs: what they find, and how fast", ""]
    rings = folder / "rings.json"
    if rings.exists():
        out.append(ring_page(json.loads(rings.read_text(encoding="utf-8"))))
    speed = folder / "graphs.json"
    if speed.exists():
        known = json.loads(speed.read_text(encoding="utf-8"))
        out.append(speed_page(known["tasks"], known["events"], known["cards"]))
    out.append(
        "## One ring of the pilot export\n\n![ring](ring.svg)\n\nMembers are numbers, units are letters. `python -m benchmarks.draw_ring EXPORT_FOLDER docs/figures/ring.svg`\n"
    )
    (folder / "graphs.md").write_text("\n".join(out), encoding="utf-8")


if __name__ == "__main__":
    main()
