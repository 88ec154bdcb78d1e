"""Whatever an engine writes into sort fields and `_id`, each row is reached once, in every order and both ways."""

import itertools
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import BulkWriteError

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import SORTED_FIELDS, Execution
from execution_monitor.storage.filters import EVERYTHING, Filter, OneOf, all_of, equals
from execution_monitor.storage.indexes import where_sortable, where_unsortable
from execution_monitor.storage.pagination import BOTH, NEITHER, Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.sorting import Order, SortKey
from tests.storage.odd_values import ARRAYS, LONG, OBJECTS, OWN_IDS, VALUES, document
from tests.storage.strategies import SCALARS, bounded, orders
from tests.support.sent_commands import SentCommands, explain

MINE = equals("tenant_id", "acme")
FIELDS = frozenset({"execution_id", *SORTED_FIELDS})
# By MongoDB: an `_id` twice; a field of an `_id` that begins with a dollar; two arrays that one index would hold.
_REFUSED = {11000, 52, 171}
NEWEST_FIRST = Order((SortKey("created", descending=True),))


@pytest.fixture(autouse=True)
async def _fresh_indexes(database: Database) -> AsyncGenerator[None]:
    """Indexes without a memory: MongoDB never forgets that it has found an array in one."""
    await database.collection(Execution).drop()
    await database.prepare()
    yield
    await database.collection(Execution).drop()


async def store(database: Database, rows: Sequence[dict[str, Any]]) -> None:
    """Replace what the collection holds by `rows`; of those with the same `_id`, the first."""
    collection = cast("Any", database.collection(Execution))
    await collection.delete_many({})
    documents = [document({"tenant_id": "acme", "execution_id": str(place), **row}) for place, row in enumerate(rows)]
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        details = cast("Any", error.details)
        assert {each["code"] for each in details["writeErrors"]} <= _REFUSED


async def in_order(database: Database, listing: Listing) -> list[str]:
    """The list as MongoDB sorts it, and after it, by their ids, the rows to which it gives two positions."""
    fields, where = [key.field for key in listing.order.keys], listing.where.to_mongo()
    collection, order = database.collection(Execution), listing.order
    sortable = collection.find({"$and": [where, where_sortable(fields)]}).sort(list(order.to_mongo().items()))
    others = collection.find({"$and": [where, where_unsortable(fields)]}).sort(list(order.by_id.to_mongo().items()))
    return [row["execution_id"] async for row in sortable] + [row["execution_id"] async for row in others]


async def walk(database: Database, listing: Listing, sizes: Sequence[int], *, backward: bool) -> list[str]:
    """What all pages show, each in its place; `has_previous` and `has_next` are right on each."""
    found: list[str] = []
    request = PageRequest(sizes[0], backward)
    for size in itertools.cycle(sizes):
        page = await read(database, listing, request)
        shown = [row["execution_id"] for row in page.rows]
        assert (page.has_next if backward else page.has_previous) == bool(found)
        found = [*shown, *found] if backward else [*found, *shown]
        assert len(found) <= 1_000, "no end"
        if not (page.has_previous if backward else page.has_next):
            return found
        request = request_after(page, size, backward=backward)
    raise AssertionError


async def read(database: Database, listing: Listing, request: PageRequest) -> Page:
    return await Reader(database, 10_000).read_page(Execution, listing, request, PageSelection(FIELDS, BOTH))


def request_after(page: Page, size: int, *, backward: bool) -> PageRequest:
    if backward:
        return PageRequest(size, backward, before=page.cursor_of(page.rows[0]))
    return PageRequest(size, backward, after=page.cursor_of(page.rows[-1]))


async def check(database: Database, where: Filter, order: Order, sizes: Sequence[int]) -> None:
    listing = Listing(all_of(MINE, where), order)
    expected = await in_order(database, listing)
    for backward in (False, True):
        assert await walk(database, listing, sizes, backward=backward) == expected


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", SORTED_FIELDS)
async def test_values_of_every_type_in_a_sort_field(database: Database, name: str, *, descending: bool) -> None:
    await store(database, [{"_id": place, name: value} for place, value in enumerate((*VALUES, *VALUES[::3]))])

    await check(database, EVERYTHING, Order((SortKey(name, descending),)), [13, 1])


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("created", [{"created": 5}, {}, {"created": [3, 4]}], ids=["the same", "none", "unsortable"])
async def test_ids_of_every_type(database: Database, created: dict[str, Any], *, descending: bool) -> None:
    await store(database, [{"_id": value, **created} for value in OWN_IDS])

    await check(database, EVERYTHING, Order((SortKey("created", descending),)), [1, 5])


_odd = st.sampled_from(VALUES) | st.sampled_from(ARRAYS) | st.sampled_from(OBJECTS) | st.sampled_from(LONG)


@bounded(max_examples=60)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"_id": st.sampled_from(OWN_IDS)}, optional=dict.fromkeys(("created", "status", "total_cost"), _odd)
        ),
        min_size=1,
        max_size=25,
    ),
    where=st.just(EVERYTHING) | st.just(OneOf("status", ("a", None, 1))),
    order=orders,
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4),
)
async def test_rows_of_any_values(
    database: Database, rows: list[dict[str, Any]], where: Filter, order: Order, sizes: list[int]
) -> None:
    await store(database, rows)

    await check(database, where, order, sizes)


async def test_a_page_by_its_number_counts_rows_that_cannot_be_sorted(database: Database) -> None:
    await store(database, [{"_id": place, "created": [1] if place % 2 else place} for place in range(10)])
    listing = Listing(MINE, NEWEST_FIRST)
    expected = await in_order(database, listing)

    for skipped in range(12):
        page = await read(database, listing, PageRequest(3, skipped=skipped))

        assert [row["execution_id"] for row in page.rows] == expected[skipped : skipped + 3]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("change", ["deleted", "other"])
@pytest.mark.parametrize("field", ["workflow_name", "_id"])
async def test_where_a_long_value_has_gone_no_other_row_is_left_out(
    database: Database, field: str, change: str, *, descending: bool
) -> None:
    listing = Listing(MINE, Order((SortKey("workflow_name", descending),)))
    for value in LONG:
        rows = [{"_id": place, field: each} for place, each in enumerate((*SCALARS, *LONG))]
        await store(database, [{"workflow_name": "a", **row} for row in rows])
        expected = await in_order(database, listing)
        place = expected.index(str(len(SCALARS) + LONG.index(value)))
        page = await read(database, listing, PageRequest(100, skipped=place))
        cursor, own = page.cursor_of(page.rows[0]), {"execution_id": expected[place]}
        if change == "deleted":
            await database.collection(Execution).delete_one(own)
        else:
            await database.collection(Execution).update_one(own, {"$set": {"workflow_name": 1}})

        for request in (PageRequest(100, after=cursor), PageRequest(100, backward=True, before=cursor)):
            shown = {row["execution_id"] for row in (await read(database, listing, request)).rows}

            missing = set(expected[:place] if request.backward else expected[place + 1 :]) - shown
            assert missing <= {expected[place]}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    "odd", [{"created": [1, 2], "user_id": "eve"}, {"created": 1, "user_id": ["eve", "mallory"]}], ids=["sort", "user"]
)
async def test_one_array_slows_no_pages(
    recorded_database: tuple[Database, SentCommands], odd: dict[str, Any], *, descending: bool
) -> None:
    database, commands = recorded_database
    await store(database, [{"_id": place, "created": place, "user_id": "ada"} for place in range(500)])
    await database.collection(Execution).insert_one({"tenant_id": "globex", "execution_id": "odd", **odd})
    order = Order((SortKey("created", descending),))

    for where in (MINE, all_of(MINE, equals("user_id", "ada"))):
        for after in (None, 100, 250, 400):
            listing = Listing(where, order)
            request = PageRequest(20, after=after and listing.cursor_of({"_id": after, "created": after}))
            commands.reads.clear()

            page = await Reader(database, 5_000).read_page(Execution, listing, request, PageSelection(FIELDS, NEITHER))

            (read,) = commands.reads
            explained = await explain(database, read)
            assert len(page.rows) == 20
            assert explained.keys <= explained.rows + 1 == 22, (where, after)
