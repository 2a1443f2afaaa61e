"""The one shape of an undirected graph in the kernels: CSR arrays, both directions, neighbours ascending, no
self-loops, no parallel edges."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
import numpy.typing as npt

from claims.errors import UserError
from features.networks.rings.groups import adjacency


@dataclass(frozen=True, kw_only=True)
class Csr:
    """`first` int64 [n+1], `to` int32 [2m], `weight` float64 [2m]."""

    first: npt.NDArray[np.int64]
    to: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float64]

    @property
    def n(self) -> int:
        return len(self.first) - 1


def build_csr(a: npt.ArrayLike, b: npt.ArrayLike, n: int, weight: npt.ArrayLike | None = None) -> Csr:
    """Undirected graph of n nodes from edge arrays [m] of codes 0…n−1 (any order; self-pairs dropped, of parallel
    edges the heaviest kept).

    Raises UserError for codes outside 0…n−1 or weights that are negative or not finite.
    """
    x, y = np.asarray(a, dtype=np.int64), np.asarray(b, dtype=np.int64)
    w = np.ones(len(x)) if weight is None else np.asarray(weight, dtype=np.float64)
    if len(x) != len(y) or len(w) != len(x):
        raise UserError("a graph needs edge arrays of one length")
    if len(x) and (min(x.min(), y.min()) < 0 or max(x.max(), y.max()) >= n):
        raise UserError(f"an edge names a node outside 0…{n - 1}")
    if len(w) and not (np.isfinite(w).all() and w.min() >= 0):
        raise UserError("edge weights must be finite and not negative")
    matrix = adjacency(x, y, w, n)
    matrix.sort_indices()
    return Csr(
        first=matrix.indptr.astype(np.int64), to=matrix.indices.astype(np.int32), weight=matrix.data.astype(np.float64)
    )


def to_networkx(graph: Csr) -> nx.Graph:
    """The same graph for drawing and as oracle; isolated nodes are kept."""
    out = nx.Graph()
    out.add_nodes_from(range(graph.n))
    source = np.repeat(np.arange(graph.n), np.diff(graph.first))
    keep = source < graph.to
    out.add_weighted_edges_from(
        zip(source[keep].tolist(), graph.to[keep].tolist(), graph.weight[keep].tolist(), strict=True)
    )
    return out
