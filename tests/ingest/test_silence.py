from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import time_machine

from execution_monitor.ingest.silence import Found, Patience, Silence
from execution_monitor.ingest.writer.facts import DocumentFacts
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, ExecutionStatus, Step, collection_of

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
STARTED = ExecutionStatus.RUNNING


def stamp(at: datetime, status: ExecutionStatus = STARTED, **options: Any) -> bytes:
    facts = DocumentFacts(lambda _, value: value)
    facts.outcome(status, at=at, **options)
    return facts.registers["outcome"].stamp


async def now(database: Database) -> datetime:
    return await Silence(database, Patience()).now()


async def store(name: str, quiet: timedelta, database: Database, **fields: Any) -> None:
    """An execution that was last heard of so long ago; the clock of its engine is hours behind."""
    updated = await now(database) - quiet
    at = updated - 5 * HOUR
    given: dict[str, Any] = {"status": "running", "ingest": {"outcome": stamp(at)}, **fields}
    ids = {"_id": name, "execution_id": name, "tenant_id": "acme", "user_id": "ada"}
    await collection_of(Execution).insert_one({**ids, "updated": updated, **given})


async def store_step(execution_id: str, step_id: str, **fields: Any) -> None:
    given: dict[str, Any] = {"status": "running", "ingest": {"outcome": b""}, **fields}
    ids = {"execution_id": execution_id, "tenant_id": "acme", "step_id": step_id}
    await collection_of(Step).insert_one({**ids, **given})


async def names(found: AsyncIterator[Found]) -> list[str]:
    return [each.row["execution_id"] async for each in found]


async def test_executions_are_silent_after_a_day_whatever_the_clock_of_their_engine_says(database: Database):
    await store("silent", 25 * HOUR, database)
    await store("paused", 26 * HOUR, database, status="paused")
    await store("heard", 23 * HOUR, database)
    await store("ended", 25 * HOUR, database, status="failed")
    await store("of an engine's own", 25 * HOUR, database)
    await collection_of(Execution).update_one({"_id": "of an engine's own"}, {"$unset": {"ingest": 1}})
    silence = Silence(database, Patience())

    assert await names(silence.silent(await silence.now())) == ["paused", "silent"]


async def test_those_that_send_heartbeats_are_silent_after_two_minutes(database: Database):
    beaten_at = await now(database) - 9 * HOUR
    beats = {"outcome": stamp(beaten_at), "beats": b""}
    await store("silent", 3 * MINUTE, database, last_heartbeat_at=beaten_at, ingest=beats)
    await store("beating", MINUTE, database, last_heartbeat_at=beaten_at, ingest=beats)
    await store("said once that it was running", 3 * MINUTE, database, last_heartbeat_at=beaten_at)
    await store("without", 3 * MINUTE, database)
    silence = Silence(database, Patience())

    assert await names(silence.silent(await silence.now())) == ["silent"]


async def test_traces_end_ten_minutes_after_their_last_span_unless_their_root_is_known(database: Database):
    at = await now(database)
    below = {"outcome": stamp(at, attempt=0), "trace": b""}
    await store("quiet", 11 * MINUTE, database, last_heartbeat_at=at, ingest=below)
    await store("busy", 9 * MINUTE, database, last_heartbeat_at=at, ingest=below)
    await store("begun", HOUR, database, last_heartbeat_at=at, ingest={"outcome": stamp(at), "trace": b""})
    silence = Silence(database, Patience())

    found = [each async for each in silence.silent(await silence.now())]

    assert [each.row["execution_id"] for each in found] == ["quiet"]
    assert found[0].is_trace_without_root


async def test_what_was_heard_after_an_end_was_assumed_is_found(database: Database):
    heard_at = await now(database) - HOUR

    def assumed(at: datetime, **options: Any) -> dict[str, Any]:
        return {"outcome": stamp(at, ExecutionStatus.TIMED_OUT, is_assumed=True, **options), "assumed": stamp(at)}

    await store("revived", HOUR, database, status="timed_out", ingest=assumed(heard_at - HOUR))
    await store("silent", HOUR, database, status="timed_out", ingest=assumed(heard_at))
    await store("running again", HOUR, database, ingest=assumed(heard_at - HOUR))
    real = {"outcome": stamp(heard_at, ExecutionStatus.FAILED), "assumed": stamp(heard_at - HOUR)}
    await store("really ended", HOUR, database, status="failed", ingest=real)
    silence = Silence(database, Patience())

    assert await names(silence.revived(await silence.now())) == ["revived"]


async def test_steps_without_an_end_are_found_a_minute_after_the_end_of_their_execution(database: Database):
    await store("ended", 2 * MINUTE, database, status="completed")
    await store("just ended", 30 * SECOND, database, status="completed")
    await store("running", 2 * MINUTE, database)
    for name in ("ended", "just ended", "running"):
        await store_step(name, "b")
        await store_step(name, "a", status="pending")
        await store_step(name, "c", status="completed")
    own = {"execution_id": "ended", "tenant_id": "acme", "step_id": "of an engine's own", "status": "running"}
    await collection_of(Step).insert_one(own)
    silence = Silence(database, Patience())

    found = await silence.with_steps([each async for each in silence.unended(await silence.now())])

    assert [(each.row["execution_id"], sorted(step["step_id"] for step in each.steps)) for each in found] == [
        ("ended", ["a", "b"])
    ]


async def test_steps_of_many_executions_and_tenants_are_found(database: Database):
    updated = await now(database) - HOUR
    rows: list[dict[str, Any]] = [
        {"tenant_id": tenant, "user_id": "ada", "execution_id": f"{number}", "status": "failed", "updated": updated}
        | {"ingest": {}}
        for tenant in ("acme", "globex")
        for number in range(600)
    ]
    await collection_of(Execution).insert_many(rows)
    steps: list[dict[str, Any]] = [{**row, "step_id": "a", "status": "running"} for row in rows]
    await collection_of(Step).insert_many(steps)
    silence = Silence(database, Patience())

    found = [(each.owner[0], each.row["execution_id"]) async for each in silence.unended(await silence.now())]

    assert len(found) == len(set(found)) == 1_200


async def test_the_time_is_that_of_mongodb(database: Database):
    before = await now(database)
    with time_machine.travel(before + HOUR):
        assert before <= await now(database) < before + HOUR
