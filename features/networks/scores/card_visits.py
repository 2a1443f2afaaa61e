"""The visit graph of one card: institutions are nodes, each next visit is an edge. Tours, returns, jumps and drift as
numbers per card.

Definitions (per card, events in time order, equal (institution, minute) events count once): `visits`, `nodes`
(institutions), `edges` (distinct moves u→v, u ≠ v), `entropy` (bits, of visit shares), `return_rate` (share of visits
after the first that go to a place seen before), `two_cycles` ({u,v} with u→v and v→u), `three_cycles` (u→v→w→u),
`triads` (triangles of the undirected graph), `tour_weeks` (largest number of weeks with the same set of ≥ 2
institutions), `tour_days` (the same for days), `day_places` (most institutions on one day), `multi_days` (days with ≥
2 institutions), `min_gap` (least minutes to a different institution; NaN: never moved), `simultaneous` (moves within a
minute), `speed` (largest km/h implied by a move, a minute at least; NaN without coordinates), `drift` (Jensen–Shannon
divergence in bits, last 90 days against the card's own past; NaN where either is empty).
"""

from __future__ import annotations

import itertools

import networkx as nx
import numba as nb
import numpy as np
import numpy.typing as npt
import pandas as pd

from claims.errors import UserError

COUNTS = (
    "visits",
    "nodes",
    "edges",
    "two_cycles",
    "three_cycles",
    "triads",
    "tour_weeks",
    "tour_days",
    "day_places",
    "multi_days",
    "simultaneous",
)
RATIOS = ("entropy", "return_rate", "min_gap", "speed", "drift")
RECENT_DAYS = 90
EARTH_KM = 6371.0088


@nb.njit(cache=True)
def _popcount(x):  # type: ignore[no-untyped-def]
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@nb.njit(cache=True)
def _mix(x):  # type: ignore[no-untyped-def]
    """splitmix64: a set of institutions is named by the sum of its members' mixes (order-free)."""
    z = np.uint64(x) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@nb.njit(cache=True)
def _most_repeated(values, n):  # type: ignore[no-untyped-def]
    """How often the commonest of values[:n] occurs (short lists: insertion sort)."""
    if n < 2:
        return n
    if n > 64:
        part = np.sort(values[:n])
        for s in range(n):
            values[s] = part[s]
    else:
        for s in range(1, n):
            v = values[s]
            p = s - 1
            while p >= 0 and values[p] > v:
                values[p + 1] = values[p]
                p -= 1
            values[p + 1] = v
    best, run = 1, 1
    for s in range(1, n):
        run = run + 1 if values[s] == values[s - 1] else 1
        if run > best:
            best = run
    return best


@nb.njit(cache=True)
def _kilometres(lon1, lat1, lon2, lat2):  # type: ignore[no-untyped-def]
    rad = np.pi / 180.0
    h = (
        np.sin((lat2 - lat1) * rad / 2) ** 2
        + np.cos(lat1 * rad) * np.cos(lat2 * rad) * np.sin((lon2 - lon1) * rad / 2) ** 2
    )
    return 2 * EARTH_KM * np.arcsin(min(1.0, np.sqrt(h)))


@nb.njit(cache=True)
def _measure(first, inst, minute, lon, lat, now, has_now, recent, counts, ratios):  # type: ignore[no-untyped-def]
    n_inst = 0
    longest = 0
    for e in range(len(inst)):
        n_inst = max(n_inst, inst[e] + 1)
    for a in range(len(first) - 1):
        longest = max(longest, first[a + 1] - first[a])
    local = np.full(n_inst, -1, np.int64)
    week_seen = np.full(n_inst, -1, np.int64)
    day_seen = np.full(n_inst, -1, np.int64)
    names = np.empty(longest, np.int64)
    past = np.zeros(longest, np.int64)
    late = np.zeros(longest, np.int64)
    edge_u = np.empty(longest, np.int64)
    edge_v = np.empty(longest, np.int64)
    weeks = np.empty(longest, np.uint64)
    days = np.empty(longest, np.uint64)
    out_bits = np.zeros(64, np.uint64)
    in_bits = np.zeros(64, np.uint64)
    for a in range(len(first) - 1):
        lo, hi = first[a], first[a + 1]
        m = 0
        for e in range(lo, hi):
            if local[inst[e]] < 0:
                local[inst[e]] = m
                names[m] = inst[e]
                past[m] = 0
                late[m] = 0
                m += 1
        w = (m + 63) // 64
        if m * w > len(out_bits):
            out_bits = np.zeros(2 * m * w, np.uint64)
            in_bits = np.zeros(2 * m * w, np.uint64)
        else:
            out_bits[: m * w] = 0
            in_bits[: m * w] = 0
        cut = (now if has_now else minute[hi - 1]) - recent * 1440
        visits = 0
        simultaneous = 0
        min_gap = np.inf
        speed = -1.0
        n_edges = 0
        n_weeks = 0
        n_days = 0
        week = np.int64(-(2**40))
        day = np.int64(-(2**40))
        week_sum = np.uint64(0)
        day_sum = np.uint64(0)
        week_places = 0
        places = 0
        most_places = 0
        multi = 0
        u = -1
        before = -1
        for e in range(lo, hi):
            t = minute[e]
            v = local[inst[e]]
            if before >= 0 and t == minute[before] and v == u:
                continue
            visits += 1
            if t > cut:
                late[v] += 1
            else:
                past[v] += 1
            if before >= 0 and v != u:
                gap = t - minute[before]
                if gap < min_gap:
                    min_gap = gap
                if gap <= 1:
                    simultaneous += 1
                km = _kilometres(lon[before], lat[before], lon[e], lat[e])
                if km == km:
                    pace = km * 60.0 / max(gap, 1)
                    if pace > speed:
                        speed = pace
                word, bit = u * w + (v >> 6), np.uint64(1) << np.uint64(v & 63)
                if out_bits[word] & bit == 0:
                    out_bits[word] |= bit
                    in_bits[v * w + (u >> 6)] |= np.uint64(1) << np.uint64(u & 63)
                    edge_u[n_edges] = u
                    edge_v[n_edges] = v
                    n_edges += 1
            this_day = t // 1440
            this_week = (this_day + 3) // 7  # weeks begin on Monday: day 0 of the epoch was a Thursday
            if this_week != week:
                if week_places >= 2:
                    weeks[n_weeks] = week_sum
                    n_weeks += 1
                week, week_sum, week_places = this_week, np.uint64(0), 0
            if this_day != day:
                if places >= 2:
                    days[n_days] = day_sum
                    n_days += 1
                    multi += 1
                most_places = max(most_places, places)
                day, day_sum, places = this_day, np.uint64(0), 0
            if week_seen[inst[e]] != week:
                week_seen[inst[e]] = week
                week_sum += _mix(inst[e])
                week_places += 1
            if day_seen[inst[e]] != day:
                day_seen[inst[e]] = day
                day_sum += _mix(inst[e])
                places += 1
            u = v
            before = e
        if week_places >= 2:
            weeks[n_weeks] = week_sum
            n_weeks += 1
        if places >= 2:
            days[n_days] = day_sum
            n_days += 1
            multi += 1
        most_places = max(most_places, places)
        two, three, triads = 0, 0, 0
        for s in range(n_edges):
            x, y = edge_u[s], edge_v[s]
            back = out_bits[y * w + (x >> 6)] >> np.uint64(x & 63) & np.uint64(1)
            two += np.int64(back)  # type: ignore[assignment]
            for q in range(w):
                three += _popcount(out_bits[y * w + q] & in_bits[x * w + q])
            if back == 0 or x < y:  # one direction of an undirected edge
                for q in range(w):
                    triads += _popcount(
                        (out_bits[x * w + q] | in_bits[x * w + q]) & (out_bits[y * w + q] | in_bits[y * w + q])
                    )
        entropy = 0.0
        n_past, n_late = 0, 0
        for v in range(m):
            n_past += past[v]
            n_late += late[v]
        drift = np.nan
        if n_past > 0 and n_late > 0:
            drift = 0.0
        for v in range(m):
            share = (past[v] + late[v]) / visits
            entropy -= share * np.log2(share)
            if n_past > 0 and n_late > 0:
                p, q = past[v] / n_past, late[v] / n_late
                mid = (p + q) / 2
                if p > 0:
                    drift += 0.5 * p * np.log2(p / mid)
                if q > 0:
                    drift += 0.5 * q * np.log2(q / mid)
            local[names[v]] = -1
            week_seen[names[v]] = -(2**41)
            day_seen[names[v]] = -(2**41)
        counts[0, a] = visits
        counts[1, a] = m
        counts[2, a] = n_edges
        counts[3, a] = two // 2
        counts[4, a] = three // 3
        counts[5, a] = triads // 3
        counts[6, a] = _most_repeated(weeks, n_weeks)
        counts[7, a] = _most_repeated(days, n_days)
        counts[8, a] = most_places
        counts[9, a] = multi
        counts[10, a] = simultaneous
        ratios[0, a] = max(entropy, 0.0)
        ratios[1, a] = (visits - m) / (visits - 1) if visits > 1 else 0.0
        ratios[2, a] = min_gap if min_gap < np.inf else np.nan
        ratios[3, a] = speed if speed >= 0 else np.nan
        ratios[4, a] = max(drift, 0.0) if drift == drift else np.nan


@nb.njit(cache=True)
def _bounds(psn, minute):  # type: ignore[no-untyped-def]
    """Start of each card, or an empty array where the order (card, minute) is broken."""
    cards = 1
    for e in range(1, len(psn)):
        if psn[e] < psn[e - 1] or (psn[e] == psn[e - 1] and minute[e] < minute[e - 1]):
            return np.empty(0, np.int64)
        cards += psn[e] != psn[e - 1]
    first = np.empty(cards + 1, np.int64)
    first[0] = 0
    n = 1
    for e in range(1, len(psn)):
        if psn[e] != psn[e - 1]:
            first[n] = e
            n += 1
    first[n] = len(psn)
    return first


def visit_measures(
    psn: npt.ArrayLike,
    inst: npt.ArrayLike,
    minute: npt.ArrayLike,
    lon: npt.ArrayLike | None = None,
    lat: npt.ArrayLike | None = None,
    *,
    now: int | None = None,
    recent_days: int = RECENT_DAYS,
) -> dict[str, npt.NDArray[np.generic]]:
    """Measures per card. psn, inst: int codes [n]; minute: int64 [n] since the epoch; lon, lat: degrees [n] of the
    event's institution (NaN unknown).

    Events must be sorted by (psn, minute). `now`: the as-of minute from which `drift` looks back (default: the card's
    own last event). Returns `card` [n_cards] (the codes, ascending) and one array [n_cards] a measure: counts int64,
    others float64. Raises UserError where arrays differ in length, are unsorted, or hold negative institution codes.
    """
    cards, places, minutes = (np.ascontiguousarray(x, dtype=np.int64) for x in (psn, inst, minute))
    n = len(cards)
    where = [np.full(n, np.nan) if x is None else np.ascontiguousarray(x, dtype=np.float64) for x in (lon, lat)]
    if not (len(places) == len(minutes) == len(where[0]) == len(where[1]) == n):
        raise UserError("visit measures need card, institution, minute and coordinate arrays of one length")
    if n == 0:
        none: dict[str, npt.NDArray[np.generic]] = {"card": np.zeros(0, np.int64)}
        return none | {k: np.zeros(0, np.int64) for k in COUNTS} | {k: np.zeros(0) for k in RATIOS}
    if places.min() < 0:
        raise UserError("visit measures got a negative institution code; drop events without an institution first")
    first = _bounds(cards, minutes)
    if len(first) == 0:
        raise UserError("visit measures need events sorted by (card, minute)")
    counts = np.zeros((len(COUNTS), len(first) - 1), np.int64)
    ratios = np.full((len(RATIOS), len(first) - 1), np.nan)
    _measure(first, places, minutes, where[0], where[1], now or 0, now is not None, recent_days, counts, ratios)
    out: dict[str, npt.NDArray[np.generic]] = {"card": cards[first[:-1]]}
    return out | dict(zip(COUNTS, counts, strict=True)) | dict(zip(RATIOS, ratios, strict=True))


def visit_graph(frame: pd.DataFrame, psn_no: str) -> nx.MultiDiGraph:
    """One card's visits as a graph to draw or to check against. frame: psn_no, fixmedins_code, happened_at (or minute).

    Nodes carry `visits`; each edge is one move and carries `at`, `gap` (minutes). Moves to the same place are kept as
    loops.
    """
    mine = frame[frame["psn_no"] == psn_no]
    if "minute" in mine:
        minute = mine["minute"].astype("int64")
    else:
        minute = pd.to_datetime(mine["happened_at"]).astype("datetime64[s]").astype("int64") // 60
    mine = mine.assign(minute=minute).sort_values("minute", kind="stable")
    repeated = (mine["minute"].diff() == 0) & (mine["fixmedins_code"] == mine["fixmedins_code"].shift())
    mine = mine[~repeated]
    graph = nx.MultiDiGraph(psn_no=psn_no)
    for place, visits in mine["fixmedins_code"].value_counts().items():
        graph.add_node(place, visits=int(visits))
    steps = list(zip(mine["fixmedins_code"], mine["minute"], strict=True))
    for (u, then), (v, at) in itertools.pairwise(steps):
        graph.add_edge(u, v, at=pd.Timestamp(int(at) * 60, unit="s"), gap=int(at - then))
    return graph
