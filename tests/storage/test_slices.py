"""Slices: how long they are, along which index a list is cut into them, and where each ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import MaxKey, MinKey

from execution_monitor.storage.filters import Filter, all_of, equals, join
from execution_monitor.storage.index_choice import IndexUse
from execution_monitor.storage.raw_values import RawValue, to_raw
from execution_monitor.storage.rows import StoredRow
from execution_monitor.storage.slices import SearchProgress, Slice, Slicing, adapt_entries, is_position
from execution_monitor.storage.sorting import Order, SortKey, SortPosition

MINE = equals("tenant_id", "acme")
OWN = all_of(MINE, equals("user_id", "ada"))
NEWEST_FIRST = Order((SortKey("created", descending=True),))
COSTLY_FIRST = Order((SortKey("total_cost", descending=True), SortKey("created", descending=True)))
CHEAP_FIRST = COSTLY_FIRST.reversed()
CHEAP_AND_NEW = Order((SortKey("total_cost"), SortKey("created", descending=True)))
THREE_WAYS = Order((SortKey("total_cost"), SortKey("created", descending=True), SortKey("started_at")))
BY_STATUS_AND_COST = Order((SortKey("status"), SortKey("total_cost")))
TENANT = {"tenant_id": "acme"}
CREATED = IndexUse({"tenant_id": 1, "created": 1, "_id": 1}, TENANT, is_ordered=True)
COST = IndexUse({"tenant_id": 1, "total_cost": 1, "_id": 1}, TENANT, is_ordered=False)
STATUS = IndexUse({"tenant_id": 1, "status": 1, "created": -1, "_id": -1}, TENANT, is_ordered=False)
# No row has it.
NO_ID = to_raw(MinKey())
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def row(cost: Any, number: int = 0) -> StoredRow:
    fields: dict[str, Any] = {"total_cost": cost, "created": NOON + timedelta(seconds=number), "_id": number}
    return StoredRow(fields, {name: to_raw(value) for name, value in fields.items()})


@pytest.mark.parametrize(
    ("entries", "seconds", "following"),
    [
        pytest.param(1_000, 0.08, 1_000, id="as long as it should take"),
        pytest.param(1_000, 0.04, 2_000, id="too fast"),
        pytest.param(1_000, 0.16, 500, id="too slow"),
        pytest.param(1_000, 0.0, 4_000, id="four times as many at most"),
        pytest.param(1_000, 60.0, 250, id="a quarter at least"),
        pytest.param(120, 60.0, 100, id="never fewer than a hundred"),
        pytest.param(150_000, 0.001, 200_000, id="never more than can be read in time"),
    ],
)
def test_the_next_slice_has_as_many_entries_as_are_read_in_its_time(entries: int, seconds: float, following: int):
    assert adapt_entries(entries, seconds) == following


@pytest.mark.parametrize(
    ("uses", "order", "chosen", "is_exact"),
    [
        pytest.param([STATUS, CREATED], NEWEST_FIRST, CREATED, True, id="the order of the list"),
        pytest.param([STATUS, COST], COSTLY_FIRST, COST, False, id="its first field"),
        pytest.param([COST, CREATED], COSTLY_FIRST, CREATED, True, id="the whole order before a part of it"),
        pytest.param([STATUS], BY_STATUS_AND_COST, STATUS, False, id="its first field, which time orders further"),
        pytest.param([COST], CHEAP_AND_NEW, COST, False, id="its first field, in another direction than the others"),
    ],
)
def test_a_list_is_cut_along_an_index_in_its_order(
    uses: list[IndexUse], order: Order, chosen: IndexUse, *, is_exact: bool
):
    slicing = Slicing.along(uses, order, MINE)

    assert slicing is not None
    assert (slicing.use, slicing.is_exact) == (chosen, is_exact)


@pytest.mark.parametrize(
    ("uses", "order"),
    [
        pytest.param([], NEWEST_FIRST, id="no index"),
        pytest.param([STATUS], COSTLY_FIRST, id="no index that begins with it"),
        pytest.param([COST], THREE_WAYS, id="further fields in both directions"),
    ],
)
def test_other_lists_are_not_cut(uses: list[IndexUse], order: Order):
    assert Slicing.along(uses, order, MINE) is None


def test_along_an_index_in_its_order_a_list_is_cut_between_any_two_rows():
    slicing = Slicing(NEWEST_FIRST, CREATED, MINE)

    part = slicing.cut(None, row(1, 5), row(1, 4))

    assert part == Slice(
        None, SortPosition((NOON + timedelta(seconds=5), 5)), SortPosition((NOON + timedelta(seconds=4), 4))
    )


@pytest.mark.parametrize(
    ("order", "last", "following", "ends_at"),
    [
        pytest.param(COSTLY_FIRST, 2.0, 1.0, 2.0, id="behind all that cost as much, descending"),
        pytest.param(COSTLY_FIRST, 2.0, 2.0, 2.0, id="as well where more cost as much"),
        pytest.param(CHEAP_FIRST, 1.0, 2.0, 2.0, id="before the first that costs more, ascending"),
        pytest.param(CHEAP_FIRST, None, 2.0, 2.0, id="behind those without a cost"),
        pytest.param(COSTLY_FIRST, 2.0, None, 2.0, id="before those without a cost"),
    ],
)
def test_along_its_first_field_a_list_is_cut_where_the_value_changes(
    order: Order, last: float | None, following: float | None, ends_at: float
):
    part = Slicing(order, COST, MINE).cut(None, row(last), row(following))

    edge = SortPosition((ends_at, None, NO_ID))
    assert part == Slice(None, edge, edge)


def test_an_ascending_list_is_not_cut_within_a_value():
    assert Slicing(CHEAP_FIRST, COST, MINE).cut(None, row(1.0, 1), row(1.0, 2)) is None


@pytest.mark.parametrize(
    ("order", "start", "end"),
    [
        pytest.param(COSTLY_FIRST, (2.0, NOON, 7), MaxKey(), id="a row, before all that cost as much"),
        pytest.param(COSTLY_FIRST, (2.0, None, NO_ID), MinKey(), id="the end of a slice, behind them"),
        pytest.param(CHEAP_FIRST, (2.0, NOON, 7), MinKey(), id="a row, before all that cost as much, ascending"),
        pytest.param(CHEAP_FIRST, (2.0, None, NO_ID), MinKey(), id="the end of a slice, before them"),
    ],
)
def test_entries_are_counted_from_the_beginning_of_a_group(order: Order, start: tuple[Any, ...], end: Any):
    position = Slicing(order, COST, MINE).entry_position(SortPosition(start))

    assert position == SortPosition((2.0, end))


def test_a_boundary_behind_a_group_lies_behind_all_of_its_entries():
    position = Slicing(COSTLY_FIRST, COST, MINE).position_behind(row(2.0, 3))

    assert position == SortPosition((2.0, MinKey()))


@pytest.mark.parametrize(
    ("visible", "query"),
    [
        pytest.param(MINE, TENANT, id="all of a tenant, from the index alone"),
        pytest.param(OWN, join([TENANT, OWN.to_mongo()]), id="one's own, where the index has others'"),
    ],
)
def test_slices_end_at_what_the_caller_may_see(visible: Filter, query: dict[str, Any]):
    search = Slicing(NEWEST_FIRST, CREATED, visible).entries_between(None, None, 1_000, sortable=False)

    assert search.range is not None
    assert search.range.query == (query if visible == OWN else {})
    assert search.query == query


@pytest.mark.parametrize(
    ("created", "is_within"), [(NOON - timedelta(seconds=1), False), (NOON, True), (None, False), ("noon", False)]
)
def test_an_entry_is_within_the_bounds_or_beyond_them(created: Any, *, is_within: bool):
    use = IndexUse(CREATED.key, {**TENANT, "created": {"$gte": NOON}}, is_ordered=True)
    stored = StoredRow({"created": created}, {"created": to_raw(created)})

    assert Slicing(NEWEST_FIRST, use, MINE).holds(stored) is is_within
    assert Slicing(NEWEST_FIRST, CREATED, MINE).holds(stored)


@pytest.mark.parametrize(
    ("value", "has_place"), [(1, True), (None, True), ([1], False), (MinKey(), False), (MaxKey(), False)]
)
def test_a_list_goes_on_from_values_that_have_a_place_in_an_order(value: Any, *, has_place: bool):
    raw = to_raw(value)
    shown: Any = value if has_place else RawValue(raw.type, raw.content)

    assert is_position(SortPosition((shown, 1))) is has_place


def test_a_search_is_complete_unless_it_stopped_at_a_position():
    assert SearchProgress(5).is_complete
    assert not SearchProgress(5, SortPosition((NOON, 1))).is_complete
