"""Error groups: counted as plain Python counts them, of what the caller may see, in bounded time and memory."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.errors import Forbidden, QueryTimeout
from execution_monitor.executions.executions import Executions
from execution_monitor.executions.visibility import visible_to
from execution_monitor.statistics import error_groups
from execution_monitor.statistics.error_groups import CountedErrorGroup, ErrorGroups, ErrorGroupsRequest
from execution_monitor.statistics.time_buckets import Interval, buckets_between
from execution_monitor.storage.database import Database
from execution_monitor.storage.error_groups import ErrorGroup
from execution_monitor.storage.filters import Filter, Range, all_of, equals
from execution_monitor.storage.reader import Reader
from tests.support.documents import NOON, execution, store

READ, TENANT = Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT
OLGA = Caller("olga", "acme", frozenset({READ, TENANT}))
ADA = Caller("ada", "acme", frozenset({READ}))
ML = equals("workflow_name", "ml")
MLOPS = Caller("mo", "acme", frozenset({READ, TENANT}), grants=(Grant(TENANT, ML), Grant(READ, ML)))
SINCE_NOON = Range("created", gte=NOON)
DAY = 86_400
NOW = NOON + timedelta(days=1)


def failure(number: int, message: Any, code: Any = "E", **fields: Any) -> dict[str, Any]:
    error = {"message": message, "code": code, "type": "Error"}
    return execution(number, **{"status": "failed", "error_details": error, **fields})


@pytest.fixture
def groups(database: Database) -> ErrorGroups:
    return ErrorGroups(Executions(Reader(database, 5_000), 1_000))


def request(where: Filter = SINCE_NOON, **fields: Any) -> ErrorGroupsRequest:
    return ErrorGroupsRequest(where, NOW, **fields)


def shown(found: Sequence[CountedErrorGroup]) -> list[tuple[str | None, int]]:
    return [(each.group.message, each.count) for each in found]


async def test_a_group_says_what_how_often_since_when_and_where(groups: ErrorGroups):
    await store(
        *(failure(n, f"row {n} is wrong", workflow_name=("etl", "ml", "etl")[n]) for n in range(3)),
        failure(9, "disk full", status="completed"),
        execution(10, status="failed"),
    )

    first, second = await groups.find(OLGA, request())

    assert shown([first, second]) == [("row … is wrong", 3), ("disk full", 1)]
    assert (first.group.code, first.group.type) == ("E", "Error")
    assert (first.first_seen, first.last_seen) == (NOON, NOON + timedelta(seconds=2))
    assert (first.newest_id, first.workflow_names, first.is_new) == ("e002", ["etl", "ml"], True)


async def test_the_most_frequent_come_first_and_the_newest_of_equally_frequent_ones(groups: ErrorGroups):
    await store(*(failure(n, message) for n, message in enumerate(["a", "b", "c", "b", "d"])))

    assert shown(await groups.find(OLGA, request(first=3))) == [("b", 2), ("d", 1), ("c", 1)]


async def test_a_group_names_the_ten_most_frequent_workflows(groups: ErrorGroups):
    await store(*(failure(n, "a", workflow_name=f"w{n % 11:02}") for n in range(12)), failure(99, "a", workflow_name=5))

    (found,) = await groups.find(OLGA, request())

    assert found.workflow_names == [f"w{n:02}" for n in range(10)]
    assert found.count == 13


@pytest.mark.parametrize(
    ("before", "is_new"),
    [
        pytest.param(failure(-1, "row 8"), False, id="one like it a second before the range"),
        pytest.param(failure(-7 * DAY, "row 8"), False, id="seven days before"),
        pytest.param(failure(-7 * DAY - 1, "row 8"), True, id="longer ago"),
        pytest.param(failure(-1, "row of 8"), True, id="one with another message"),
        pytest.param(failure(-1, "row 8", code="F"), True, id="one with another code"),
        pytest.param(failure(-1, "row 8", user_id="ben"), True, id="one that the caller may not see"),
        pytest.param(failure(-1, "row 8", workflow_name="ml"), True, id="one that the filter leaves out"),
    ],
)
async def test_a_group_is_new_without_one_like_it_in_the_seven_days_before(
    groups: ErrorGroups, before: dict[str, Any], *, is_new: bool
):
    await store(failure(5, "row 7"), before)

    (found,) = await groups.find(ADA, request(all_of(SINCE_NOON, equals("workflow_name", "etl"))))

    assert found.is_new is is_new


async def test_what_is_new_is_not_read_where_it_is_not_requested(groups: ErrorGroups):
    await store(failure(5, "row 7"))

    (found,) = await groups.find(ADA, request(looks_back=False))

    assert found.is_new is None


@pytest.mark.parametrize(
    ("zone", "interval", "start"),
    [
        pytest.param("Asia/Kathmandu", Interval.DAY, NOON - timedelta(days=3), id="days, 5:45 hours from UTC"),
        pytest.param("Europe/Berlin", Interval.HOUR, NOON, id="hours"),
        pytest.param("UTC", Interval.MINUTE, NOON + timedelta(seconds=30), id="minutes"),
    ],
)
async def test_a_group_is_counted_in_each_bucket(groups: ErrorGroups, zone: str, interval: Interval, start: datetime):
    end = start + timedelta(seconds=min(60 * interval.seconds, 4 * DAY))
    buckets = buckets_between(start, end, interval, ZoneInfo(zone))
    seconds = [Random(n).uniform(0, (end - start).total_seconds() - 1) for n in range(50)]  # noqa: S311 - made up
    created = [start + timedelta(milliseconds=int(each * 1_000)) for each in [0, *seconds]]
    # Behind the last bucket of a range that has no end.
    late = end + timedelta(days=2)
    await store(*(failure(n, f"row {n}", created=each) for n, each in enumerate([*created, late])))

    (found,) = await groups.find(OLGA, request(Range("created", gte=start), buckets=buckets))

    expected = [sum(bucket.start <= each < bucket.end for each in created) for bucket in buckets]
    expected[-1] += 1
    assert found.series(buckets) == expected


CALLERS = (
    OLGA,
    ADA,
    MLOPS,
    Caller("ben", "acme", frozenset({READ})),
    Caller("gil", "globex", frozenset({READ, TENANT})),
)


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.subject)
async def test_groups_are_those_that_plain_python_finds_of_what_the_caller_may_see(groups: ErrorGroups, caller: Caller):
    random = Random(5)  # noqa: S311 - the same in every run
    messages = ("row {}", "row {} of {}", "no '{}'", "", "x" * 8_000 + " {}", None, 5, ["row 1"])
    rows = [
        failure(
            n,
            message.format(n, n) if isinstance(message := random.choice(messages), str) else message,
            code=random.choice(["E", None, 7, "c" * 1_001]),
            user_id=random.choice(["ada", "ben"]),
            tenant_id=random.choice(["acme", "acme", "globex"]),
            workflow_name=random.choice(["etl", "ml"]),
        )
        for n in range(300)
    ]
    rows += [execution(301, error_details=[{"code": "E"}]), execution(302, error_details="text")]
    await store(*rows)

    found = await groups.find(caller, request(first=100))

    seen = [row for row in rows if visible_to(caller).matches(row)]
    expected = dict[ErrorGroup, list[dict[str, Any]]]()
    for row in seen:
        group = ErrorGroup.of(row)
        if group is not None:
            expected.setdefault(group, []).append(row)
    assert len(expected) > 3
    assert {each.group: each.count for each in found} == {group: len(each) for group, each in expected.items()}
    assert {each.group: each.newest_id for each in found} == {
        group: each[-1]["execution_id"] for group, each in expected.items()
    }
    for each in found:
        matching = all_of(SINCE_NOON, each.group.condition)
        assert (await groups.executions.count(caller, matching)).total == each.count


async def test_who_may_read_no_executions_gets_no_groups(groups: ErrorGroups):
    with pytest.raises(Forbidden):
        await groups.find(Caller("ada", "acme", frozenset()), request())


async def test_the_newest_are_counted_where_there_are_more_than_the_bound(
    groups: ErrorGroups, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(error_groups, "MAX_COUNTED", 3)
    await store(*(failure(n, message) for n, message in enumerate("aabbb")), execution(6))

    assert shown(await groups.find(OLGA, request())) == [("b", 3)]


async def test_groups_are_found_without_the_index(groups: ErrorGroups, monkeypatch: pytest.MonkeyPatch):
    def missing_index(_: Filter) -> dict[str, int]:
        return {"tenant_id": 1, "missing": 1}

    monkeypatch.setattr(error_groups, "_index_for", missing_index)
    await store(failure(1, "row 1"))

    assert shown(await groups.find(OLGA, request())) == [("row …", 1)]


async def test_thousands_of_different_messages_leave_room_for_other_requests(groups: ErrorGroups):
    words = ["".join(Random(n).choices("abcdefgh", k=6)) for n in range(60)]  # noqa: S311 - made up
    for start in range(0, 12_000, 4_000):
        await store(*(failure(n, f"{words[n % 60]} {n} " * 3) for n in range(start, start + 4_000)))
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.ensure_future(count_turns())
    used = time.process_time()
    found = await groups.find(OLGA, request(looks_back=False, first=100))
    used = time.process_time() - used
    other.cancel()

    assert len(found) == 60
    assert sum(each.count for each in found) == 12_000
    assert turns > 12


async def test_too_much_to_group_is_said(groups: ErrorGroups, database: Database):
    admin = database.client.admin
    kept = await admin.command("getParameter", 1, internalDocumentSourceGroupMaxMemoryBytes=1)
    await store(*(failure(n, f"{'word ' * 60}{n}") for n in range(200)))
    await admin.command("setParameter", 1, internalDocumentSourceGroupMaxMemoryBytes=10_000)
    try:
        with pytest.raises(QueryTimeout, match=r"at its memory limit\. A filter on .* would make it fast"):
            await groups.find(OLGA, replace(request(), matching=equals("tenant_id", "acme")))
    finally:
        limit = kept["internalDocumentSourceGroupMaxMemoryBytes"]
        await admin.command("setParameter", 1, internalDocumentSourceGroupMaxMemoryBytes=limit)
