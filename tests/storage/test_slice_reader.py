"""Reading in slices, on 50,000 executions: what each query of a search examines."""

from datetime import timedelta
from typing import Any

import pytest

from execution_monitor.storage.coercion import FIRST_TIME
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import Contains, Filter, Range, all_of, equals
from execution_monitor.storage.pagination import NEITHER, Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.slices import SearchLimits, SlicedSearch
from execution_monitor.storage.sorting import Order, SortKey
from tests.storage.large_collections import EXECUTIONS, START
from tests.support.sent_commands import Explained, SentCommands, explain

MINE = equals("tenant_id", "acme")
OWN = all_of(MINE, equals("user_id", "ada"))
# No index serves it, and nothing has it.
NOWHERE = Contains("error_details.message", "out of cheese")
NEWEST_FIRST = Order((SortKey("created", descending=True),))
STARTED_FIRST = Order((SortKey("started_at"),))
OLDEST_FIRST = NEWEST_FIRST.reversed()
COSTLY_FIRST = Order((SortKey("total_cost", descending=True), SortKey("created", descending=True)))
CHEAP_FIRST = COSTLY_FIRST.reversed()
ENTRIES = 300
ONE_SLICE = SearchLimits(few=1, few_of_many=1, whole_ms=0, sliced_ms=0, entries=ENTRIES)
SELECTION = PageSelection(fields=frozenset({"execution_id"}), neighbours=NEITHER)
MIDDLE = START + timedelta(seconds=EXECUTIONS * 25)
BEFORE, SINCE = Range("created", gte=FIRST_TIME, lt=MIDDLE), Range("created", gte=MIDDLE)

Large = tuple[Database, SentCommands]


async def read(large: Large, where: Filter, order: Order, visible: Filter = MINE, **page: Any) -> Page:
    """A page that is searched in one slice."""
    database, sent = large
    listing = Listing(all_of(visible, where), order, sliced=SlicedSearch(visible, ONE_SLICE))
    sent.reads.clear()
    return await Reader(database, timeout_ms=10_000).read_page(Execution, listing, PageRequest(**page), SELECTION)


async def explain_slices(large: Large) -> tuple[list[Explained], list[Explained]]:
    """What the queries for the ends of slices examined, and those for the rows in them."""
    database, sent = large
    ends, slices = list[Explained](), list[Explained]()
    for command in sent.reads:
        # Rows that cannot be sorted are read from an index of their own.
        if "find" in command and command["hint"] != {"tenant_id": 1, "_id": 1}:
            (slices if "error_details.message" in str(command["filter"]) else ends).append(
                await explain(database, command)
            )
    return ends, slices


async def test_an_empty_range_of_times_is_an_empty_list(large_database: Large) -> None:
    where = all_of(NOWHERE, Range("created", gte=MIDDLE, lt=MIDDLE - timedelta(days=1)))

    for keys in (("created",), ("created", "total_cost")):
        for order in (Order(tuple(map(SortKey, keys))), Order(tuple(map(SortKey, keys))).reversed()):
            page = await read(large_database, where, order)

            assert (list(page.rows), page.search.is_complete, page.has_next) == ([], True, False)


LISTS = [
    pytest.param(MINE, NOWHERE, NEWEST_FIRST, id="newest first"),
    pytest.param(MINE, NOWHERE, OLDEST_FIRST, id="oldest first"),
    pytest.param(MINE, all_of(NOWHERE, BEFORE), NEWEST_FIRST, id="until a time"),
    pytest.param(MINE, all_of(NOWHERE, SINCE), NEWEST_FIRST, id="since a time"),
    pytest.param(MINE, all_of(NOWHERE, SINCE), OLDEST_FIRST, id="since a time, oldest first"),
    pytest.param(MINE, all_of(NOWHERE, BEFORE), OLDEST_FIRST, id="until a time, oldest first"),
    pytest.param(OWN, NOWHERE, NEWEST_FIRST, id="one's own"),
    pytest.param(OWN, NOWHERE, OLDEST_FIRST, id="one's own, oldest first"),
    pytest.param(MINE, all_of(NOWHERE, equals("status", "completed")), NEWEST_FIRST, id="of one status"),
    pytest.param(MINE, NOWHERE, STARTED_FIRST, id="by another time"),
]


@pytest.mark.parametrize("backward", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize(("visible", "where", "order"), LISTS)
async def test_a_slice_costs_as_many_entries_as_it_has(
    large_database: Large, visible: Filter, where: Filter, order: Order, *, backward: bool
) -> None:
    page = await read(large_database, where, order, visible, backward=backward)

    assert not page.search.is_complete
    cursor: dict[str, Any] = {"before": page.start_cursor} if backward else {"after": page.end_cursor}
    for _ in range(2):
        (end,), (rows,) = await explain_slices(large_database)
        assert (end.documents, end.keys <= ENTRIES + 2, "SORT" in end.stages) == (0, True, False)
        assert (rows.documents in {ENTRIES, ENTRIES + 1}, "SORT" in rows.stages) == (True, False)
        await read(large_database, where, order, visible, backward=backward, **cursor)


@pytest.mark.parametrize("backward", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("order", [COSTLY_FIRST, CHEAP_FIRST], ids=["costly first", "cheap first"])
async def test_a_slice_of_an_order_of_two_fields_has_whole_groups(
    large_database: Large, order: Order, *, backward: bool
) -> None:
    page = await read(large_database, NOWHERE, order, backward=backward)

    ends, (rows,) = await explain_slices(large_database)
    assert not page.search.is_complete
    assert [each.documents for each in ends] == [0] * len(ends)
    assert max(each.keys for each in ends) <= ENTRIES + 2
    # Executions without cost are 85 of 100, and the first slice where the cheapest come first.
    begins_without_cost = (order == CHEAP_FIRST) is not backward
    assert (ENTRIES < rows.documents < 2 * ENTRIES) is not begins_without_cost
    cursor: dict[str, Any] = {"before": page.start_cursor} if backward else {"after": page.end_cursor}
    following = await read(large_database, NOWHERE, order, backward=backward, **cursor)
    _, (rows,) = await explain_slices(large_database)
    assert ENTRIES <= rows.documents < 2 * ENTRIES
    assert not following.search.is_complete
