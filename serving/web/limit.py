"""Failed sign-in attempts, counted: after a few within a minute nobody is listened to for the rest of it."""

import time
from collections import deque
from collections.abc import Callable


class Limit:
    """At most `tries` failures within `seconds`, over all callers of this process."""

    def __init__(self, tries: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.tries, self.seconds, self.clock = tries, seconds, clock
        self.failures: deque[float] = deque(maxlen=tries)

    def allow(self) -> bool:
        """Whether another attempt is listened to."""
        return len(self.failures) < self.tries or self.clock() - self.failures[0] > self.seconds

    def fail(self) -> None:
        """Note a failed attempt."""
        self.failures.append(self.clock())
