"""Co-visit evidence per institution bucket, summed by pair: the same rings on one machine, in n buckets, or on Spark's
executors.

A pair may meet once at each of several places in different buckets, so no bucket can judge it alone. Two rounds, both
exact, neither stores pairs at large: 1. `pair_sketch(events)`: how many pair-days fall on each slot of a hash table
(uint8, saturating). Sketches of all buckets are added: an upper bound of every pair's days (the multistage filter of
Park, Chen and Yu, 1995). 2. `pair_evidence(events, sketch)`: the days of those pairs only whose bound reaches k, and
the visits of the cards in this bucket. `combine([...])` counts distinct days by pair over all buckets and gives the
table `find_rings(edges=...)` takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numba as nb
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.networks.pairs.covisits import grow, open_windows
from features.networks.pairs.events import DAY, Ints, Visits, sort_visits
from features.networks.pairs.loads import Loads, coincidence_rates, count_loads, expected_days
from features.networks.pairs.significance import SCALES, best_scale, poisson_surprise
from features.networks.pairs.threshold import chance_threshold

Sketch = npt.NDArray[np.uint8]
TYPES = {"kind": "str", "dt": "int64", "a": "str", "b": "str", "place": "str", "value": "int64", "rate": "float64"}
COLUMNS = list(TYPES)


@nb.njit(cache=True)
def _slot(a, b, mask):  # type: ignore[no-untyped-def]
    x = (a ^ (b * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
    return (x ^ (x >> np.uint64(29))) & mask


@nb.njit(cache=True)
def _walk(card, hashed, minute, low, high, n_cards, sketch, k, emit):  # type: ignore[no-untyped-def]
    """Once per (pair, day) of one institution: either add to the sketch, or write the pair-day down if the sketch
    allows k days."""
    mask = np.uint64(len(sketch) - 1)
    first = np.zeros(n_cards + 1, np.int64)
    for e in range(len(card)):
        first[card[e] + 1] += 1
    for a in range(n_cards):
        first[a + 1] += first[a]
    at = first[:-1].copy()
    order = np.empty(len(card), np.int64)
    for e in range(len(card)):
        order[at[card[e]]] = e
        at[card[e]] += 1
    stamp = np.zeros(n_cards, np.int64)
    tick = 0
    out_a = np.empty(1024, np.int64)
    out_b = np.empty(1024, np.int64)
    out_day = np.empty(1024, np.int64)
    n = 0
    for a in range(n_cards):
        day = np.int64(-1)
        for s in range(first[a], first[a + 1]):
            e = order[s]
            if minute[e] // 1440 != day:
                day = minute[e] // 1440
                tick += 1
            for j in range(low[e], high[e]):
                b = card[j]
                if b <= a or stamp[b] == tick:
                    continue
                stamp[b] = tick
                x, y = hashed[a], hashed[b]
                slot = _slot(min(x, y), max(x, y), mask)
                if not emit:
                    if sketch[slot] < 255:
                        sketch[slot] += 1
                elif sketch[slot] >= k:
                    if n == len(out_a):
                        out_a = grow(out_a, 2 * n)
                        out_b = grow(out_b, 2 * n)
                        out_day = grow(out_day, 2 * n)
                    out_a[n], out_b[n], out_day[n] = a, b, day
                    n += 1
    return out_a[:n], out_b[:n], out_day[:n]


def _prepare(events: pd.DataFrame) -> tuple[Visits, pd.Index, pd.Index, npt.NDArray[np.uint64]]:
    cards, names = pd.factorize(events["psn_no"], sort=True)
    places, place_names = pd.factorize(events["fixmedins_code"], sort=True)
    visits = sort_visits(cards, places, events["minute"].to_numpy(), n_cards=len(names), n_inst=len(place_names))
    hashed = pd.util.hash_array(np.asarray(names, dtype=object), categorize=False)
    return visits, names, place_names, hashed


def _each_place(
    visits: Visits, hashed: npt.NDArray[np.uint64], sketch: Sketch, dt: int, k: int, emit: bool
) -> Iterator[tuple[int, Ints, Ints, Ints]]:
    """(place, a, b, day) of the pair-days of each institution in turn; empty arrays where `emit` is False and only the
    sketch is filled."""
    window, _ = open_windows(visits, visits.card.astype(np.uint32), dt)
    low, high = window >> 32, window & 0xFFFFFFFF
    for place in range(visits.n_inst):
        begin, end = int(visits.start[place]), int(visits.start[place + 1])
        if begin == end:
            continue
        ids, local = np.unique(visits.card[begin:end], return_inverse=True)
        a, b, day = _walk(
            local,
            hashed[ids],
            visits.minute[begin:end],
            low[begin:end] - begin,
            high[begin:end] - begin,
            len(ids),
            sketch,
            k,
            emit,
        )
        yield place, ids[a].astype(np.int64), ids[b].astype(np.int64), day


def pair_sketch(events: pd.DataFrame, *, dt: int, bits: int = 20) -> Sketch:
    """Upper bounds uint8 [2**bits] of pair-days in this bucket; add the sketches of all buckets with
    `merge_sketches`."""
    sketch = np.zeros(1 << bits, np.uint8)
    if len(events):
        visits, _, _, hashed = _prepare(events)
        for _ in _each_place(visits, hashed, sketch, dt, 0, emit=False):
            pass
    return sketch


def merge_sketches(sketches: Iterable[Sketch]) -> Sketch:
    """Saturating sum of the buckets' sketches."""
    total: npt.NDArray[np.int64] | None = None
    for sketch in sketches:
        total = sketch.astype(np.int64) if total is None else total + sketch
    return np.zeros(1, np.uint8) if total is None else np.minimum(total, 255).astype(np.uint8)


def pair_evidence(
    events: pd.DataFrame, sketches: Mapping[int, Sketch] | None = None, *, scales: tuple[tuple[int, int], ...] = SCALES
) -> pd.DataFrame:
    """What one institution bucket knows: `kind` pair (a, b met at place on day `value`), load (a was `value` times at
    place), rate (r of place at dt).

    events: psn_no, fixmedins_code, minute, of whole institutions. sketches: dt → merged sketch; without it every
    pair-day is written (small buckets only).
    """
    if events.empty:
        return pd.DataFrame({c: [] for c in COLUMNS}).astype(TYPES)
    visits, names, places, hashed = _prepare(events)
    loads = count_loads(visits)
    card = np.repeat(np.arange(visits.n_cards), np.diff(loads.first))
    parts = [_rows("load", -1, a=names.take(card), place=places.take(loads.inst), value=loads.visits)]
    open_sketch = np.full(1, 255, np.uint8)
    for dt, k in scales:
        sketch = open_sketch if sketches is None else sketches[dt]
        parts.append(_rows("rate", dt, place=places, rate=coincidence_rates(visits, dt)))
        for place, a, b, day in _each_place(visits, hashed, sketch, dt, k, emit=True):
            if len(a):
                parts.append(
                    _rows(
                        "pair",
                        dt,
                        a=names.take(a),
                        b=names.take(b),
                        place=np.repeat(places[place], len(a)),
                        value=day + visits.origin // DAY,
                    )
                )
    return pd.concat(parts, ignore_index=True)


def _rows(kind: str, dt: int, **columns: object) -> pd.DataFrame:
    empty: dict[str, object] = {"kind": kind, "dt": dt, "a": "", "b": "", "place": "", "value": 0, "rate": 0.0}
    return pd.DataFrame(empty | columns)[COLUMNS].astype(TYPES)


def combine(
    evidence: Iterable[pd.DataFrame], *, scales: tuple[tuple[int, int], ...] = SCALES, z_min: float | None = None
) -> pd.DataFrame:
    """Surprising pairs a, b, dt, count, expected, z from the evidence of all buckets, in any order; equal to
    `rings.ring_edges` of all events at once."""
    table = pd.concat(list(evidence), ignore_index=True)
    loads = table[table["kind"] == "load"]
    names = pd.Index(np.sort(loads["a"].unique()))
    places = pd.Index(np.sort(loads["place"].unique()))
    card, place = names.get_indexer(loads["a"]), places.get_indexer(loads["place"])
    order = np.lexsort((place, card))
    first = np.searchsorted(card[order], np.arange(len(names) + 1))
    book = Loads(
        first=first, inst=place[order].astype(np.int32), visits=loads["value"].to_numpy()[order].astype(np.int32)
    )
    rates = {dt: np.zeros(len(places)) for dt, _ in scales}
    for dt, own in rates.items():
        known = table[(table["kind"] == "rate") & (table["dt"] == dt)]
        own[places.get_indexer(known["place"])] = known["rate"]
    z_min = chance_threshold(book, rates, scales) if z_min is None else z_min
    frames = [pd.DataFrame({"a": [], "b": [], "dt": [], "count": [], "expected": [], "z": []})]
    for dt, k in scales:
        days = table[(table["kind"] == "pair") & (table["dt"] == dt)]
        # names are ordered inside a bucket, so a < b everywhere
        count = days.drop_duplicates(["a", "b", "value"]).groupby(["a", "b"], sort=True).size()
        count = count[count >= k]
        if count.empty:
            continue
        a, b = (names.get_indexer(count.index.get_level_values(level)).astype(np.int64) for level in (0, 1))
        expected = expected_days(a, b, book, rates[dt])
        z = poisson_surprise(count.to_numpy(), expected)
        keep = z >= z_min
        frames.append(
            pd.DataFrame(
                {"a": names[a], "b": names[b], "dt": dt, "count": count.to_numpy(), "expected": expected, "z": z}
            )[keep]
        )
    return best_scale(pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True))
