"""How surprising a pair's days together are, given how busy the places were.

z = −log10 P(Poisson(E) ≥ c) with c the pair's days together and E = Σ_i n_ai · n_bi · r_i: the visits of both at institution i times the share r_i of
visit pairs of two different cards that coincide there within dt. Busy units, opening hours and batch uploads all raise r_i, so they stop being evidence.
Raw counts only find busy units (research note "graph mining", section 3: 106 false groups fall to none).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.graphs.covisit import Pairs, count_covisits
from features.graphs.visit_order import Visits, sort_visits

Floats = npt.NDArray[np.float64]

#: (dt in minutes, least days together): short windows need few days, wide ones more
SCALES: tuple[tuple[int, int], ...] = ((3, 2), (10, 2), (30, 3), (60, 3))
#: −log10 of the chance of a pair: with 1e10 possible pairs of a large county, 6 leaves no chance component of five cards (measured)
Z_MIN = 6.0


@dataclass(frozen=True, kw_only=True)
class Loads:
    """Visits of each card at each institution, by card: CSR `first` int64 [n_cards+1], `inst` int32, `visits` int32."""

    first: npt.NDArray[np.int64]
    inst: npt.NDArray[np.int32]
    visits: npt.NDArray[np.int32]


@nb.njit(cache=True)
def _loads(card, inst, n_cards, n_inst):  # type: ignore[no-untyped-def]
    first = np.zeros(n_cards + 1, np.int64)
    seen = np.full(n_cards, -1, np.int32)
    for e in range(len(card)):  # events lie by institution
        if seen[card[e]] != inst[e]:
            seen[card[e]] = inst[e]
            first[card[e] + 1] += 1
    for a in range(n_cards):
        first[a + 1] += first[a]
    out_inst = np.empty(first[n_cards], np.int32)
    out_n = np.zeros(first[n_cards], np.int32)
    at = first[:-1] - 1
    seen[:] = -1
    for e in range(len(card)):
        c = card[e]
        if seen[c] != inst[e]:
            seen[c] = inst[e]
            at[c] += 1
            out_inst[at[c]] = inst[e]
        out_n[at[c]] += 1
    return first, out_inst, out_n


@nb.njit(cache=True)
def _rates(card, minute, start, dt, n_cards):  # type: ignore[no-untyped-def]
    rates = np.zeros(len(start) - 1, np.float64)
    inside = np.zeros(n_cards, np.int32)  # events of each card in the moving window
    total = np.zeros(n_cards, np.int64)
    for i in range(len(start) - 1):
        lo = start[i]
        hi = start[i]
        together = 0.0
        for e in range(start[i], start[i + 1]):
            total[card[e]] += 1
        for e in range(start[i], start[i + 1]):
            day = minute[e] // 1440 * 1440
            while minute[lo] < max(minute[e] - dt, day):
                inside[card[lo]] -= 1
                lo += 1
            while hi < start[i + 1] and minute[hi] <= min(minute[e] + dt, day + 1439):
                inside[card[hi]] += 1
                hi += 1
            together += hi - lo - inside[card[e]]
        for e in range(lo, hi):
            inside[card[e]] -= 1
        n = start[i + 1] - start[i]
        others = float(n) * float(n)
        for e in range(start[i], start[i + 1]):
            if total[card[e]] > 0:
                others -= float(total[card[e]]) * float(total[card[e]])
                total[card[e]] = 0
        if others > 0:
            rates[i] = together / others
    return rates


@nb.njit(cache=True)
def _expected(a, b, first, inst, visits, rates):  # type: ignore[no-untyped-def]
    out = np.zeros(len(a), np.float64)
    for p in range(len(a)):
        i, end_i = first[a[p]], first[a[p] + 1]
        j, end_j = first[b[p]], first[b[p] + 1]
        while i < end_i and j < end_j:
            if inst[i] < inst[j]:
                i += 1
            elif inst[i] > inst[j]:
                j += 1
            else:
                out[p] += visits[i] * visits[j] * rates[inst[i]]
                i += 1
                j += 1
    return out


@nb.njit(cache=True)
def _tail(count, expected, log_factorial):  # type: ignore[no-untyped-def]
    """−log10 P(Poisson(E) ≥ c), exact in the log so that it never underflows."""
    out = np.zeros(len(count), np.float64)
    for p in range(len(count)):
        c = count[p]
        rate = expected[p]
        if c <= 0:
            continue
        if rate <= 0.0:
            out[p] = np.inf
            continue
        if rate < c:  # upper tail as a convergent series on its first term
            term, total, j = 1.0, 1.0, c + 1
            while term > 1e-17 * total:
                term *= rate / j
                total += term
                j += 1
            out[p] = -(c * np.log(rate) - rate - log_factorial[c] + np.log(total)) / np.log(10.0)
        else:
            term = np.exp(-rate)
            below = 0.0
            for j in range(c):
                below += term
                term *= rate / (j + 1)
            out[p] = -np.log10(max(1.0 - below, 1e-300))
    return out


def count_loads(visits: Visits) -> Loads:
    """Visits per card and institution."""
    first, inst, number = _loads(visits.card, visits.inst, visits.n_cards, visits.n_inst)
    return Loads(first=first, inst=inst, visits=number)


def coincidence_rates(visits: Visits, dt: int) -> Floats:
    """r_i [n_inst]: share of ordered visit pairs of two different cards at institution i that fall on one day within dt minutes."""
    return np.asarray(_rates(visits.card, visits.minute, visits.start, dt, visits.n_cards))


def expected_days(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], loads: Loads, rates: Floats) -> Floats:
    """E [n_pairs] = Σ_i n_ai n_bi r_i."""
    return np.asarray(_expected(a, b, loads.first, loads.inst, loads.visits, rates))


def poisson_surprise(count: npt.ArrayLike, expected: npt.ArrayLike) -> Floats:
    """z = −log10 P(Poisson(expected) ≥ count), [n]; 0 for count 0, inf for expected 0."""
    counts = np.asarray(count, dtype=np.int64)
    top = int(counts.max()) if len(counts) else 0
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, top + 1, dtype=np.float64)))])
    return np.asarray(_tail(counts, np.asarray(expected, dtype=np.float64), log_factorial))


def surprise(pairs: Pairs, visits: Visits, dt: int, loads: Loads | None = None) -> tuple[Floats, Floats]:
    """(expected days, z) of pairs counted over all institutions."""
    expected = expected_days(pairs.a, pairs.b, loads or count_loads(visits), coincidence_rates(visits, dt))
    return expected, poisson_surprise(pairs.count, expected)


def surprising_pairs(
    card: npt.ArrayLike,
    inst: npt.ArrayLike,
    minute: npt.ArrayLike,
    *,
    scales: tuple[tuple[int, int], ...] = SCALES,
    z_min: float = Z_MIN,
) -> pd.DataFrame:
    """Pairs of cards whose days together are too many for chance at some scale: `a, b, dt, count, expected, z` (the scale of largest z), sorted by (a, b)."""
    visits = sort_visits(card, inst, minute)
    loads = count_loads(visits)
    frames = []
    for dt, k in scales:
        pairs = count_covisits(visits, dt=dt, k=k)
        expected, z = surprise(pairs, visits, dt, loads)
        keep = z >= z_min
        frames.append(
            pd.DataFrame(
                {
                    "a": pairs.a[keep],
                    "b": pairs.b[keep],
                    "dt": dt,
                    "count": pairs.count[keep],
                    "expected": expected[keep],
                    "z": z[keep],
                }
            )
        )
    return best_scale(pd.concat(frames, ignore_index=True))


def best_scale(edges: pd.DataFrame) -> pd.DataFrame:
    """One row per pair: the scale with the largest z (the shorter window on a tie)."""
    ordered = edges.sort_values(["a", "b", "z", "dt"], ascending=[True, True, False, True], kind="stable")
    return ordered.drop_duplicates(["a", "b"]).reset_index(drop=True)
