"""Facets: the values of a field under a filter without its own conditions, counted as plain Python counts them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from typing_extensions import override

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import DatabaseUnavailable, Forbidden, QueryTimeout, ResponseTooLarge
from execution_monitor.executions.executions import Executions
from execution_monitor.executions.visibility import visible_to
from execution_monitor.statistics.facets import Facets, FacetValue, without
from execution_monitor.statistics.questions import keys_of
from execution_monitor.statistics.requests import GroupField
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import (
    EVERYTHING,
    AllOf,
    AnyOf,
    Contains,
    Filter,
    HasTag,
    NoneOf,
    Not,
    OneOf,
    Range,
    StartsWith,
    all_of,
    equals,
)
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.relative_filters import Within
from execution_monitor.storage.rows import BsonDocument
from tests.support.documents import NOON, execution, store
from tests.support.sent_commands import SentCommands, explain

READ, TENANT = Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT
OPERATOR = Caller("olivia", "acme", frozenset({READ, TENANT}))
ADA = Caller("ada", "acme", frozenset({READ}))
FIELDS = (
    GroupField.STATUS,
    GroupField.WORKFLOW_NAME,
    GroupField.ERROR_CODE,
    GroupField.USER_ID,
    GroupField.TRIGGERED_BY,
    GroupField.TAG,
)
FAILED = equals("status", "failed")
FILTERS: Mapping[str, Filter] = {
    "everything": EVERYTHING,
    "one status": FAILED,
    "one workflow since a time": all_of(equals("workflow_name", "etl"), Range("created", gte=NOON)),
    "several of two fields": all_of(OneOf("status", ("failed", "running")), NoneOf("workflow_name", ("ml",))),
    "a part of a name and a cost": all_of(Contains("workflow_name", "L"), Range("total_cost", gt=1)),
    "an error": all_of(equals("error_details.code", "E1"), FAILED),
    "no error": equals("error_details.code", None),
    "a tag and a trigger": all_of(HasTag("team"), StartsWith("triggered_by", "c")),
    "alternatives": AnyOf((FAILED, equals("user_id", "grace"))),
    "none of some": Not(AllOf((FAILED, equals("workflow_name", "etl")))),
    "the last seconds": Within("created", 30),
    "nothing": OneOf("status", ()),
}
ODD: tuple[Mapping[str, Any], ...] = (
    {"status": "unheard-of"},
    {"workflow_name": ["etl", "ml"]},
    {"error_details": [{"code": "E1"}]},
    {"error_details": {"code": 7}},
    {"total_cost": "12"},
    {"tags": {"key": "team", "value": "a"}},
    {"tags": [["team"], {"key": "team"}, {"key": 1, "value": "a"}, None]},
    {"user_id": None},
)


def documents(count: int, *, odd: bool) -> list[dict[str, Any]]:
    """Executions with all kinds of values; some with `odd` ones."""
    random, made = Random(18), list[dict[str, Any]]()  # noqa: S311 - documents of a test
    for number in range(count):
        document = execution(
            number,
            status=random.choice(("failed", "completed", "completed", "running")),
            workflow_name=random.choice(("etl", "ml", "ELT")),
            user_id=random.choice(("ada", "ada", "grace")),
            total_cost=random.choice((0.5, 2, 3)),
        )
        if random.random() < 0.5:
            document["error_details"] = {"message": "x", "code": random.choice(("E1", "E2"))}
        if random.random() < 0.5:
            document["triggered_by"] = random.choice(("cron", "ada"))
        if random.random() < 0.6:
            keys = random.choices(("team", "region", "tier"), k=random.randint(0, 3))
            document["tags"] = [{"key": key, "value": random.choice("ab")} for key in keys]
        if odd and number % 5 == 0:
            document.update(ODD[number // 5 % len(ODD)])
        made.append(document)
    return made


def counted(rows: Iterable[dict[str, Any]], by: GroupField, *, limit: int = 10_000) -> list[FacetValue]:
    """What a facet must be: over the newest `limit` of `rows`."""
    newest = sorted(rows, key=lambda row: row["created"], reverse=True)
    found = Counter[str | None]()
    for row in newest[:limit]:
        found.update({key[0] if isinstance(key, tuple) else key for key in keys_of(by, row)})
    ordered = sorted(found.items(), key=lambda each: (-each[1], each[0] is not None, each[0] or ""))
    return [FacetValue(value, count, is_exact=len(newest) <= limit) for value, count in ordered]


def facets_of(database: Database, *, limit: int = 10_000) -> Facets:
    return Facets(Executions(Reader(database, 60_000, clock=lambda: NOON + timedelta(seconds=60)), limit))


@pytest.mark.parametrize("odd", [False, True], ids=["plain documents", "odd ones among them"])
@pytest.mark.parametrize("limit", [7, 10_000], ids=["up to a limit", "all"])
async def test_a_facet_counts_as_plain_python_does(database: Database, limit: int, odd: bool):  # noqa: FBT001 - a parameter
    rows = documents(80, odd=odd)
    await store(*rows, execution(900, tenant_id="globex", workflow_name="foreign"))
    facets, now = facets_of(database, limit=limit), NOON + timedelta(seconds=60)

    wrong = list[Any]()
    for who in (OPERATOR, ADA):
        for name, where in FILTERS.items():
            for by in FIELDS:
                matches = all_of(visible_to(who), without(where, by)).bind(now).predicate()
                expected = counted(filter(matches, rows), by, limit=limit)
                actual = await facets.read(who, where, by)
                if actual != expected:
                    wrong.append((who.subject, name, by, actual, expected))

    assert wrong == []


@pytest.mark.parametrize(
    ("where", "by", "rest"),
    [
        pytest.param(FAILED, GroupField.STATUS, EVERYTHING, id="the only one"),
        pytest.param(FAILED, GroupField.USER_ID, FAILED, id="one on another field"),
        pytest.param(
            all_of(FAILED, HasTag("a"), all_of(HasTag("b", "c"), equals("user_id", "ada"))),
            GroupField.TAG,
            all_of(FAILED, equals("user_id", "ada")),
            id="several, also in a conjunction within",
        ),
        pytest.param(
            AllOf((AnyOf((FAILED,)), Not(FAILED), FAILED)),
            GroupField.STATUS,
            AllOf((AnyOf((FAILED,)), Not(FAILED))),
            id="those within or and not stay",
        ),
    ],
)
def test_a_facet_leaves_out_the_own_conditions_of_the_conjunction(where: Filter, by: GroupField, rest: Filter):
    assert without(where, by) == rest


def test_what_a_caller_may_see_is_no_condition_of_the_filter():
    # It is added after conditions are left out: facets by owner must not show all owners.
    assert visible_to(ADA) != all_of(visible_to(ADA), without(visible_to(ADA), GroupField.USER_ID))


@pytest.mark.parametrize(
    ("where", "by", "index", "documents_read"),
    [
        pytest.param(EVERYTHING, GroupField.WORKFLOW_NAME, "facts", 0, id="all of a tenant"),
        pytest.param(AnyOf((FAILED, equals("user_id", "x"))), GroupField.WORKFLOW_NAME, "facts", 0, id="alternatives"),
        pytest.param(Range("total_cost", gt=9), GroupField.STATUS, "tenant_id_total_cost__id", 0, id="few in an index"),
        pytest.param(Range("total_cost", gt=1), GroupField.STATUS, "facts", 0, id="many in an index"),
        pytest.param(EVERYTHING, GroupField.TRIGGERED_BY, "tenant_id_created__id", 31, id="what facts do not have"),
        pytest.param(FAILED, GroupField.USER_ID, "tenant_id_status_newest", 31, id="what an index has in order"),
    ],
)
async def test_a_facet_reads_index_entries_or_as_many_documents_as_it_counts(
    recorded_database: tuple[Database, SentCommands], where: Filter, by: GroupField, index: str, documents_read: int
):
    database, commands = recorded_database
    await store(*(execution(number, status="failed", total_cost=2) for number in range(200)))
    commands.reads.clear()

    await facets_of(database, limit=30).read(OPERATOR, where, by)

    explained = await explain(database, commands.reads[-1])
    assert (explained.indexes, explained.documents) == ({index}, documents_read)


@dataclass(frozen=True, slots=True)
class SlowReader(Reader):
    """A reader whose next aggregations, as many as `slow` holds, reach their time limit, or have too much to return."""

    slow: list[Exception] = field(default_factory=list[Exception])

    @override
    async def aggregate(self, *arguments: Any, **options: Any) -> list[BsonDocument]:
        if self.slow:
            raise self.slow.pop()
        return await super(SlowReader, self).aggregate(*arguments, **options)


@pytest.mark.parametrize("error", [QueryTimeout("Slow."), ResponseTooLarge(2, 1)], ids=["time", "size"])
async def test_what_takes_too_long_is_counted_among_the_newest_or_left_out_and_never_fails(
    database: Database, error: Exception
):
    await store(execution(1), execution(2, status="failed"), execution(3, user_id="grace"))
    few = [FacetValue("completed", 1, is_exact=False), FacetValue("failed", 1, is_exact=False)]

    found = [
        await Facets(Executions(SlowReader(database, 5_000, slow=[error] * times), 10_000)).read(
            ADA, Range("created", gte=NOON), GroupField.STATUS
        )
        for times in (1, 2)
    ]

    assert found == [few, []]


async def test_a_facet_that_mongodb_stops_too_late_is_counted_among_the_newest_but_an_outage_is_an_error(
    database: Database,
):
    await store(execution(1))

    def facets(times: int) -> Facets:
        slow: list[Exception] = [DatabaseUnavailable("No reply.")] * times
        return Facets(Executions(SlowReader(database, 5_000, slow=slow), 10_000))

    found = await facets(1).read(ADA, Range("created", gte=NOON), GroupField.STATUS)
    with pytest.raises(DatabaseUnavailable):
        await facets(2).read(ADA, Range("created", gte=NOON), GroupField.STATUS)

    assert found == [FacetValue("completed", 1, is_exact=False)]


async def test_a_facet_has_a_share_of_the_time_of_a_query(recorded_database: tuple[Database, SentCommands]):
    database, commands = recorded_database

    await Facets(Executions(Reader(database, 5_000), 10)).read(OPERATOR, EVERYTHING, GroupField.STATUS)

    assert {command["maxTimeMS"] for command in commands.reads} == {500}


async def test_a_facet_needs_the_scope_of_the_list(database: Database):
    with pytest.raises(Forbidden):
        await facets_of(database).read(Caller("ada", "acme"), EVERYTHING, GroupField.STATUS)
