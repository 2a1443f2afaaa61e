"""What one would use instead of the kernels: DuckDB, networkx, scipy, and FRAUDAR's own algorithm in Python, each in the form a competent user would pick."""

from __future__ import annotations

import itertools

import numpy as np
import scipy.sparse as sp

from features.networks.scores.densest_block import column_weights

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]
DT, K, DAY = 10, 3, 1440


def duck_covisits(events: Arrays, same: bool) -> int:
    """Bucketed equi-join with the exact prune on cards of too few visits: the best SQL form known."""
    import duckdb
    import pyarrow as pa

    con = duckdb.connect(config={"threads": 2})
    con.register("raw", pa.table(dict(zip(("card", "inst", "minute"), events, strict=True))))
    con.execute("CREATE TABLE ev AS SELECT DISTINCT card::INT card, inst::SMALLINT inst, minute::INT m FROM raw")
    keep = (
        "JOIN (SELECT card, inst FROM ev GROUP BY ALL HAVING count(DISTINCT m // 1440) >= 3) USING (card, inst)"
        if same
        else ""
    )
    con.execute(f"CREATE TABLE e AS SELECT card, inst, m, m // {DT} AS b FROM ev {keep}")
    group = "a, b, inst" if same else "a, b"
    return int(
        con.execute(
            f"""WITH w AS (SELECT card, inst, m, unnest([b - 1, b, b + 1]) AS b FROM e),
            p AS (SELECT x.card AS a, y.card AS b, x.inst AS inst, x.m // 1440 AS day FROM e x JOIN w y ON x.inst = y.inst AND x.b = y.b
                  WHERE x.card < y.card AND abs(x.m - y.m) <= {DT} AND x.m // 1440 = y.m // 1440)
            SELECT count(*) FROM (SELECT 1 FROM p GROUP BY {group} HAVING count(DISTINCT day) >= {K})"""
        ).fetchall()[0][0]
    )


def networkx_tiles(events: Arrays) -> int:
    """networkx has no windows, only shared nodes: the easier task of 10-minute tiles."""
    import networkx as nx

    graph = nx.Graph()
    cards = [("c", c) for c in events[0].tolist()]
    graph.add_edges_from(zip(cards, zip(events[1].tolist(), (events[2] // DT).tolist(), strict=True), strict=True))
    out = nx.bipartite.weighted_projected_graph(graph, list(set(cards)))
    return sum(d["weight"] >= 2 for _, _, d in out.edges(data=True))


def python_fraudar(matrix: sp.csr_matrix) -> tuple[int, float]:
    """The original's algorithm and data structures: column weights 1/ln(d+5), a segment tree of minima over rows and one over columns, Python loops."""
    rows, columns = matrix.nonzero()
    weight = column_weights(columns, matrix.shape[1])

    class MinTree:
        def __init__(self, degrees: np.ndarray) -> None:
            self.height = int(np.ceil(np.log2(max(len(degrees), 2))))
            self.leaves = 2**self.height
            self.nodes = [float("inf")] * (2 * self.leaves)
            self.nodes[self.leaves : self.leaves + len(degrees)] = degrees.tolist()
            for i in range(self.leaves - 1, 0, -1):
                self.nodes[i] = min(self.nodes[2 * i], self.nodes[2 * i + 1])

        def least(self) -> tuple[int, float]:
            i = 1
            while i < self.leaves:
                i = 2 * i if self.nodes[2 * i] <= self.nodes[2 * i + 1] else 2 * i + 1
            return i - self.leaves, self.nodes[i]

        def change(self, at: int, by: float) -> None:
            i = at + self.leaves
            self.nodes[i] += by
            while i > 1:
                i //= 2
                newer = min(self.nodes[2 * i], self.nodes[2 * i + 1])
                if self.nodes[i] == newer:
                    break
                self.nodes[i] = newer

    edge = sp.csr_matrix((weight[columns], (rows, columns)), shape=matrix.shape)
    row_lists = [x.tolist() for x in np.split(edge.indices, edge.indptr[1:-1])]
    turned = edge.tocsc()
    column_lists = [x.tolist() for x in np.split(turned.indices, turned.indptr[1:-1])]
    row_tree = MinTree(np.asarray(edge.sum(axis=1)).ravel())
    column_tree = MinTree(np.asarray(edge.sum(axis=0)).ravel())
    total, left = float(edge.sum()), sum(matrix.shape)
    row_in, column_in = [True] * matrix.shape[0], [True] * matrix.shape[1]
    best, best_at, removed = total / left, 0, []
    while left > 1:
        (r, low_r), (c, low_c) = row_tree.least(), column_tree.least()
        if low_r <= low_c:
            total -= low_r
            for j in row_lists[r]:
                if column_in[j]:
                    column_tree.change(j, -weight[j])
            row_tree.change(r, float("inf"))
            row_in[r] = False
            removed.append(("r", r))
        else:
            total -= low_c
            for i in column_lists[c]:
                if row_in[i]:
                    row_tree.change(i, -weight[c])
            column_tree.change(c, float("inf"))
            column_in[c] = False
            removed.append(("c", c))
        left -= 1
        if total / left > best:
            best, best_at = total / left, len(removed)
    return sum(matrix.shape) - best_at, best


def scipy_pagerank(matrix: sp.csr_matrix, seeds: np.ndarray) -> np.ndarray:
    """Power iteration on the whole sparse graph to 1e-10."""
    full = sp.bmat([[None, matrix], [matrix.T, None]], format="csr")
    degree = np.asarray(full.sum(axis=1)).ravel()
    walk = (sp.diags(np.divide(1, degree, out=np.zeros_like(degree), where=degree > 0)) @ full).T.tocsr()
    s = np.zeros(full.shape[0])
    s[: len(seeds)] = seeds / seeds.sum()
    p = s.copy()
    while True:
        q = 0.85 * (walk @ p + p[degree == 0].sum() * s) + 0.15 * s
        if np.abs(q - p).sum() < 1e-10:
            return np.asarray(q)
        p = q


def duck_visits(events: Arrays) -> int:
    import duckdb
    import pyarrow as pa

    con = duckdb.connect(config={"threads": 2})
    con.register("raw", pa.table(dict(zip(("card", "inst", "m"), events, strict=True))))
    return len(
        con.execute(
            """WITH e AS (SELECT card, inst, m, lag(inst) OVER w AS u, m - lag(m) OVER w AS gap FROM raw WINDOW w AS (PARTITION BY card ORDER BY m, inst)),
            v AS (SELECT card, inst, count(*) AS n FROM raw GROUP BY ALL),
            h AS (SELECT card, count(*) AS nodes, sum(n) AS visits, -sum(n * log2(n)) / sum(n) + log2(sum(n)) AS entropy FROM v GROUP BY card),
            g AS (SELECT card, min(gap) FILTER (inst <> u) AS min_gap, count(DISTINCT (u, inst)) FILTER (inst <> u) AS edges FROM e GROUP BY card),
            t AS (SELECT card, max(n) AS day_places FROM (SELECT card, m // 1440 AS d, count(DISTINCT inst) AS n FROM raw GROUP BY ALL) GROUP BY card)
            SELECT * FROM h JOIN g USING (card) JOIN t USING (card)"""
        ).fetchnumpy()["card"]
    )


def networkx_visits(events: Arrays, cards: int = 2000) -> int:
    """The same measures card by card, on the first cards only; the caller scales."""
    import networkx as nx

    n = 0
    ends = np.flatnonzero(np.diff(events[0])) + 1
    for s, e in zip(np.r_[0, ends][:cards], ends[:cards], strict=False):
        inst, minute = events[1][s:e].tolist(), events[2][s:e].tolist()
        graph = nx.DiGraph()
        graph.add_nodes_from(inst)
        graph.add_edges_from((u, v) for u, v in itertools.pairwise(inst) if u != v)
        share = np.unique(inst, return_counts=True)[1] / len(inst)
        float(-(share * np.log2(share)).sum())
        cycles = list(nx.simple_cycles(graph, length_bound=3))
        sum(nx.triangles(graph.to_undirected()).values())
        min((b - a for a, b, u, v in zip(minute, minute[1:], inst, inst[1:], strict=False) if u != v), default=0)
        n += len(cycles) >= 0
    return n
