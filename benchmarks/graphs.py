"""Speed of the graph kernels beside the libraries one would use instead: ratios of CPU time in one run.

    python -m benchmarks.graphs [--cards 400000] [--out docs/figures]

Every task runs in a child process of its own: imports, loading and compiling (on a small sample) come first and are reported apart, then CPU seconds over all
threads and the peak of memory above that base are taken. igraph (GPL) is measured only where the machine happens to have it.
"""

from __future__ import annotations

import argparse
import importlib.util
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

from benchmarks.graph_baselines import (
    DAY,
    DT,
    Arrays,
    K,
    duck_covisits,
    duck_visits,
    networkx_tiles,
    networkx_visits,
    python_fraudar,
    scipy_pagerank,
)
from benchmarks.graphs_page import page
from benchmarks.worlds import Builder
from features.networks.pairs.covisits import count_covisits
from features.networks.pairs.events import sort_visits
from features.networks.rings.groups import communities
from features.networks.scores.card_visits import visit_measures
from features.networks.scores.cores import core_numbers, egonets
from features.networks.scores.densest_block import peel_block
from features.networks.scores.pagerank import factorise
from features.networks.sparse import Csr, build_csr, to_networkx


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
