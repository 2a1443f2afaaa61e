"""How surprising a pair's days together are, given how busy the places were.

z = −log10 P(Poisson(E) ≥ c) with c the pair's days together and E = Σ_i n_ai · n_bi · r_i: the visits of both at
institution i times the share r_i of visit pairs of two different cards that coincide there within dt. Busy units,
opening hours and batch uploads all raise r_i, so they stop being evidence. Raw counts only find busy units (research
note "graph mining", section 3: 106 false groups fall to none).
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.networks.pairs.covisits import Pairs, count_covisits
from features.networks.pairs.events import Visits, sort_visits
from features.networks.pairs.loads import Floats, coincidence_rates, count_loads, expected_days
from features.networks.pairs.threshold import Z_MIN, chance_threshold

#: (dt in minutes, least days together): short windows need few days, wide ones more
SCALES: tuple[tuple[int, int], ...] = ((3, 2), (10, 2), (30, 3), (60, 3))


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


def poisson_surprise(count: npt.ArrayLike, expected: npt.ArrayLike) -> Floats:
    """z = −log10 P(Poisson(expected) ≥ count), [n]; 0 for count 0, inf for expected 0."""
    counts = np.asarray(count, dtype=np.int64)
    top = int(counts.max()) if len(counts) else 0
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, top + 1, dtype=np.float64)))])
    return np.asarray(_tail(counts, np.asarray(expected, dtype=np.float64), log_factorial))


def surprise(pairs: Pairs, visits: Visits, dt: int) -> tuple[Floats, Floats]:
    """(expected days, z) of pairs counted over all institutions."""
    expected = expected_days(pairs.a, pairs.b, count_loads(visits), coincidence_rates(visits, dt))
    return expected, poisson_surprise(pairs.count, expected)


def surprising_pairs(
    card: npt.ArrayLike,
    inst: npt.ArrayLike,
    minute: npt.ArrayLike,
    *,
    scales: tuple[tuple[int, int], ...] = SCALES,
    z_min: float | None = None,
    least: float = Z_MIN,
) -> pd.DataFrame:
    """Pairs of cards whose days together are too many for chance at some scale: `a, b, dt, count, expected, z` (the
    scale of largest z), sorted by (a, b).

    z_min: by default the threshold at which chance makes no group in this very data
    (features/networks/pairs/threshold.py), but not below `least`.
    """
    visits = sort_visits(card, inst, minute)
    loads = count_loads(visits)
    rates = {dt: coincidence_rates(visits, dt) for dt, _ in scales}
    z_min = chance_threshold(loads, rates, scales, least) if z_min is None else z_min
    frames = []
    for dt, k in scales:
        pairs = count_covisits(visits, dt=dt, k=k)
        expected = expected_days(pairs.a, pairs.b, loads, rates[dt])
        z = poisson_surprise(pairs.count, expected)
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
