"""How many connections clients may have, how long each may be silent, and which makes room for another."""

import pytest

from execution_monitor.limits.tcp_connections import Connection, Phase, TcpConnectionLimits, TcpConnections

LIMITS = TcpConnectionLimits(total=4, per_address=2, first_byte_seconds=30, head_seconds=15, keep_alive_seconds=75)


class Client:
    """A client, and what happened to its connection."""

    def __init__(self, clients: TcpConnections, address: str | None, phase: Phase | None = None) -> None:
        self.was_aborted = False
        self.timed_out: list[Phase] = []
        self.may_stay = False
        self.connection = clients.enter(self, address)
        if phase is not None and self.connection is not None:
            self.connection.enter(phase)

    @property
    def active_connection(self) -> Connection:
        """Its connection; fails if it was refused."""
        assert self.connection is not None
        return self.connection

    def time_out(self, phase: Phase) -> bool:
        """Record the time limit."""
        self.timed_out.append(phase)
        return not self.may_stay

    def abort(self) -> None:
        """Record that it was closed to make room."""
        self.was_aborted = True


def elapse(clients: TcpConnections, seconds: float) -> None:
    """Let time pass, and check time limits as a server does."""
    started = clients.clock
    for tick in range(int(seconds * 10) + 1):
        clients.check_timeouts(started + tick / 10)


@pytest.fixture
def clients() -> TcpConnections:
    found = TcpConnections(LIMITS, "10.0.0.0/8, ::1")
    found.check_timeouts(0.0)
    return found


@pytest.mark.parametrize(
    ("phase", "seconds"),
    [(Phase.WAITING, 30), (Phase.HEAD, 15), (Phase.BODY, 10), (Phase.IDLE, 75), (Phase.DRAINING, 30)],
)
def test_each_phase_has_its_time_limit(clients: TcpConnections, phase: Phase, seconds: float):
    client = Client(clients, "192.0.2.1", phase)

    elapse(clients, seconds - 0.5)
    before = list(client.timed_out)
    elapse(clients, 1)

    assert (before, client.timed_out) == ([], [phase])
    assert clients.timed_out[phase] == 1


def test_a_request_that_is_served_has_no_time_limit(clients: TcpConnections):
    client = Client(clients, "192.0.2.1", Phase.ACTIVE)

    elapse(clients, 1_000)

    assert client.timed_out == []


def test_a_phase_that_begins_again_has_its_time_limit_again(clients: TcpConnections):
    client = Client(clients, "192.0.2.1", Phase.IDLE)
    elapse(clients, 70)
    client.active_connection.enter(Phase.ACTIVE)
    client.active_connection.enter(Phase.IDLE)

    elapse(clients, 70)

    assert client.timed_out == []


def test_a_connection_that_may_stay_is_checked_again_after_as_long_and_is_not_counted(clients: TcpConnections):
    client = Client(clients, "192.0.2.1", Phase.BODY)
    client.may_stay = True

    elapse(clients, 25)

    assert client.timed_out == [Phase.BODY, Phase.BODY]
    assert clients.timed_out[Phase.BODY] == 0


def test_a_process_that_stood_still_takes_no_client_for_silent(clients: TcpConnections):
    client = Client(clients, "192.0.2.1", Phase.HEAD)

    clients.check_timeouts(3_600.0)

    assert client.timed_out == []


def test_the_connection_that_was_silent_for_longest_makes_room_for_another(clients: TcpConnections):
    slow = Client(clients, "192.0.2.1", Phase.BODY)
    incomplete = Client(clients, "192.0.2.2", Phase.HEAD)
    elapse(clients, 1)
    idle = Client(clients, "192.0.2.3", Phase.IDLE)
    elapse(clients, 1)
    waiting = Client(clients, "192.0.2.4")

    displaced: list[Client] = []
    for number in range(4):
        assert Client(clients, f"192.0.2.{10 + number}", Phase.ACTIVE).connection is not None
        displaced += [each for each in (slow, incomplete, idle, waiting) if each.was_aborted and each not in displaced]
    last = Client(clients, "192.0.2.20")

    assert displaced == [idle, waiting, incomplete, slow]
    assert last.connection is None
    assert (clients.displaced, clients.refused, clients.phases[Phase.ACTIVE]) == (4, 1, 4)


def test_an_address_makes_room_for_itself_alone(clients: TcpConnections):
    neighbour = Client(clients, "192.0.2.9", Phase.IDLE)
    elapse(clients, 1)
    silent = Client(clients, "192.0.2.1")
    speaking = Client(clients, "192.0.2.1", Phase.ACTIVE)

    second = Client(clients, "192.0.2.1", Phase.ACTIVE)
    third = Client(clients, "192.0.2.1")

    assert [each.was_aborted for each in (neighbour, silent, speaking)] == [False, True, False]
    assert second.connection is not None
    assert third.connection is None


@pytest.mark.parametrize("address", ["10.1.2.3", "::1", None], ids=["in a network", "an address", "no address"])
def test_clients_of_a_proxy_are_not_limited_as_one(clients: TcpConnections, address: str | None):
    held = [Client(clients, address, Phase.ACTIVE) for _ in range(5)]

    assert [each.connection is not None for each in held] == [True, True, True, True, False]


def test_where_every_proxy_is_trusted_no_address_is_limited():
    clients = TcpConnections(LIMITS, "*")
    held = [Client(clients, "192.0.2.1", Phase.ACTIVE) for _ in range(4)]

    assert all(each.connection for each in held)


def test_the_network_of_one_customer_is_one_address(clients: TcpConnections):
    held = [Client(clients, f"2001:db8::{number}", Phase.ACTIVE) for number in range(3)]

    assert [each.connection is not None for each in held] == [True, True, False]


def test_a_connection_that_leaves_makes_room_once_and_has_no_time_limit(clients: TcpConnections):
    first, second = (Client(clients, "192.0.2.1", Phase.ACTIVE) for _ in range(2))
    first.active_connection.leave()
    first.active_connection.leave()
    first.active_connection.enter(Phase.IDLE)
    third = Client(clients, "192.0.2.1")

    elapse(clients, 100)

    assert second.connection is not None
    assert third.timed_out == [Phase.WAITING] * 3
    assert first.timed_out == []
    assert sum(clients.phases.values()) == 2


def test_a_websocket_is_not_closed_to_make_room(clients: TcpConnections):
    sockets = [Client(clients, f"192.0.2.{number}", Phase.HEAD) for number in range(4)]
    for each in sockets:
        each.active_connection.upgrade()

    assert Client(clients, "192.0.2.9").connection is None
    assert not any(each.was_aborted for each in sockets)
