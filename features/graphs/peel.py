"""FRAUDAR: the densest block of a bipartite graph when busy places hide it (Hooi et al., KDD 2016).

Density g(S) = (sum of edge weights inside S) / |S|; an edge to a column of d edges weighs 1/ln(d + c), so a fraudster's visits to big hospitals add little and
camouflage cannot lower a block's density. Greedy peeling, always the exact minimum (binary heap with lazy deletion), gives at least half of the optimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from claims.errors import UserError

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Block:
    """`rows`, `columns`: codes inside the densest block, ascending; `density`: weight / nodes; `order`: removal rank of each node (rows, then columns)."""

    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    density: float
    order: npt.NDArray[np.int64]


@nb.njit(cache=True)
def _sift(heap, where, key, i, n):  # type: ignore[no-untyped-def]
    """Move heap[i] up after its key fell, or down after it was put at the top."""
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
def _peel(first, to, weight):  # type: ignore[no-untyped-def]
    """Remove the node of least weight again and again; returns the removal order, the best density and how many removals lead to it."""
    n = len(first) - 1
    key = np.zeros(n, np.float64)
    total = 0.0
    for v in range(n):
        for e in range(first[v], first[v + 1]):
            key[v] += weight[e]
        total += key[v]
    total /= 2
    heap = np.argsort(key).astype(np.int32)  # a sorted array is a heap
    where = np.empty(n, np.int32)
    for i in range(n):
        where[heap[i]] = i
    order = np.empty(n, np.int64)
    best, best_at = total / max(n, 1), 0
    left = n
    for step in range(n):
        v = heap[0]
        order[step] = v
        left -= 1
        last = heap[left]
        where[v] = -1
        if left > 0:
            heap[0] = last
            where[last] = 0
            _sift(heap, where, key, 0, left)
        total -= key[v]
        for e in range(first[v], first[v + 1]):
            u = to[e]
            if where[u] >= 0:
                key[u] -= weight[e]
                _sift(heap, where, key, where[u], left)
        if left > 0:
            density = total / left
            if density > best:
                best, best_at = density, step + 1
    return order, best, best_at


@nb.njit(cache=True)
def _bipartite(row, column, n_rows, n_columns, edge):  # type: ignore[no-untyped-def]
    """CSR of rows then columns, both directions."""
    n = n_rows + n_columns
    first = np.zeros(n + 1, np.int64)
    for e in range(len(row)):
        first[row[e] + 1] += 1
        first[n_rows + column[e] + 1] += 1
    for v in range(n):
        first[v + 1] += first[v]
    at = first[:-1].copy()
    to = np.empty(2 * len(row), np.int32)
    weight = np.empty(2 * len(row), np.float64)
    for e in range(len(row)):
        r, c = row[e], n_rows + column[e]
        to[at[r]], weight[at[r]] = c, edge[e]
        to[at[c]], weight[at[c]] = r, edge[e]
        at[r] += 1
        at[c] += 1
    return first, to, weight


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
    """Densest block of the bipartite graph with one edge per (row, column); repeated pairs count once unless `weight` is given (then they must not repeat).

    row, column: int [m]; weight: float [m], by default the column's camouflage-resistant weight. Raises UserError for codes out of range or bad weights.
    """
    rows, columns = np.asarray(row, dtype=np.int64), np.asarray(column, dtype=np.int64)
    if len(rows) != len(columns) or n_rows < 0 or n_columns < 0:
        raise UserError("peeling needs row and column arrays of one length")
    if len(rows) and (rows.min() < 0 or columns.min() < 0 or rows.max() >= n_rows or columns.max() >= n_columns):
        raise UserError(f"peeling got an edge outside {n_rows} rows x {n_columns} columns")
    if weight is None:
        pairs = np.unique(rows * max(n_columns, 1) + columns)
        rows, columns = pairs // max(n_columns, 1), pairs % max(n_columns, 1)
        edge = column_weights(columns, n_columns, offset)[columns]
    else:
        edge = np.asarray(weight, dtype=np.float64)
        if len(edge) != len(rows) or not np.isfinite(edge).all() or (edge < 0).any():
            raise UserError("peeling weights must be finite, not negative, one an edge")
    first, to, both = _bipartite(rows, columns, n_rows, n_columns, edge)
    order, density, removed = _peel(first, to, both)
    kept = np.sort(order[removed:])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return Block(rows=kept[kept < n_rows], columns=kept[kept >= n_rows] - n_rows, density=float(density), order=rank)
