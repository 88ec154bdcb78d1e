"""Retries: found in both of the ways that engines store them, through visible executions alone, in few queries."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import Forbidden
from execution_monitor.executions.retries import MAX_ATTEMPTS_AFTER, MAX_RETRIES, EndedRun, Retries
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.reader import Reader
from tests.executions.callers import COLLEAGUE, NAMESAKE, NOON, OPERATOR, OWNER, UNSCOPED
from tests.support.sent_commands import SentCommands, explain, recording_commands


@pytest.fixture
async def recorded(mongodb_uri: str, database: Database) -> AsyncGenerator[tuple[Database, SentCommands]]:
    async with recording_commands(mongodb_uri, database.handle.name) as recorded:
        yield recorded


def run(execution_id: str, at: int = 0, **fields: Any) -> dict[str, Any]:
    created = NOON + timedelta(seconds=at)
    own = {"execution_id": execution_id, "tenant_id": "acme", "user_id": "ada", "workflow_name": "etl"}
    return {**own, "created": created, "updated": created, "status": "failed", **fields}


def child(parent: str, attempt: int = 2, **fields: Any) -> dict[str, Any]:
    return {"parent_execution_id": parent, "attempt": attempt, "status": "completed", **fields}


def retry(of: str, **fields: Any) -> dict[str, Any]:
    return {"retry_of_execution_id": of, "status": "completed", **fields}


async def recoveries(database: Database, caller: Caller, *rows: dict[str, Any]) -> dict[str, str]:
    """Insert `rows`; what recovered them."""
    await database.collection(Execution).insert_many([dict(row) for row in rows])
    runs = [ended for row in rows if (ended := EndedRun.of(row)) is not None]
    return dict(await Retries(Reader(database, timeout_ms=5_000)).find_recoveries(caller, runs))


@pytest.mark.parametrize(
    ("later", "recovery"),
    [
        pytest.param(child("a"), {"a": "z"}, id="a child of a higher attempt"),
        pytest.param(retry("a"), {"a": "z"}, id="a retry of the first attempt"),
        pytest.param(retry("a", workflow_name="renamed"), {"a": "z"}, id="a retry of another name"),
        pytest.param(child("a", 1), {}, id="a child of the same attempt"),
        pytest.param(child("a", workflow_name="mail"), {}, id="a child of another workflow"),
        pytest.param(child("a", status="running"), {}, id="a child that runs"),
        pytest.param(child("a", status="failed"), {}, id="a child that failed"),
        pytest.param(child("b"), {}, id="a child of another execution"),
        pytest.param(retry("a", tenant_id="globex"), {}, id="a retry in another tenant"),
        pytest.param({"status": "completed"}, {}, id="an unrelated execution"),
        pytest.param(child("a") | {"attempt": "two"}, {}, id="an attempt that is no number"),
    ],
)
async def test_what_repeats_a_failed_execution_and_completes_recovers_it(
    database: Database, later: dict[str, Any], recovery: dict[str, str]
) -> None:
    assert await recoveries(database, OWNER, run("a"), run("z", 1, **later)) == recovery


@pytest.mark.parametrize("status", ["completed", "running", "pending", "paused", None, "unknown"])
def test_what_has_not_ended_or_has_completed_is_not_recovered(status: str | None) -> None:
    assert EndedRun.of(run("a", status=status)) is None


@pytest.mark.parametrize("status", ["failed", "timed_out", "cancelled"])
async def test_each_end_without_success_is_recovered(database: Database, status: str) -> None:
    assert await recoveries(database, OWNER, run("a", status=status), run("b", 1, **retry("a"))) == {"a": "b"}


async def test_the_first_that_completed_counts(database: Database) -> None:
    rows = run("a"), run("late", 3, **retry("a")), run("early", 1, **child("a")), run("middle", 2, **retry("a"))

    assert await recoveries(database, OWNER, *rows) == {"a": "early"}


async def test_failed_attempts_between_are_followed_up_to_a_bound(recorded: tuple[Database, SentCommands]) -> None:
    database, commands = recorded
    last = MAX_ATTEMPTS_AFTER
    chain = [run(f"a{n}", n, attempt=n + 1, **({"parent_execution_id": f"a{n - 1}"} if n else {})) for n in range(last)]

    found = await recoveries(database, OWNER, *chain, run("done", 99, **child(f"a{last - 1}", last + 1)))

    assert found == {f"a{n}": "done" for n in range(last)}
    # All were given, so that their retries were read together.
    assert len(commands.reads) == 1


async def test_each_further_attempt_takes_a_query(recorded: tuple[Database, SentCommands]) -> None:
    database, commands = recorded
    rows = [run("a0"), *(run(f"a{n}", n, **retry(f"a{n - 1}", status="failed")) for n in (1, 2))]
    await database.collection(Execution).insert_many([*rows, run("done", 99, **retry("a2"))])

    found = await Retries(Reader(database, timeout_ms=5_000)).find_recoveries(OWNER, [EndedRun("a0", "etl", 1)])

    assert (found, len(commands.reads)) == ({"a0": "done"}, 3)


async def test_an_attempt_beyond_the_bound_is_not_looked_for(recorded: tuple[Database, SentCommands]) -> None:
    database, commands = recorded
    rows = [run("a0"), *(run(f"a{n}", n, **retry(f"a{n - 1}", status="failed")) for n in range(1, 9))]
    await database.collection(Execution).insert_many([*rows, run("done", 99, **retry("a8"))])

    found = await Retries(Reader(database, timeout_ms=5_000)).find_recoveries(OWNER, [EndedRun("a0", "etl", 1)])

    assert (found, len(commands.reads)) == ({}, MAX_ATTEMPTS_AFTER)


async def test_retries_in_a_circle_end(database: Database) -> None:
    rows = run("a", **retry("b", status="failed")), run("b", **retry("a", status="failed"))

    assert await recoveries(database, OWNER, *rows) == {}


async def test_a_page_of_failed_executions_takes_one_query(recorded: tuple[Database, SentCommands]) -> None:
    database, commands = recorded
    failed = [run(f"a{n}", n) for n in range(100)]
    retries = [run(f"b{n}", n, **(retry if n % 2 else child)(f"a{n}")) for n in range(100)]

    assert await recoveries(database, OWNER, *failed, *retries) == {f"a{n}": f"b{n}" for n in range(100)}
    assert len(commands.reads) == 1


@pytest.mark.parametrize("caller", [OWNER, OPERATOR], ids=["owner", "operator"])
async def test_recoveries_are_read_from_two_partial_indexes(
    recorded: tuple[Database, SentCommands], caller: Caller
) -> None:
    database, commands = recorded
    others = [run(f"c{n}", n, status=("failed", "completed")[n % 2]) for n in range(3_000)]
    await database.collection(Execution).insert_many(others)

    await recoveries(database, caller, run("a"), run("b", 1, **child("a")), run("c", 2), run("d", 3, **retry("c")))

    (read,) = commands.reads
    explained = await explain(database, read)
    assert explained.keys < 20
    assert explained.indexes == {
        "tenant_id_parent_execution_id_created__id",
        "tenant_id_retry_of_execution_id_created__id",
    }


async def test_what_a_caller_may_not_see_recovers_nothing(database: Database) -> None:
    rows = run("a"), run("b", 1, **retry("a"), user_id="ben"), run("c", 2, **child("a"), tenant_id="globex")
    await database.collection(Execution).insert_many([dict(row) for row in rows])
    retries = Retries(Reader(database, timeout_ms=5_000))

    found = {each: dict(await retries.find_recoveries(each, [EndedRun("a", "etl", 1)])) for each in (OWNER, OPERATOR)}

    assert found == {OWNER: {}, OPERATOR: {"a": "b"}}


async def test_a_chain_ends_where_the_caller_may_not_see_an_attempt(database: Database) -> None:
    hidden = run("b", 1, **retry("a", status="failed"), user_id="ben")

    assert await recoveries(database, OWNER, run("a"), hidden, run("c", 2, **retry("b"))) == {"b": "c"}


async def test_retries_are_listed_oldest_first_and_twenty_at_most(recorded: tuple[Database, SentCommands]) -> None:
    database, commands = recorded
    rows = [run("a"), run("z"), *(run(f"r{n:02}", n, **retry("a")) for n in reversed(range(30)))]
    await database.collection(Execution).insert_many(rows)

    found = await Retries(Reader(database, timeout_ms=5_000)).list(OWNER, ["a", "z"], frozenset({"execution_id"}))

    assert [row["execution_id"] for row in found["a"]] == [f"r{n:02}" for n in range(MAX_RETRIES)]
    assert list(found["z"]) == []
    assert len(commands.reads) == 2
    assert (await explain(database, commands.reads[0])).indexes == {"tenant_id_retry_of_execution_id_created__id"}


async def test_odd_references_are_nobodys(database: Database) -> None:
    rows = [run("a"), run("b") | retry("a") | {"retry_of_execution_id": ["a"]}, run("c", **child("a"))]
    rows[2]["parent_execution_id"] = {"of": "a"}
    await database.collection(Execution).insert_many(rows)
    retries = Retries(Reader(database, timeout_ms=5_000))

    listed = await retries.list(OWNER, ["a"], frozenset({"execution_id"}))
    recovered = await retries.find_recoveries(OWNER, [EndedRun("a", "etl", 1)])

    assert (listed, recovered) == ({"a": []}, {})


async def test_more_retries_are_listed_than_one_filter_holds(database: Database) -> None:
    rows = [run(f"r{n}-{m}", n, **retry(f"a{n}")) for n in range(60) for m in range(MAX_RETRIES)]
    await database.collection(Execution).insert_many(rows)

    found = await Retries(Reader(database, timeout_ms=5_000)).list(
        OWNER, [f"a{n}" for n in range(60)], frozenset({"execution_id"})
    )

    assert [len(each) for each in found.values()] == [MAX_RETRIES] * 60


async def test_retries_are_listed_where_they_are_visible(database: Database) -> None:
    rows = [
        run("a"),
        run("mine", 1, **retry("a")),
        run("bens", 2, **retry("a"), user_id="ben"),
        run("a", tenant_id="globex"),
        run("theirs", 3, **retry("a"), tenant_id="globex"),
    ]
    await database.collection(Execution).insert_many(rows)
    retries = Retries(Reader(database, timeout_ms=5_000))

    found = {
        caller: [row["execution_id"] for row in (await retries.list(caller, ["a"], frozenset({"execution_id"})))["a"]]
        for caller in (OWNER, OPERATOR, COLLEAGUE, NAMESAKE)
    }

    assert found == {OWNER: ["mine"], OPERATOR: ["mine", "bens"], COLLEAGUE: ["bens"], NAMESAKE: ["theirs"]}


@pytest.mark.parametrize("caller", UNSCOPED)
async def test_retries_need_the_scope(database: Database, caller: Caller) -> None:
    retries = Retries(Reader(database, timeout_ms=5_000))

    with pytest.raises(Forbidden):
        await retries.list(caller, ["a"], frozenset({"execution_id"}))
    with pytest.raises(Forbidden):
        await retries.find_recoveries(caller, [EndedRun("a", "etl", 1)])
