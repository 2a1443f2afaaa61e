"""Rings as networkx graphs, written beside their partition."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from features.networks.rings.rings import Ring


def write_graphs(rings: Sequence[Ring], out: Path) -> None:
    """`members.parquet` (entity_id, psn_no, node attributes) and `pairs.parquet` (entity_id, a, b, edge attributes) of
    every ring's `Ring.graph()`."""
    graphs = [(ring.ring_id, ring.graph()) for ring in rings]
    nodes = [{"entity_id": name, "psn_no": v} | data for name, graph in graphs for v, data in graph.nodes(data=True)]
    edges = [{"entity_id": name, "a": a, "b": b} | d for name, graph in graphs for a, b, d in graph.edges(data=True)]
    pd.DataFrame(nodes, columns=["entity_id", "psn_no", "age", "fen", "meetings"]).to_parquet(
        out / "members.parquet", index=False
    )
    pd.DataFrame(edges, columns=["entity_id", "a", "b", "days", "dt", "z", "expected"]).to_parquet(
        out / "pairs.parquet", index=False
    )
