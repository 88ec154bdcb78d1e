"""Index ranges: between two positions MongoDB finds exactly what the query finds, whichever way the list runs."""

import itertools
import math
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import DatetimeMS, Timestamp
from pymongo import IndexModel, MongoClient
from pymongo.collection import Collection

from execution_monitor.storage.filters import Query
from execution_monitor.storage.index_ranges import range_between, range_from
from execution_monitor.storage.query_planning import IndexRange
from execution_monitor.storage.raw_values import LONGEST_KEPT, Shortened, to_raw
from execution_monitor.storage.sorting import Order, SortKey, SortPosition

DAY = datetime(2026, 1, 1, tzinfo=UTC)
EARLIEST, LATEST = DatetimeMS(-(2**63)), DatetimeMS(2**63 - 1)
NUMBERS = (math.nan, -math.inf, 1, 2, 2, 2.5, 3, math.inf)
# In the order of all types.
VALUES = (None, *NUMBERS, "a", "b", True, EARLIEST, DAY, LATEST, Timestamp(1, 1))
ROWS: tuple[dict[str, Any], ...] = tuple(
    {"_id": number, "tenant": tenant, "number": 7, "name": "xyz"[number % 3], "value": value}
    for number, (tenant, value) in enumerate(itertools.product(("acme", "", "b"), VALUES))
)
BY_VALUE = Order((SortKey("value"),))
MIXED = Order((SortKey("name", descending=True), SortKey("value")))
UP: Mapping[str, int] = {"tenant": 1, "value": 1, "_id": 1}
DOWN: Mapping[str, int] = {"tenant": 1, "value": -1, "_id": -1}
BY_NUMBER: Mapping[str, int] = {"number": 1, "value": 1, "_id": 1}
BOTH_WAYS: Mapping[str, int] = {"tenant": 1, "name": 1, "value": -1, "_id": -1}

Rows = Collection[dict[str, Any]]


@pytest.fixture(scope="module")
def rows(mongodb_uri: str, database_name: str) -> Generator[Rows]:
    """A collection with all the rows, and all the indexes."""
    with MongoClient[dict[str, Any]](mongodb_uri, tz_aware=True, datetime_conversion="DATETIME_AUTO") as client:
        collection = client.get_database(database_name).get_collection("index_ranges")
        collection.drop()
        collection.insert_many([dict(row) for row in ROWS])
        collection.create_indexes([IndexModel(list(key.items())) for key in (UP, DOWN, BY_NUMBER, BOTH_WAYS)])
        yield collection
        collection.drop()


def found_in(rows: Rows, key: Mapping[str, int], entries: IndexRange, order: Order) -> list[int]:
    """The ids of what is in a range, in the order that is sent for it."""
    sort = entries.sort or order.to_mongo()
    command = {"find": rows.name, "hint": key, "sort": sort, "min": entries.lower, "max": entries.upper, "filter": {}}
    reply = rows.database.command(command, codec_options=rows.codec_options)
    return [row["_id"] for row in reply["cursor"]["firstBatch"]]


def listed(rows: Rows, entries: Query, order: Order) -> list[dict[str, Any]]:
    return list(rows.find(entries).sort(list(order.to_mongo().items())))


LISTS = [
    pytest.param(UP, {"tenant": "acme"}, BY_VALUE, id="along the index"),
    pytest.param(UP, {"tenant": "acme"}, BY_VALUE.reversed(), id="against it"),
    pytest.param(DOWN, {"tenant": "acme"}, BY_VALUE, id="against a descending one"),
    pytest.param(DOWN, {"tenant": ""}, BY_VALUE.reversed(), id="along a descending one, of an empty text"),
    pytest.param(BY_NUMBER, {"number": 7}, BY_VALUE, id="behind a number"),
    pytest.param(BY_NUMBER, {"number": 7}, BY_VALUE.reversed(), id="behind a number, against the index"),
    pytest.param(BOTH_WAYS, {"tenant": "acme"}, MIXED, id="in mixed directions"),
    pytest.param(BOTH_WAYS, {"tenant": "acme"}, MIXED.reversed(), id="in mixed directions, against the index"),
]


@pytest.mark.parametrize(("key", "entries", "order"), LISTS)
def test_between_two_positions_lies_what_the_list_has_there(
    rows: Rows, key: Mapping[str, int], entries: Query, order: Order
) -> None:
    expected = listed(rows, entries, order)
    positions = [order.position_of(row) for row in expected]
    ids = [row["_id"] for row in expected]

    for first, after in [(None, 1), (None, 4), (0, 2), (1, 4), (3, 9), (5, None), (None, None), (0, None)]:
        found = range_between(
            key,
            entries,
            order,
            start=None if first is None else positions[first],
            last=None if after is None else positions[after - 1],
            stop=None if after is None else positions[after],
        )

        assert found is not None
        ranged = found_in(rows, key, found, order)
        # The entry at the beginning may be in the range, too.
        assert [each for each in ranged if first is None or each != ids[first]] == ids[
            0 if first is None else first + 1 : after
        ]


@pytest.mark.parametrize(("key", "entries", "order"), LISTS)
def test_what_follows_a_position_is_read_in_the_order_of_the_list_by_a_sort_of_the_field_before_it(
    rows: Rows, key: Mapping[str, int], entries: Query, order: Order
) -> None:
    ids = [row["_id"] for row in listed(rows, entries, order)]
    position = order.position_of({**ROWS[ids[3]]})

    found = [range_from(key, entries, order, start) for start in (None, position)]

    whole, following = [[] if each is None else found_in(rows, key, each, order) for each in found]
    assert whole == ids
    assert [each for each in following if each != ids[3]] == ids[4:]
    leading = next(iter(key))
    is_text_or_along = leading == "tenant" or order == BY_VALUE
    assert [each is not None and each.sort is not None for each in found] == [is_text_or_along] * 2


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("key", [UP, DOWN], ids=["ascending index", "descending index"])
@pytest.mark.parametrize(
    "bounds",
    [
        {"$gte": 2},
        {"$gt": 2},
        {"$lt": 2.5, "$gte": -math.inf},
        {"$lte": 2, "$gte": -math.inf},
        {"$gt": 1, "$lte": 3},
        {"$gt": 2, "$lt": 2.1},
        {"$gte": "a", "$lt": "b"},
        {"$gte": DAY},
        {"$gt": DAY, "$lte": DatetimeMS(2**62)},
        {"$lt": DAY},
    ],
    ids=str,
)
def test_a_range_with_bounds_has_what_the_query_finds(
    rows: Rows, bounds: dict[str, Any], key: Mapping[str, int], *, descending: bool
) -> None:
    order = BY_VALUE.reversed() if descending else BY_VALUE
    entries = {"tenant": "acme", "value": bounds}

    found = range_between(key, entries, order)

    assert found is not None
    assert found_in(rows, key, found, order) == [row["_id"] for row in listed(rows, entries, order)]


@pytest.mark.parametrize(
    ("key", "entries", "order"),
    [
        pytest.param({"value": 1, "_id": 1}, {}, BY_VALUE, id="where no field has one value"),
        pytest.param(UP, {"tenant": "acme", "name": {"$gt": "x"}}, BY_VALUE, id="with bounds on another field"),
        pytest.param(UP, {"tenant": "acme", "value": {"$ne": 1}}, BY_VALUE, id="around a value"),
        pytest.param(UP, {"tenant": {"$in": ["acme", "b"]}}, BY_VALUE, id="of several values"),
        pytest.param(BOTH_WAYS, {"tenant": "acme"}, BY_VALUE, id="in an order without a field of the index"),
        pytest.param(BOTH_WAYS, {"tenant": "acme"}, Order((SortKey("name"), SortKey("value"))), id="in neither way"),
    ],
)
def test_what_is_no_range_has_none(key: Mapping[str, int], entries: Query, order: Order) -> None:
    assert range_between(key, entries, order) is None
    assert range_from(key, entries, order, None) is None


@pytest.mark.parametrize("key", [UP, DOWN], ids=["ascending index", "descending index"])
def test_beside_a_long_value_lies_all_that_begins_like_it(rows: Rows, key: Mapping[str, int]) -> None:
    beginning = "x" * LONGEST_KEPT
    rows.delete_many({"tenant": "long"})
    rows.insert_many(
        [
            {"_id": number, "tenant": "long", "value": value}
            for number, value in enumerate(("w", f"{beginning}1", f"{beginning}2", f"{beginning}3", "y"), len(ROWS))
        ]
    )
    w, first, second, third, y = range(len(ROWS), len(ROWS) + 5)
    position = SortPosition((Shortened.of(to_raw(f"{beginning}2")), second))

    for order, ids in ((BY_VALUE, [first, second, third, y]), (BY_VALUE.reversed(), [third, second, first, w])):
        after = range_between(key, {"tenant": "long"}, order, start=position)
        until = range_between(key, {"tenant": "long"}, order, last=position, stop=position)

        assert after is not None
        assert until is not None
        assert found_in(rows, key, after, order) == ids
        like_it = [third, second, first] if order != BY_VALUE else [first, second, third]
        assert found_in(rows, key, until, order) == [y if order != BY_VALUE else w, *like_it]
