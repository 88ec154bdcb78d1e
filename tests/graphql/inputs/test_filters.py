"""Filters as clients write them: what each finds is what its words say."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from graphql import GraphQLInputObjectType
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import QueryTooComplex
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.inputs.filters import ExecutionFilter, to_filter
from execution_monitor.graphql.inputs.operators import ExecutionStatusFilter
from execution_monitor.graphql.schema import create_schema
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live
from execution_monitor.storage.database import Database
from execution_monitor.storage.error_groups import ErrorGroup
from tests.storage.strategies import bounded
from tests.support.documents import NOON, execution, store

CALLER = Caller("olga", "acme", frozenset(Scope))
SCHEMA = create_schema()
LIST = "query Q($filter: ExecutionFilter) { executions(filter: $filter, first: 100) { nodes { executionId } } }"

_WORDS = ("Etl", "etl", "ETL-2", "report", "a.*", "")
# The clock of the server.
NOW = NOON + timedelta(seconds=4)
_DATES = tuple(NOON + timedelta(seconds=number) for number in range(-1, 4))


def _documents() -> list[dict[str, Any]]:
    """Executions that differ in all fields of a filter, with ties, and without what may be missing."""
    found: list[dict[str, Any]] = []
    for number in range(24):
        row = execution(
            number,
            user_id=("ada", "ben")[number % 2],
            workflow_name=_WORDS[number % 5],
            status=("pending", "running", "failed", "completed", "timed_out")[number % 5],
            created=_DATES[number % 4],
            updated=_DATES[(number + 1) % 5],
        )
        optional = {
            "workflow_template_id": _WORDS[number % 3],
            "triggered_by": _WORDS[number % 6],
            "session_id": _WORDS[number % 4],
            "parent_execution_id": f"e{number % 3:03}",
            "started_at": _DATES[number % 5],
            "completed_at": _DATES[(number + 2) % 5],
            "total_duration": number % 4 / 2,
            "total_cost": number % 3 / 2,
            "tokens_used": number % 5 * 3_000_000_000 if number % 2 else number % 5,
            "tags": [{"key": ("env", "team")[number % 2], "value": ("x", "y")[number % 3 % 2]}],
            "error_details": {"message": _WORDS[number % 5], "code": _WORDS[number % 4]},
        }
        if number % 7 == 6:
            del row["status"]
        found.append(row | {name: value for place, (name, value) in enumerate(optional.items()) if number >> place % 4})
    return found


DOCUMENTS = _documents()

_STORED = {
    "executionId": "execution_id",
    "workflowName": "workflow_name",
    "workflowTemplateId": "workflow_template_id",
    "userId": "user_id",
    "triggeredBy": "triggered_by",
    "sessionId": "session_id",
    "parentExecutionId": "parent_execution_id",
    "createdAt": "created",
    "startedAt": "started_at",
    "completedAt": "completed_at",
    "durationSeconds": "total_duration",
    "totalCost": "total_cost",
    "tokensUsed": "tokens_used",
    "tokens": "tokens_used",
    "updatedAt": "updated",
}


def value_of(document: Mapping[str, Any], name: str) -> Any:
    """What the field `name` of the API shows of `document`, None where nothing is stored."""
    if name == "status":
        return document.get("status", "pending").upper()
    if name == "durationSeconds" and _is_active(document):
        return max(0.0, (NOW - document["started_at"]).total_seconds())
    if name == "errorGroup":
        group = ErrorGroup.of(document)
        return None if group is None else group.id
    if name in ("errorMessage", "errorCode"):
        return document.get("error_details", {}).get({"errorMessage": "message", "errorCode": "code"}[name])
    return document.get(_STORED[name])


def _is_active(document: Mapping[str, Any]) -> bool:
    """Whether an execution runs, and so has run since it started."""
    has_ended = "total_duration" in document or "completed_at" in document
    return document.get("status") in ("pending", "running") and "started_at" in document and not has_ended


# What each operator says of a value that is there.
_SAYS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "in": lambda value, operand: value in operand,
    "startsWith": lambda value, operand: value.startswith(operand),
    "contains": lambda value, operand: operand.lower() in value.lower(),
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "withinSeconds": lambda value, operand: value >= NOW - timedelta(seconds=operand),
}


def meets(value: Any, word: str, operand: Any) -> bool:
    """Whether `value` meets one operator, as the schema describes it."""
    if word == "isNull":
        return (value is None) is operand
    if word == "notIn":
        return value not in operand
    return value is not None and _SAYS[word](
        value, datetime.fromisoformat(operand) if isinstance(operand, str) and isinstance(value, datetime) else operand
    )


def matches(document: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether `document` matches, by the words of the contract; null says nothing, wherever it stands."""
    given_fields = {name: operand for name, operand in where.items() if operand is not None}
    return all(_holds(document, name, operand) for name, operand in given_fields.items())


def _holds(document: Mapping[str, Any], name: str, operand: Any) -> bool:
    if name == "and":
        return all(matches(document, each) for each in operand)
    if name == "or":
        return any(matches(document, each) for each in operand)
    if name == "not":
        return not matches(document, operand)
    if name == "tags":
        wanted = {key: value for key, value in operand.items() if value is not None}
        return any(wanted.items() <= tag.items() for tag in document.get("tags", ()))
    value = value_of(document, name)
    return all(meets(value, word, each) for word, each in operand.items() if each is not None)


_FILTER: Any = SCHEMA._schema.type_map["ExecutionFilter"]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - there is no public way
_SCALARS: dict[str, SearchStrategy[Any]] = {
    "String": st.sampled_from([*_WORDS, "e001", "ada", "none"]),
    "ExecutionStatus": st.sampled_from(["PENDING", "RUNNING", "FAILED", "CANCELLED"]),
    "DateTime": st.sampled_from(
        [date.astimezone(timezone(timedelta(hours=hours))).isoformat() for date in _DATES for hours in (0, 1, -9)]
    ),
    "Float": st.sampled_from([0, 0.5, 1, -1.5]),
    "Int": st.integers(-1, 4),
    "BigInt": st.integers(-1, 4) | st.sampled_from([3_000_000_000, 5_999_999_999, 12_000_000_000]),
    "Boolean": st.booleans(),
    "ID": st.sampled_from([value_of(each, "errorGroup") for each in DOCUMENTS if "error_details" in each]),
}


def values_of(type_: str) -> SearchStrategy[Any]:
    """Values of a scalar of the schema or of a list of them."""
    if type_.startswith("["):
        return st.lists(values_of(type_[1:].rstrip("!]")), max_size=3)
    return _SCALARS[type_.rstrip("!")]


def operators_of(name: str) -> SearchStrategy[dict[str, Any]]:
    """What may be said of one field, null and nothing among it."""
    if name == "tags":
        key, value = st.sampled_from(["env", "team", "none"]), st.sampled_from(["x", "y", None])
        return st.fixed_dictionaries({"key": key}, optional={"value": value})
    kind: GraphQLInputObjectType = _FILTER.fields[name].type
    words = {word: st.none() | values_of(str(each.type)) for word, each in kind.fields.items()}
    if "withinSeconds" in words:
        words["withinSeconds"] = st.none() | st.integers(1, 4)
    some = st.lists(st.sampled_from(sorted(words)), max_size=2, unique=True)
    return some.flatmap(lambda chosen: st.fixed_dictionaries({each: words[each] for each in chosen}))


CONDITIONS = sorted(set(_FILTER.fields) - {"and", "or", "not"})
_condition = st.sampled_from(CONDITIONS).flatmap(
    lambda name: st.fixed_dictionaries({name: st.none() | operators_of(name) | operators_of(name)})
)


def _combined(inner: SearchStrategy[dict[str, Any]]) -> SearchStrategy[dict[str, Any]]:
    several = st.none() | st.lists(inner, max_size=3)
    words = {"and": several, "or": several, "not": st.none() | inner}
    combination = st.sampled_from(sorted(words)).flatmap(lambda word: st.fixed_dictionaries({word: words[word]}))
    return st.tuples(_condition, combination).map(lambda both: {**both[0], **both[1]})


filters = st.recursive(_condition, _combined, max_leaves=5)


@pytest.fixture
async def context(database: Database, mongodb_uri: str) -> Context:
    await store(*DOCUMENTS)
    live = Live(database, mongodb_uri, LiveCursors(b"secret"))
    monitor = Monitor.over(database, timeout_ms=5_000, count_limit=100)
    executions = replace(monitor.executions, reader=replace(monitor.executions.reader, clock=lambda: NOW))
    return Context(CALLER, replace(monitor, executions=executions), live)


async def find(context: Context, where: Any) -> list[str]:
    """The executions that the API finds, by number."""
    result = await SCHEMA.execute(LIST, {"filter": where}, context)
    assert result.errors is None, where
    assert result.data is not None
    return sorted(node["executionId"] for node in result.data["executions"]["nodes"])


def expected(where: Any) -> list[str]:
    return [each["execution_id"] for each in DOCUMENTS if matches(each, where)]


@bounded(max_examples=300)
@given(where=filters)
async def test_a_filter_finds_what_its_words_say(context: Context, where: dict[str, Any]):
    assert await find(context, where) == expected(where)


OPERATORS = {
    f"{name} {word}": (name, word, str(each.type))
    for name in CONDITIONS
    if name != "tags"
    for word, each in _FILTER.fields[name].type.fields.items()
}


@pytest.mark.parametrize(("name", "word", "kind"), OPERATORS.values(), ids=OPERATORS)
async def test_each_operator_of_each_field_finds_some_and_leaves_some(
    context: Context, name: str, word: str, kind: str
):
    known = [each for each in (value_of(document, name) for document in DOCUMENTS) if each is not None]
    middle = sorted(set(known))[len(set(known)) // 2]
    one = middle.isoformat() if isinstance(middle, datetime) else middle
    operand: Any = [one] if kind.startswith("[") else True if kind == "Boolean" else one
    operand = 2 if word == "withinSeconds" else operand

    found = await find(context, {name: {word: operand}})

    assert found == expected({name: {word: operand}})
    always_there = name in ("executionId", "userId", "workflowName", "createdAt", "updatedAt") and word == "isNull"
    assert (0 if always_there else 1) <= len(found) < len(DOCUMENTS)


async def test_an_empty_value_of_a_tag_is_a_value(context: Context):
    # Their tags are of the value x or y.
    await store(execution(90, tags=[{"key": "env", "value": ""}]), execution(91, tags=[{"key": "team", "value": ""}]))

    assert await find(context, {"tags": {"key": "env", "value": ""}}) == ["e090"]
    assert "e090" in await find(context, {"tags": {"key": "env"}})


def conditions(count: int) -> ExecutionFilter:
    """A filter of so many conditions: itself, and the others in its list."""
    return ExecutionFilter(and_=[ExecutionFilter() for _ in range(count - 1)])


def of_failures(count: int) -> ExecutionFilter:
    """A filter with so many conditions on a field in its list, each in a filter of its own."""
    fields: Any = {"status": ExecutionStatusFilter()}
    return ExecutionFilter(and_=[ExecutionFilter(**fields) for _ in range(count)])


def nested(depth: int) -> ExecutionFilter:
    """A filter so many deep."""
    found = ExecutionFilter()
    for _ in range(depth - 1):
        found = ExecutionFilter(not_=found)
    return found


@pytest.mark.parametrize(
    ("most", "more", "sentence"),
    [
        pytest.param(conditions(200), conditions(201), "at most 200 conditions", id="conditions"),
        pytest.param(
            of_failures(99),
            of_failures(100),
            "at most 200 conditions",
            id="conditions on a field",
        ),
        pytest.param(nested(10), nested(11), "nested at most 10 deep", id="levels"),
    ],
)
def test_a_filter_may_have_so_much_and_no_more(most: ExecutionFilter, more: ExecutionFilter, sentence: str):
    assert to_filter(most)
    with pytest.raises(QueryTooComplex, match=sentence):
        to_filter(more)


@pytest.mark.parametrize("seconds", [0, -1])
async def test_a_time_within_no_seconds_is_refused(context: Context, seconds: int):
    result = await SCHEMA.execute(LIST, {"filter": {"createdAt": {"withinSeconds": seconds}}}, context)

    assert result.errors is not None
    assert [error.message for error in result.errors] == [f"withinSeconds must be from 1 to 2147483647, not {seconds}."]


@bounded(max_examples=40)
@given(where=filters)
async def test_a_count_counts_what_a_filter_finds(context: Context, where: dict[str, Any]):
    count = "query Q($filter: ExecutionFilter) { executions(filter: $filter, first: 1) { totalCount } }"

    result = await SCHEMA.execute(count, {"filter": where}, context)

    assert result.data == {"executions": {"totalCount": len(expected(where))}}


@pytest.mark.parametrize("name", CONDITIONS)
async def test_a_field_that_says_nothing_leaves_nothing_out(context: Context, name: str):
    assert len(await find(context, {name: None})) == len(DOCUMENTS)
    # A tag has a key.
    assert name == "tags" or len(await find(context, {name: {}})) == len(DOCUMENTS)


async def test_lists_by_duration_count_those_that_run_as_of_their_first_page(context: Context):
    query = """query Q($after: String) {
        executions(
            first: 5, after: $after, sort: [{ field: DURATION }], filter: { durationSeconds: { gte: 1 } }
        ) { edges { cursor node { executionId } } pageInfo { hasNextPage endCursor } totalCount liveCursor }
    }"""
    seconds = {each["execution_id"]: value_of(each, "durationSeconds") or 0 for each in DOCUMENTS}
    found, after, counts, clock = list[str](), None, set[int](), NOW
    while True:
        reader = replace(context.monitor.executions.reader, clock=lambda now=clock: now)
        executions = replace(context.monitor.executions, reader=reader)
        monitor = replace(context.monitor, executions=executions)
        result = await SCHEMA.execute(query, {"after": after}, Context(CALLER, monitor, context.live))
        assert result.errors is None
        assert result.data is not None
        page = result.data["executions"]
        found += [edge["node"]["executionId"] for edge in page["edges"]]
        counts.add(page["totalCount"])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after, clock = page["pageInfo"]["endCursor"], clock + timedelta(hours=1)

    assert sorted(found) == sorted(name for name, each in seconds.items() if each >= 1)
    assert [seconds[name] for name in found] == sorted((seconds[name] for name in found), reverse=True)
    assert counts == {len(found)}
    assert after is not None
