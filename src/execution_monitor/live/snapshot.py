"""The state of one execution at one instant: itself, its steps and the end of its log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from beanie import Document
from bson import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import ConnectionFailure, ExecutionTimeout

from execution_monitor.errors import DatabaseUnavailable, QueryTimeout
from execution_monitor.executions.children import IN_WORKFLOW_ORDER, OLDEST_FIRST
from execution_monitor.live.changes import Row
from execution_monitor.storage.database import Database, explain
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import Execution, LogEntry, Step
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.reader import snapshot_time_of
from execution_monitor.storage.sorting import Order

# What a page shows; further steps and earlier lines are read as pages.
STEPS = 1_000
LOG_LINES = 100
_TIMEOUT_MS = 5_000


@dataclass(frozen=True, slots=True)
class PresentState:
    """What was there at the cluster time `read_at`."""

    execution: Row
    steps: Sequence[Row]
    logs: Sequence[Row]
    read_at: Timestamp


async def read_present_state(database: Database, execution: Filter, parts: Filter) -> PresentState | None:
    """The first 1,000 steps and last 100 log lines beside the execution; None when there is no such execution.

    Raises `QueryTimeout`, or `DatabaseUnavailable` when MongoDB does not answer in time.
    """
    return await await_reply(_read(database, execution, parts), _TIMEOUT_MS)


async def _read(database: Database, execution: Filter, parts: Filter) -> PresentState | None:
    try:
        async with database.client.start_session(snapshot=True) as session:
            snapshot = _Snapshot(database, session)
            found = await snapshot.find(Execution, execution, None, 1)
            if not found:
                return None
            steps = await snapshot.find(Step, parts, IN_WORKFLOW_ORDER, STEPS)
            logs = await snapshot.find(LogEntry, parts, OLDEST_FIRST.reversed(), LOG_LINES)
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

    async def find(
        self, document: type[Document], where: Filter, order: Order | None, limit: int
    ) -> list[dict[str, Any]]:
        cursor = self.database.collection(document).find(
            where.to_mongo(),
            sort=None if order is None else list(order.to_mongo().items()),
            limit=limit,
            max_time_ms=_TIMEOUT_MS,
            session=self.session,
        )
        return list(await cursor.to_list())
