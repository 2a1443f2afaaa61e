"""Where work on buckets is done: one function of one bucket, mapped by threads of this process or by a cluster.

What a command is given with ``--executor`` holds for the whole command (`working_on`): whoever builds partitions asks
`executor_in_use`, so no function between them carries it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

BucketJob = Callable[[int], Any]  #: picklable: a top-level function or a functools.partial of one


class Executor(Protocol):
    """Maps a job over buckets; results come in the order of the buckets.

    `remote` tells that buckets lie on other machines, so that nothing should need all of them in this process at once.
    """

    @property
    def remote(self) -> bool: ...

    def map(self, job: BucketJob, buckets: Sequence[int]) -> Iterator[Any]: ...


@dataclass(frozen=True)
class LocalExecutor:
    """Two buckets at a time, one DuckDB thread each: most of a pass is small queries, which one query's own threads do
    not speed up."""

    workers: int = min(2, os.cpu_count() or 1)
    remote: ClassVar[bool] = False

    def map(self, job: BucketJob, buckets: Sequence[int]) -> Iterator[Any]:
        """Results of `job(bucket)` in the order of the buckets."""
        with ThreadPoolExecutor(self.workers) as pool:
            yield from pool.map(job, buckets)


_in_use: Executor = LocalExecutor()


def executor_in_use() -> Executor:
    """What the command works on: this machine, unless `working_on` says otherwise."""
    return _in_use


@contextmanager
def working_on(executor: Executor) -> Iterator[Executor]:
    """Everything within is built on `executor`, whichever thread builds it."""
    global _in_use
    before, _in_use = _in_use, executor
    try:
        yield executor
    finally:
        _in_use = before
