"""What the graph scorers say of persons, institutions and doctors: oracles, innocents left out, and nobody near to his own case."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from features.networks.rings.rings import search_rings
from features.networks.scores.network_scores import PERSON, bond_tables, near_cases, person_bonds
from tests.features.networks.test_rings import PLACES, RING, SOME_DAYS, T, meet, people, world

NOBODY = pd.DataFrame({"psn_no": pd.Series(dtype="str"), "fixmedins_code": pd.Series(dtype="str")})


def tables(events: pd.DataFrame, cases: pd.DataFrame = NOBODY, **of: dict[str, object]) -> dict[str, pd.DataFrame]:
    known = events.assign(dr_codg=events.get("dr_codg", pd.Series("", index=events.index)).fillna(""))
    rings, pairs = search_rings(known, people(known, **of), PLACES, as_of=T)
    return bond_tables(known, PLACES, pairs, rings, cases)


@pytest.mark.parametrize("seed", range(5))
def test_nearness_leaves_out_ones_own_case_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 30
    weight = sp.random(n, n, 0.08, random_state=seed)
    weight = sp.csr_matrix(weight + weight.T)
    seed_of = rng.random(n) < 0.3
    seed_of[:2] = True
    graph = nx.from_scipy_sparse_array(weight)
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    weight = sp.csr_matrix(nx.to_scipy_sparse_array(graph, nodelist=range(n)))
    found = near_cases(weight, seed_of)
    for v in range(n):
        others = {s: 1.0 for s in np.flatnonzero(seed_of) if s != v}
        # networkx hands the mass of isolated nodes back to the seeds; here it is gone, so every node gets a loop that keeps it
        looped = graph.copy()
        looped.add_edges_from((u, u) for u in graph if graph.degree(u) == 0)
        oracle = nx.pagerank(looped, 0.85, others, tol=1e-14, max_iter=3000)
        isolated_seed = graph.degree(v) == 0
        assert found[v] == pytest.approx(0.0 if isolated_seed else n * oracle[v], abs=1e-6)
    assert (near_cases(weight, np.zeros(n, bool)) == 0).all()


def test_a_case_makes_its_companions_near_and_itself_not() -> None:
    cases = pd.DataFrame({"psn_no": [RING[0]], "fixmedins_code": ["P"]})
    bonds = tables(world(meet(RING, SOME_DAYS, "P")), cases)["person"]
    assert bonds.loc[RING[0], "bond_cases"] == 0, "its own case is all there is"
    assert (bonds.loc[RING[1:], "bond_cases"] > 0).all()
    both = pd.DataFrame({"psn_no": RING[:2], "fixmedins_code": ["P", "P"]})
    assert tables(world(meet(RING, SOME_DAYS, "P")), both)["person"].loc[RING[0], "bond_cases"] > 0


def test_ring_members_carry_their_ring_and_everybody_else_nothing() -> None:
    bonds = tables(world(meet(RING, SOME_DAYS, "P")))
    person = bonds["person"]
    assert list(person.columns) == list(PERSON)
    mine = person.loc[RING]
    assert (mine["bond_partners"] == 5).all()
    assert (mine["bond_core"] == 5).all()
    assert (mine["bond_block"] == 1).all()
    assert (mine["bond_ring_members"] == 6).all()
    assert (mine["bond_ring_days"] == 6).all()
    assert (mine["bond_ring_yuan"] == 6 * 300).all()
    assert set(person.index) == set(RING)
    assert set(bonds["meetings"]["psn_no"]) == set(RING)
    place = bonds["institution"]
    assert place.loc["P", "bond_visitors"] == 6
    assert place.loc["P", "bond_share"] > 0.3 > place.loc["Q", "bond_share"] == 0


def test_innocent_lockstep_has_no_bonds() -> None:
    shift = [d for d in pd.date_range("2025-02-03", "2025-05-30") if d.day_of_week in (0, 2, 4)]
    bonds = tables(world(meet(RING, shift, "H", dx="N18.5")))
    assert bonds["person"].empty
    assert (bonds["institution"]["bond_visitors"] == 0).all()


def test_nearness_of_a_place_does_not_count_its_own_cases() -> None:
    events = world(meet(RING, SOME_DAYS, "P"))
    own = pd.DataFrame({"psn_no": RING, "fixmedins_code": "P"})
    elsewhere = own.assign(fixmedins_code="")
    assert tables(events, own)["institution"].loc["P", "bond_near"] == 0
    assert tables(events, elsewhere)["institution"].loc["P", "bond_near"] > 2
    nobody = tables(events)["institution"]
    assert (nobody["bond_near"] == 0).all()


def test_doctor_and_shop_of_one_path() -> None:
    seen = meet(RING, SOME_DAYS, "S", minute=540, dr_codg="D1")
    bought = meet(RING, SOME_DAYS, "P", minute=600)
    bonds = tables(world(seen, bought))
    doctor = bonds["doctor"].loc["D1"]
    assert doctor["bond_one_shop"] == 1
    assert doctor["bond_patients"] == 6
    assert bonds["institution"].loc["P", "bond_one_doctor"] == 1


def test_no_pairs_no_rings_no_columns_missing() -> None:
    empty = person_bonds(pd.DataFrame({c: [] for c in ("a", "b", "z")}), [], set())
    assert empty.empty
    assert list(empty.columns) == list(PERSON)
