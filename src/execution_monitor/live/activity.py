"""The activity of one execution: its present state first, then its changes, until it has ended."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, cast

from beanie import Document
from bson import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import ConnectionFailure, ExecutionTimeout

from execution_monitor.errors import DatabaseUnavailable, NotFound, QueryTimeout
from execution_monitor.executions.children import IN_WORKFLOW_ORDER, OLDEST_FIRST
from execution_monitor.live.cursors import ResumeMode
from execution_monitor.live.events import Delivery, EventKind, Receiver
from execution_monitor.live.resume_tokens import StreamPosition, position_after
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.live.topics import ActivityTopic
from execution_monitor.storage.database import Database, explain
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import TERMINAL_STATUSES, Execution, LogEntry, Step
from execution_monitor.storage.filters import Filter, all_of
from execution_monitor.storage.reader import snapshot_time_of
from execution_monitor.storage.rows import Row
from execution_monitor.storage.sorting import Order

# The present state as a page of the dashboard shows it; further steps and earlier lines are read as pages.
STEPS = 1_000
LOG_LINES = 100
_TIMEOUT_MS = 5_000
_TERMINAL = frozenset(status.value for status in TERMINAL_STATUSES)

Follow = Callable[[ActivityTopic, StreamPosition], Subscriber]


class Activity:
    """The events of one execution, as an async iterator of one reader; close it in the end.

    It ends with LEFT or DELETED, and by itself once the execution has been in a terminal state for `linger` seconds.
    After a GAP it begins again with the present state. `leave` is called once, when it is closed.
    """

    def __init__(
        self, topic: ActivityTopic, database: Database, follow: Follow, linger: float, leave: Callable[[], None]
    ) -> None:
        self._leave = leave
        self._topic = topic
        self._database = database
        self._follow = follow
        self._linger = linger
        self._state: deque[Delivery] = deque()
        self._subscriber: Subscriber | None = None
        self._ends_at: float | None = None
        self.is_closed = False

    @property
    def execution_id(self) -> str:
        """The execution that is followed."""
        return self._topic.execution_id

    async def begin(self) -> None:
        """Begin with the present state.

        Raises:
            NotFound: there is no such execution, or the caller may not see it.
        """
        state = await self._read()
        if state is None:
            raise NotFound("There is no such execution, or you may not see it.")
        self._begin_with(state)

    async def resume(self, position: StreamPosition) -> None:
        """Go on after `position`, at which the caller could see the execution."""
        state = await self._read()
        if state is not None:
            self._end_after(state.execution.get("status"))
        # If it is gone by now, the events that follow say how.
        self._subscriber = self._follow(self._topic, position)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delivery:
        """Wait for the next event; cancelling the wait loses none."""
        if self._state:
            return self._state.popleft()
        if not self.is_closed and self._subscriber is None:
            state = await self._read()
            if state is None:
                self.close()
            else:
                self._begin_with(state)
                return self._state.popleft()
        if self.is_closed or self._subscriber is None:
            raise StopAsyncIteration
        try:
            async with asyncio.timeout_at(self._ends_at):
                delivery = await anext(self._subscriber)
        except TimeoutError:
            self.close()
            raise StopAsyncIteration from None
        self._observe(delivery)
        return delivery

    def push_to(self, receiver: Receiver) -> None:
        """Push nothing: each event may end the activity or begin it again, so all are iterated."""

    def close(self) -> None:
        """End the iteration."""
        if not self.is_closed:
            self._leave()
        self.is_closed = True
        self._state.clear()
        if self._subscriber is not None:
            self._subscriber.close()

    def _observe(self, delivery: Delivery) -> None:
        if delivery.kind is EventKind.GAP:
            if self._subscriber is not None:
                self._subscriber.close()
            self._subscriber = None
        elif delivery.kind in (EventKind.LEFT, EventKind.DELETED):
            # The steps and log lines that follow are no longer for this caller.
            self.close()
        elif delivery.kind in (EventKind.ENTERED, EventKind.UPDATED) and delivery.row is not None:
            self._end_after(delivery.row.get("status"))

    async def _read(self) -> "PresentState | None":
        topic = self._topic
        return await read_present_state(
            self._database, all_of(topic.visibility.condition, topic.is_execution), topic.is_child
        )

    def _begin_with(self, state: "PresentState") -> None:
        position = position_after(state.read_at)
        occurred_at = state.read_at.as_datetime()
        rows = [
            (EventKind.ENTERED, state.execution),
            *((EventKind.STEP, step) for step in state.steps),
            *((EventKind.LOG, line) for line in state.logs),
        ]
        for kind, row in rows:
            # A client that breaks off within the state begins again; after its last event nothing is missing.
            self._state.append(
                Delivery(
                    topic=self._topic,
                    kind=kind,
                    position=position,
                    occurred_at=occurred_at,
                    execution_id=self._topic.execution_id,
                    row=row,
                    changed=None,
                    resume_mode=ResumeMode.RESTART,
                )
            )
        self._state[-1].resume_mode = ResumeMode.CONTINUE
        self._end_after(state.execution.get("status"))
        self._subscriber = self._follow(self._topic, position)

    def _end_after(self, status: object) -> None:
        """End it after a while if `status` is a terminal one."""
        is_over = isinstance(status, str) and status in _TERMINAL
        self._ends_at = asyncio.get_running_loop().time() + self._linger if is_over else None


@dataclass(frozen=True, slots=True)
class PresentState:
    """One execution with its first steps and last log lines, as they were at the cluster time `read_at`."""

    execution: Row
    steps: Sequence[Row]
    logs: Sequence[Row]
    read_at: Timestamp


async def read_present_state(database: Database, execution: Filter, child: Filter) -> PresentState | None:
    """Read the execution with the first 1,000 steps and last 100 log lines from one snapshot; None if there is none.

    Raises:
        QueryTimeout: MongoDB stopped a query at its time limit.
        DatabaseUnavailable: MongoDB does not answer in time.
    """
    return await await_reply(_read(database, execution, child), _TIMEOUT_MS)


async def _read(database: Database, execution: Filter, child: Filter) -> PresentState | None:
    try:
        async with database.client.start_session(snapshot=True) as session:
            snapshot = _Snapshot(database, session)
            found = await snapshot.find(Execution, execution, None, 1)
            if not found:
                return None
            steps = await snapshot.find(Step, child, IN_WORKFLOW_ORDER, STEPS)
            logs = await snapshot.find(LogEntry, child, OLDEST_FIRST.reversed(), LOG_LINES)
            # PyMongo has no public name for the time of a snapshot session.
            read_at = cast("Timestamp", snapshot_time_of(session))
    except ExecutionTimeout as error:
        raise QueryTimeout("MongoDB stopped this query at its time limit; try again.") from error
    except ConnectionFailure as error:
        raise DatabaseUnavailable(explain(error)) from error
    return PresentState(found[0], steps, logs[::-1], read_at)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    database: Database
    session: AsyncClientSession

    async def find(self, document: type[Document], where: Filter, order: Order | None, limit: int) -> list[Row]:
        cursor = self.database.collection(document).find(
            where.to_mongo(),
            sort=None if order is None else list(order.to_mongo().items()),
            limit=limit,
            max_time_ms=_TIMEOUT_MS,
            session=self.session,
        )
        return list(await cursor.to_list())
