"""Filters: what each compiles to, and that query, predicate and a plain evaluation never disagree."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from bson import DatetimeMS
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import (
    EVERYTHING,
    MAX_TEXT_LENGTH,
    MAX_VALUES,
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
    is_null,
)
from execution_monitor.storage.rows import BsonDocument
from tests.storage.reference import NOW, holds
from tests.storage.strategies import NEW_YEAR, bounded, executions, filters, objects, ranges

NOTHING: dict[str, Any] = {"_id": {"$in": list[Any]()}}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HALF_A_MILLISECOND = timedelta(microseconds=500)
A_MILLISECOND = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("where", "query"),
    [
        pytest.param(EVERYTHING, {}, id="no filter matches everything"),
        pytest.param(AllOf(), {}, id="all of nothing matches everything"),
        pytest.param(AnyOf(), NOTHING, id="any of nothing matches nothing"),
        pytest.param(Not(EVERYTHING), NOTHING, id="not of everything matches nothing"),
        pytest.param(Not(AnyOf()), {"$nor": [NOTHING]}, id="not of nothing matches everything"),
        pytest.param(AnyOf((equals("status", "failed"), EVERYTHING)), {}, id="anything or everything is everything"),
        pytest.param(AnyOf((equals("status", "failed"),)), {"status": "failed"}, id="any of one is that one"),
        pytest.param(OneOf("status", ()), {"status": {"$in": []}}, id="an empty list matches nothing"),
        pytest.param(OneOf("status", ("failed",)), {"status": "failed"}, id="a list of one is an equality"),
        pytest.param(NoneOf("status", ()), {}, id="none of an empty list matches everything"),
        pytest.param(NoneOf("status", ("failed",)), {"status": {"$ne": "failed"}}, id="not in a list of one"),
        pytest.param(NoneOf("status", ("a", "b")), {"status": {"$nin": ["a", "b"]}}, id="not in a list"),
        pytest.param(is_null("session_id", wanted=True), {"session_id": None}, id="missing counts as null"),
        pytest.param(is_null("session_id", wanted=False), {"session_id": {"$ne": None}}, id="not null is not missing"),
        pytest.param(Range("total_cost"), {}, id="a range without bounds matches everything"),
        pytest.param(Range("total_cost", gt=1), {"total_cost": {"$gt": 1}}, id="a lower bound"),
        pytest.param(
            Range("total_cost", lt=1),
            {"total_cost": {"$lt": 1, "$gte": -math.inf}},
            id="an upper bound keeps NaN out, with an index and without",
        ),
        pytest.param(
            StartsWith("workflow_name", "a.*"),
            {"workflow_name": {"$regex": r"^a\.\*"}},
            id="a prefix is text, never a pattern",
        ),
        pytest.param(
            Contains("workflow_name", "a.B"),
            {"workflow_name": {"$regex": r"[Aa]\.[Bb]"}},
            id="a part is text in any case, never a pattern",
        ),
        pytest.param(
            Contains("workflow_name", "\0"), {"workflow_name": {"$regex": r"\x00"}}, id="a NUL does not end the pattern"
        ),
        pytest.param(HasTag("team"), {"tags": {"$elemMatch": {"key": "team"}}}, id="a tag with any value"),
        pytest.param(
            HasTag("team", "x"), {"tags": {"$elemMatch": {"key": "team", "value": "x"}}}, id="key and value of one tag"
        ),
        pytest.param(
            HasTag("team", ""), {"tags": {"$elemMatch": {"key": "team", "value": ""}}}, id="a tag of an empty value"
        ),
        pytest.param(
            all_of(equals("tenant_id", "acme"), equals("status", "failed")),
            {"tenant_id": "acme", "status": "failed"},
            id="conditions on different fields need no $and",
        ),
        pytest.param(
            all_of(Range("created", gte=NOON), Range("created", lt=NOON)),
            {"created": {"$gte": NOON, "$lt": NOON}},
            id="different bounds of one field are one range",
        ),
        pytest.param(
            all_of(Range("created", gte=NOON), Range("created", gte=NOON)),
            {"$and": [{"created": {"$gte": NOON}}, {"created": {"$gte": NOON}}]},
            id="equal bounds of one field do not overwrite each other",
        ),
        pytest.param(
            all_of(Range("created", gte=NOON), is_null("created", wanted=False)),
            {"$and": [{"created": {"$gte": NOON}}, {"created": {"$ne": None}}]},
            id="conditions on one field do not overwrite each other",
        ),
        pytest.param(equals("status", "$where"), {"status": "$where"}, id="a value never becomes an operator"),
    ],
)
def test_a_filter_compiles_to_a_query(where: Filter, query: dict[str, Any]) -> None:
    assert where.to_mongo() == query


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        pytest.param(
            {"gt": NOON + HALF_A_MILLISECOND}, {"$gt": NOON}, id="after half a millisecond is after its start"
        ),
        pytest.param(
            {"gte": NOON + HALF_A_MILLISECOND}, {"$gte": NOON + A_MILLISECOND}, id="from half is from the next"
        ),
        pytest.param(
            {"lt": NOON + HALF_A_MILLISECOND}, {"$lt": NOON + A_MILLISECOND}, id="before half is before the next"
        ),
        pytest.param({"lte": NOON + HALF_A_MILLISECOND}, {"$lte": NOON}, id="until half is until its start"),
        pytest.param({"gte": NOON}, {"$gte": NOON}, id="a whole millisecond stays"),
        pytest.param(
            {"gte": datetime.max.replace(tzinfo=UTC)},
            {"$gte": DatetimeMS(253_402_300_800_000)},
            id="the last microsecond of the calendar rounds beyond it",
        ),
        pytest.param(
            {"gt": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))},
            {"$gt": DatetimeMS(-62_135_596_800_000 - 14 * 3_600_000)},
            id="the first date of the calendar, east of UTC",
        ),
    ],
)
def test_bounds_are_whole_milliseconds_that_mean_the_same(given: dict[str, datetime], bound: dict[str, Any]) -> None:
    assert Range("created", **given).to_mongo() == {"created": bound}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(
            lambda: OneOf("status", ("a",) * (MAX_VALUES + 1)),
            "A list in a filter holds at most 1,000 values; send fewer.",
            id="a list to be in",
        ),
        pytest.param(
            lambda: NoneOf("status", ("a",) * (MAX_VALUES + 1)),
            "A list in a filter holds at most 1,000 values; send fewer.",
            id="a list not to be in",
        ),
        pytest.param(
            lambda: StartsWith("status", "a" * (MAX_TEXT_LENGTH + 1)),
            "A text to search for has at most 1,000 characters; send a shorter one.",
            id="a prefix",
        ),
        pytest.param(
            lambda: Contains("status", "a" * (MAX_TEXT_LENGTH + 1)),
            "A text to search for has at most 1,000 characters; send a shorter one.",
            id="a part",
        ),
        pytest.param(
            lambda: equals("status", "\ud800"), "A text in a filter must be valid Unicode.", id="half a letter"
        ),
        pytest.param(
            lambda: NoneOf("status", ("\ud800",)), "A text in a filter must be valid Unicode.", id="none of half"
        ),
        pytest.param(
            lambda: Contains("status", "\ud800"), "A text in a filter must be valid Unicode.", id="part of half"
        ),
        pytest.param(lambda: HasTag("k", "\ud800"), "A text in a filter must be valid Unicode.", id="a tag of half"),
    ],
)
def test_what_is_too_much_is_refused_with_a_sentence(make: Any, sentence: str) -> None:
    with pytest.raises(BadUserInput) as refusal:
        make()

    assert refusal.value.message == sentence


async def test_the_largest_filters_that_are_allowed_are_answered(database: Database) -> None:
    longest = "\u0130\u00e9" * (MAX_TEXT_LENGTH // 2)
    collection = database.collection(Execution)
    await collection.insert_one({"execution_id": "a", "workflow_name": longest.upper()})

    for where in (
        Contains("workflow_name", longest),
        StartsWith("workflow_name", longest.upper()),
        OneOf("workflow_name", (*map(str, range(MAX_VALUES - 1)), longest.upper())),
    ):
        assert await collection.count_documents(where.to_mongo()) == 1


@pytest.mark.parametrize(
    ("where", "names"),
    [
        pytest.param(EVERYTHING, set[str](), id="none"),
        pytest.param(
            all_of(AnyOf((equals("a", 1), Not(Range("b", gt=1)))), NoneOf("c", (1,)), Contains("d", "x"), HasTag("y")),
            {"a", "b", "c", "d", "tags"},
            id="of every part",
        ),
    ],
)
def test_a_filter_knows_the_fields_it_reads(where: Filter, names: set[str]) -> None:
    assert set(where.fields()) == names


@bounded(max_examples=60)
@given(documents=executions(size=25), wheres=st.lists(filters, min_size=10, max_size=15))
async def test_query_predicate_and_plain_evaluation_agree(
    database: Database, documents: list[BsonDocument], wheres: list[Filter]
) -> None:
    stored = await _store(database, documents)

    for where in wheres:
        expected = {row["execution_id"] for row in stored if holds(where, row)}

        bound = where.bind(NOW)
        assert {row["execution_id"] for row in stored if bound.matches(row)} == expected
        matches_at = where.predicate_at()
        assert {row["execution_id"] for row in stored if matches_at(row, NOW)} == expected
        assert await _find(database, bound.to_mongo()) == expected


@bounded(max_examples=40)
@given(documents=executions(size=25), wheres=st.lists(ranges, min_size=8, max_size=12))
async def test_a_range_means_the_same_with_and_without_an_index(
    database: Database, documents: list[BsonDocument], wheres: list[Filter]
) -> None:
    stored = await _store(database, documents)

    for where in wheres:
        (field,) = set(where.fields())
        query = all_of(equals("tenant_id", "acme"), where).to_mongo()
        expected = {row["execution_id"] for row in stored if holds(where, row)}

        assert await _find(database, query, hint=f"tenant_id_{field}__id") == expected
        assert await _find(database, query, hint=[("$natural", 1)]) == expected


# Few values, so that filters often find them in one of many places. An array's NaN is left out: in MongoDB it passes an
# upper bound when another element passes the lower one.
_elements = st.sampled_from(["a", "ab", "B", None, True, 1, 2.5])
_shapes = st.recursive(
    _elements,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "value", "message", "code"]), inner, max_size=3)
    ),
    max_leaves=5,
)
_places = ("status", "tags", "error_details", "error_details.message", "error_details.code", "total_cost")
_values = st.lists(_elements, max_size=2).map(tuple)
_probes = st.sampled_from(_places).flatmap(
    lambda field: st.one_of(
        st.builds(OneOf, st.just(field), _values),
        st.builds(NoneOf, st.just(field), _values),
        st.builds(StartsWith, st.just(field), st.sampled_from(["a", ""])),
        st.builds(Contains, st.just(field), st.just("b")),
        st.builds(Range, st.just(field), gt=st.sampled_from([0, 1]), lt=st.sampled_from([1, 2, 3])),
        st.builds(HasTag, st.sampled_from(["a", "ab"]), st.sampled_from([None, "a", "B"])),
    )
)


@bounded(max_examples=60)
@given(
    documents=st.lists(
        objects({}, **dict.fromkeys(("status", "tags", "error_details", "total_cost"), _shapes)),
        min_size=8,
        max_size=25,
    ),
    wheres=st.lists(_probes, min_size=12, max_size=20),
)
async def test_query_and_predicate_agree_where_engines_wrote_arrays_and_objects(
    database: Database, documents: list[BsonDocument], wheres: list[Filter]
) -> None:
    stored = await _store(database, [{**row, "execution_id": str(place)} for place, row in enumerate(documents)])

    for where in wheres:
        expected = {row["execution_id"] for row in stored if where.matches(row)}

        assert await _find(database, where.to_mongo()) == expected, where


_NAMES = (
    *("Report", "report", "REPORT", "caf\u00e9", "CAF\u00c9", "cafe\u0301", "stra\u00dfe", "STRASSE"),
    "\u03bb\u03cc\u03b3\u03bf\u03c2 \u03bb\u03bf\u03c2",
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("REPORT", {"Report", "report", "REPORT"}, id="letters whatever their case"),
        pytest.param("\u00c9", {"caf\u00e9", "CAF\u00c9", "cafe\u0301"}, id="letters beyond ASCII too"),
        pytest.param("e\u0301", {"caf\u00e9", "CAF\u00c9", "cafe\u0301"}, id="composed or decomposed"),
        pytest.param("\u00df", {"stra\u00dfe", "STRASSE"}, id="a sharp s is two letters"),
        pytest.param("Strass", {"stra\u00dfe", "STRASSE"}, id="and two letters are a sharp s"),
        pytest.param("\u039b\u039f\u03a3", {"\u03bb\u03cc\u03b3\u03bf\u03c2 \u03bb\u03bf\u03c2"}, id="a final sigma"),
        pytest.param("", set(_NAMES), id="any text"),
        pytest.param(".", set[str](), id="a dot is a dot"),
    ],
)
async def test_contains_finds_text_whatever_its_case(database: Database, text: str, found: set[str]) -> None:
    await _store(
        database, [{"execution_id": name, "workflow_name": name} for name in _NAMES] + [{"execution_id": "none"}]
    )

    where = Contains("workflow_name", text)

    assert await _find(database, where.to_mongo()) == found
    assert {name for name in _NAMES if where.matches({"workflow_name": name})} == found


def test_a_missing_date_lies_within_no_range() -> None:
    assert not Range("started_at", lt=NEW_YEAR).matches({})
    assert not Range("started_at", gt=NEW_YEAR).matches({"started_at": None})


async def _store(database: Database, documents: list[BsonDocument]) -> list[BsonDocument]:
    """Replace what the collection holds; the documents as they come back from it."""
    collection = database.collection(Execution)
    await collection.delete_many({})
    if documents:
        await collection.insert_many(documents)
    return await collection.find().to_list()


async def _find(database: Database, query: dict[str, Any], hint: Any = None) -> set[str]:
    found = database.collection(Execution).find(query, {"execution_id": 1}, hint=hint)
    return {row["execution_id"] async for row in found}
