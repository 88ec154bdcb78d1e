"""Executions that change owner and tenant, or are deleted at once after a change: only their owners receive them."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo import AsyncMongoClient, DeleteOne, InsertOne, UpdateOne
from pymongo.write_concern import WriteConcern
from typing_extensions import override

from execution_monitor.auth.caller import Scope
from execution_monitor.storage.documents import Execution
from tests.faults.client import Client
from tests.faults.oracle import Ledger
from tests.faults.results import FaultResult
from tests.faults.scenes import PATIENCE, is_full
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess
from tests.support.tokens import token_of

_WRITES = 100_000 if is_full() else 2_000
_BATCH = 100
_USERS = ("ada", "ben", "cleo")
_TENANTS = ("acme", "globex")
_RUNS = 40

# An event: its execution, its kind, and what is shown: version, owner and tenant.
Event = tuple[str, str, tuple[int, str, str] | None]


@dataclass
class Transcript(Ledger):
    """All events of one subscriber, in order."""

    events: list[Event] = field(default_factory=list[Event])

    @override
    def record(self, update: Mapping[str, Any]) -> None:
        shown = update["execution"]
        data = None if shown is None else (shown["tokensUsed"], shown["userId"], shown["tenantId"])
        self.events.append((update["executionId"], update["kind"], data))


@dataclass(frozen=True)
class Viewer:
    """A subscriber: to all executions of a tenant, or to its own."""

    user: str
    tenant: str
    sees_all: bool

    def sees(self, state: tuple[int, str, str] | None) -> bool:
        return state is not None and state[2] == self.tenant and (self.sees_all or state[1] == self.user)

    def expects(
        self, name: str, before: tuple[int, str, str] | None, after: tuple[int, str, str] | None
    ) -> list[Event]:
        """The events that one write must cause, from its states before and after."""
        if self.sees(before) and self.sees(after):
            return [(name, "UPDATED", after)]
        if self.sees(after):
            return [(name, "ENTERED", after)]
        if self.sees(before):
            return [(name, "DELETED" if after is None else "LEFT", None)]
        return []


VIEWERS = [
    *(Viewer(user, tenant, sees_all=False) for user in _USERS for tenant in _TENANTS),
    *(Viewer("olga", tenant, sees_all=True) for tenant in _TENANTS),
]


@pytest.fixture(scope="module")
def oplog_mb() -> int:
    return 256


class Mover:
    """Makes writes, and knows which events each must cause for which viewer."""

    def __init__(self) -> None:
        self._random = random.Random(3)  # noqa: S311 - the same in every run
        self._states: dict[str, tuple[int, str, str]] = {}
        self.expected: dict[Viewer, list[Event]] = {viewer: [] for viewer in VIEWERS}

    def batch(self) -> list[Any]:
        """The next writes, in order."""
        writes: list[Any] = []
        while len(writes) < _BATCH:
            name = f"run-{self._random.randrange(_RUNS)}"
            owner, tenant = self._random.choice(_USERS), self._random.choice(_TENANTS)
            before = self._states.get(name)
            if before is None:
                writes.append(InsertOne(_document(name, owner, tenant)))
                self._expect(name, (1, owner, tenant))
                continue
            change = {"$set": {"user_id": owner, "tenant_id": tenant}, "$inc": {"version": 1, "tokens_used": 1}}
            writes.append(UpdateOne({"execution_id": name}, change))
            self._expect(name, (before[0] + 1, owner, tenant))
            if self._random.random() < 0.1:
                writes.append(DeleteOne({"execution_id": name}))
                self._expect(name, None)
        return writes

    def _expect(self, name: str, after: tuple[int, str, str] | None) -> None:
        for viewer, expected in self.expected.items():
            expected.extend(viewer.expects(name, self._states.get(name), after))
        if after is None:
            del self._states[name]
        else:
            self._states[name] = after


def _document(name: str, owner: str, tenant: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "execution_id": name,
        "user_id": owner,
        "tenant_id": tenant,
        "workflow_name": "ingest",
        "status": "running",
        "created": now,
        "updated": now,
        "version": 1,
        "tokens_used": 1,
    }


async def test_only_the_owners_of_moved_and_deleted_executions_receive_them(
    server: ServerProcess, mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
):
    ledgers = {viewer: Transcript() for viewer in VIEWERS}
    clients = [
        Client([server.url], token_of(viewer.user, *_scopes(viewer), tenant=viewer.tenant), ledger=ledger)
        for viewer, ledger in ledgers.items()
    ]
    mover = Mover()
    written = 0
    async with AsyncMongoClient[dict[str, Any]](mongod.uri) as mongo:
        collection = mongo.get_database("live", write_concern=WriteConcern("majority")).get_collection(
            Execution.Settings.name
        )
        await _read_pages(clients)
        async with _all_following(clients):
            while written < _WRITES:
                writes = mover.batch()
                await collection.bulk_write(writes)
                written += len(writes)
                # Wait for all, so that none falls behind and has changes conflated.
                await asyncio.gather(
                    *(
                        client.until(
                            lambda events=ledger.events, wanted=mover.expected[viewer]: len(events) >= len(wanted),
                            PATIENCE,
                        )
                        for client, (viewer, ledger) in zip(clients, ledgers.items(), strict=True)
                    )
                )

    wrong = [
        (viewer, pair)
        for viewer, ledger in ledgers.items()
        for pair in zip(ledger.events, mover.expected[viewer], strict=False)
        if pair[0] != pair[1]
    ]
    lost = sum(max(0, len(mover.expected[viewer]) - len(ledger.events)) for viewer, ledger in ledgers.items())
    more = sum(max(0, len(ledger.events) - len(mover.expected[viewer])) for viewer, ledger in ledgers.items())
    sent = sum(len(ledger.events) for ledger in ledgers.values())
    report(
        FaultResult(
            "owners and tenants change, and update-then-delete",
            written,
            lost=lost,
            repeated=more,
            note=f"{len(wrong)} leaked, {sent:,} events sent to {len(VIEWERS)} subscribers",
        )
    )
    assert wrong == []


def _scopes(viewer: Viewer) -> tuple[str, ...]:
    return (Scope.EXECUTIONS_READ_TENANT,) if viewer.sees_all else ()


async def _read_pages(clients: list[Client]) -> None:
    await asyncio.gather(*(client.read_page() for client in clients))


@contextlib.asynccontextmanager
async def _all_following(clients: list[Client]) -> AsyncGenerator[None]:
    async with contextlib.AsyncExitStack() as stack:
        for client in clients:
            await stack.enter_async_context(client.following())
        yield
