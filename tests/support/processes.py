"""Processes that tests start and must end."""

import contextlib
from collections.abc import Generator
from typing import Protocol, TypeVar


class Startable(Protocol):
    """What can be started, and closed whatever state it is in."""

    def start(self) -> None:
        """Start it, and return when it can be used."""

    def close(self) -> None:
        """End all its processes, if any."""


Started = TypeVar("Started", bound=Startable)


@contextlib.contextmanager
def running(startable: Started) -> Generator[Started]:
    """Start `startable`, and close it when the block ends or the start fails."""
    try:
        startable.start()
        yield startable
    finally:
        startable.close()
