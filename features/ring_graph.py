"""A ring of a built partition as a networkx graph: `nx.draw_networkx(ring_graph(warehouse, as_of, ring_id))`."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import networkx as nx
import pandas as pd

from claims.errors import UserError
from features.build import build


def ring_graph(root: Path | str, as_of: date | datetime, ring_id: str) -> nx.Graph:
    """Members as nodes (age, fen, meetings), surprising pairs as edges (days, dt, z, expected); the graph carries
    label, explanation and sentence.

    Raises UserError for a ring that is not in the partition of that as-of.
    """
    partition = build(root, as_of, "ring")
    entities = partition.entities()
    if ring_id not in entities.index:
        raise UserError(f"no ring {ring_id} at as-of {as_of}; `xiezhi rank --grain ring` lists them")
    facts = entities.loc[ring_id, ["label", "explanation", "sentence"]]
    graph = nx.Graph(ring_id=ring_id, **{str(k): v for k, v in facts.items() if pd.notna(v)})
    for table, ends in (("members", ["psn_no"]), ("pairs", ["a", "b"])):
        rows = partition.read(table)
        for row in rows[rows["entity_id"] == ring_id].drop(columns="entity_id").to_dict("records"):
            data = {str(k): v for k, v in row.items() if k not in ends}
            names = [row[end] for end in ends]
            graph.add_node(*names, **data) if table == "members" else graph.add_edge(*names, **data)
    return graph
