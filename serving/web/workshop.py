"""Workbooks are made in a process of their own, one at a time: half a second of one core each, which pages must not wait for (D12 of the desk's review)."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, Final, TypeVar

T = TypeVar("T")
_LOCK: Final = threading.Lock()
_POOL: dict[str, ProcessPoolExecutor] = {}


def _start() -> None:
    os.nice(10)


def _pool() -> ProcessPoolExecutor:
    with _LOCK:
        if "pool" not in _POOL:
            # spawned, not forked: a server has threads
            _POOL["pool"] = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_start)
        return _POOL["pool"]


def apart(work: Callable[..., T], *args: Any) -> T:
    """The result of a function of a module, called in the workshop; what it raises is raised here. A process that was killed is replaced once."""
    for last in (False, True):
        try:
            return _pool().submit(work, *args).result()
        except BrokenProcessPool:
            with _LOCK:
                _POOL.pop("pool", None)
            if last:
                raise
    raise AssertionError
