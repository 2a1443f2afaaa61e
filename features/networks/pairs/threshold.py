"""How surprising a pair must be, so that chance alone makes no group: computed from the loads and rates of the data at
hand, tuned on nothing.

If every pair of cards met only by chance (Poisson with its expected days E_ij), it would pass the threshold z with
p_ij(z) = P(Poisson(E_ij) ≥ c), c the least count that reaches z. In a large county thousands of pairs pass, and three
of them now and then hang four cards together as a tree; a cycle hardly ever closes. So a group must have at least as
many surprising pairs as members (features/networks/rings/groups.py), and the least chance groups are four cards in a
circle, expected Σ_ij (P²)_ij² / 8 times, or a triangle with a fourth card, Σ_i (P³)_ii λ_i / 2 times, λ_i = Σ_j p_ij.
The threshold is the least z ≥ Z_MIN, in steps of a quarter, for which their sum is at most EXPECTED_GROUPS. Sums over
all cards are estimated on SAMPLE cards spread evenly over the loads.
"""

from __future__ import annotations

from collections.abc import Mapping

import numba as nb
import numpy as np

from features.networks.pairs.loads import Floats, Loads

#: no threshold below this, however small the county: −log10 of the chance of one pair
Z_MIN = 6.0
Z_STEP = 0.25
Z_TOP = 12.0
#: the same for the cards of one place where a ring was found: few pairs, so the chance of a group decides, not this
Z_NEAR = 3.0
#: groups that chance may make in one search, in expectation
EXPECTED_GROUPS = 0.05
SAMPLE = 1000


@nb.njit(cache=True)
def _pass_chance(expected, k, z):  # type: ignore[no-untyped-def]
    """P(Poisson(expected) ≥ c), c ≥ k the least count whose own chance is at most 10^−z."""
    if expected <= 0.0:
        return 0.0
    limit = 10.0**-z
    term = np.exp(-expected)
    for j in range(1, k + 1):
        term *= expected / j
    c = k
    while True:
        tail, part, j = term, term, c + 1  # the rest of the series, term being P(Poisson = c)
        while part > 1e-17 * tail or j < expected:
            part *= expected / j
            tail += part
            j += 1
        if tail <= limit or term == 0.0:
            return tail
        c += 1
        term *= expected / c


@nb.njit(cache=True)
def _pass_matrix(cards, first, inst, visits, rates, ks, z):  # type: ignore[no-untyped-def]
    """p [m, m] of the sampled cards, summed over the scales (an upper bound of passing at any)."""
    m = len(cards)
    out = np.zeros((m, m))
    expected = np.empty(len(ks))
    for x in range(m):
        for y in range(x):
            expected[:] = 0.0
            i, end_i = first[cards[x]], first[cards[x] + 1]
            j, end_j = first[cards[y]], first[cards[y] + 1]
            while i < end_i and j < end_j:
                if inst[i] < inst[j]:
                    i += 1
                elif inst[i] > inst[j]:
                    j += 1
                else:
                    for s in range(len(ks)):
                        expected[s] += visits[i] * visits[j] * rates[s, inst[i]]
                    i += 1
                    j += 1
            for s in range(len(ks)):
                out[x, y] += _pass_chance(expected[s], ks[s], z)
            out[x, y] = min(out[x, y], 1.0)
            out[y, x] = out[x, y]
    return out


def chance_pairs(
    loads: Loads, rates: Mapping[int, Floats], scales: tuple[tuple[int, int], ...], z: float
) -> tuple[float, float]:
    """(pairs, groups) that chance alone is expected to pass at threshold `z`. rates: dt → float [n_inst]; scales: (dt,
    least days)."""
    n = len(loads.first) - 1
    if n < 4:
        return 0.0, 0.0
    total = np.add.reduceat(np.r_[loads.visits, 0], np.minimum(loads.first[:-1], len(loads.visits)))
    by_load = np.argsort(total, kind="stable")
    cards = by_load[np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.int64))]
    table, ks = np.stack([rates[dt] for dt, _ in scales]), np.array([k for _, k in scales])
    p = _pass_matrix(cards, loads.first, loads.inst, loads.visits, table, ks, z)
    share = n / len(cards)
    partners = p.sum(axis=1) * share
    steps = p @ p
    pendants = share**3 * float((steps * p).sum(axis=1) @ partners) / 2
    np.fill_diagonal(steps, 0.0)
    return float(share * partners.sum() / 2), pendants + share**4 * float((steps**2).sum()) / 8


def chance_threshold(
    loads: Loads, rates: Mapping[int, Floats], scales: tuple[tuple[int, int], ...], least: float = Z_MIN
) -> float:
    """The least z of the grid, from `least` on, at which chance is expected to make at most EXPECTED_GROUPS groups."""
    z = least
    while z < Z_TOP and chance_pairs(loads, rates, scales, z)[1] > EXPECTED_GROUPS:
        z += Z_STEP
    return z
