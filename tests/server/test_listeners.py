"""A process may open as many sockets as its limit of open files allows."""

import resource
from collections.abc import Generator

import pytest

from execution_monitor.server.listeners import make_room_for_sockets


@pytest.fixture
def hard() -> Generator[int]:
    """The hard limit; the soft limit is restored."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_of_open_files_is_raised_as_far_as_needed(hard: int):
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, hard))

    assert make_room_for_sockets(2_000) == 2_000
    assert 2_000 < resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 3_000


def test_the_limit_of_open_files_is_never_lowered(hard: int):
    resource.setrlimit(resource.RLIMIT_NOFILE, (4_096, hard))

    assert make_room_for_sockets(100) == 100
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 4_096


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] == resource.RLIM_INFINITY, reason="There is none.")
def test_where_it_cannot_be_raised_there_is_room_for_fewer(hard: int):
    assert 0 < make_room_for_sockets(hard) < hard
