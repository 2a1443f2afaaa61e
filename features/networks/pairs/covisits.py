"""Who settles beside whom, again and again: exact co-visit counts without ever storing a pair that does not count.

Definition. Two different cards *meet* on day d if each has an event of day d at the same institution and the two
events lie at most `dt` minutes apart. The count of a pair is the number of distinct days on which it meets: at one
institution (`same_institution=True`: one row per pair and institution) or anywhere (one row per pair; two meetings on
one day count once). Midnight separates: 23:58 and 00:03 are two days.

Method. A *node* is a card (anywhere) or a card at one institution (same institution). For each node, walk over the
windows around its own events and keep one 32-bit word per other node: owner | days. Owners only grow, so a smaller
word is a free one and nothing is ever reset. A pair is written down when its days reach k, and never before: memory is
O(events + nodes + result), time O(pairs of events within dt). Nodes are numbered so that those of one institution lie
together and their words stay in cache. Source: research note "graph mining", section 2; dropping nodes of fewer than k
days is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numba as nb
import numpy as np
import numpy.typing as npt

from claims.errors import UserError
from features.networks.pairs.events import DAY, Ints, Visits

#: more directed scans than this are refused, not begun (about two minutes of one core)
MAX_SCANS = 60_000_000_000
#: events counted at a time in the same-institution form
BLOCK = 500_000
#: bit of a node in `node` that says: this node has several events on that day, so its days must be told apart
REPEAT = np.uint32(1 << 31)
#: `node` of an event that takes no part
NOBODY = np.uint32(0xFFFFFFFF)


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
def grow(array, size):  # type: ignore[no-untyped-def]
    """A longer copy, the tail left as it comes."""
    bigger = np.empty(size, array.dtype)
    bigger[: len(array)] = array
    return bigger


@nb.njit(cache=True)
def _node_keys(card, inst, minute, start, n_cards, same, spare, day_bits, keys, number, who):  # type: ignore[no-untyped-def]
    """Fill `keys`, one an event: node | event (same institution) or node | day | event (any institution), and `who`,
    the card of each number.

    `spare` bits are kept for the event. Anywhere, cards are numbered by the largest institution they visit: most
    comparisons are made there.
    """
    if not same:
        number[:] = -1
        known = 0
        for i in np.argsort(start[:-1] - start[1:]):
            for e in range(start[i], start[i + 1]):
                if number[card[e]] < 0:
                    number[card[e]] = known
                    who[known] = card[e]
                    known += 1
    for e in range(len(card)):
        major = np.int64(inst[e]) * n_cards + card[e] if same else number[card[e]] << day_bits | minute[e] // 1440
        keys[e] = np.uint64(major) << np.uint64(spare) | np.uint64(e)


@nb.njit(cache=True)
def _own_events(keys, shift, spare, minute, k, node, own, day, first, name):  # type: ignore[no-untyped-def]
    """Nodes of at least k days, numbered anew: their events in time order (`own`, `first`), the day of each, the node
    of every event and each node's old number.

    Returns how many events and nodes are left; the arrays are filled up to there.
    """
    node[:] = NOBODY
    mask = (np.uint64(1) << np.uint64(spare)) - np.uint64(1)
    nodes = 0
    n = 0
    first[0] = 0
    s = 0
    while s < len(keys):
        old = keys[s] >> np.uint64(shift)
        begin = n
        days = 0
        while s < len(keys) and keys[s] >> np.uint64(shift) == old:
            e = keys[s] & mask
            own[n] = e
            day[n] = minute[e] // 1440
            if n == begin or day[n] != day[n - 1]:
                days += 1
            n += 1
            s += 1
        if days < k:
            n = begin
            continue
        for q in range(begin, n):
            again = (q > begin and day[q] == day[q - 1]) or (q + 1 < n and day[q] == day[q + 1])
            node[own[q]] = np.uint32(nodes) | REPEAT if again else np.uint32(nodes)
        name[nodes] = old
        nodes += 1
        first[nodes] = n
    return n, nodes


@nb.njit(cache=True)
def _windows(node, minute, start, dt, window, here):  # type: ignore[no-untyped-def]
    """Per event, the events within dt minutes on its day and at its institution, as first << 32 | past-the-end,
    counted over those that have a node.

    `here` takes the nodes of these events. Returns their number, how many comparisons walking all windows takes, the
    largest window and its event.
    """
    scans, worst, worst_at = 0, 0, 0
    n_low = n_high = 0
    for i in range(len(start) - 1):
        low = high = start[i]
        end = start[i + 1]
        n_low = n_high
        for e in range(start[i], end):
            midnight = minute[e] // 1440 * 1440
            begin = max(minute[e] - dt, midnight)
            last = min(minute[e] + dt, midnight + 1439)
            while minute[low] < begin:
                n_low += node[low] != NOBODY
                low += 1
            while high < end and minute[high] <= last:
                here[n_high] = node[high]
                n_high += node[high] != NOBODY
                high += 1
            window[e] = n_low << 32 | n_high
            if node[e] != NOBODY:
                scans += n_high - n_low
                if n_high - n_low > worst:
                    worst, worst_at = n_high - n_low, e
    return n_high, scans, worst, worst_at


@nb.njit(cache=True)
def _look_up(own, node, window):  # type: ignore[no-untyped-def]
    """Replace each event by its window, negative where its node has several events on that day: the walk then reads
    one array in order."""
    for s in range(len(own)):
        e = own[s]
        own[s] = -window[e] if node[e] & REPEAT else window[e]


@nb.njit(cache=True)
def _count(here, own, day, first, k, count_bits, word, met):  # type: ignore[no-untyped-def]
    """Pairs a < b of nodes that meet on at least k days.

    Two nodes of one event each on a day meet at most once on it, so that meeting is counted without looking at the
    day. Where either has several (REPEAT), `met` remembers the owner and day that the other node was last counted for.
    """
    n_nodes = len(first) - 1
    hot = np.empty(n_nodes, np.int32)
    out_a = np.empty(1024, np.int32)
    out_b = np.empty(1024, np.int32)
    out_days = np.empty(1024, np.int32)
    n = 0
    owners = (np.int64(1) << (32 - count_bits)) - 1
    mask = (np.uint32(1) << np.uint32(count_bits)) - np.uint32(1)
    for a in range(n_nodes):
        turn = a % owners
        if turn == 0:
            word[:] = 0
        owner = np.uint32((turn + 1) << count_bits)
        goal = np.uint32(owner + np.uint32(k))
        n_hot = 0
        for s in range(first[a], first[a + 1]):
            repeated = own[s] < 0
            window = abs(own[s])
            today = (np.int64(a) + 1) << 32 | day[s]
            for j in range(np.uint64(window >> 32), np.uint64(window & 0xFFFFFFFF)):
                b = here[j]
                if repeated or b & REPEAT:
                    b &= ~REPEAT
                    if met[b] == today:
                        continue
                    met[b] = today
                w = np.uint32(max(word[b], owner) + np.uint32(1))
                word[b] = w
                if w == goal and b > a:
                    hot[n_hot] = b
                    n_hot += 1
        if n + n_hot > len(out_a):
            size = max(2 * len(out_a), n + n_hot)
            out_a, out_b, out_days = grow(out_a, size), grow(out_b, size), grow(out_days, size)
        for h in range(n_hot):
            out_a[n] = a
            out_b[n] = hot[h]
            out_days[n] = word[hot[h]] & mask
            n += 1
    return out_a[:n], out_b[:n], out_days[:n]


def open_windows(
    visits: Visits, node: npt.NDArray[np.uint32], dt: int, limit: int = MAX_SCANS
) -> tuple[Ints, npt.NDArray[np.uint32]]:
    """(window of each event, node of each event that has one), as `windows` gives them. Raises UserError where walking
    all windows takes more than `limit` comparisons, naming the worst institution and day: O(events), so a refusal
    costs nothing."""
    window, here = np.empty(len(node), np.int64), np.empty(len(node), np.uint32)
    kept, scans, worst, at = _windows(node, visits.minute, visits.start, dt, window, here)
    if scans > limit:
        day = np.datetime64((visits.origin + int(visits.minute[at])) // DAY, "D")
        raise UserError(
            f"institution code {int(visits.inst[at])} has {worst:,} events within {dt} minutes on {day}: "
            f"{scans:,} comparisons are more than the limit of {limit:,}; its clock has collapsed (batch upload), "
            "leave these events out of co-visit evidence or split them by terminal"
        )
    return window, here[:kept]


def count_covisits(visits: Visits, *, dt: int, k: int, same_institution: bool = False, limit: int = MAX_SCANS) -> Pairs:
    """All card pairs that meet within `dt` minutes on at least `k` distinct days, sorted by (a, b, inst).

    Raises UserError for dt < 0, k < 1, or more than `limit` comparisons (a million visits on one timestamp).
    """
    if dt < 0 or k < 1:
        raise UserError(f"co-visit needs dt >= 0 minutes and k >= 1 days, got dt={dt}, k={k}")
    days = int(visits.minute.max()) // DAY + 1 if len(visits.minute) else 0
    if k > days:
        none = np.zeros(0, np.int64)
        return Pairs(a=none, b=none, inst=none, count=none)
    parts = _blocks(visits) if same_institution else [visits]
    counted = [_count_block(part, dt, k, days, same_institution, limit) for part in parts]
    a, b, inst, met = (np.concatenate(columns) for columns in zip(*counted, strict=True))
    rank = np.lexsort((inst, b, a))
    return Pairs(a=a[rank], b=b[rank], inst=inst[rank], count=met[rank].astype(np.int64))


def _blocks(visits: Visits, events: int = BLOCK) -> Iterator[Visits]:
    """The same events some institutions at a time, so that working memory is that of the largest."""
    i = 0
    while i < visits.n_inst:
        j = max(int(np.searchsorted(visits.start, visits.start[i] + events, side="right")) - 1, i + 1)
        here = slice(int(visits.start[i]), int(visits.start[j]))
        if here.stop > here.start:
            yield replace(
                visits,
                inst=visits.inst[here],
                card=visits.card[here],
                minute=visits.minute[here],
                start=visits.start[i : j + 1] - here.start,
            )
        i = j


def _count_block(visits: Visits, dt: int, k: int, days: int, same: bool, limit: int) -> tuple[Ints, Ints, Ints, Ints]:
    """(a, b, inst, days) of the pairs, in no order."""
    node, name, own, day, first = _nodes(visits, k, days, same)
    window, here = open_windows(visits, node, dt, limit)
    _look_up(own, node, window)
    del node, window
    word, met = np.empty(len(name), np.uint32), np.zeros(len(name), np.int64)
    x, y, met_days = _count(here, own, day, first, k, days.bit_length(), word, met)
    card, place = (name % visits.n_cards, name // visits.n_cards) if same else (name, np.full(len(name), -1))
    return np.minimum(card[x], card[y]), np.maximum(card[x], card[y]), place[x], met_days


def _nodes(
    visits: Visits, k: int, days: int, same: bool
) -> tuple[npt.NDArray[np.uint32], Ints, Ints, npt.NDArray[np.int32], Ints]:
    """(node of each event, what each node stands for: card, or institution × n_cards + card; then `own`, `day`,
    `first` as `_own_events` gives them).

    Arrays the kernels work on are made here, not in the kernels: numpy asks for huge pages, without which random
    access costs three times as much.
    """
    n = len(visits.card)
    spare, day_bits = n.bit_length(), 0 if same else days.bit_length()
    top = visits.n_cards * (visits.n_inst if same else 1)
    if top.bit_length() + day_bits + spare > 64:
        raise UserError(
            f"{visits.n_cards} cards x {days} days x {n} events do not fit a 64-bit key: split the events into "
            "institution buckets"
        )
    keys = np.empty(n, np.uint64)
    number, who = np.full(0 if same else visits.n_cards, -1), np.empty(0 if same else visits.n_cards, np.int64)
    _node_keys(
        visits.card, visits.inst, visits.minute, visits.start, visits.n_cards, same, spare, day_bits, keys, number, who
    )
    keys.sort()
    node, own, day = np.empty(n, np.uint32), np.empty(n, np.int64), np.empty(n, np.int32)
    first, name = np.empty(n // k + 2, np.int64), np.empty(n // k + 1, np.int64)
    kept, nodes = _own_events(keys, spare + day_bits, spare, visits.minute, k, node, own, day, first, name)
    return node, name[:nodes] if same else who[name[:nodes]], own[:kept], day[:kept], first[: nodes + 1]
