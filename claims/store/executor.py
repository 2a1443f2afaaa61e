"""The seam between a job and the machines it runs on: one function of one bucket, mapped by a loop, by processes, or by Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

BucketJob = Callable[[int], Any]  #: picklable: a top-level function or a functools.partial of one


class Executor(Protocol):
    """Maps a job over buckets; results come in the order of the buckets."""

    def map(self, job: BucketJob, buckets: Sequence[int]) -> Iterator[Any]: ...


@dataclass(frozen=True)
class LocalExecutor:
    """A loop over buckets in bounded memory; with `workers` > 1, that many processes."""

    workers: int = 1

    def map(self, job: BucketJob, buckets: Sequence[int]) -> Iterator[Any]:
        """Results of `job(bucket)`, bucket by bucket."""
        if self.workers <= 1 or len(buckets) <= 1:
            yield from map(job, buckets)
            return
        with ProcessPoolExecutor(self.workers) as pool:
            yield from pool.map(job, buckets)
