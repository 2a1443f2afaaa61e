"""Cores, egonets, PageRank, peeling, communities, residuals, links: networkx or enumeration is the oracle."""

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from claims.errors import UserError
from features.networks.links import care_triangles
from features.networks.rings.groups import adjacency, communities, find_groups
from features.networks.scores.cores import core_numbers, egonets
from features.networks.scores.densest_block import column_weights, peel_block
from features.networks.scores.pagerank import factorise, iterate
from features.networks.scores.residuals import fit_line, log_residual
from features.networks.sparse import Csr, build_csr, to_networkx


def some_graph(seed: int) -> Csr:
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 70)), int(rng.integers(0, 400))
    return build_csr(rng.integers(0, n, m), rng.integers(0, n, m), n, rng.random(m))  # self-pairs and repeats included


@pytest.mark.parametrize("seed", range(8))
def test_cores_and_egonets_equal_networkx(seed: int) -> None:
    graph = some_graph(seed)
    oracle = to_networkx(graph)
    assert dict(enumerate(core_numbers(graph).tolist())) == nx.core_number(oracle)
    ego, triangles = egonets(graph), nx.triangles(oracle)
    for v in oracle:
        circle = nx.ego_graph(oracle, v)
        assert (ego["nodes"][v], ego["edges"][v], ego["triangles"][v]) == (
            len(circle),
            circle.number_of_edges(),
            triangles[v],
        )
        assert ego["weight"][v] == pytest.approx(circle.size(weight="weight"))


def test_isolated_nodes_and_empty_graphs() -> None:
    alone = build_csr([], [], 3)
    assert core_numbers(alone).tolist() == [0, 0, 0]
    assert egonets(alone)["nodes"].tolist() == [1, 1, 1]
    assert core_numbers(build_csr([], [], 0)).tolist() == []
    with pytest.raises(UserError, match="outside"):
        build_csr([0], [3], 3)
    with pytest.raises(UserError, match="finite"):
        build_csr([0], [1], 3, [np.nan])


@pytest.mark.parametrize("seed", range(8))
def test_pagerank_equals_networkx_also_for_isolated_seeds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cards, places = int(rng.integers(2, 40)), int(rng.integers(1, 10))
    visits = sp.random(cards, places, 0.2, random_state=seed).tolil()
    visits[0] = 0  # an isolated card, and a seed
    visits = visits.tocsr()
    graph = nx.Graph()
    graph.add_nodes_from(range(cards + places))
    entries = visits.tocoo()
    graph.add_weighted_edges_from(
        (int(c), int(cards + i), float(w)) for c, i, w in zip(entries.row, entries.col, entries.data, strict=True) if w
    )
    sets = np.zeros((cards, 3))
    sets[0, 0] = sets[1, 1] = sets[0, 2] = sets[cards - 1, 2] = 1
    card_score, place_score = factorise(visits).solve(sets)
    for s in range(3):
        seeds = {int(c): float(sets[c, s]) for c in np.flatnonzero(sets[:, s])}
        oracle = nx.pagerank(graph, personalization=seeds, tol=1e-13, max_iter=5000)
        assert np.r_[card_score[:, s], place_score[:, s]] == pytest.approx(
            [oracle[v] for v in range(cards + places)], abs=1e-8
        )
    assert iterate(visits, sets)[0] == pytest.approx(card_score, abs=1e-9)


def test_pagerank_refuses_what_has_no_answer() -> None:
    visits = sp.csr_matrix(np.eye(2))
    with pytest.raises(UserError, match="seeds"):
        factorise(visits).solve([0.0, 0.0])
    with pytest.raises(UserError, match="alpha"):
        factorise(visits, alpha=1.0)
    with pytest.raises(UserError, match="negative"):
        factorise(-visits)


@pytest.mark.parametrize("seed", range(10))
def test_peeling_density_is_true_and_at_least_half_of_the_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns, m = 5, 4, int(rng.integers(1, 16))
    r, c = rng.integers(0, rows, m), rng.integers(0, columns, m)
    block = peel_block(r, c, rows, columns)
    edges = sorted(set(zip(r.tolist(), c.tolist(), strict=True)))
    weight = column_weights(np.array([e[1] for e in edges]), columns)

    def density(inside: set[int]) -> float:
        return sum(weight[j] for i, j in edges if i in inside and rows + j in inside) / len(inside)

    assert block.density == pytest.approx(density(set(block.rows) | set(rows + block.columns)))
    best = max(density(set(s)) for k in range(1, 10) for s in itertools.combinations(range(rows + columns), k))
    assert block.density >= best / 2 - 1e-12
    assert sorted(block.order) == list(range(rows + columns))


@pytest.mark.parametrize("seed", range(4))
def test_peeling_always_takes_a_lightest_node(seed: int) -> None:
    """The queue of three parts (waiting, far, heap) against a plain minimum over all that is left, weights over six orders of magnitude."""
    rng = np.random.default_rng(seed)
    rows, columns = 60, 25
    r, c = np.nonzero(rng.random((rows, columns)) < rng.random(columns) ** 2)
    weight = 10.0 ** rng.uniform(-3, 3, len(r))
    block = peel_block(r, c, rows, columns, weight=weight)
    left = np.zeros((rows + columns, rows + columns))
    left[r, rows + c] = left[rows + c, r] = weight
    densities = [weight.sum() / (rows + columns)]
    for v in np.argsort(block.order):
        own = left.sum(axis=1)
        gone = block.order < block.order[v]
        assert own[v] <= own[~gone].min() + 1e-9
        left[v] = left[:, v] = 0
        alive = (~gone).sum() - 1
        densities.append(left.sum() / 2 / alive if alive else 0.0)
    assert block.density == pytest.approx(max(densities))
    assert len(block.rows) + len(block.columns) == rows + columns - int(np.argmax(densities))


def test_peeling_finds_a_planted_block_behind_a_busy_hospital() -> None:
    r, c = np.meshgrid(np.arange(12), np.arange(6), indexing="ij")
    hospital = np.arange(12, 300)
    block = peel_block(np.r_[r.ravel(), hospital], np.r_[c.ravel(), np.full(288, 6)], 300, 7)
    assert block.rows.tolist() == list(range(12))
    assert block.columns.tolist() == list(range(6))
    with pytest.raises(UserError, match="outside"):
        peel_block([5], [0], 5, 1)
    assert peel_block([], [], 2, 2).density == 0


def test_communities_cut_what_cannot_be_read_and_only_that() -> None:
    cliques = [(b + i, b + j) for b in (0, 40, 80) for i in range(40) for j in range(i)]
    a, b = np.array([*cliques, (0, 40), (41, 80)]).T
    labels = communities(adjacency(a, b, np.ones(len(a)), 120))
    oracle = nx.Graph(list(zip(a.tolist(), b.tolist(), strict=True)))
    groups = [set(np.flatnonzero(labels == x).tolist()) for x in np.unique(labels)]
    assert nx.community.modularity(oracle, groups) == pytest.approx(
        nx.community.modularity(oracle, nx.community.louvain_communities(oracle, seed=0)), abs=0.01
    )
    found = find_groups(a, b, np.ones(len(a)), 120, min_members=4)
    assert [set(g.tolist()) for g in found] == [set(range(0, 40)), set(range(40, 80)), set(range(80, 120))]
    assert find_groups(a[:0], b[:0], np.ones(0), 120, min_members=4) == []
    tree = np.array([0, 0, 0, 4, 5, 6]), np.array([1, 2, 3, 5, 6, 7])
    assert find_groups(*tree, np.ones(6), 8, min_members=4) == []  # a star and a path: what chance makes
    circle = find_groups(np.append(tree[0], 7), np.append(tree[1], 4), np.ones(7), 8, min_members=4)
    assert [g.tolist() for g in circle] == [[4, 5, 6, 7]]
    chain = np.arange(50), np.arange(1, 51)
    assert all(len(g) < 12 for g in find_groups(*chain, np.ones(50), 51, min_members=4))


def test_residuals_point_at_the_cash_out_shop() -> None:
    rng = np.random.default_rng(0)
    cards = rng.integers(50, 5000, 80)
    amount = 120.0 * cards**1.05 * np.exp(rng.normal(0, 0.15, 80))
    amount[:5] *= 4
    residual = log_residual(cards, amount)
    assert set(np.argsort(-residual)[:5]) == set(range(5))
    assert fit_line(cards, amount)[0] == pytest.approx(1.05, abs=0.1)
    assert np.isnan(log_residual([0, 5], [10, -1])).all()
    assert fit_line([3, 3], [5, 5]) == (0.0, pytest.approx(np.log(5)))


def test_care_triangles_follow_one_patient_from_doctor_to_shop() -> None:
    at = pd.to_datetime(
        ["2025-01-01 09:00", "2025-01-01 10:00", "2025-01-01 09:30", "2025-01-02 08:00", "2025-01-05 09:00"]
    )
    events = pd.DataFrame(
        {"psn_no": ["a", "a", "b", "b", "b"], "fixmedins_code": ["H", "P", "H", "P", "P"], "happened_at": at, "dr_codg": ["d", "", "d", None, None], "fen": [1, 10, 1, 20, 40]}
    )  # fmt: skip
    places = pd.DataFrame({"fixmedins_code": ["H", "P"], "fixmedins_type": ["1", "2"]})
    out = care_triangles(events, places)
    assert out[["dr_codg", "fixmedins_code", "patients", "paths", "fen"]].to_numpy().tolist() == [["d", "P", 2, 2, 30]]
    assert care_triangles(events.assign(dr_codg=""), places).empty  # blank doctors are no doctor
