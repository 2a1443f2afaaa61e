"""From surprising pairs to groups small enough to read: components first, communities only inside those that are too
large or too loose.

Once chance is filtered out, plain components equal Leiden (research note "graph mining", lesson 1), so a community
algorithm (scikit-network, Louvain with Leiden refinement) is used only to cut what no officer could read.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

#: a component larger than this is cut into communities
READABLE = 60
#: share of a group's pairs that must be surprising
DENSITY = 0.3

#: a group below this density may be two that share a place: it is cut where modularity says so
LOOSE = 0.6
APART = 0.3

Ints = npt.NDArray[np.int64]


def adjacency(a: Ints, b: Ints, weight: npt.NDArray[np.float64], n: int) -> sp.csr_matrix:
    """Symmetric CSR matrix [n, n] of undirected edges; self-pairs are dropped and parallel edges keep the larger
    weight."""
    keep = a != b
    low, high, w = np.minimum(a, b)[keep], np.maximum(a, b)[keep], weight[keep]
    order = np.lexsort((-w, high, low))
    low, high, w = low[order], high[order], w[order]
    first = np.ones(len(low), bool)
    first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    low, high, w = low[first], high[first], w[first]
    return sp.csr_matrix((np.r_[w, w], (np.r_[low, high], np.r_[high, low])), shape=(n, n))


def _density(matrix: sp.csr_matrix, nodes: Ints) -> float:
    inner = matrix[nodes][:, nodes]
    return inner.nnz / (len(nodes) * (len(nodes) - 1)) if len(nodes) > 1 else 0.0


def communities(matrix: sp.csr_matrix, resolution: float = 1.0) -> Ints:
    """Community label [n] of every node: the better (by modularity) of Leiden and Louvain, fixed seed."""
    from sknetwork.clustering import Leiden, Louvain, get_modularity

    best, best_q = np.zeros(matrix.shape[0], np.int64), -2.0
    for method in (Leiden, Louvain):
        found = np.asarray(method(resolution=resolution, random_state=0).fit_predict(matrix), dtype=np.int64)
        q = float(get_modularity(matrix, found, resolution=resolution))
        if q > best_q:
            best, best_q = found, q
    return best


def _parts_of(matrix: sp.csr_matrix, nodes: Ints) -> tuple[Ints, float]:
    """(community label of each node, modularity) of the unweighted inner graph: strong pairs must not hide that two
    groups hardly know each other."""
    from sknetwork.clustering import get_modularity

    inner = matrix[nodes][:, nodes]
    inner.data = np.ones_like(inner.data)
    labels = communities(inner)
    return labels, float(get_modularity(inner, labels)) if labels.max() > 0 else 0.0


def _trim(matrix: sp.csr_matrix, nodes: Ints, density: float) -> Ints:
    """Drop, one by one, the member with the fewest partners until every member knows a share `density` of the
    others."""
    inner = matrix[nodes][:, nodes].toarray() > 0
    alive = np.ones(len(nodes), bool)
    while alive.sum() > 1:
        degree = inner[:, alive].sum(axis=1)
        degree[~alive] = len(nodes) + 1
        worst = int(np.argmin(degree))
        if degree[worst] >= density * (alive.sum() - 1):
            break
        alive[worst] = False
    return nodes[alive]


def find_groups(
    a: Ints,
    b: Ints,
    weight: npt.NDArray[np.float64],
    n: int,
    *,
    min_members: int,
    readable: int = READABLE,
    density: float = DENSITY,
) -> list[Ints]:
    """Node groups (sorted arrays, largest first) of at least `min_members` whose every member is linked to a share
    `density` of the others, and with at least as many links as members: chance makes trees
    (features/networks/pairs/threshold.py)."""
    if len(a) == 0:
        return []
    matrix = adjacency(a, b, weight, n)
    waiting = _parts(connected_components(matrix, directed=False)[1], min_members)
    done: list[Ints] = []
    while waiting:
        nodes = waiting.pop()
        thick = _density(matrix, nodes)
        readable_here = len(nodes) <= readable and thick >= density
        if not readable_here or (thick < LOOSE and len(nodes) >= 2 * min_members):
            labels, apart = _parts_of(matrix, nodes)
            if labels.max() > 0 and (apart >= APART or not readable_here):
                waiting += [nodes[part] for part in _parts(labels, min_members)]
                continue
        kept = _trim(matrix, nodes, density)
        if len(kept) >= min_members and matrix[kept][:, kept].nnz // 2 >= len(kept):
            done.append(kept)
    return sorted(done, key=lambda nodes: (-len(nodes), nodes.tolist()))


def _parts(labels: npt.NDArray[np.integer], min_members: int) -> list[Ints]:
    order = np.argsort(labels, kind="stable")
    cuts = np.flatnonzero(np.diff(labels[order])) + 1
    return [np.sort(part) for part in np.split(order, cuts) if len(part) >= min_members]
