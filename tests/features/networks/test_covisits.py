"""Co-visits against brute force, and everything a bad export can do to them."""

import time
from typing import Any

import numpy as np
import pytest

from claims.errors import UserError
from features.networks.pairs.covisits import _blocks, _count_block, count_covisits
from features.networks.pairs.events import sort_visits, ward_visits
from features.networks.pairs.loads import coincidence_rates, count_loads, expected_days
from features.networks.pairs.significance import poisson_surprise, surprising_pairs

DAY = 1440


def brute(
    card: list[int], inst: list[int], minute: list[int], dt: int, k: int, same: bool
) -> list[tuple[int, int, int, int]]:
    days: dict[tuple[int, int, int], set[int]] = {}
    events = list(zip(card, inst, minute, strict=True))
    for a, i, t in events:
        for b, j, u in events:
            if a < b and i == j and t // DAY == u // DAY and abs(t - u) <= dt:
                days.setdefault((a, b, i if same else -1), set()).add(t // DAY)
    return sorted((a, b, i, len(d)) for (a, b, i), d in days.items() if len(d) >= k)


def found(
    card: list[int], inst: list[int], minute: list[int], dt: int, k: int, same: bool = False
) -> list[tuple[int, int, int, int]]:
    p = count_covisits(sort_visits(card, inst, minute), dt=dt, k=k, same_institution=same)
    return list(zip(p.a.tolist(), p.b.tolist(), p.inst.tolist(), p.count.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("same", [True, False])
def test_equals_brute_force(seed: int, same: bool) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 250))
    card, inst = rng.integers(0, 15, n).tolist(), rng.integers(0, 4, n).tolist()
    minute = rng.integers(-3 * DAY, 6 * DAY, n).tolist()
    for dt in (0, 3, 10, 60, 2000):
        for k in (1, 2, 3):
            assert found(card, inst, minute, dt, k, same) == brute(card, inst, minute, dt, k, same)


def test_a_day_met_twice_counts_once_and_midnight_separates() -> None:
    #      day 0: two meetings at place 0, one at place 1 · 23:58 / 00:03 do not meet
    card = [0, 1, 0, 1, 0, 1, 0, 1]
    inst = [0, 0, 0, 0, 1, 1, 0, 0]
    minute = [500, 503, 600, 600, 700, 701, 2 * DAY - 2, 2 * DAY + 3]
    assert found(card, inst, minute, 10, 1) == [(0, 1, -1, 1)]
    assert found(card, inst, minute, 10, 1, True) == [(0, 1, 0, 1), (0, 1, 1, 1)]


def test_edges_of_the_window() -> None:
    assert found([0, 1], [0, 0], [100, 110], 10, 1) == [(0, 1, -1, 1)]
    assert found([0, 1], [0, 0], [100, 111], 10, 1) == []


def test_duplicates_self_pairs_lonely_places_and_nothing() -> None:
    assert found([7, 7, 7], [0, 0, 0], [1, 1, 2], 10, 1) == []  # a card does not meet itself; place 0 has one card
    assert found([], [], [], 10, 1) == []
    once = found([0, 1], [0, 0], [5, 6], 10, 1)
    assert found([0, 1] * 50, [0, 0] * 50, [5, 6] * 50, 10, 1) == once


def test_order_of_events_and_names_change_nothing() -> None:
    rng = np.random.default_rng(4)
    card, inst, minute = rng.integers(0, 30, 400), rng.integers(0, 5, 400), rng.integers(0, 5 * DAY, 400)
    before = found(card, inst, minute, 30, 2)
    order = rng.permutation(400)
    assert found(card[order], inst[order], minute[order], 30, 2) == before
    name = rng.permutation(30)
    renamed = found(name[card], rng.permutation(5)[inst], minute + 7 * DAY, 30, 2)
    assert sorted((*sorted((name[a], name[b])), c) for a, b, _, c in before) == [(a, b, c) for a, b, _, c in renamed]


def test_institutions_counted_some_at_a_time_give_what_all_at_once_give() -> None:
    rng = np.random.default_rng(5)
    events = rng.integers(0, 30, 900), rng.integers(0, 9, 900), rng.integers(0, 6 * DAY, 900)
    visits = sort_visits(*events)
    parts = list(_blocks(visits, 150))
    assert len(parts) > 3
    counted = [np.stack(_count_block(part, 30, 2, 6, True, 10**9)) for part in parts]
    rows = sorted(map(tuple, np.concatenate(counted, axis=1).T.tolist()))
    assert rows == found(*events, 30, 2, True)


@pytest.mark.parametrize("same", [True, False])
def test_words_are_cleared_before_owners_run_out(same: bool) -> None:
    # 400,000 days leave 13 bits for the owner of a word: 8,191 owners a round, and 12,000 cards
    card = np.arange(12_000)
    both = (
        np.r_[card, card],
        np.r_[card // 2, card // 2],
        np.r_[np.full(12_000, 500), np.full(12_000, 400_000 * DAY + 500)],
    )
    pairs = count_covisits(sort_visits(*both), dt=3, k=2, same_institution=same)
    assert (pairs.a.tolist(), pairs.b.tolist()) == (card[::2].tolist(), card[1::2].tolist())
    assert (pairs.count == 2).all()


def test_a_whole_day_on_one_timestamp_is_counted() -> None:
    n = 300
    pairs = count_covisits(
        sort_visits(np.arange(n).repeat(2), np.zeros(2 * n), np.tile([480, DAY + 480], n)), dt=3, k=2
    )
    assert len(pairs) == n * (n - 1) // 2
    assert (pairs.count == 2).all()


def test_a_million_visits_on_one_timestamp_are_refused_at_once_with_the_reason() -> None:
    n, place, at = 1_000_000, np.zeros(1_000_000), np.full(1_000_000, 20_000 * DAY + 600)
    visits = sort_visits(np.arange(n), place, at)
    twice = sort_visits(np.arange(n) // 2, place, at + np.arange(n) % 2 * DAY)
    begin = time.process_time()
    with pytest.raises(UserError, match=r"1,000,000 events within 10 minutes on 2024-10-04.*clock has collapsed"):
        count_covisits(visits, dt=10, k=1)
    for same in (True, False):
        assert len(count_covisits(visits, dt=10, k=2, same_institution=same)) == 0  # one day cannot hold two
        with pytest.raises(UserError, match=r"institution code 0 has 500,000 events within 10 minutes on 2024-10-0"):
            count_covisits(twice, dt=10, k=2, same_institution=same)
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0], [1, 2]), "one length"),
        (([0, -1], [0, 0], [1, 2]), "negative"),
        (([0, 1], [0, 0], [0, 2**40]), "64-bit"),
    ],
)
def test_impossible_events_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        sort_visits(*arguments)
    with pytest.raises(UserError, match="dt >= 0"):
        count_covisits(sort_visits([0], [0], [0]), dt=-1, k=2)


def test_wards_need_both_days() -> None:
    #        cards 0,1: same in and out twice · card 2: same in, other out
    card, inst = [0, 1, 2, 0, 1, 2], [0] * 6
    adm, dis = [10, 10, 10, 40, 40, 40], [15, 15, 16, 44, 44, 45]
    pairs = count_covisits(ward_visits(card, inst, adm, dis), dt=0, k=2)
    assert (pairs.a.tolist(), pairs.b.tolist(), pairs.count.tolist()) == ([0], [1], [2])
    with pytest.raises(UserError, match="ends before"):
        ward_visits([0], [0], [5], [4])


def test_rates_and_expectation_equal_their_definition() -> None:
    rng = np.random.default_rng(2)
    card, inst, minute = rng.integers(0, 12, 200), rng.integers(0, 3, 200), rng.integers(0, 3 * DAY, 200)
    visits = sort_visits(card, inst, minute)
    events = sorted(set(zip(card.tolist(), inst.tolist(), minute.tolist(), strict=True)))
    rates = []
    for i in range(3):
        here = [(c, t) for c, j, t in events if j == i]
        others = [(x, y) for x in here for y in here if x[0] != y[0]]
        rates.append(sum(abs(x[1] - y[1]) <= 60 and x[1] // DAY == y[1] // DAY for x, y in others) / len(others))
    assert coincidence_rates(visits, 60) == pytest.approx(rates)
    number = {(c, i): sum(1 for d, j, _ in events if d == c and j == i) for c in range(12) for i in range(3)}
    expected = expected_days(np.array([0, 3]), np.array([5, 4]), count_loads(visits), np.array(rates))
    assert expected == pytest.approx(
        [sum(number[a, i] * number[b, i] * rates[i] for i in range(3)) for a, b in ((0, 5), (3, 4))]
    )


def test_poisson_tail_equals_scipy_and_never_underflows() -> None:
    from scipy.stats import poisson

    count = np.array([1, 2, 3, 10, 5, 40, 3])
    rate = np.array([0.01, 1.5, 7.0, 0.3, 5.0, 2.0, 3.0])
    assert poisson_surprise(count, rate) == pytest.approx(-np.log10(poisson.sf(count - 1, rate)), rel=1e-9)
    far = poisson_surprise([400, 0, 3], [1e-6, 1.0, 0.0])
    assert 3000 < far[0] < np.inf
    assert far[1] == 0
    assert far[2] == np.inf


def test_chance_stays_below_and_lockstep_rises() -> None:
    rng = np.random.default_rng(0)
    card, inst = rng.integers(0, 400, 8000), rng.integers(0, 5, 8000)
    minute = rng.integers(0, 200, 8000) * DAY + rng.integers(480, 1080, 8000)
    assert surprising_pairs(card, inst, minute).empty
    days = np.arange(6) * 20 * DAY + 600
    three = np.repeat([400, 401, 402], 6), np.zeros(18, int), np.tile(days, 3) + np.arange(18) % 4
    both = surprising_pairs(*(np.r_[x, y] for x, y in zip((card, inst, minute), three, strict=True)))
    assert set(zip(both["a"], both["b"], strict=True)) == {(400, 401), (400, 402), (401, 402)}
