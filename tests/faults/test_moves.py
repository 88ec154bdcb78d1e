"""Executions that change owner and tenant, or are deleted as soon as they have changed: told to whom they belong."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
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
from tests.faults.results import Row
from tests.faults.scenes import PATIENCE, is_full
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess
from tests.support.tokens import token_of

_WRITES = 100_000 if is_full() else 2_000
_BATCH = 100
_USERS = ("ada", "ben", "cleo")
_TENANTS = ("acme", "globex")
_RUNS = 40

# What is told: which execution, the kind, and of what may be shown its version, owner and tenant.
Told = tuple[str, str, tuple[int, str, str] | None]


@dataclass
class Transcript(Ledger):
    """Everything one subscriber was told, as it came."""

    told: list[Told] = field(default_factory=list[Told])

    @override
    def hear(self, update: Mapping[str, Any]) -> None:
        shown = update["execution"]
        data = None if shown is None else (shown["tokensUsed"], shown["userId"], shown["tenantId"])
        self.told.append((update["executionId"], update["kind"], data))


@dataclass(frozen=True)
class Viewer:
    """A subscriber: all of the tenant, or its own."""

    user: str
    tenant: str
    sees_all: bool

    def sees(self, state: tuple[int, str, str] | None) -> bool:
        return state is not None and state[2] == self.tenant and (self.sees_all or state[1] == self.user)

    def expects(self, name: str, before: tuple[int, str, str] | None, after: tuple[int, str, str] | None) -> list[Told]:
        """What one write must tell, in the plainest words."""
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
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Generator[SingleNodeReplicaSet]:
    server = SingleNodeReplicaSet(tmp_path_factory.mktemp("mongod"), oplog_mb=256)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mongod: SingleNodeReplicaSet) -> Generator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("server"), mongod.uri)
    try:
        server.start()
        yield server
    finally:
        server.close()


class Mover:
    """Makes writes, and knows what each must tell to whom."""

    def __init__(self) -> None:
        self._dice = random.Random(3)  # noqa: S311 - the same in every run
        self._states: dict[str, tuple[int, str, str]] = {}
        self.expected: dict[Viewer, list[Told]] = {viewer: [] for viewer in VIEWERS}

    def batch(self) -> list[Any]:
        """The next writes, in order."""
        writes: list[Any] = []
        while len(writes) < _BATCH:
            name = f"run-{self._dice.randrange(_RUNS)}"
            owner, tenant = self._dice.choice(_USERS), self._dice.choice(_TENANTS)
            before = self._states.get(name)
            if before is None:
                writes.append(InsertOne(_document(name, owner, tenant)))
                self._tell(name, (1, owner, tenant))
                continue
            change = {"$set": {"user_id": owner, "tenant_id": tenant}, "$inc": {"version": 1, "tokens_used": 1}}
            writes.append(UpdateOne({"execution_id": name}, change))
            self._tell(name, (before[0] + 1, owner, tenant))
            if self._dice.random() < 0.1:
                writes.append(DeleteOne({"execution_id": name}))
                self._tell(name, None)
        return writes

    def _tell(self, name: str, after: tuple[int, str, str] | None) -> None:
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


async def test_moved_and_deleted_executions_are_told_to_whom_they_belong_and_to_nobody_else(
    server: ServerProcess, mongod: SingleNodeReplicaSet, report: Callable[[Row], None]
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
                # All at once, so that nobody falls behind and has several changes told as one.
                await asyncio.gather(
                    *(
                        client.until(
                            lambda told=ledger.told, wanted=mover.expected[viewer]: len(told) >= len(wanted), PATIENCE
                        )
                        for client, (viewer, ledger) in zip(clients, ledgers.items(), strict=True)
                    )
                )

    wrong = [
        (viewer, pair)
        for viewer, ledger in ledgers.items()
        for pair in zip(ledger.told, mover.expected[viewer], strict=False)
        if pair[0] != pair[1]
    ]
    lost = sum(max(0, len(mover.expected[viewer]) - len(ledger.told)) for viewer, ledger in ledgers.items())
    more = sum(max(0, len(ledger.told) - len(mover.expected[viewer])) for viewer, ledger in ledgers.items())
    told = sum(len(ledger.told) for ledger in ledgers.values())
    report(
        Row(
            "owners and tenants change, and update-then-delete",
            written,
            lost=lost,
            repeated=more,
            note=f"{len(wrong)} leaked, {told:,} events sent to {len(VIEWERS)} subscribers",
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
