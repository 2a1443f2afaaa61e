"""Who settles beside whom, again and again: exact co-visit counts without ever storing a pair that does not count.

Definition. Two different cards *meet* on day d if each has an event of day d at the same institution and the two events lie at
most `dt` minutes apart. The count of a pair is the number of distinct days on which it meets: at one institution
(`same_institution=True`: one row per pair and institution) or anywhere (one row per pair; two meetings on one day count once).
Midnight separates: 23:58 and 00:03 are two days.

Method. For each card, walk over the windows around its own events and keep one machine word per other card
(owner, last day, count). A pair is written down when its count reaches k, and never before, so memory is O(events + cards + result)
and time is O(pairs of events within dt). Source: research note "graph mining", section 2; the pruning of cards with fewer than k days is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from claims.errors import UserError

DAY = 1440
#: more directed scans than this are refused, not begun (about five minutes of one core)
MAX_SCANS = 60_000_000_000

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Visits:
    """Events in the kernel's order: by institution, minute, card; duplicates removed.

    `inst`, `card`: int32 [n]; `minute`: int32 [n], minutes since `origin` (a midnight); `start`: int64 [n_inst+1] slices of each institution.
    """

    inst: npt.NDArray[np.int32]
    card: npt.NDArray[np.int32]
    minute: npt.NDArray[np.int32]
    start: Ints
    n_cards: int
    n_inst: int
    origin: int


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs `a < b` with their count of days; `inst` is −1 where evidence is summed over institutions."""

    a: Ints
    b: Ints
    inst: Ints
    count: Ints

    def __len__(self) -> int:
        return len(self.a)


@nb.njit(cache=True)
def _unpack(  # type: ignore[no-untyped-def]
    keys, inst_bits, minute_bits, card_bits, inst, minute, card, start
):
    n = 0
    card_mask = (np.uint64(1) << np.uint64(card_bits)) - np.uint64(1)
    minute_mask = (np.uint64(1) << np.uint64(minute_bits)) - np.uint64(1)
    last = np.uint64(0)
    for e in range(len(keys)):
        key = keys[e]
        if e > 0 and key == last:
            continue
        last = key
        card[n] = np.int32(key & card_mask)
        minute[n] = np.int32((key >> np.uint64(card_bits)) & minute_mask)
        inst[n] = np.int32(key >> np.uint64(card_bits + minute_bits))
        start[inst[n] + 1] += 1
        n += 1
    for i in range(1, len(start)):
        start[i] += start[i - 1]
    return n


def sort_visits(
    card: npt.ArrayLike,
    inst: npt.ArrayLike,
    minute: npt.ArrayLike,
    *,
    n_cards: int | None = None,
    n_inst: int | None = None,
) -> Visits:
    """Bring events of any order into the kernel's order with one sort of packed 64-bit keys.

    card, inst: int [n], codes 0…; minute: int64 [n], minutes since any midnight (negative allowed).
    Raises UserError if the arrays differ in length, hold negative codes, or the span is beyond 64 bits.
    """
    cards, insts, minutes = (np.ascontiguousarray(x, dtype=np.int64) for x in (card, inst, minute))
    if not (cards.shape == insts.shape == minutes.shape) or cards.ndim != 1:
        raise UserError("co-visit events need card, institution and minute arrays of one length")
    if len(cards) == 0:
        empty = np.zeros(0, np.int32)
        inst_count = n_inst or 0
        return Visits(
            inst=empty,
            card=empty,
            minute=empty,
            start=np.zeros(inst_count + 1, np.int64),
            n_cards=n_cards or 0,
            n_inst=inst_count,
            origin=0,
        )
    if cards.min() < 0 or insts.min() < 0:
        raise UserError(
            "co-visit events hold a negative card or institution code; drop rows without a card or institution first"
        )
    cards_n = max(int(cards.max()) + 1, n_cards or 0)
    insts_n = max(int(insts.max()) + 1, n_inst or 0)
    origin = int(minutes.min()) // DAY * DAY
    span = int(minutes.max()) - origin + 1
    bits = (max(insts_n - 1, 1).bit_length(), max(span - 1, 1).bit_length(), max(cards_n - 1, 1).bit_length())
    if sum(bits) > 64 or bits[1] > 31:
        raise UserError(
            f"{insts_n} institutions x {span} minutes x {cards_n} cards do not fit a 64-bit key: "
            "check for impossible dates, or split the events into institution buckets"
        )
    keys = insts.astype(np.uint64)
    keys <<= np.uint64(bits[1])
    keys |= (minutes - origin).astype(np.uint64)
    keys <<= np.uint64(bits[2])
    keys |= cards.astype(np.uint64)
    keys.sort()
    n = len(keys)
    out_inst, out_minute, out_card = (np.empty(n, np.int32) for _ in range(3))
    start = np.zeros(insts_n + 1, np.int64)
    kept = _unpack(keys, *bits, out_inst, out_minute, out_card, start)
    del keys
    return Visits(
        inst=out_inst[:kept],
        card=out_card[:kept],
        minute=out_minute[:kept],
        start=start,
        n_cards=cards_n,
        n_inst=insts_n,
        origin=origin,
    )


@nb.njit(cache=True)
def _windows(minute, start, dt, low, high):  # type: ignore[no-untyped-def]
    """First and past-the-end event within dt minutes on the same day and institution; returns the directed scans needed and the worst spot."""
    scans = 0
    worst, worst_at = 0, -1
    for i in range(len(start) - 1):
        lo = start[i]
        hi = start[i]
        for e in range(start[i], start[i + 1]):
            first = max(minute[e] - dt, minute[e] // 1440 * 1440)
            last = min(minute[e] + dt, minute[e] // 1440 * 1440 + 1439)
            while minute[lo] < first:
                lo += 1
            if hi < e:
                hi = e
            while hi < start[i + 1] and minute[hi] <= last:
                hi += 1
            low[e] = lo
            high[e] = hi
            scans += hi - lo
            if hi - lo > worst:
                worst = hi - lo
                worst_at = e
    return scans, worst, worst_at


@nb.njit(cache=True)
def _grow(array, size):  # type: ignore[no-untyped-def]
    bigger = np.empty(size, array.dtype)
    bigger[: len(array)] = array
    return bigger


@nb.njit(cache=True)
def _count(card, minute, low, high, order, first, n_ids, k):  # type: ignore[no-untyped-def]
    """Accumulate over the events of each card (order[first[a]:first[a+1]], in time order); returns pairs a < b with count ≥ k.

    One word per other card: owner (32 bits) | day+1 (20 bits) | count (12 bits). A stale owner means the word is free: no reset is needed.
    """
    word = np.zeros(n_ids, np.uint64)
    hot = np.empty(n_ids, np.int32)
    out_a = np.empty(1024, np.int32)
    out_b = np.empty(1024, np.int32)
    out_c = np.empty(1024, np.int32)
    n = 0
    one = np.uint64(1)
    twelve = np.uint64(12)
    low12 = np.uint64(4095)
    threshold = np.uint64(k)
    for a in range(n_ids):
        lo_e = first[a]
        hi_e = first[a + 1]
        if hi_e - lo_e < k:
            continue
        owner = np.uint64(a + 1) << np.uint64(32)
        n_hot = 0
        for s in range(lo_e, hi_e):
            e = order[s]
            today = owner | (np.uint64(minute[e] // 1440 + 1) << twelve)
            for j in range(low[e], high[e]):
                b = card[j]
                w = word[b]
                if (w ^ today) >> twelve == 0:
                    continue  # already met on this day
                if w < owner:  # owners only grow, so a smaller word belongs to an earlier card
                    word[b] = today | one
                    if threshold == one and b > a:
                        hot[n_hot] = b
                        n_hot += 1
                    continue
                c = (w & low12) + one
                if c > low12:
                    c = low12
                word[b] = today | c
                if c == threshold and b > a:
                    hot[n_hot] = b
                    n_hot += 1
        if n + n_hot > len(out_a):
            size = max(2 * len(out_a), n + n_hot)
            out_a = _grow(out_a, size)
            out_b = _grow(out_b, size)
            out_c = _grow(out_c, size)
        for h in range(n_hot):
            b = hot[h]
            out_a[n] = a
            out_b[n] = b
            out_c[n] = np.int32(word[b] & low12)
            n += 1
    return out_a[:n], out_b[:n], out_c[:n]


@nb.njit(cache=True)
def _by_card(card, n_ids):  # type: ignore[no-untyped-def]
    """Counting sort of event positions by card (stable, so time order within an institution is kept)."""
    first = np.zeros(n_ids + 1, np.int64)
    for e in range(len(card)):
        first[card[e] + 1] += 1
    for a in range(n_ids):
        first[a + 1] += first[a]
    at = first[:-1].copy()
    order = np.empty(len(card), np.int32)
    for e in range(len(card)):
        order[at[card[e]]] = e
        at[card[e]] += 1
    return order, first


@nb.njit(cache=True)
def _count_here(card, minute, start, dt, k, n_cards):  # type: ignore[no-untyped-def]
    """Per-institution form: cards with fewer than k days here are dropped first (exact), so the words of one institution stay in cache."""
    days = np.zeros(n_cards, np.int32)
    last_day = np.zeros(n_cards, np.int32)
    local = np.empty(n_cards, np.int32)
    out_a = np.empty(1024, np.int32)
    out_b = np.empty(1024, np.int32)
    out_i = np.empty(1024, np.int32)
    out_c = np.empty(1024, np.int32)
    n = 0
    for i in range(len(start) - 1):
        lo, hi = start[i], start[i + 1]
        if hi - lo < 2 * k:
            continue
        for e in range(lo, hi):
            days[card[e]] = 0
            last_day[card[e]] = -1
            local[card[e]] = -1
        for e in range(lo, hi):
            day = minute[e] // 1440
            if last_day[card[e]] != day:
                last_day[card[e]] = day
                days[card[e]] += 1
        m = 0
        for e in range(lo, hi):
            if days[card[e]] >= k:
                m += 1
        if m == 0:
            continue
        here = np.empty(m, np.int32)
        when = np.empty(m, np.int32)
        names = np.empty(m, np.int32)
        m = 0
        ids = 0
        for e in range(lo, hi):
            c = card[e]
            if days[c] >= k:
                if local[c] < 0:
                    local[c] = ids
                    names[ids] = c
                    ids += 1
                here[m] = local[c]
                when[m] = minute[e]
                m += 1
        low = np.empty(m, np.int32)
        high = np.empty(m, np.int32)
        bounds = np.array([0, m])
        _windows(when, bounds, dt, low, high)
        order, first = _by_card(here, ids)
        a, b, c = _count(here, when, low, high, order, first, ids, k)
        if n + len(a) > len(out_a):
            size = max(2 * len(out_a), n + len(a))
            out_a = _grow(out_a, size)
            out_b = _grow(out_b, size)
            out_i = _grow(out_i, size)
            out_c = _grow(out_c, size)
        for p in range(len(a)):
            x, y = names[a[p]], names[b[p]]
            out_a[n] = min(x, y)
            out_b[n] = max(x, y)
            out_i[n] = i
            out_c[n] = c[p]
            n += 1
    return out_a[:n], out_b[:n], out_i[:n], out_c[:n]


@nb.njit(cache=True)
def _scans(minute, start, dt):  # type: ignore[no-untyped-def]
    """Directed scans a run would need, the largest window and where it lies: O(events), so a refusal costs nothing."""
    scans = 0
    worst, worst_at = 0, 0
    for i in range(len(start) - 1):
        lo = start[i]
        hi = start[i]
        for e in range(start[i], start[i + 1]):
            day = minute[e] // 1440 * 1440
            while minute[lo] < max(minute[e] - dt, day):
                lo += 1
            if hi < e:
                hi = e
            while hi < start[i + 1] and minute[hi] <= min(minute[e] + dt, day + 1439):
                hi += 1
            scans += hi - lo
            if hi - lo > worst:
                worst, worst_at = hi - lo, e
    return scans, worst, worst_at


@nb.njit(cache=True)
def _homes(inst, card, start, n_cards):  # type: ignore[no-untyped-def]
    """Renumber cards by the smallest institution they visit, so that the words touched by one window lie together in memory."""
    new = np.full(n_cards, -1, np.int32)
    old = np.empty(n_cards, np.int32)
    sizes = start[1:] - start[:-1]
    n = 0
    for i in np.argsort(sizes):
        for e in range(start[i], start[i + 1]):
            if new[card[e]] < 0:
                new[card[e]] = n
                old[n] = card[e]
                n += 1
    return new, old[:n]


@nb.njit(cache=True)
def _sort_days(order, first, minute):  # type: ignore[no-untyped-def]
    """Put each card's events (so far by institution) in time order, so that a day met at two institutions counts once."""
    for a in range(len(first) - 1):
        for s in range(first[a] + 1, first[a + 1]):
            e = order[s]
            t = minute[e]
            p = s - 1
            while p >= first[a] and minute[order[p]] > t:
                order[p + 1] = order[p]
                p -= 1
            order[p + 1] = e


def check_scans(visits: Visits, dt: int, limit: int = MAX_SCANS) -> int:
    """Directed scans a count with this `dt` will make. Raises UserError where they exceed `limit`, naming the worst institution and day."""
    scans, worst, at = _scans(visits.minute, visits.start, dt)
    if scans > limit:
        day = (visits.origin + int(visits.minute[at])) // DAY
        raise UserError(
            f"institution code {int(visits.inst[at])} has {worst:,} events within {dt} minutes on {np.datetime64(int(day), 'D')}: "
            f"{scans:,} comparisons are more than the limit of {limit:,}; its clock has collapsed (batch upload), "
            "leave these events out of co-visit evidence or split them by terminal"
        )
    return int(scans)


def count_covisits(visits: Visits, *, dt: int, k: int, same_institution: bool = False, limit: int = MAX_SCANS) -> Pairs:
    """All card pairs that meet within `dt` minutes on at least `k` distinct days, sorted by (a, b, inst).

    Raises UserError for dt < 0, k < 1, or more than `limit` comparisons (a million visits on one timestamp).
    """
    if dt < 0 or k < 1:
        raise UserError(f"co-visit needs dt >= 0 minutes and k >= 1 days, got dt={dt}, k={k}")
    check_scans(visits, dt, limit)
    if same_institution:
        a, b, i, c = _count_here(visits.card, visits.minute, visits.start, dt, k, visits.n_cards)
    else:
        new, old = _homes(visits.inst, visits.card, visits.start, visits.n_cards)
        card = new[visits.card]
        low, high = np.empty(len(card), np.int32), np.empty(len(card), np.int32)
        _windows(visits.minute, visits.start, dt, low, high)
        order, first = _by_card(card, len(old))
        _sort_days(order, first, visits.minute)
        x, y, c = _count(card, visits.minute, low, high, order, first, len(old), k)
        a, b = np.minimum(old[x], old[y]), np.maximum(old[x], old[y])
        i = np.full(len(a), -1, np.int32)
    rank = np.lexsort((i, b, a))
    return Pairs(
        a=a[rank].astype(np.int64),
        b=b[rank].astype(np.int64),
        inst=i[rank].astype(np.int64),
        count=c[rank].astype(np.int64),
    )


def ward_visits(card: npt.ArrayLike, inst: npt.ArrayLike, admitted: npt.ArrayLike, discharged: npt.ArrayLike) -> Visits:
    """Stays as events for `count_covisits(dt=0)`: two cards meet in a ward if admission day AND discharge day are the same.

    admitted, discharged: int64 [n] day numbers; the count is the number of such distinct stays together. Each (admission, discharge) becomes one
    artificial day, so the same kernel serves.
    """
    adm, dis = np.asarray(admitted, dtype=np.int64), np.asarray(discharged, dtype=np.int64)
    if len(adm) and (dis < adm).any():
        raise UserError("a stay ends before it begins: quarantine it at intake")
    _, tile = (
        np.unique(np.stack([adm, dis], axis=1), axis=0, return_inverse=True)
        if len(adm)
        else (None, np.zeros(0, np.int64))
    )
    return sort_visits(card, inst, np.asarray(tile, dtype=np.int64).reshape(-1) * DAY)
