"""Pages: walked in any steps, in either direction, they are exactly the list."""

import itertools
import random
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.errors import BadUserInput, InvalidCursor
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import SORTED_FIELDS, Execution
from execution_monitor.storage.filters import EVERYTHING, Filter, OneOf, all_of, equals
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.running_time import RunningPosition, RunningRow, is_by_duration
from execution_monitor.storage.sorting import Order, SortKey
from tests.storage.reference import NOW, holds, in_order, is_running
from tests.storage.strategies import SCALARS, bounded, executions, filters, orders, values_of

MINE = equals("tenant_id", "acme")
SELECTION = PageSelection(fields=frozenset({"execution_id", *SORTED_FIELDS}))

sizes = st.lists(st.integers(1, 6), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        pytest.param({}, PageRequest(size=20), id="the first 20 by default"),
        pytest.param({"first": 1}, PageRequest(size=1), id="the smallest page"),
        pytest.param({"first": 100, "after": "a"}, PageRequest(size=100, after="a"), id="the largest page"),
        pytest.param({"last": 5}, PageRequest(size=5, backward=True), id="from the end"),
        pytest.param({"last": 5, "before": "b"}, PageRequest(size=5, backward=True, before="b"), id="backwards"),
        pytest.param({"after": "a", "before": "b"}, PageRequest(after="a", before="b"), id="between two cursors"),
    ],
)
def test_relay_arguments_ask_for_a_page(arguments: dict[str, Any], request_: PageRequest) -> None:
    assert PageRequest.of(**arguments) == request_


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param({"first": 0}, "first must be from 1 to 100, not 0.", id="an empty page"),
        pytest.param({"first": -1}, "first must be from 1 to 100, not -1.", id="less than nothing"),
        pytest.param({"last": 101}, "last must be from 1 to 100, not 101.", id="too much"),
        pytest.param({"first": 1, "last": 1}, "Pass first or last, not both.", id="from both ends"),
    ],
)
def test_impossible_pages_are_refused_with_a_sentence(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadUserInput) as refusal:
        PageRequest.of(**arguments)

    assert refusal.value.message == sentence


LISTING = Listing(MINE, Order((SortKey("created", descending=True),)))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(LISTING, order=LISTING.order.reversed()), id="another direction"),
        pytest.param(replace(LISTING, order=Order((SortKey("started_at", descending=True),))), id="another field"),
        pytest.param(replace(LISTING, where=equals("tenant_id", "globex")), id="another tenant"),
        pytest.param(replace(LISTING, where=all_of(MINE, equals("user_id", "ada"))), id="another caller"),
        pytest.param(replace(LISTING, where=all_of(MINE, equals("status", "failed"))), id="another filter"),
    ],
)
def test_a_cursor_works_in_its_own_list_alone(other: Listing) -> None:
    cursor = LISTING.cursor_of({"_id": ObjectId()})

    with pytest.raises(InvalidCursor):
        other.position(cursor)


@bounded(max_examples=50)
@given(documents=executions(size=30), where=filters, order=orders, sizes=sizes)
async def test_walking_forward_and_backward_gives_the_list(
    database: Database, documents: list[BsonDocument], where: Filter, order: Order, sizes: list[int]
) -> None:
    await _check_walks(database, documents, where, order, sizes)


@bounded(max_examples=70)
@given(
    documents=executions(size=30),
    # Statuses are read one by one, each in the order of its index.
    where=st.just(EVERYTHING)
    | st.lists(values_of("status"), max_size=4).map(lambda some: OneOf("status", tuple(some))),
    order=orders,
    sizes=sizes,
)
async def test_walking_long_lists_gives_the_list(
    database: Database, documents: list[BsonDocument], where: Filter, order: Order, sizes: list[int]
) -> None:
    await _check_walks(database, documents, where, order, sizes)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", SORTED_FIELDS)
async def test_every_sort_field_orders_values_of_every_type(database: Database, name: str, descending: bool) -> None:  # noqa: FBT001 - a parameter
    rows: list[BsonDocument] = [
        {"_id": place, "tenant_id": "acme", "execution_id": str(place), name: value}
        for place, value in enumerate((*SCALARS, *SCALARS))
    ]
    rows.append({"_id": -1, "tenant_id": "acme", "execution_id": "without"})

    await _check_walks(database, rows, EVERYTHING, Order((SortKey(name, descending),)), [7])


@bounded(max_examples=60)
@given(documents=executions(size=25), where=st.just(EVERYTHING) | filters, order=orders, data=st.data())
async def test_a_page_between_two_cursors_is_that_part_of_the_list(
    database: Database, documents: list[BsonDocument], where: Filter, order: Order, data: st.DataObject
) -> None:
    listing, expected = await _store(database, documents, where, order)
    if not expected:
        return
    places = st.integers(0, len(expected) - 1)

    for _ in range(4):
        after, before, size, backward = data.draw(st.tuples(places, places, st.integers(1, 8), st.booleans()))
        inside = expected[after + 1 : before]
        shown = inside[-size:] if backward else inside[:size]
        request = PageRequest(size, backward, listing.cursor_of(expected[after]), listing.cursor_of(expected[before]))

        page = await _read(database, listing, request)

        assert _ids(page.rows) == _ids(shown)
        start = expected.index(shown[0]) if shown else after + 1
        # Between crossed cursors lies nothing, and the row of each is beyond the other.
        more = (start > 0, start + len(shown) < len(expected)) if after < before else (True, True)
        assert (page.has_previous, page.has_next) == more


@bounded(max_examples=60)
@given(
    documents=executions(size=25),
    order=orders,
    first=st.builds(PageRequest, st.integers(1, 5), st.booleans()),
    randomness=st.integers().map(random.Random),
)
async def test_rows_that_stay_appear_once_while_others_come_change_and_go(
    database: Database, documents: list[BsonDocument], order: Order, first: PageRequest, randomness: random.Random
) -> None:
    listing, expected = await _store(database, documents, EVERYTHING, order)
    others = Others(database, expected, order, randomness)

    page = await _read(database, listing, first)
    seen = _ids(page.rows)
    while page.has_previous if first.backward else page.has_next:
        # The row that the cursor came from may be the one that moves or goes.
        following = _request_after(page, first.size, backward=first.backward)
        await others.meddle()
        page = await _read(database, listing, following)
        seen += _ids(page.rows)

    stayed = set(_ids(expected)) - others.moved - others.deleted
    assert sorted(each for each in seen if each in stayed) == sorted(stayed)
    assert all(seen.count(each) == 1 for each in seen if each not in others.moved)


@dataclass
class Others:
    """What other people do between two pages."""

    database: Database
    rows: list[BsonDocument]
    order: Order
    randomness: random.Random
    moved: set[str] = field(default_factory=set[str])
    deleted: set[str] = field(default_factory=set[str])

    async def meddle(self) -> None:
        """Insert a row, delete one and move one."""
        collection = self.database.collection(Execution)
        own_id = ObjectId()
        deleted, moved = (self.randomness.choice(self.rows)["execution_id"] for _ in range(2))
        await collection.insert_one(
            {"_id": own_id, "tenant_id": "acme", "execution_id": str(own_id), **self._sort_values()}
        )
        await collection.delete_one({"execution_id": deleted})
        await collection.update_one({"execution_id": moved}, {"$set": self._sort_values()})
        self.deleted.add(deleted)
        self.moved.add(moved)

    def _sort_values(self) -> BsonDocument:
        return {key.field: self.randomness.choice(self.rows).get(key.field) for key in self.order.keys}


async def _check_walks(
    database: Database, documents: list[BsonDocument], where: Filter, order: Order, sizes: list[int]
) -> None:
    listing, expected = await _store(database, documents, where, order)

    for backward in (False, True):
        found: list[str] = []
        request = PageRequest(sizes[0], backward)
        for size in itertools.cycle(sizes):
            page = await _read(database, listing, request)
            found = [*_ids(page.rows), *found] if backward else [*found, *_ids(page.rows)]
            # How many rows are still to be read, and how many were read before this page.
            remaining, passed = len(expected) - len(found), len(found) - len(page.rows)
            assert (page.has_previous, page.has_next) == (
                (remaining > 0, passed > 0) if backward else (passed > 0, remaining > 0)
            )
            if not remaining:
                break
            request = _request_after(page, size, backward=backward)

        assert found == _ids(expected)


def _request_after(page: Page, size: int, *, backward: bool) -> PageRequest:
    if backward:
        return PageRequest(size, backward, before=page.cursor_of(page.rows[0]))
    return PageRequest(size, backward, after=page.cursor_of(page.rows[-1]))


async def _store(
    database: Database, documents: list[BsonDocument], where: Filter, order: Order
) -> tuple[Listing, list[Any]]:
    """Replace what the collection holds; the list and its rows, evaluated in memory."""
    collection = database.collection(Execution)
    await collection.delete_many({})
    if documents:
        await collection.insert_many(documents)
    stored = await collection.find().to_list()
    listing = Listing(all_of(MINE, where), order, NOW)
    return listing, [_as_read(row, order) for row in in_order([row for row in stored if holds(where, row)], order)]


def _as_read(row: Any, order: Order) -> Any:
    """A row as a page has it: in an order by duration, one that runs has its own position."""
    if not is_by_duration(order) or not is_running(row):
        return row
    return RunningRow(row, RunningPosition((row["started_at"], *(row.get(field) for field in order.fields[1:]))))


async def _read(database: Database, listing: Listing, request: PageRequest) -> Page:
    return await Reader(database, timeout_ms=10_000).read_page(Execution, listing, request, SELECTION)


def _ids(rows: Any) -> list[str]:
    return [row["execution_id"] for row in rows]
