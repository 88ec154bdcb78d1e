"""An operation as a value: who asks, from where, for what; and those who watch operations begin and end."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, Protocol

from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import ExecutionMonitorError

# What an outcome remembers of the executions it answered with; it counts all of them.
MAX_REMEMBERED_IDS = 100
# A subscription may fail with every event, for days.
MAX_REMEMBERED_CODES = 100


class OperationKind(StrEnum):
    """What sort of operation it is; `REST` is a request to the REST API, `UNREADABLE` a document that is none."""

    QUERY = "query"
    MUTATION = "mutation"
    SUBSCRIPTION = "subscription"
    REST = "rest"
    UNREADABLE = "unreadable"


@dataclass(slots=True)
class Allowance:
    """What rate limits leave behind an operation: points (None where nothing is limited), and headers that say so."""

    remaining: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation that is about to run.

    `arguments` tells, when called, the root fields, as `name` or `alias: name`, with their arguments, variables filled
    in; it is a function because most observers never ask, and must be called while the operation's values live.
    `allowance` is filled in by whoever limits operations, before this one runs.
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
    """How an operation went so far: error codes, executions answered with, payloads sent, seconds taken.

    `compiled` tells whether a compiled plan answered; None where none could have.
    """

    codes: list[str] = field(default_factory=list[str])
    executions: int = 0
    payloads: int = 0
    seconds: float = 0.0
    compiled: bool | None = None
    _ids: dict[str, None] = field(default_factory=dict[str, None])

    def fail_with(self, codes: Iterable[str]) -> None:
        """Remember the first error codes."""
        self.codes.extend(islice(codes, MAX_REMEMBERED_CODES - len(self.codes)))

    @property
    def execution_ids(self) -> list[str]:
        """The ids of the first executions, each once."""
        return list(islice(self._ids, MAX_REMEMBERED_IDS))

    def answer_with(self, *execution_ids: str) -> None:
        """Count executions that the answer holds, and remember the first ids."""
        self.executions += len(execution_ids)
        if len(self._ids) < MAX_REMEMBERED_IDS:
            self._ids.update(dict.fromkeys(execution_ids))

    def deliver(self, execution_id: str | None, codes: Sequence[str] = ()) -> None:
        """Count a payload, the execution that it is about, if any, and remember the codes of its errors."""
        self.payloads += 1
        if codes:
            self.fail_with(codes)
        # As `answer_with` does, without its costs: every subscriber counts every event.
        if execution_id is not None:
            self.executions += 1
            if len(self._ids) < MAX_REMEMBERED_IDS:
                self._ids[execution_id] = None

    def deliver_all(self, payloads: int, execution_ids: Collection[str], codes: Sequence[str]) -> None:
        """Count several `payloads`, as `deliver` does each, and the executions that they are about."""
        self.payloads += payloads
        if codes:
            self.fail_with(codes)
        self.executions += len(execution_ids)
        if len(self._ids) < MAX_REMEMBERED_IDS:
            self._ids.update(dict.fromkeys(execution_ids))

    def discard_executions(self) -> None:
        """Forget what has been answered: it will not be sent."""
        self.executions = 0
        self._ids.clear()


class Observer(Protocol):
    """Watches every operation of every transport; may refuse one before it runs."""

    async def begin(self, operation: Operation) -> None:
        """Called before `operation` runs; raises `ExecutionMonitorError` to refuse it."""
        ...

    async def end(self, operation: Operation, outcome: Outcome) -> None:
        """Called once after `operation` ended, failed, was refused or was cancelled.

        Raises `ExecutionMonitorError` to withhold the answer, if there is one.
        """
        ...


class Observers:
    """All observers of an application, in the order in which they are asked."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def observe(self, operation: Operation) -> "_Watch":
        """Let every observer see `operation` begin and end; the body fills in the outcome that is given."""
        return _Watch(self, operation)

    async def begin(self, operation: Operation) -> None:
        """Tell every observer; raises `ExecutionMonitorError` when one refuses it."""
        for observer in self._observers:
            await observer.begin(operation)

    async def end(self, operation: Operation, outcome: Outcome) -> ExecutionMonitorError | None:
        """Tell every observer; why the answer is withheld, if one says so."""
        withheld: ExecutionMonitorError | None = None
        for observer in self._observers:
            try:
                await observer.end(operation, outcome)
            except ExecutionMonitorError as error:
                outcome.fail_with(error.codes)
                withheld = withheld or error
        return withheld


class _Watch:
    """The time of one operation, however it ends; subscriptions hold theirs for days, so it is a small one."""

    __slots__ = ("_begun", "_observers", "_operation", "_outcome")

    def __init__(self, observers: Observers, operation: Operation) -> None:
        self._observers = observers
        self._operation = operation
        self._outcome = Outcome()
        self._begun = 0.0

    async def __aenter__(self) -> Outcome:
        self._begun = time.perf_counter()
        try:
            await self._observers.begin(self._operation)
        except BaseException as error:
            await self._end(error)
            raise
        return self._outcome

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        withheld = await self._end(error)
        if withheld is not None and error is None:
            raise withheld

    async def _end(self, error: BaseException | None) -> ExecutionMonitorError | None:
        if isinstance(error, ExecutionMonitorError):
            self._outcome.fail_with(error.codes)
        elif isinstance(error, Exception):
            self._outcome.fail_with([ExecutionMonitorError.code])
        self._outcome.seconds = time.perf_counter() - self._begun
        return await self._observers.end(self._operation, self._outcome)
