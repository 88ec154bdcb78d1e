"""Work that a Ctrl-C must not cut in half."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Result = TypeVar("_Result")


def uninterrupted(work: Callable[[], _Result]) -> _Result:
    """Do `work` in a thread of its own, where no `KeyboardInterrupt` arrives, and wait for its end.

    An interrupt of the waiting thread is raised after that end. Python waits for it even when interrupted again.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(work).result()
