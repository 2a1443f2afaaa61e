"""Visit measures of each card against its networkx graph and plain Python."""

import math
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from features.networks.scores.card_visits import visit_graph, visit_measures

DAY = 1440


def some_events(seed: int, n: int = 600, cards: int = 25, places: int = 9) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    psn, inst = rng.integers(0, cards, n), rng.integers(0, places, n)
    minute = rng.integers(19_000, 19_120, n) * DAY + rng.integers(0, DAY, n)
    frame = pd.DataFrame({"psn_no": psn, "fixmedins_code": inst, "minute": minute})
    return frame.sort_values(["psn_no", "minute", "fixmedins_code"], ignore_index=True)


def measured(frame: pd.DataFrame, **more: Any) -> dict[str, Any]:
    return visit_measures(frame["psn_no"], frame["fixmedins_code"], frame["minute"], **more)


@pytest.mark.parametrize("seed", range(4))
def test_equals_networkx(seed: int) -> None:
    frame = some_events(seed)
    out = measured(frame)
    for row, card in enumerate(out["card"]):
        multi = visit_graph(frame, card)
        graph = nx.DiGraph((u, v) for u, v in multi.edges() if u != v)
        visits = [d["visits"] for _, d in multi.nodes(data=True)]
        cycles = list(nx.simple_cycles(graph, length_bound=3))
        total = sum(visits)
        assert out["visits"][row] == total
        assert out["nodes"][row] == len(multi)
        assert out["edges"][row] == graph.number_of_edges()
        assert out["two_cycles"][row] == sum(len(c) == 2 for c in cycles)
        assert out["three_cycles"][row] == sum(len(c) == 3 for c in cycles)
        assert out["triads"][row] == sum(nx.triangles(graph.to_undirected()).values()) // 3
        assert out["entropy"][row] == pytest.approx(-sum(v / total * math.log2(v / total) for v in visits))
        assert out["return_rate"][row] == pytest.approx((total - len(multi)) / (total - 1))
        gaps = [d["gap"] for u, v, d in multi.edges(data=True) if u != v]
        assert out["min_gap"][row] == pytest.approx(min(gaps))
        mine = frame[frame["psn_no"] == card].assign(
            day=lambda f: f["minute"] // DAY, week=lambda f: (f["minute"] // DAY + 3) // 7
        )
        for column, name in (("week", "tour_weeks"), ("day", "tour_days")):
            tours = mine.groupby(column)["fixmedins_code"].agg(frozenset)
            tours = tours[tours.map(len) >= 2]
            assert out[name][row] == (tours.value_counts().max() if len(tours) else 0)
        places = mine.groupby("day")["fixmedins_code"].nunique()
        assert (out["day_places"][row], out["multi_days"][row]) == (places.max(), (places >= 2).sum())


def test_a_tour_drawn_by_hand() -> None:
    #  Mon A→B→C, next Mon A→B→C, then home place A only; A and B 100 km apart and two minutes between them
    monday = 19_723 * DAY  # 2024-01-01
    minute = [
        monday + 540,
        monday + 542,
        monday + 900,
        monday + 7 * DAY + 540,
        monday + 7 * DAY + 542,
        monday + 7 * DAY + 900,
        monday + 200 * DAY,
    ]
    out = visit_measures(
        [3] * 7, [0, 1, 2, 0, 1, 2, 0], minute, lon=[110.0, 111.0, 111, 110, 111, 111, 110], lat=[0.0] * 7
    )
    got = {k: v[0] for k, v in out.items()}
    assert (got["card"], got["edges"], got["three_cycles"], got["tour_weeks"], got["tour_days"], got["day_places"]) == (
        3,
        3,
        1,
        2,
        2,
        3,
    )
    assert got["speed"] == pytest.approx(111.195 * 30, rel=1e-3)
    assert (got["min_gap"], got["simultaneous"]) == (2, 0)
    assert got["drift"] == pytest.approx(
        0.5 * math.log2(2 / (1 + 1 / 3)) * 1 + 0.5 * (1 / 3 * math.log2((1 / 3) / (2 / 3)) + 2 / 3)
    )


def test_bad_and_empty_input() -> None:
    assert len(visit_measures([], [], [])["card"]) == 0
    with pytest.raises(UserError, match="sorted"):
        visit_measures([1, 0], [0, 0], [0, 0])
    with pytest.raises(UserError, match="sorted"):
        visit_measures([0, 0], [0, 0], [5, 4])
    with pytest.raises(UserError, match="negative"):
        visit_measures([0], [-1], [0])
    with pytest.raises(UserError, match="one length"):
        visit_measures([0, 1], [0], [0, 1])
    one = visit_measures([5], [2], [100])
    assert (one["visits"][0], one["edges"][0], one["entropy"][0]) == (1, 0, 0)
    assert np.isnan([one["min_gap"][0], one["speed"][0], one["drift"][0]]).all()


def test_duplicates_and_names_change_nothing() -> None:
    frame = some_events(9)
    before = measured(frame)
    twice = pd.concat([frame, frame]).sort_values(["psn_no", "minute", "fixmedins_code"], ignore_index=True)
    after = measured(twice)
    renamed = measured(frame.assign(fixmedins_code=np.random.default_rng(0).permutation(9)[frame["fixmedins_code"]]))
    for name in before:
        assert after[name] == pytest.approx(before[name], nan_ok=True)
        assert renamed[name] == pytest.approx(before[name], nan_ok=True)
