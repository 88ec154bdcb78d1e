"""Where a process listens, and as many sockets as its limit of open files allows."""

import resource
from collections.abc import Generator

import pytest

from execution_monitor.server.listeners import bind, make_room_for_sockets, metrics_listener
from execution_monitor.settings import Settings
from tests.support.server_process import free_ports


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


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        pytest.param(Settings(), "127.0.0.1", id="this machine alone, unless set"),
        pytest.param(Settings(metrics_host="127.0.0.2"), "127.0.0.2", id="the address that is set"),
    ],
)
def test_metrics_without_a_token_are_served_at_one_address_alone(settings: Settings, host: str):
    port = free_ports(1)
    settings = settings.model_copy(update={"metrics_port": port})
    with bind("127.0.0.1", 0) as main, metrics_listener(settings, main) as listeners:
        addresses = [each.getsockname() for each in listeners]

    assert addresses == [(host, port)]


def test_the_second_worker_serves_its_metrics_at_the_next_port():
    port = free_ports(2)
    with bind("127.0.0.1", 0) as main, metrics_listener(Settings(metrics_port=port), main, worker=1) as listeners:
        addresses = [each.getsockname() for each in listeners]

    assert addresses == [("127.0.0.1", port + 1)]
