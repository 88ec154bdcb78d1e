"""Callers, stored documents, changes and deliveries for tests of live updates."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from bson import Timestamp

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.live.changes import Change, ChangeType, Row, WatchedCollection
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.live.resume_tokens import StreamPosition, position_after
from execution_monitor.live.topics import ExecutionsTopic, Visibility
from execution_monitor.storage.filters import EVERYTHING, Filter

NOW = datetime(2026, 7, 1, tzinfo=UTC)
CURSORS = LiveCursors(b"the secret of every replica in these tests")
_numbers = count(1)


def caller(user: str, tenant: str = "acme", *, all_of_tenant: bool = False) -> Caller:
    scopes = {Scope.EXECUTIONS_READ} | ({Scope.EXECUTIONS_READ_TENANT} if all_of_tenant else set[Scope]())
    return Caller(user, tenant, frozenset(scopes))


ADA = caller("ada")
BEN = caller("ben")
ALL_OF_ACME = caller("olga", all_of_tenant=True)
ALL_OF_GLOBEX = caller("greg", "globex", all_of_tenant=True)


def execution(execution_id: str | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "execution_id": execution_id or f"run-{next(_numbers)}",
        "workflow_name": "ingest",
        "status": "running",
        "tenant_id": "acme",
        "user_id": "ada",
        "created": NOW,
        "updated": NOW,
        "version": 1,
        **fields,
    }


def step(execution_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "execution_id": execution_id,
        "tenant_id": "acme",
        "step_id": "s",
        "step_name": "load",
        "created": NOW,
        **fields,
    }


def log_line(execution_id: str, message: str, **fields: Any) -> dict[str, Any]:
    return {"execution_id": execution_id, "tenant_id": "acme", "timestamp": NOW, "message": message, **fields}


def position_at(number: int) -> StreamPosition:
    return position_after(Timestamp(1_800_000_000, number))


def change(
    number: int,
    before: Row | None,
    after: Row | None,
    *,
    collection: WatchedCollection = WatchedCollection.EXECUTIONS,
    size: int = 100,
) -> Change:
    operation = ChangeType.INSERT if before is None else ChangeType.DELETE if after is None else ChangeType.UPDATE
    time = Timestamp(1_800_000_000, number)
    return Change(position_at(number), collection, operation, before, after, frozenset({"version"}), time, NOW, size)


def topic(who: Caller = ALL_OF_ACME, where: Filter = EVERYTHING) -> ExecutionsTopic:
    return ExecutionsTopic(CURSORS, Visibility.of(who), where)


def delivery(
    number: int,
    kind: EventKind,
    execution_id: str = "run",
    *,
    changed: frozenset[str] | None = frozenset(),
    size: int = 100,
) -> Delivery:
    row = None if kind in (EventKind.LEFT, EventKind.DELETED) else execution(execution_id, version=number)
    return Delivery(topic(), kind, position_at(number), NOW, execution_id, row, changed, size=size)
