"""What is registered of a tenant is read when its revision changes, and is as new as the changes that it meets."""

import time
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from bson import Timestamp

from execution_monitor.feeder.registry import ALL_TENANTS, OfTenant, Registry
from execution_monitor.live.changes import Change
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, collection_of
from execution_monitor.storage.filters import EVERYTHING
from execution_monitor.storage.webhook_documents import WebhookTenant
from tests.feeder.test_feeder import PromptRecorder, Recorder, begin, feeding, until
from tests.live.factories import execution
from tests.support.sent_commands import SentCommands, recording_commands

AT = StreamPosition("82" + "0" * 16)


class Registered:
    active_since = Timestamp(0, 1)
    condition = EVERYTHING


class Tenants(Registry[Registered]):
    """A registry of nothing, whose revisions count."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, WebhookTenant, self._read_nothing)

    async def _read_nothing(self, _: str, revision: int) -> OfTenant[Registered]:
        return OfTenant[Registered].read(revision, [], lambda _: Registered(), ())


class Meeting:
    """Notes which revision each change has met."""

    registry: Tenants
    met: list[tuple[int, int]]

    async def take(self, tenant: str, changes: Sequence[Change], until: StreamPosition, term: int) -> None:  # noqa: ARG002 - as a consumer
        found = await self.registry.of(tenant, until)
        self.met += [((each.after or {})["version"], found.known.revision if found else 0) for each in changes]


class Patient(Meeting, Recorder):
    pass


class Prompt(Meeting, PromptRecorder):
    pass


async def revise(tenant: str = "acme") -> None:
    """Give a tenant the next revision; one that is new is counted."""
    tenants = collection_of(WebhookTenant)
    for each in (tenant, ALL_TENANTS):
        await tenants.update_one({"_id": each}, {"$inc": {"revision": 1}}, upsert=True)


def looks(commands: SentCommands) -> int:
    """How often documents of tenants were read."""
    name = WebhookTenant.Settings.name
    return sum(name in (each.get("find"), each.get("aggregate")) for each in commands.reads)


@pytest.fixture
async def recorded(database: Database, mongodb_uri: str) -> AsyncGenerator[tuple[Database, SentCommands]]:
    """Another client of the same database, and what it reads."""
    async with recording_commands(mongodb_uri, database.handle.name) as found:
        yield found


@pytest.mark.parametrize("kind", [Patient, Prompt])
async def test_a_change_meets_what_was_committed_before_it(
    database: Database, recorded: tuple[Database, SentCommands], kind: type[Patient | Prompt]
):
    other, commands = recorded
    consumer = kind()
    consumer.registry, consumer.met = Tenants(other), []
    await begin(database)
    executions = collection_of(Execution)
    await executions.insert_one(execution("a", version=0))
    async with feeding(other, consumer):
        for version in range(1, 31):
            if version % 3 == 1:
                await revise()
            await executions.update_one({"execution_id": "a"}, {"$set": {"version": version}})
        await until(lambda: bool(consumer.met) and consumer.met[-1][0] == 30)

    revisions = dict(consumer.met)
    assert all(revisions[version] >= (version + 2) // 3 for version in range(1, 31))
    assert looks(commands) > 0


async def test_nothing_is_read_while_nothing_is_revised(database: Database, recorded: tuple[Database, SentCommands]):
    other, commands = recorded
    consumer = Prompt()
    consumer.registry, consumer.met = Tenants(other), []
    await revise()
    await begin(database)
    async with feeding(other, consumer):
        for version in range(1, 41):
            await collection_of(Execution).insert_one(execution(str(version), version=version))
            await until(lambda version=version: any(met == version for met, _ in consumer.met))

    # The tenants, their ids, and acme, once or, on a slow machine, again after ten seconds.
    assert looks(commands) <= 6


async def test_the_time_of_mongodb_goes_on(recorded: tuple[Database, SentCommands], monkeypatch: pytest.MonkeyPatch):
    database, commands = recorded
    registry = Tenants(database)
    await revise()
    registry.begin_following()
    first = await registry.of("acme", AT)
    before, monotonic = looks(commands), time.monotonic()
    assert first is not None

    for seconds, more in ((5, 0), (9, 0), (11, 1)):
        monkeypatch.setattr(time, "monotonic", lambda seconds=seconds: monotonic + seconds)
        found = await registry.of("acme", AT)
        assert found is not None
        assert looks(commands) - before == more
        elapsed = found.now - first.now
        assert (
            elapsed < timedelta(seconds=2) if more else abs(elapsed - timedelta(seconds=seconds)) < timedelta(seconds=2)
        )


async def test_a_registry_that_follows_no_stream_looks_each_time(recorded: tuple[Database, SentCommands]):
    database, _ = recorded
    registry = Tenants(database)
    await revise()
    registry.begin_following()
    assert (await revision_of(registry)) == 1

    await revise()
    assert (await revision_of(registry)) == 1
    registry.forget("another")
    assert (await revision_of(registry)) == 1
    registry.forget("acme")
    assert (await revision_of(registry)) == 2

    await revise()
    registry.end_following()
    assert (await revision_of(registry)) == 3
    await revise()
    assert (await revision_of(registry)) == 4
    # It begins with what is stored.
    registry.begin_following()
    assert (await revision_of(registry)) == 4


async def test_a_new_tenant_is_met_as_soon_as_the_count_of_tenants_has_changed(
    recorded: tuple[Database, SentCommands],
):
    database, _ = recorded
    registry = Tenants(database)
    registry.begin_following()
    assert await registry.of("acme", AT) is None

    await revise()
    later = StreamPosition("83" + "0" * 16)
    assert await registry.of("acme", later) is None
    registry.forget(ALL_TENANTS)
    assert (await registry.of("acme", later)) is not None


async def revision_of(registry: Tenants) -> Any:
    found = await registry.of("acme", AT)
    return found and found.known.revision
