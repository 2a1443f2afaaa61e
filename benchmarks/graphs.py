"""Speed of the graph kernels beside the libraries one would use instead: ratios of CPU time in one run.

    python -m benchmarks.graphs [--cards 400000] [--out docs/figures]

Every task runs in a child process of its own: imports, loading and compiling (on a small sample) come first and are reported apart, then CPU seconds over all
threads and the peak of memory above that base are taken. igraph (GPL) is measured only where the machine happens to have it.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.worlds import Builder
from features.graphs.cores import core_numbers, egonets
from features.graphs.covisit import count_covisits
from features.graphs.groups import communities
from features.graphs.pagerank import factorise
from features.graphs.peel import column_weights, peel_block
from features.graphs.sparse import Csr, build_csr, to_networkx
from features.graphs.visit_order import sort_visits
from features.graphs.visits import visit_measures

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]
DT, K, DAY = 10, 3, 1440


def make_events(cards: int, seed: int = 0) -> Arrays:
    """card, inst, minute of the county world, in random order."""
    b = Builder(seed, cards, "county")
    b.free_set = set(b.free)
    b.rings()
    b.dialysis(max(4, int(36 * b.scale)))
    b.families(int(12_000 * b.scale))
    b.normal()
    card, inst, minute = (np.concatenate(x) for x in list(zip(*b.parts, strict=True))[:3])
    order = np.random.default_rng(seed).permutation(len(card))
    return card[order], inst[order], minute[order]


def load(folder: Path) -> Arrays:
    return tuple(np.load(folder / f"{name}.npy") for name in ("card", "inst", "minute"))  # type: ignore[return-value]


def some(events: Arrays, n: int) -> Arrays:
    return tuple(x[:n] for x in events)  # type: ignore[return-value]


def bipartite(events: Arrays) -> sp.csr_matrix:
    matrix = sp.csr_matrix(
        (np.ones(len(events[0])), events[:2]), shape=(int(events[0].max()) + 1, int(events[1].max()) + 1)
    )
    matrix.sum_duplicates()
    return matrix


def covisit_graph(events: Arrays, k: int) -> Csr:
    pairs = count_covisits(sort_visits(*events), dt=DT, k=k)
    used, code = np.unique(np.r_[pairs.a, pairs.b], return_inverse=True)
    return build_csr(code[: len(pairs)], code[len(pairs) :], len(used), pairs.count.astype(float))


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


def tasks(folder: Path) -> dict[str, Callable[[], tuple[Callable[[], Any], Callable[[], Any]]]]:
    """name → setup() → (warm-up on little data, the measured call returning a checkable answer)."""
    ev = lambda: load(folder)  # noqa: E731
    tiny = (np.array([0, 1, 0, 1]), np.zeros(4, np.int64), np.array([0, 1, DAY, DAY + 1]))

    def ours_covisit(same: bool, n: int | None = None, k: int = K) -> Callable[[], Any]:
        def setup() -> Any:
            events = ev() if n is None else some(ev(), n)
            count = lambda e: len(count_covisits(sort_visits(*e), dt=DT, k=k, same_institution=same))  # noqa: E731
            return (lambda: count(tiny)), (lambda: count(events))

        return setup

    def plain(call: Callable[[Arrays], Any], n: int | None = None) -> Callable[[], Any]:
        def setup() -> Any:
            events = ev() if n is None else some(ev(), n)
            return (lambda: call(tiny)), (lambda: call(events))

        return setup

    def on_graph(call: Callable[[Any], Any], k: int, form: Callable[[Csr], Any] = lambda g: g) -> Callable[[], Any]:
        def setup() -> Any:
            saved = np.load(folder / f"k{k}.npz")
            graph = form(Csr(first=saved["first"], to=saved["to"], weight=saved["weight"]))
            small = form(build_csr([0, 1, 2], [1, 2, 0], 3))
            return (lambda: call(small)), (lambda: call(graph))

        return setup

    def on_matrix(call: Callable[[sp.csr_matrix], Any]) -> Callable[[], Any]:
        def setup() -> Any:
            matrix, small = bipartite(ev()), sp.csr_matrix(np.array([[1.0, 1], [1, 0], [0, 1]]))
            return (lambda: call(small)), (lambda: call(matrix))

        return setup

    def seeds(matrix: sp.csr_matrix) -> np.ndarray:
        s = np.zeros(matrix.shape[0])
        s[:: max(1, len(s) // 70)] = 1
        return s

    def peel(matrix: sp.csr_matrix) -> tuple[int, float]:
        entries = matrix.tocoo()
        block = peel_block(entries.row, entries.col, *matrix.shape)
        return len(block.rows) + len(block.columns), block.density

    def nx_matrix() -> Any:
        import networkx as nx

        matrix = bipartite(ev())
        entries = matrix.tocoo()
        graph = nx.Graph()
        graph.add_nodes_from(range(sum(matrix.shape)))
        graph.add_weighted_edges_from(
            zip(entries.row.tolist(), (entries.col + matrix.shape[0]).tolist(), entries.data.tolist(), strict=True)
        )
        mass = {int(i): 1.0 for i in np.flatnonzero(seeds(matrix))}
        return (lambda: 0), (
            lambda: round(
                sum(
                    v
                    for k, v in nx.pagerank(graph, 0.85, mass, max_iter=1000, tol=1e-10 / len(graph)).items()
                    if k in mass
                ),
                8,
            )
        )

    def ours_pagerank(matrix: sp.csr_matrix) -> float:
        s = seeds(matrix)
        return round(float(factorise(matrix).solve(s)[0][s > 0].sum()), 8)

    def scipy_mass(matrix: sp.csr_matrix) -> float:
        s = seeds(matrix)
        return round(float(scipy_pagerank(matrix, s)[: len(s)][s > 0].sum()), 8)

    def by_card(events: Arrays) -> Arrays:
        order = np.lexsort((events[1], events[2], events[0]))
        return tuple(x[order] for x in events)  # type: ignore[return-value]

    def visits(call: Callable[[Arrays], Any]) -> Callable[[], Any]:
        def setup() -> Any:
            events = by_card(ev())
            return (lambda: call(by_card(tiny))), (lambda: call(events))

        return setup

    def modularity(graph: Csr) -> float:
        from sknetwork.clustering import get_modularity

        matrix = sp.csr_matrix((np.ones_like(graph.weight), graph.to, graph.first), shape=(graph.n, graph.n))
        return round(float(get_modularity(matrix, communities(matrix))), 4)

    out: dict[str, Any] = {
        "covisit-same ours": ours_covisit(True),
        "covisit-same duckdb": plain(lambda e: duck_covisits(e, True)),
        "covisit-any ours": ours_covisit(False),
        "covisit-any duckdb": plain(lambda e: duck_covisits(e, False)),
        "covisit-300k ours": ours_covisit(False, 300_000, 2),
        "covisit-300k networkx": plain(networkx_tiles, 300_000),
        "fraudar ours": on_matrix(peel),
        "fraudar python": on_matrix(python_fraudar),
        "k-core ours": on_graph(lambda g: int(core_numbers(g).sum()), 2),
        "egonets ours": on_graph(lambda g: int(egonets(g)["triangles"].sum()), 2),
        "pagerank ours": on_matrix(ours_pagerank),
        "pagerank scipy": on_matrix(scipy_mass),
        "pagerank networkx": nx_matrix,
        "visits ours": visits(lambda e: len(visit_measures(*e)["card"])),
        "visits duckdb": visits(duck_visits),
        "visits networkx": visits(networkx_visits),
        "communities ours": on_graph(modularity, 2),
        "growth x1": ours_covisit(True),
    }

    def nx_core(graph: Any) -> int:
        import networkx as nx

        return sum(nx.core_number(graph).values())

    def nx_ego(graph: Any) -> int:
        import networkx as nx

        return sum(nx.ego_graph(graph, v).number_of_edges() - d for v, d in graph.degree())

    out |= {"k-core networkx": on_graph(nx_core, 2, to_networkx), "egonets networkx": on_graph(nx_ego, 3, to_networkx)}
    out["egonets-k3 ours"] = on_graph(lambda g: int(egonets(g)["triangles"].sum()), 3)
    if importlib.util.find_spec("igraph"):
        import igraph

        def to_igraph(graph: Csr) -> Any:
            source = np.repeat(np.arange(graph.n), np.diff(graph.first))
            keep = source < graph.to
            return igraph.Graph(n=graph.n, edges=np.stack([source[keep], graph.to[keep]], axis=1))

        def best_q(graph: Any) -> float:
            return round(
                max(
                    graph.modularity(graph.community_leiden(objective_function="modularity", n_iterations=5)),
                    graph.community_multilevel().modularity,
                ),
                4,
            )

        out |= {
            "k-core igraph": on_graph(lambda g: sum(g.coreness()), 2, to_igraph),
            "egonets igraph": on_graph(lambda g: round(sum(t * d * (d - 1) / 2 for t, d in zip(g.transitivity_local_undirected(mode="zero"), g.degree(), strict=True))), 2, to_igraph),
            "communities igraph": on_graph(best_q, 2, to_igraph),
        }  # fmt: skip
    return out


def memory_mb(field: str) -> float:
    """`VmRSS` (now) or `VmHWM` (highest since the last reset) of this process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":")) / 1024


def run_task(name: str, folder: Path) -> dict[str, Any]:
    """In the child: set up, warm up, measure. The peak is reset before the work, so what loading took does not hide it (Linux)."""
    warm, work = tasks(folder)[name]()
    begin = time.process_time()
    warm()
    compile_s = time.process_time() - begin
    times, answer = [], None
    base = memory_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    for _ in range(1 if name.split()[1] in ("networkx", "duckdb", "python") else 3):
        begin, wall = time.process_time(), time.perf_counter()
        answer = work()
        times.append((time.process_time() - begin, time.perf_counter() - wall))
    peak = memory_mb("VmHWM")
    cpu, wall_s = min(times)
    return {
        "task": name,
        "cpu": cpu,
        "wall": wall_s,
        "compile": compile_s,
        "peak_mb": peak - base,
        "base_mb": base,
        "answer": answer,
    }


def in_child(name: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.graphs", "--task", name, "--data", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"task": name, "error": done.stderr.strip().splitlines()[-1:]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def prepare(folder: Path, cards: int) -> int:
    events = make_events(cards)
    for name, array in zip(("card", "inst", "minute"), events, strict=True):
        np.save(folder / f"{name}.npy", array.astype(np.int32))
    for k in (2, 3):
        graph = covisit_graph(events, k)
        np.savez(folder / f"k{k}.npz", first=graph.first, to=graph.to, weight=graph.weight)
    return len(events[0])


def grow(folder: Path, times: int) -> Path:
    """Counties side by side: institution sizes stay, their number grows."""
    card, inst, minute = load(folder)
    cards, places = int(card.max()) + 1, int(inst.max()) + 1
    target = folder / f"x{times}"
    target.mkdir()
    shift = np.repeat(np.arange(times, dtype=np.int32), len(card))
    np.save(target / "card.npy", np.tile(card, times) + shift * np.int32(cards))
    np.save(target / "inst.npy", np.tile(inst, times) + shift * np.int32(places))
    np.save(target / "minute.npy", np.tile(minute, times))
    return target


#: row: label, our task, other task, factor on the other's time, target, share answers?
ROWS = (
    ("co-visit, same institution, k ≥ 3", "covisit-same ours", "covisit-same duckdb", 20.0, True),
    ("co-visit, any institution, k ≥ 3", "covisit-any ours", "covisit-any duckdb", 12.0, True),
    ("co-visit, 300k events", "covisit-300k ours", "covisit-300k networkx", 100.0, False),
    ("FRAUDAR", "fraudar ours", "fraudar python", 35.0, True),
    ("k-core", "k-core ours", "k-core networkx", 150.0, True),
    ("k-core", "k-core ours", "k-core igraph", 3.0, True),
    ("egonets (k3)", "egonets-k3 ours", "egonets networkx", 500.0, True),
    ("egonets (k2)", "egonets ours", "egonets igraph", 1.0, True),
    ("personalised PageRank", "pagerank ours", "pagerank networkx", 20.0, True),
    ("personalised PageRank", "pagerank ours", "pagerank scipy", 4.0, True),
    ("visit measures", "visits ours", "visits networkx", 200.0, False),
    ("visit measures", "visits ours", "visits duckdb", 5.0, True),
)


def page(done: dict[str, dict[str, Any]], n_events: int, cards: int) -> str:
    """The speed table in Markdown; every miss is said."""
    out = [
        "## Speed", "",
        f"`python -m benchmarks.graphs --cards {cards}`: {n_events:,} events, CPU seconds over all threads, best of 3 for our kernels (others once), one process per task. "
        "Compile time is not in these figures; it stands below.", "",
        "| task | ours, CPU s | other | CPU s | ratio | target | met | same answer |", "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for label, ours, other, target, same in ROWS:
        a, b = done.get(ours), done.get(other)
        if a is None or b is None or "error" in a or "error" in b:
            out.append(f"| {label} | – | {other.split()[1]} | not measured | | {target:g}× | | |")
            continue
        factor = cards / 2000 if other == "visits networkx" else 1.0
        ratio = b["cpu"] * factor / max(a["cpu"], 1e-9)
        equal = "–" if not same else "yes" if _close(a["answer"], b["answer"]) else f"no: {a['answer']} / {b['answer']}"
        note = " (2,000 cards, scaled)" if factor > 1 else " (tiles, easier)" if "300k" in ours else ""
        out.append(
            f"| {label} | {a['cpu']:.3f} | {other.split()[1]}{note} | {b['cpu'] * factor:.2f} | **{ratio:.1f}×** | {target:g}× | {'yes' if ratio >= target else '**no**'} | {equal} |"
        )
    a, b = done.get("covisit-same ours", {}), done.get("covisit-same duckdb", {})
    if a.get("peak_mb", 0) > 0 and "peak_mb" in b:  # 0: hidden below the peak of loading, so no figure
        share = a["peak_mb"] / max(b["peak_mb"], 1e-9)
        out.append(
            f"| memory over base, same institution | {a['peak_mb']:.0f} MB | duckdb | {b['peak_mb']:.0f} MB | 1/{1 / max(share, 1e-9):.0f} | 1/20 | {'yes' if share <= 0.05 else '**no**'} | – |"
        )
    x1, x5 = done.get("growth x1", {}), done.get("growth x5", {})
    if "cpu" in x1 and "cpu" in x5:
        one, five = x1["cpu"] / n_events * 1e9, x5["cpu"] / (5 * n_events) * 1e9
        out.append(
            f"| growth: ns per event at {5 * n_events / 1e6:.0f} M events | {five:.0f} | ours at {n_events / 1e6:.1f} M | {one:.0f} | {five / one:.2f}× | ≤ 1.2× | {'yes' if five / one <= 1.2 else '**no**'} | – |"
        )
        whole = x5["base_mb"] + x5["peak_mb"]
        out.append(
            f"| growth: whole process at {5 * n_events / 1e6:.0f} M events | {whole:.0f} MB | | | | < 2,000 MB | {'yes' if whole < 2000 else '**no**'} | – |"
        )
    q, r = done.get("communities ours", {}), done.get("communities igraph", {})
    if "answer" in q and "answer" in r:
        gap = 1 - q["answer"] / r["answer"]
        out.append(
            f"| communities: modularity | {q['answer']} ({q['cpu']:.2f} s) | igraph, better of Leiden and Louvain | {r['answer']} ({r['cpu']:.2f} s) | {gap:+.2%} behind | ≤ 1 % | {'yes' if gap <= 0.01 else '**no**'} | – |"
        )
    compiled = {n: d["compile"] for n, d in done.items() if n.endswith(("ours", "x1")) and "compile" in d}
    slowest = max(compiled, key=lambda n: compiled[n])
    out += [
        "",
        f"First call in a process (cached compilation loaded, tiny input): at most {compiled[slowest]:.2f} s CPU ({slowest}). A task with no cache compiles once in 2–15 s.",
    ]
    return "\n".join(out) + "\n"


def _close(a: Any, b: Any) -> bool:
    x, y = np.atleast_1d(np.asarray(a, dtype=float)), np.atleast_1d(np.asarray(b, dtype=float))
    return x.shape == y.shape and bool(np.allclose(x, y, rtol=1e-6))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cards", type=int, default=400_000)
    parser.add_argument("--out", type=Path, default=None, help="folder for graphs.json")
    parser.add_argument("--task")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", nargs="*", default=None)
    args = parser.parse_args()
    if args.task:
        print(json.dumps(run_task(args.task, args.data)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n_events = prepare(folder, args.cards)
        done = {}
        for task in [t for t in tasks(folder) if not args.only or t in args.only]:
            done[task] = in_child(task, folder)
            print(json.dumps(done[task]), flush=True)
        if not args.only or "growth x5" in args.only:
            done["growth x5"] = in_child("growth x1", grow(folder, 5))
            print(json.dumps(done["growth x5"]), flush=True)
    print(page(done, n_events, args.cards))
    if args.out:
        text = json.dumps({"cards": args.cards, "events": n_events, "tasks": done}, indent=1)
        (args.out / "graphs.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
