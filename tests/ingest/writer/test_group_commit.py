"""Which requests go with one write, and which writes of one owner are under way at once."""

import asyncio
from collections.abc import AsyncGenerator
from itertools import chain
from typing import Any

import pytest
from typing_extensions import override

from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.ingest.writer.group_commit import GroupCommit, GroupLimits
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.writer import Writer, Written
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.ingest.writer.reports import NOON, keep

ADA = Owner("acme", "ada")


class HeldWriter(Writer):
    """Notes the executions of each write when that begins, and lets it go on when it is released."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.begun: list[set[str]] = []
        self.released = asyncio.Event()

    @override
    async def write(self, owner: Owner, facts: Facts) -> Written:
        self.begun.append(set(facts.executions))
        await self.released.wait()
        return await super().write(owner, facts)


@pytest.fixture
def writer(database: Database) -> HeldWriter:
    return HeldWriter(database)


@pytest.fixture
async def commits(writer: HeldWriter) -> AsyncGenerator[GroupCommit]:
    commits = GroupCommit(writer, GroupLimits(requests=50))
    yield commits
    await commits.close()


def sent(commits: GroupCommit, first: int, count: int) -> list["asyncio.Task[Written]"]:
    def facts_of(number: int) -> Facts:
        facts = Facts(keep)
        facts.execution(f"run-{number}").created(NOON)
        return facts

    return [asyncio.create_task(commits.write(ADA, facts_of(number))) for number in range(first, first + count)]


async def settled(tasks: list[Any]) -> None:
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


async def test_a_second_write_begins_only_once_many_wait_and_a_third_never(
    database: Database, commits: GroupCommit, writer: HeldWriter
):
    tasks = sent(commits, 0, 1)
    await settled(tasks)
    tasks += sent(commits, 1, 15)
    await settled(tasks)
    assert writer.begun == [{"run-0"}]

    tasks += sent(commits, 16, 1)
    await settled(tasks)
    tasks += sent(commits, 17, 40)
    await settled(tasks)
    assert [len(each) for each in writer.begun] == [1, 16]

    writer.released.set()
    await asyncio.gather(*tasks)
    assert set(chain.from_iterable(writer.begun)) == {f"run-{number}" for number in range(57)}
    # Each request went with one write, and those that waited went together.
    assert [len(each) for each in writer.begun] == [1, 16, 40]
    assert await database.collection(Execution).count_documents({}) == 57


async def test_two_writes_that_begin_at_once_share_what_waits(commits: GroupCommit, writer: HeldWriter):
    tasks = sent(commits, 0, 64)
    await settled(tasks)
    assert [len(each) for each in writer.begun] == [32, 32]

    writer.released.set()
    assert all(written.refused == frozenset() for written in await asyncio.gather(*tasks))
    assert len(set(chain.from_iterable(writer.begun))) == 64


async def test_a_write_takes_no_more_requests_than_the_limit(commits: GroupCommit, writer: HeldWriter):
    writer.released.set()
    await asyncio.gather(*sent(commits, 0, 120))

    assert [len(each) for each in writer.begun] == [50, 50, 20]
