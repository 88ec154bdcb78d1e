"""Sliced search: request after request goes on where the last one stopped, and together they find exactly the list."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import SORTED_FIELDS, Execution
from execution_monitor.storage.filters import EVERYTHING, Filter, NoneOf, all_of, equals
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.slices import SearchLimits, SlicedSearch
from execution_monitor.storage.sorting import Order, SortKey
from tests.storage.reference import NOW, holds, in_order
from tests.storage.strategies import bounded, executions, filters, orders

MINE = equals("tenant_id", "acme")
SELECTION = PageSelection(fields=frozenset({"execution_id", *SORTED_FIELDS}))
# One slice a request, of few entries, of every list that no index serves.
SHORT = SearchLimits(few=1, few_of_many=1, whole_ms=0, sliced_ms=0, entries=3)


TWO_OF_ONE_GROUP: list[BsonDocument] = [
    {"_id": place, "tenant_id": "acme", "execution_id": f"run-{place}"} for place in (0, None)
]

# Merging branches of a query, MongoDB sorts a missing value before null, and not beside it.
NULL_AND_MISSING: list[BsonDocument] = [
    {"_id": 1, "tenant_id": "acme", "execution_id": "run-1"},
    {"_id": 2, "tenant_id": "acme", "execution_id": "run-2"},
    {"_id": 3, "tenant_id": "acme", "execution_id": "run-3", "workflow_name": None, "created": 5},
]


@bounded(max_examples=150)
@example(
    documents=NULL_AND_MISSING,
    where=NoneOf("completed_at", (1,)),
    order=Order((SortKey("workflow_name"), SortKey("created", descending=True))),
    entries=1,
    sizes=[1],
    visible=MINE,
)
@example(
    documents=TWO_OF_ONE_GROUP,
    where=EVERYTHING,
    order=Order((SortKey("created"), SortKey("started_at"))),
    entries=1,
    sizes=[1],
    visible=MINE,
)
@given(
    documents=executions(size=30),
    where=filters,
    order=orders,
    entries=st.integers(1, 9),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    visible=st.sampled_from([MINE, all_of(MINE, equals("user_id", "ada"))]),
)
async def test_walking_through_searches_that_stop_gives_the_list(  # noqa: PLR0913, PLR0917 - what is drawn
    database: Database,
    documents: list[BsonDocument],
    where: Filter,
    order: Order,
    entries: int,
    sizes: list[int],
    visible: Filter,
) -> None:
    sliced = SlicedSearch(visible, replace(SHORT, entries=entries))
    listing = Listing(all_of(visible, where), order, sliced=sliced)
    expected = await _store(database, documents, listing)

    for backward in (False, True):
        found: list[str] = []
        request = PageRequest(sizes[0], backward)
        for size in itertools.islice(itertools.cycle(sizes), 500):
            page = await _read(database, listing, request)
            assert len(page.rows) <= request.size
            found = [*_ids(page.rows), *found] if backward else [*found, *_ids(page.rows)]
            goes_on = page.has_previous if backward else page.has_next
            if not page.search.is_complete:
                assert goes_on
                assert page.search.examined > 0
            if not goes_on:
                break
            request = _request_after(page, size, backward=backward)
        else:
            pytest.fail("the search does not end")

        assert found == expected


async def _store(database: Database, documents: list[BsonDocument], listing: Listing) -> list[str]:
    """Replace what the collection holds; the ids of the list, evaluated in memory."""
    collection = database.collection(Execution)
    await collection.delete_many({})
    if documents:
        await collection.insert_many(documents)
    stored = await collection.find().to_list()
    return _ids(in_order([row for row in stored if holds(listing.where, row)], listing.order))


def _request_after(page: Page, size: int, *, backward: bool) -> PageRequest:
    if backward:
        return PageRequest(size, backward, before=page.start_cursor)
    return PageRequest(size, backward, after=page.end_cursor)


async def _read(database: Database, listing: Listing, request: PageRequest) -> Page:
    return await Reader(database, timeout_ms=10_000, clock=lambda: NOW).read_page(
        Execution, listing, request, SELECTION
    )


def _ids(rows: Any) -> list[str]:
    return [row["execution_id"] for row in rows]


async def test_a_field_that_once_held_an_array_does_not_order_the_slices(database: Database) -> None:
    await database.collection(Execution).insert_one({"tenant_id": "globex", "workflow_name": ["etl"]})
    of_one_workflow = all_of(MINE, equals("workflow_name", "etl"))
    order = Order((SortKey("created", descending=True),))
    listing = Listing(
        all_of(of_one_workflow, NoneOf("attempt", (2,))), order, sliced=SlicedSearch(of_one_workflow, SHORT)
    )
    # Not stored in the order of the list.
    documents: list[BsonDocument] = [
        {"tenant_id": "acme", "execution_id": f"run-{place}", "workflow_name": "etl", "created": place * 7 % 13}
        for place in range(13)
    ]
    expected = await _store(database, documents, listing)

    found = list[str]()
    request = PageRequest(2)
    while len(found) <= len(expected):
        page = await _read(database, listing, request)
        found += _ids(page.rows)
        if not page.has_next:
            break
        request = _request_after(page, 2, backward=False)

    assert found == expected


@pytest.mark.parametrize("backward", [False, True], ids=["forwards", "backwards"])
async def test_rows_that_stay_are_found_once_while_those_at_the_ends_of_slices_go(
    database: Database, *, backward: bool
) -> None:
    order = Order((SortKey("created", descending=True),))
    listing = Listing(all_of(MINE, NoneOf("attempt", (2,))), order, sliced=SlicedSearch(MINE, SHORT))
    documents: list[BsonDocument] = [
        # Three of one moment each, every other of which matches.
        {"tenant_id": "acme", "execution_id": f"run-{place}", "created": place // 3, "attempt": place % 2 + 1}
        for place in range(30)
    ]
    expected = await _store(database, documents, listing)

    found, gone = list[str](), set[str]()
    request = PageRequest(2, backward)
    for _ in range(60):
        page = await _read(database, listing, request)
        found += _ids(page.rows)
        if not (page.has_previous if backward else page.has_next):
            break
        request = _request_after(page, 2, backward=backward)
        if page.search.reached is not None:
            # The cursor is that of this row.
            at_end = await database.collection(Execution).find_one_and_delete({"_id": page.search.reached.values[-1]})
            gone.add(at_end["execution_id"] if at_end else "")

    stayed = [each for each in expected if each not in gone or each in found]
    assert len(gone) > 3
    # Backwards, the pages come from the end, each in order.
    assert sorted(found) == sorted(stayed)
    assert backward or found == stayed


async def test_a_slice_begins_after_a_deleted_row_of_whose_long_id_the_beginning_alone_is_known(
    database: Database,
) -> None:
    order = Order((SortKey("created", descending=True),))
    listing = Listing(all_of(MINE, NoneOf("attempt", (2,))), order, sliced=SlicedSearch(MINE, SHORT))
    documents: list[BsonDocument] = [
        {
            "_id": f"{place:02}" + "x" * 5_000,
            "tenant_id": "acme",
            "execution_id": f"run-{place}",
            "created": place,
            "attempt": 2 if place > 3 else 1,
        }
        for place in range(12)
    ]
    expected = await _store(database, documents, listing)

    found, request, deleted = list[str](), PageRequest(2), 0
    for _ in range(30):
        page = await _read(database, listing, request)
        found += _ids(page.rows)
        if not page.has_next:
            break
        request = _request_after(page, 2, backward=False)
        if not page.rows and page.search.reached is not None:
            # None of these matches.
            result = await database.collection(Execution).delete_one({"created": page.search.reached.values[0]})
            deleted += result.deleted_count

    assert deleted > 0
    assert found == expected
