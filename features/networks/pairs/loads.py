"""How often each card is where, and how often two visits at a place coincide by chance: what makes days together
expected."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from features.networks.pairs.events import Visits

Floats = npt.NDArray[np.float64]


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


def count_loads(visits: Visits) -> Loads:
    """Visits per card and institution."""
    first, inst, number = _loads(visits.card, visits.inst, visits.n_cards, visits.n_inst)
    return Loads(first=first, inst=inst, visits=number)


def coincidence_rates(visits: Visits, dt: int) -> Floats:
    """r_i [n_inst]: share of ordered visit pairs of two different cards at institution i that fall on one day within
    dt minutes."""
    return np.asarray(_rates(visits.card, visits.minute, visits.start, dt, visits.n_cards))


def expected_days(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], loads: Loads, rates: Floats) -> Floats:
    """E [n_pairs] = Σ_i n_ai n_bi r_i."""
    return np.asarray(_expected(a, b, loads.first, loads.inst, loads.visits, rates))
