"""Circuits: a host that does not answer is left alone for a while, so that it keeps no sender from the others."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_FAILURES_UNTIL_OPEN = 5
_FIRST_SECONDS = 15.0
_MAX_SECONDS = 300.0
# Beyond it those that were closed for longest are forgotten.
_MAX_HOSTS = 10_000


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    open_until: float = 0.0
    in_flight: int = 0


class Circuits:
    """The hosts of receivers, as this process knows them.

    Args:
        most_at_once: how many deliveries to one host are on their way at once.
        clock: seconds, of which only differences count.
    """

    def __init__(self, most_at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_at_once = most_at_once
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}

    @property
    def closed_hosts(self) -> Sequence[str]:
        """The hosts that nothing may be sent to now: they failed a moment ago, or have enough on its way."""
        return [host for host, circuit in self._circuits.items() if not self._takes(circuit)]

    def has_place(self, host: str) -> bool:
        """Whether a delivery may be sent to a host now."""
        circuit = self._circuits.get(host)
        return circuit is None or self._takes(circuit)

    @property
    def has_full_hosts(self) -> bool:
        """Whether a host that is well takes more as soon as one of its deliveries has ended."""
        return any(
            circuit.failures < _FAILURES_UNTIL_OPEN and circuit.in_flight >= self._most_at_once
            for circuit in self._circuits.values()
        )

    def seconds_until_open(self, host: str) -> float:
        """How long a host that failed is left alone; 0 where it is not."""
        circuit = self._circuits.get(host)
        return 0.0 if circuit is None else max(0.0, circuit.open_until - self._clock())

    def begin(self, host: str) -> None:
        """Record that a delivery to `host` is on its way."""
        self._circuits.setdefault(host, _Circuit()).in_flight += 1

    def end(self, host: str, *, is_well: bool | None) -> None:
        """Record how it ended: whether the host answered, whatever it answered; None where nothing was sent."""
        circuit = self._circuits.setdefault(host, _Circuit())
        circuit.in_flight -= 1
        if is_well is not None:
            circuit.failures = 0 if is_well else circuit.failures + 1
        if is_well is False and circuit.failures >= _FAILURES_UNTIL_OPEN:
            periods = circuit.failures - _FAILURES_UNTIL_OPEN
            circuit.open_until = self._clock() + min(_FIRST_SECONDS * 2.0 ** min(periods, 10), _MAX_SECONDS)
        if not circuit.failures and not circuit.in_flight:
            del self._circuits[host]
        elif len(self._circuits) > _MAX_HOSTS:
            self._forget()

    def _takes(self, circuit: _Circuit) -> bool:
        if circuit.failures < _FAILURES_UNTIL_OPEN:
            return circuit.in_flight < self._most_at_once
        # Once its time is over one delivery finds out whether the host is well again.
        return self._clock() >= circuit.open_until and circuit.in_flight == 0

    def _forget(self) -> None:
        idle = [host for host, circuit in self._circuits.items() if not circuit.in_flight]
        for host in sorted(idle, key=lambda each: self._circuits[each].open_until)[: _MAX_HOSTS // 10]:
            del self._circuits[host]
