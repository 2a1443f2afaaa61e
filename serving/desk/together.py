"""Small writes of several threads in one transaction: forcing a commit to disk takes longer than all else about a page, and one commit serves for those who
wait for the same. Nobody goes on before what he wrote is on disk; a write that fails is undone alone."""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


@dataclass
class _Wish:
    """A write that waits; its context holds the clock of who asked (serving/desk/database.py)."""

    write: Callable[[Connection], Any]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    answer: Any = None
    error: BaseException | None = None
    done: bool = False


class Together:
    """One transaction of this process at a time, with all that waited while the one before went to disk. begin: opens a transaction that may write."""

    def __init__(self, begin: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._begin = begin
        self._turn = threading.Lock()
        self._waiting: deque[_Wish] = deque()

    def write(self, what: Callable[[Connection], T]) -> T:
        """Do it, and return what it returned once it is on disk. Raises what it raised, or why the database could not be written."""
        mine = _Wish(what)
        self._waiting.append(mine)
        with self._turn:
            if not mine.done:
                self._commit([self._waiting.popleft() for _ in range(len(self._waiting))])
        if mine.error is not None:
            raise mine.error
        answer: T = mine.answer
        return answer

    def _commit(self, wishes: list[_Wish]) -> None:
        begun = False
        try:
            with self._begin() as connection:
                begun = True
                answers = [w.context.run(w.write, connection) for w in wishes]
        except BaseException as error:
            if begun and len(wishes) > 1:  # whose fault it was is found out by doing each alone
                for one in wishes:
                    self._commit([one])
                return
            for one in wishes:
                one.error, one.done = error, True
            return
        for one, answer in zip(wishes, answers, strict=True):
            one.answer, one.done = answer, True
