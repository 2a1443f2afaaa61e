"""FRAUDAR: the densest block of a bipartite graph when busy places hide it (Hooi et al., KDD 2016).

Density g(S) = (sum of edge weights inside S) / |S|; an edge to a column of d edges weighs 1/ln(d + c), so a
fraudster's visits to big hospitals add little and camouflage cannot lower a block's density. Greedy peeling, always
the exact minimum, gives at least half of the optimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from claims.errors import UserError

Ints = npt.NDArray[np.int64]
#: state of a node that is not in the heap
WAITING, FAR, GONE = -1, -2, -3


@dataclass(frozen=True, kw_only=True)
class Block:
    """`rows`, `columns`: codes inside the densest block, ascending; `density`: weight / nodes; `order`: removal rank
    of each node (rows, then columns)."""

    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    density: float
    order: npt.NDArray[np.int64]


@nb.njit(cache=True)
def _rise(heap, where, key, i):  # type: ignore[no-untyped-def]
    """Move heap[i] up after its key fell."""
    node = heap[i]
    k = key[node]
    while i > 0:
        up = (i - 1) >> 2
        other = heap[up]
        if key[other] <= k:
            break
        heap[i] = other
        where[other] = i
        i = up
    heap[i] = node
    where[node] = i


@nb.njit(cache=True)
def _push(heap, where, key, node, n):  # type: ignore[no-untyped-def]
    """Put a node among the n of the heap; returns how many there are now."""
    heap[n] = node
    where[node] = n
    _rise(heap, where, key, n)
    return n + 1


@nb.njit(cache=True)
def _sink(heap, where, key, n):  # type: ignore[no-untyped-def]
    """Move heap[0] down to its place among n."""
    node = heap[0]
    k = key[node]
    i = 0
    while True:
        child = 4 * i + 1
        if child >= n:
            break
        best = child
        for c in range(child + 1, min(child + 4, n)):
            if key[heap[c]] < key[heap[best]]:
                best = c
        other = heap[best]
        if key[other] >= k:
            break
        heap[i] = other
        where[other] = i
        i = best
    heap[i] = node
    where[node] = i


@nb.njit(cache=True)
def _peel(first, to, weight, key, where, heap, far, order):  # type: ignore[no-untyped-def]
    """Remove the node of least weight again and again; fills `order` and returns the best density and how many
    removals lead to it.

    Nodes are numbered by ascending `key`. A node waits in that order, at no cost, until an edge of it goes. From then
    on it is far while its key lies above `horizon`, so that busy columns cost one subtraction an edge, and in the heap
    below it; the horizon doubles whenever the least key passes it. `where`: ≥ 0 place in the heap, or WAITING, FAR,
    GONE.
    """
    n = len(first) - 1
    total = key.sum() / 2
    best, best_at = total / max(n, 1), 0
    size, n_far, waiting = 0, 0, 0
    horizon = 0.0
    for step in range(n):
        while waiting < n and where[waiting] != WAITING:
            waiting += 1
        while True:
            least = min(key[waiting] if waiting < n else np.inf, key[heap[0]] if size > 0 else np.inf)
            if least <= horizon or (n_far == 0 and least < np.inf):
                break
            for f in range(n_far):
                if where[far[f]] == FAR and key[far[f]] < least:
                    least = key[far[f]]
            horizon = 2 * least
            left = 0
            for f in range(n_far):
                if where[far[f]] == FAR and key[far[f]] > horizon:
                    far[left] = far[f]
                    left += 1
                elif where[far[f]] == FAR:
                    size = _push(heap, where, key, far[f], size)
            n_far = left
        if waiting < n and key[waiting] == least:
            v = waiting
        else:
            v = heap[0]
            size -= 1
            if size > 0:
                heap[0] = heap[size]
                _sink(heap, where, key, size)
        where[v] = GONE
        order[step] = v
        total -= key[v]
        for e in range(first[v], first[v + 1]):
            u = to[e]
            if where[u] == GONE:
                continue
            key[u] -= weight[e]
            if where[u] >= 0:
                _rise(heap, where, key, where[u])
            elif key[u] <= horizon:  # it may leave a stale entry among the far
                size = _push(heap, where, key, u, size)
            elif where[u] == WAITING:
                where[u] = FAR
                far[n_far] = u
                n_far += 1
        if step + 1 < n:
            density = total / (n - step - 1)
            if density > best:
                best, best_at = density, step + 1
    return best, best_at


@nb.njit(cache=True)
def _weigh(row, column, n_rows, edge, key, degree):  # type: ignore[no-untyped-def]
    """Weight and number of edges of each node, rows before columns."""
    for e in range(len(row)):
        for v in (row[e], n_rows + column[e]):
            key[v] += edge[e]
            degree[v] += 1


@nb.njit(cache=True)
def _bipartite(row, column, n_rows, edge, rank, at, to, weight):  # type: ignore[no-untyped-def]
    """Fill the CSR of all nodes under their rank, both directions. `at`: where each node's edges begin; it is used
    up."""
    for e in range(len(row)):
        r, c = rank[row[e]], rank[n_rows + column[e]]
        to[at[r]], weight[at[r]] = c, edge[e]
        to[at[c]], weight[at[c]] = r, edge[e]
        at[r] += 1
        at[c] += 1


def column_weights(column: npt.NDArray[np.int64], n_columns: int, offset: float = 5.0) -> npt.NDArray[np.float64]:
    """Camouflage-resistant weight of each column: 1 / ln(edges + offset)."""
    return np.asarray(1.0 / np.log(np.bincount(column, minlength=n_columns) + offset))


def peel_block(
    row: npt.ArrayLike,
    column: npt.ArrayLike,
    n_rows: int,
    n_columns: int,
    *,
    offset: float = 5.0,
    weight: npt.ArrayLike | None = None,
) -> Block:
    """Densest block of the bipartite graph with one edge per (row, column); repeated pairs count once unless `weight`
    is given (then they must not repeat).

    row, column: int [m]; weight: float [m], by default the column's camouflage-resistant weight. Raises UserError for
    codes out of range or bad weights.
    """
    rows, columns = np.asarray(row, dtype=np.int64), np.asarray(column, dtype=np.int64)
    if len(rows) != len(columns) or n_rows < 0 or n_columns < 0:
        raise UserError("peeling needs row and column arrays of one length")
    if len(rows) and (rows.min() < 0 or columns.min() < 0 or rows.max() >= n_rows or columns.max() >= n_columns):
        raise UserError(f"peeling got an edge outside {n_rows} rows x {n_columns} columns")
    if weight is None:
        pairs = rows * max(n_columns, 1) + columns
        if not (pairs[1:] > pairs[:-1]).all():
            pairs = np.unique(pairs)
            rows, columns = pairs // max(n_columns, 1), pairs % max(n_columns, 1)
        edge = column_weights(columns, n_columns, offset)[columns]
    else:
        edge = np.asarray(weight, dtype=np.float64)
        if len(edge) != len(rows) or not np.isfinite(edge).all() or (edge < 0).any():
            raise UserError("peeling weights must be finite, not negative, one an edge")
    order, density, removed = _removals(rows, columns, n_rows, n_columns, edge)
    kept = np.sort(order[removed:])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return Block(rows=kept[kept < n_rows], columns=kept[kept >= n_rows] - n_rows, density=float(density), order=rank)


def _removals(
    rows: Ints, columns: Ints, n_rows: int, n_columns: int, edge: npt.NDArray[np.float64]
) -> tuple[Ints, float, int]:
    """(nodes in the order of removal, best density, removals that lead to it)."""
    n, m = n_rows + n_columns, 2 * len(rows)
    key, degree = np.zeros(n), np.zeros(n, np.int64)
    _weigh(rows, columns, n_rows, edge, key, degree)
    lightest = np.argsort(key)
    rank = np.empty(n, np.int32)
    rank[lightest] = np.arange(n, dtype=np.int32)
    first = np.concatenate([[0], np.cumsum(degree[lightest])])
    to, weight = np.empty(m, np.int32), np.empty(m)
    _bipartite(rows, columns, n_rows, edge, rank, first[:-1].copy(), to, weight)
    where, heap, far, order = (
        np.full(n, WAITING, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int64),
    )
    density, removed = _peel(first, to, weight, key[lightest], where, heap, far, order)
    return lightest[order], density, removed
