"""Operations of all transports: who runs what, how it went, and the observers that see each one start and end."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, Protocol

from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import ExecutionMonitorError

# An outcome counts all executions of a response and keeps the first ids.
MAX_REMEMBERED_IDS = 100
# A subscription may fail with every event, for days.
MAX_REMEMBERED_CODES = 100


class OperationKind(StrEnum):
    """The kinds of operations: those of GraphQL, a `REST` request, and an `UNREADABLE` document, which has no kind."""

    QUERY = "query"
    MUTATION = "mutation"
    SUBSCRIPTION = "subscription"
    REST = "rest"
    UNREADABLE = "unreadable"


@dataclass(slots=True)
class Allowance:
    """Points that rate limits leave the caller after an operation, None without limits, and headers that say so."""

    remaining: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation that is about to run.

    Attributes:
        cost: In points, estimated before it runs.
        arguments: Returns the arguments of each root field, named `name` or `alias: name`, with variables filled in.
            It is a function because few observers need them.
        allowance: Filled in by the rate limits, before the operation runs.
    """

    caller: Caller
    origin: Origin
    kind: OperationKind
    name: str | None
    cost: int = 1
    arguments: Callable[[], Mapping[str, Any]] = dict[str, Any]
    allowance: Allowance = field(default_factory=Allowance, compare=False)


@dataclass(slots=True)
class Outcome:
    """How an operation went so far.

    Attributes:
        codes: Of its errors, the first 100.
        executions: How many executions its payloads held, counted again in each.
        examined: How many executions were examined where lists were searched in slices.
        payloads: How many it sent.
        seconds: How long it took.
        compiled: Whether an execution plan ran it; None for operations that have none, such as those of REST.
    """

    codes: list[str] = field(default_factory=list[str])
    executions: int = 0
    examined: int = 0
    payloads: int = 0
    seconds: float = 0.0
    compiled: bool | None = None
    _ids: dict[str, None] = field(default_factory=dict[str, None])

    def fail_with(self, codes: Iterable[str]) -> None:
        """Add error codes, as far as there is room."""
        self.codes.extend(islice(codes, MAX_REMEMBERED_CODES - len(self.codes)))

    @property
    def execution_ids(self) -> list[str]:
        """Ids of the first 100 executions, each once."""
        return list(islice(self._ids, MAX_REMEMBERED_IDS))

    def answer_with(self, *execution_ids: str) -> None:
        """Count the executions of a response, and remember the first ids."""
        self.executions += len(execution_ids)
        if len(self._ids) < MAX_REMEMBERED_IDS:
            self._ids.update(dict.fromkeys(execution_ids))

    def deliver(self, execution_id: str | None, codes: Sequence[str] = ()) -> None:
        """Count one payload and its execution, if it is about one, and add the codes of its errors."""
        self.payloads += 1
        if codes:
            self.fail_with(codes)
        # As `answer_with` does, but without its cost: every subscriber counts every event.
        if execution_id is not None:
            self.executions += 1
            if len(self._ids) < MAX_REMEMBERED_IDS:
                self._ids[execution_id] = None

    def deliver_all(self, payloads: int, execution_ids: Collection[str], codes: Sequence[str]) -> None:
        """Count several payloads and their executions, as `deliver` counts one."""
        self.payloads += payloads
        if codes:
            self.fail_with(codes)
        self.executions += len(execution_ids)
        if len(self._ids) < MAX_REMEMBERED_IDS:
            self._ids.update(dict.fromkeys(execution_ids))

    def discard_executions(self) -> None:
        """Forget all executions: the response that held them is not sent."""
        self.executions = 0
        self._ids.clear()


class Observation:
    """One observer's part in one operation: an async context manager, entered before it runs and left after it ended.

    A subclass keeps what it has to remember in slots: subscriptions hold theirs for days. What it does not override
    does nothing.
    """

    __slots__ = ()

    async def __aenter__(self) -> object:
        """See the operation start; raises `ExecutionMonitorError` to refuse it."""

    async def __aexit__(self, *_: object) -> None:
        """See the operation end, once its outcome is complete, also when it failed or was cancelled.

        Raises:
            ExecutionMonitorError: The response, if there is one, must not be sent.
        """

    async def refused(self) -> None:
        """See, in place of `__aexit__`, that the operation does not run: this observer or one before it refused it."""


class Observer(Protocol):
    """Sees every operation of every transport, and may refuse it or withhold its response."""

    def observe(self, operation: Operation, outcome: Outcome) -> Observation:
        """What this observer does about `operation`; `outcome` is complete when the operation has ended."""
        ...


class Observers:
    """All observers of an application: each sees an operation start, and later end, in the order given here.

    They are not nested: the first one also ends first, so that the others see what it withholds.
    """

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def observe(self, operation: Operation) -> "_ObservedOperation":
        """An async context manager to run `operation` in; its body fills in the outcome that it gets.

        Entering raises the `ExecutionMonitorError` of an observer that refuses the operation; leaving raises that of
        one that withholds the response, unless the body has raised already.
        """
        return _ObservedOperation(self._observers, operation)

    async def refused(self, operation: Operation, error: Exception) -> None:
        """Let every observer see an `operation` that is refused with `error` and never runs.

        Raises:
            ExecutionMonitorError: An observer refuses it for another reason, since mistakes cost points, too.
        """
        observed = self.observe(operation)
        await observed.__aenter__()
        await observed.__aexit__(type(error), error, error.__traceback__)


class _ObservedOperation:
    """The run of one operation, however it ends."""

    __slots__ = ("_observations", "_outcome", "_refused", "_started_at")

    def __init__(self, observers: Iterable[Observer], operation: Operation) -> None:
        self._outcome = outcome = Outcome()
        self._observations = [observer.observe(operation, outcome) for observer in observers]
        self._refused: Sequence[Observation] = ()
        self._started_at = 0.0

    async def __aenter__(self) -> Outcome:
        self._started_at = time.perf_counter()
        entered = 0
        try:
            for observation in self._observations:
                await observation.__aenter__()
                entered += 1
        except BaseException as error:
            self._refused = self._observations[entered:]
            del self._observations[entered:]
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self._outcome

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Complete the outcome and let every observer see it."""
        outcome = self._outcome
        if isinstance(error, Exception):
            outcome.fail_with(error.codes if isinstance(error, ExecutionMonitorError) else [ExecutionMonitorError.code])
        outcome.seconds = time.perf_counter() - self._started_at
        withheld: ExecutionMonitorError | None = None
        for observation in self._observations:
            try:
                await observation.__aexit__(kind, error, trace)
            except ExecutionMonitorError as failure:
                outcome.fail_with(failure.codes)
                withheld = withheld or failure
        for observation in self._refused:
            try:
                await observation.refused()
            except ExecutionMonitorError as failure:
                outcome.fail_with(failure.codes)
        if withheld is not None and error is None:
            raise withheld
