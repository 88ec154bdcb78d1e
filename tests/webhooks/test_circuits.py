"""Circuits of hosts that do not answer."""

from execution_monitor.webhooks.circuits import Circuits


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(circuits: Circuits, host: str, times: int) -> None:
    for _ in range(times):
        circuits.begin(host)
        circuits.end(host, is_well=False)


def test_a_host_that_failed_five_times_in_a_row_is_left_alone():
    circuits = Circuits(8, Clock())

    fail(circuits, "dead", 4)
    assert circuits.closed_hosts == []
    fail(circuits, "dead", 1)
    assert circuits.closed_hosts == ["dead"]
    assert circuits.seconds_until_open("dead") == 15.0


def test_after_a_while_one_delivery_tries_it():
    clock = Clock()
    circuits = Circuits(8, clock)
    fail(circuits, "dead", 5)

    clock.now = 15.0
    assert circuits.closed_hosts == []
    circuits.begin("dead")
    assert circuits.closed_hosts == ["dead"]


def test_a_host_that_stays_dead_is_tried_ever_more_rarely_up_to_five_minutes():
    clock = Clock()
    circuits = Circuits(8, clock)
    fail(circuits, "dead", 5)
    pauses = list[float]()

    for _ in range(8):
        clock.now += circuits.seconds_until_open("dead")
        fail(circuits, "dead", 1)
        pauses.append(circuits.seconds_until_open("dead"))

    assert pauses == [30, 60, 120, 240, 300, 300, 300, 300]


def test_an_answer_closes_it_whatever_it_says():
    clock = Clock()
    circuits = Circuits(8, clock)
    fail(circuits, "dead", 5)
    clock.now = 15.0

    circuits.begin("dead")
    circuits.end("dead", is_well=True)

    assert circuits.closed_hosts == []
    assert circuits.seconds_until_open("dead") == 0.0


def test_one_host_has_so_many_deliveries_on_their_way_and_no_more():
    circuits = Circuits(2, Clock())

    circuits.begin("slow")
    assert circuits.closed_hosts == []
    circuits.begin("slow")
    assert circuits.closed_hosts == ["slow"]
    circuits.end("slow", is_well=True)
    assert circuits.closed_hosts == []
