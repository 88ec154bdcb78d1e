"""The time between the request to stop and the stop: who has to know is told once."""

from collections.abc import Callable

# Under which an application hands its `Draining` to the server: a key of its lifespan's state (ASGI).
STATE_KEY = "draining"


class Draining:
    """Whether the process is about to stop."""

    def __init__(self) -> None:
        self.has_begun = False
        self._calls: set[Callable[[], object]] = set()

    def begin(self) -> None:
        """Tell everybody, once."""
        self.has_begun = True
        calls, self._calls = self._calls, set()
        for call in calls:
            call()

    def on_begin(self, call: Callable[[], object]) -> None:
        """Call `call` when the process is told to stop; at once when it has been."""
        if self.has_begun:
            call()
        else:
            self._calls.add(call)

    def forget(self, call: Callable[[], object]) -> None:
        """Do not call `call` any more."""
        self._calls.discard(call)
