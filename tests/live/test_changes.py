"""What is read from the events of a real server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pytest

from execution_monitor.live.change_stream_cursor import current_position, open_change_stream
from execution_monitor.live.changes import Change, ChangeType, GapReason, HistoryBroken, decode_again
from execution_monitor.live.resume_tokens import time_of
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.live.factories import NOW, execution

Update = Mapping[str, Any] | Sequence[Mapping[str, Any]]


async def events(database: Database, act: Callable[[], Any]) -> list[Any]:
    """The events of what `act` does."""
    since = await current_position(database.handle)
    await act()
    until = await current_position(database.handle)
    found: list[Any] = []
    async with open_change_stream(database.handle, since, None) as stream:
        while stream.position < until:
            event = await stream.next()
            if event is not None:
                found.append(event)
            if time_of(stream.position) >= time_of(until) and event is None:
                break
    return found


async def test_a_stream_after_an_event_shows_what_follows_and_nothing_twice(database: Database):
    """Events of one transaction share their time, which is all that a stream can be started at."""
    collection = database.collection(Execution)

    async def act() -> None:
        await collection.insert_one(execution("before"))
        async with database.client.start_session() as session, await session.start_transaction():
            for number in range(5):
                await collection.insert_one(execution(f"run-{number}"), session=session)
        await collection.insert_one(execution("after"))

    found = await events(database, act)

    assert len({event.cluster_time for event in found}) == 3
    for place, event in enumerate(found):
        async with open_change_stream(database.handle, event.position, None) as stream:
            following = [await stream.next() for _ in range(len(found))]
        positions = [each.position for each in following if each is not None]
        assert positions == [each.position for each in found[place + 1 :]]


@pytest.mark.parametrize(
    ("update", "changed"),
    [
        ({"$set": {"status": "failed"}}, {"status"}),
        ({"$set": {"progress.percentage": 5.0, "progress.total_steps": 7}}, {"progress"}),
        ({"$unset": {"triggered_by": 1}, "$inc": {"version": 1}}, {"triggered_by", "version"}),
        ({"$push": {"tags": {"key": "b", "value": "2"}}}, {"tags"}),
        # An array that became shorter is listed under `truncatedArrays`.
        ([{"$set": {"tags": {"$slice": ["$tags", 2]}}}], {"tags"}),
    ],
)
async def test_an_update_names_the_fields_it_changed(database: Database, update: Update, changed: set[str]):
    collection = database.collection(Execution)
    tags = [{"key": "a", "value": "x" * 50} for _ in range(20)]
    await collection.insert_one(execution("run", triggered_by="me", tags=tags, progress={"percentage": 1.0}))

    (event,) = await events(database, lambda: collection.update_one({"execution_id": "run"}, update))

    assert event.type is ChangeType.UPDATE
    assert event.changed == changed


async def test_a_replacement_names_what_differs(database: Database):
    collection = database.collection(Execution)
    await collection.insert_one(execution("run", triggered_by=None, session_id="s", attempt=1))
    after = execution("run", session_id="t", attempt=1, tags=[])

    (event,) = await events(database, lambda: collection.replace_one({"execution_id": "run"}, after))

    assert event.type is ChangeType.REPLACE
    assert event.changed == {"triggered_by", "session_id", "tags"}


async def test_an_event_carries_the_document_before_and_after(database: Database):
    collection = database.collection(Execution)

    async def act() -> None:
        await collection.insert_one(execution("run"))
        await collection.update_one({"execution_id": "run"}, {"$inc": {"version": 1}})
        await collection.delete_one({"execution_id": "run"})

    found = await events(database, act)

    assert all(isinstance(event, Change) for event in found)
    versions = [tuple(row and row["version"] for row in (event.before, event.after)) for event in found]
    assert versions == [(None, 1), (1, 2), (2, None)]
    assert found[0].after["created"] == NOW
    assert found[0].changed == set(found[0].after)
    assert all(event.size > 200 for event in found)
    assert [asdict(decode_again(event.raw)) for event in found] == list(map(asdict, found))


async def test_a_change_without_its_images_is_a_break(database: Database):
    collection = database.collection(Execution)
    await collection.insert_one(execution("run"))
    await database.handle.command("collMod", collection.name, changeStreamPreAndPostImages={"enabled": False})

    async def act() -> None:
        await collection.update_one({"execution_id": "run"}, {"$inc": {"version": 1}})
        await collection.delete_one({"execution_id": "run"})

    try:
        found = await events(database, act)
    finally:
        await database.prepare()

    assert [type(event) for event in found] == [HistoryBroken, HistoryBroken]
    assert {event.reason for event in found} == {GapReason.IMAGES_MISSING}


async def test_documents_that_python_cannot_read_do_not_stop_the_stream(database: Database):
    """A date beyond the year 9999, as other drivers write them."""
    collection = database.collection(Execution)

    async def act() -> None:
        stages = [{"$set": {"completed_at": {"$add": ["$created", 400_000_000_000_000]}}}]
        await collection.insert_one(execution("run"))
        await collection.update_one({"execution_id": "run"}, stages)

    inserted, updated = await events(database, act)

    assert inserted.after["execution_id"] == "run"
    assert int(updated.after["completed_at"]) > 253_402_300_800_000
