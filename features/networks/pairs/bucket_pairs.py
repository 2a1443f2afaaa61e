"""Surprising pairs of a warehouse too large for one machine: the co-visit kernels run per institution bucket over any
executor, evidence is summed by pair.

Two rounds (features/networks/pairs/pair_evidence.py): first every bucket bounds the days of all pairs in a small
sketch, then it hands back the days of those pairs only that the summed sketches leave open. Loops, threads, processes
and Spark give the same pairs as one search over all events, so rings keep their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path

import pandas as pd

from claims.store.executor import Executor
from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.networks.pairs.pair_evidence import Sketch, combine, merge_sketches, pair_evidence, pair_sketch
from features.networks.pairs.significance import SCALES

_EVENTS = """
    SELECT psn_no, fixmedins_code, epoch(happened_at)::BIGINT // 60 AS minute
    FROM net.swipes
    WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL {days} DAY
        AND psn_no IS NOT NULL
        AND fixmedins_code IS NOT NULL
"""
#: slots of a sketch, as a power of two: two to four times the pair-days of a bucket keep almost everything out of the
#: second round
BITS = 22


def _read(root: str, as_of: date | datetime, days: int, bucket: int) -> pd.DataFrame:
    con = open_views(Warehouse.open(Path(root)), as_of, "institution", bucket, lines=False, words=frozenset())
    try:
        return pd.DataFrame(con.execute(_EVENTS.format(days=days)).df())
    finally:
        con.close()


def _sketch_bucket(bucket: int, root: str, as_of: date | datetime, days: int, bits: int) -> dict[int, Sketch]:
    """The first round's job: dt → sketch of one bucket."""
    events = _read(root, as_of, days, bucket)
    return {dt: pair_sketch(events, dt=dt, bits=bits) for dt, _ in SCALES}


def _weigh_bucket(
    bucket: int, root: str, as_of: date | datetime, days: int, sketches: Mapping[int, Sketch]
) -> pd.DataFrame:
    """The second round's job: what one bucket knows of the pairs still open."""
    return pair_evidence(_read(root, as_of, days, bucket), sketches)


def bucket_pairs(
    warehouse: Warehouse, as_of: date | datetime, window_days: int, executor: Executor, *, bits: int = BITS
) -> pd.DataFrame:
    """a, b, dt, count, expected, z of all surprising pairs of swipes in the window; equal to `rings.ring_edges` of all
    of them at once."""
    buckets = range(warehouse.buckets)
    root = str(warehouse.root)
    first = partial(_sketch_bucket, root=root, as_of=as_of, days=window_days, bits=bits)
    found = list(executor.map(first, buckets))
    sketches = {dt: merge_sketches(each[dt] for each in found) for dt, _ in SCALES}
    second = partial(_weigh_bucket, root=root, as_of=as_of, days=window_days, sketches=sketches)
    return combine(executor.map(second, buckets))
