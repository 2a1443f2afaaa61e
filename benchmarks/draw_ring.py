"""Draw one ring, members as numbers only.

    python -m benchmarks.draw_ring EXPORT_FOLDER docs/figures/ring.svg

EXPORT_FOLDER holds settlements, persons, institutions as Parquet in official column names. The first unexplained ring is drawn: who meets whom, and when and where.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import matplotlib as mpl
import matplotlib.pyplot as plt
import networkx as nx
import pandas as pd

from features.networks.rings.rings import Ring, find_rings

SWIPES = """SELECT setl_id, psn_no, fixmedins_code, begntime AS happened_at, atddr_no AS dr_codg, opt_diag_code AS dx, dise_codg, med_type,
    CAST(round(medfee_sumamt * 100) AS BIGINT) AS fen, CAST(round(fund_pay_sumamt * 100) AS BIGINT) AS fund_fen,
    CAST(round(acct_mulaid_pay * 100) AS BIGINT) AS mulaid_fen
    FROM read_parquet(?) WHERE refd_setl_flag = '0' AND med_type NOT IN ('21', '25', '26', '28', '52') AND NOT starts_with(med_type, '210')"""


def read_rings(folder: Path) -> list[Ring]:
    con = duckdb.connect()
    swipes = con.execute(SWIPES, [str(folder / "settlements.parquet")]).df()
    persons, places = (
        con.execute("FROM read_parquet(?)", [str(folder / f"{t}.parquet")]).df() for t in ("persons", "institutions")
    )
    return find_rings(swipes, persons, places, as_of=swipes["happened_at"].max())


def draw(ring: Ring, path: Path) -> None:
    mpl.rcParams["svg.hashsalt"] = "ring"
    number = {name: i + 1 for i, name in enumerate(ring.members)}
    place = {name: chr(65 + i) for i, name in enumerate(ring.places)}
    graph = nx.relabel_nodes(ring.graph(), number)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), width_ratios=[1, 1.7])
    layout = nx.circular_layout(sorted(graph))
    widths = [d["days"] / 6 for _, _, d in graph.edges(data=True)]
    nx.draw_networkx(
        graph,
        layout,
        ax=left,
        width=widths,
        node_color="#c8553d",
        edge_color="#8aa1b1",
        font_color="white",
        node_size=420,
    )
    left.set_title("days settled together (edge width)")
    left.axis("off")
    met = ring.sessions
    colours = plt.get_cmap("tab10")
    for i, code in enumerate(ring.places):  # a round of several units on one day shows as dots above one another
        rows = met[met["fixmedins_code"] == code]
        right.scatter(
            pd.to_datetime(rows["happened_at"]),
            rows["psn_no"].map(number) + 0.12 * (i - (len(ring.places) - 1) / 2),
            s=9,
            color=colours(i),
            label=f"unit {place[code]}",
        )
    right.set_yticks(sorted(number.values()), [f"member {n}" for n in sorted(number.values())])
    right.set_title(f"{ring.meetings} meetings on {ring.days} days at {len(ring.places)} units")
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=5, frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    rings = read_rings(Path(sys.argv[1]))
    open_rings = [r for r in rings if r.explanation is None]
    if not open_rings:
        raise SystemExit("no unexplained ring in this export")
    draw(open_rings[0], Path(sys.argv[2]))
    print(f"{len(rings)} groups, {len(open_rings)} unexplained; drew the first")


if __name__ == "__main__":
    main()
