"""k-cores and egonets of the co-visit graph: how deep in a knot a card sits, and how tight its own circle is."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from features.networks.sparse import Csr

Ints = npt.NDArray[np.int64]


@nb.njit(cache=True)
def _cores(first, to):  # type: ignore[no-untyped-def]
    """Batagelj and Zaversnik (2003), O(m): repeatedly remove a node of least degree, nodes kept in degree bins."""
    n = len(first) - 1
    degree = np.empty(n, np.int32)
    top = 0
    for v in range(n):
        degree[v] = first[v + 1] - first[v]
        if degree[v] > top:
            top = degree[v]
    start = np.zeros(top + 2, np.int32)
    for v in range(n):
        start[degree[v] + 1] += 1
    for d in range(top + 1):
        start[d + 1] += start[d]
    place = np.empty(n, np.int32)
    order = np.empty(n, np.int32)
    at = start[:-1].copy()
    for v in range(n):
        place[v] = at[degree[v]]
        order[place[v]] = v
        at[degree[v]] += 1
    for s in range(n):
        v = order[s]
        dv = degree[v]
        for e in range(first[v], first[v + 1]):
            u = to[e]
            du = degree[u]
            if du > dv:
                head = start[du]
                other = order[head]
                if other != u:
                    p = place[u]
                    place[u], place[other] = head, p
                    order[head], order[p] = u, other
                start[du] += 1
                degree[u] = du - 1
    return degree


@nb.njit(cache=True)
def _egonets(first, to, weight):  # type: ignore[no-untyped-def]
    """Triangles through each node by orienting edges from low to high degree (each triangle found once), with the
    weight of the edge opposite the ego."""
    n = len(first) - 1
    # ranks by degree: a counting sort, so the orientation is total and deterministic
    top = 0
    for v in range(n):
        top = max(top, first[v + 1] - first[v])
    bins = np.zeros(top + 2, np.int64)
    for v in range(n):
        bins[first[v + 1] - first[v] + 1] += 1
    for d in range(top + 1):
        bins[d + 1] += bins[d]
    rank = np.empty(n, np.int32)
    for v in range(n):
        d = first[v + 1] - first[v]
        rank[v] = bins[d]
        bins[d] += 1
    out_first = np.empty(n + 1, np.int64)
    out_to = np.empty(len(to) // 2, np.int32)
    out_weight = np.empty(len(to) // 2, np.float64)
    strength = np.zeros(n, np.float64)
    m = 0
    for v in range(n):
        out_first[v] = m
        for e in range(first[v], first[v + 1]):
            strength[v] += weight[e]
            if rank[to[e]] > rank[v]:
                out_to[m] = to[e]
                out_weight[m] = weight[e]
                m += 1
    out_first[n] = m
    triangles = np.zeros(n, np.int64)
    opposite = np.zeros(n, np.float64)
    mark = np.full(n, -1, np.int64)
    for v in range(n):
        lo, hi = out_first[v], out_first[v + 1]
        if hi - lo < 2:
            continue
        for e in range(lo, hi):
            mark[out_to[e]] = e
        for e in range(lo, hi):
            u = out_to[e]
            for f in range(out_first[u], out_first[u + 1]):
                x = out_to[f]
                back = mark[x]
                if back >= lo and back < hi:
                    triangles[v] += 1
                    triangles[u] += 1
                    triangles[x] += 1
                    opposite[v] += out_weight[f]
                    opposite[u] += out_weight[back]
                    opposite[x] += out_weight[e]
    return triangles, strength + opposite


def core_numbers(graph: Csr) -> Ints:
    """Core number int64 [n] of every node (isolated: 0), equal to networkx.core_number."""
    return np.asarray(_cores(graph.first, graph.to), dtype=np.int64)


def egonets(graph: Csr) -> dict[str, npt.NDArray[np.generic]]:
    """Of the subgraph of each node and its neighbours: `nodes`, `edges`, `triangles` (through the ego), int64 [n], and
    `weight` float64 [n] (sum over edges).

    Equal to networkx.ego_graph sizes and networkx.triangles. The pair (edges, nodes) is OddBall's density law,
    (weight, edges) its heaviness law.
    """
    degree = np.diff(graph.first)
    triangles, weight = _egonets(graph.first, graph.to, graph.weight)
    return {"nodes": degree + 1, "edges": degree + triangles, "triangles": triangles, "weight": weight}
