"""The order the co-visit kernels read: events by institution, minute, card, each once; stays as artificial days of a
ward."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from claims.errors import UserError

DAY = 1440

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Visits:
    """Events in the kernel's order: by institution, minute, card; duplicates removed.

    `inst`, `card`: int32 [n]; `minute`: int32 [n], minutes since `origin` (a midnight); `start`: int64 [n_inst+1]
    slices of each institution.
    """

    inst: Codes
    card: Codes
    minute: Codes
    start: Ints
    n_cards: int
    n_inst: int
    origin: int


@nb.njit(cache=True)
def _pack(card, inst, minute, origin, inst_bits, minute_bits, card_bits):  # type: ignore[no-untyped-def]
    keys = np.empty(len(card), np.uint64)
    for e in range(len(card)):
        time = np.uint64(inst[e]) << np.uint64(minute_bits) | np.uint64(minute[e] - origin)
        keys[e] = time << np.uint64(card_bits) | np.uint64(card[e])
    return keys


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
    narrow = all(isinstance(x, np.ndarray) and x.dtype == np.int32 for x in (card, inst, minute))
    dtype = np.int32 if narrow else np.int64  # two compiled forms, no copy of what already fits
    cards, insts, minutes = (np.ascontiguousarray(x, dtype=dtype) for x in (card, inst, minute))
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
    if sum(bits) > 64 or bits[1] > 30:
        raise UserError(
            f"{insts_n} institutions x {span} minutes x {cards_n} cards do not fit a 64-bit key: "
            "check for impossible dates, or split the events into institution buckets"
        )
    keys = _pack(cards, insts, minutes, origin, *bits)
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


def ward_visits(card: npt.ArrayLike, inst: npt.ArrayLike, admitted: npt.ArrayLike, discharged: npt.ArrayLike) -> Visits:
    """Stays as events for `count_covisits(dt=0)`: two cards meet in a ward if admission day AND discharge day are the
    same.

    admitted, discharged: int64 [n] day numbers; the count is the number of such distinct stays together. Each
    (admission, discharge) becomes one artificial day, so the same kernel serves.
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
