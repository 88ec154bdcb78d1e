"""A bound on how often something happens: a token bucket."""

import time
from collections.abc import Callable


class TokenBucket:
    """Allows something `at_once` times in a row, and `per_second` times over time."""

    def __init__(self, per_second: float, at_once: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._clock = clock
        self._left = at_once
        self._counted_at = clock()

    def take(self) -> bool:
        """Whether it may happen now; if so, that counts."""
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._counted_at) * self._per_second)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def give_back(self) -> None:
        """Make what was taken last not count."""
        self._left = min(self._at_once, self._left + 1)
