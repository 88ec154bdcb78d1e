"""Lists by duration, with executions that run: time passes between the pages, and no row is lost or comes twice."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from execution_monitor.errors import InvalidCursor
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import EVERYTHING, Filter, OneOf, all_of, equals
from execution_monitor.storage.pagination import NEITHER, Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.relative_filters import Duration, Within
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.sorting import Order, SortKey
from tests.storage.large_collections import START
from tests.support.sent_commands import SentCommands, explain

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINE = equals("tenant_id", "acme")
LONGEST_FIRST = Order((SortKey("total_duration", descending=True),))
NEWEST_FIRST = Order((SortKey("created", descending=True),))
BY_ID = PageSelection(frozenset({"execution_id"}))
# As when a cursor is selected.
WITH_CURSORS = PageSelection(frozenset({"execution_id", "total_duration", "created"}))


@dataclass
class Clock:
    """A clock that goes on when it is told to."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


def ended(name: str, seconds: float | None, **fields: Any) -> BsonDocument:
    """An execution that has ended after so many seconds, or nobody knows when."""
    row = {"execution_id": name, "tenant_id": "acme", "status": "completed", "created": NOON, **fields}
    return row if seconds is None else {**row, "total_duration": seconds}


def active(name: str, seconds: float, **fields: Any) -> BsonDocument:
    """An execution that has run for so many seconds at noon."""
    started = NOON - timedelta(seconds=seconds)
    return {
        "execution_id": name,
        "tenant_id": "acme",
        "status": "running",
        "started_at": started,
        "created": NOON,
    } | fields


ROWS = (
    ended("never", None, status="pending"),
    ended("short", 1.0),
    active("just", 2),
    ended("some", 59),
    active("a minute", 60),
    active("paused for an hour", 3_600, status="paused"),
    ended("two hours", 7_200),
    active("since yesterday", 86_400),
)
BY_DURATION = [row["execution_id"] for row in ROWS]


async def store(database: Database, *rows: BsonDocument) -> None:
    await database.collection(Execution).insert_many([{"_id": ObjectId(), **row} for row in rows])


def ids(page: Page) -> list[str]:
    return [row["execution_id"] for row in page.rows]


async def walk(reader: Reader, clock: Clock, listing: Listing, size: int, *, backward: bool) -> list[str]:
    """All rows, page by page, with ten minutes from one page to the next; large pages are read as of one time."""
    found, selection = list[str](), replace(WITH_CURSORS, snapshot=size > 1)
    request = PageRequest(size, backward)
    while True:
        page = await reader.read_page(Execution, listing, request, selection)
        found = [*ids(page), *found] if backward else [*found, *ids(page)]
        if not (page.has_previous if backward else page.has_next):
            return found
        clock.now += timedelta(minutes=10)
        cursor = page.cursor_of(page.rows[0 if backward else -1])
        request = PageRequest(size, backward, before=cursor) if backward else PageRequest(size, after=cursor)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("order", [LONGEST_FIRST, LONGEST_FIRST.reversed()], ids=["longest first", "shortest first"])
async def test_running_executions_are_sorted_by_the_time_they_have_run_when_the_list_began(
    database: Database, order: Order, *, backward: bool
) -> None:
    await store(database, *ROWS)
    expected = BY_DURATION[::-1] if order is LONGEST_FIRST else BY_DURATION

    for size in (1, 3):
        clock = Clock()
        reader = Reader(database, 5_000, clock=clock)
        assert await walk(reader, clock, Listing(MINE, order), size, backward=backward) == expected


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("descending", [False, True])
async def test_equal_durations_come_once_whether_stored_or_not(
    database: Database, *, descending: bool, backward: bool
) -> None:
    rows = [make(f"{make.__name__} {place}", 1) for place in range(3) for make in (ended, active)]
    await store(database, *rows)
    order = Order((SortKey("total_duration", descending), SortKey("created", not descending), SortKey("started_at")))

    for each in (Order(order.keys[:1]), Order(order.keys[:2]), order):
        found = await walk(Reader(database, 5_000, clock=Clock()), Clock(), Listing(MINE, each), 1, backward=backward)

        assert sorted(found) == sorted(row["execution_id"] for row in rows)
        assert found[0].startswith("active" if descending else "ended")


@pytest.mark.parametrize(
    ("where", "names"),
    [
        pytest.param(equals("status", "running"), ["just", "a minute", "since yesterday"], id="those that run"),
        pytest.param(equals("status", "completed"), ["short", "some", "two hours"], id="those that ended"),
        pytest.param(Duration(gte=60, lt=86_400), ["a minute", "paused for an hour", "two hours"], id="a range"),
        pytest.param(
            all_of(OneOf("status", ("paused", "completed")), Duration(gt=1)),
            ["some", "paused for an hour", "two hours"],
            id="both",
        ),
    ],
)
async def test_filters_of_a_list_by_duration(database: Database, where: Filter, names: list[str]) -> None:
    await store(database, *ROWS)
    clock = Clock()
    reader = Reader(database, 5_000, clock=clock)

    for size in (1, 5):
        clock.now = NOON
        listing = Listing(all_of(MINE, where), LONGEST_FIRST.reversed())
        assert await walk(reader, clock, listing, size, backward=False) == names


@pytest.mark.parametrize("backward", [False, True])
async def test_a_relative_filter_is_judged_at_the_first_page_whatever_the_order(
    database: Database, *, backward: bool
) -> None:
    rows = [ended(f"{age}", 1, created=NOON - timedelta(minutes=age)) for age in range(8)]
    await store(database, *rows)
    clock = Clock()

    listing = Listing(all_of(MINE, Within("created", 5 * 60)), NEWEST_FIRST)
    found = await walk(Reader(database, 5_000, clock=clock), clock, listing, 2, backward=backward)

    assert found == ["0", "1", "2", "3", "4", "5"]


async def test_an_execution_that_ends_between_two_pages_disturbs_no_other(database: Database) -> None:
    await store(database, *ROWS)
    clock = Clock()
    reader, listing = Reader(database, 5_000, clock=clock), Listing(MINE, LONGEST_FIRST)

    first = await reader.read_page(Execution, listing, PageRequest(3), WITH_CURSORS)
    ending = {"$set": {"status": "failed", "total_duration": 61.0, "completed_at": NOON + timedelta(seconds=1)}}
    for name in ("paused for an hour", "a minute"):
        await database.collection(Execution).update_one({"execution_id": name}, ending)
    clock.now += timedelta(hours=1)
    second = await reader.read_page(
        Execution, listing, PageRequest(20, after=first.cursor_of(first.rows[-1])), WITH_CURSORS
    )
    back = await reader.read_page(
        Execution, listing, PageRequest(20, backward=True, before=second.cursor_of(second.rows[0])), WITH_CURSORS
    )

    # The one of the cursor has moved behind it, as what changes does in every list.
    assert ids(first) == ["since yesterday", "two hours", "paused for an hour"]
    assert sorted(ids(second)[:2]) == ["a minute", "paused for an hour"]
    assert ids(second)[2:] == ["some", "just", "short", "never"]
    assert ids(back) == ["since yesterday", "two hours"]


async def test_rows_may_be_skipped(database: Database) -> None:
    await store(database, *ROWS)
    reader, listing = Reader(database, 5_000, clock=Clock()), Listing(MINE, LONGEST_FIRST)

    for skipped in range(len(ROWS) + 2):
        page = await reader.read_page(Execution, listing, PageRequest(2, skipped=skipped), BY_ID)

        assert ids(page) == BY_DURATION[::-1][skipped : skipped + 2]
        assert page.has_next == (skipped + 2 < len(ROWS))


async def test_few_payloads_are_read_that_a_page_does_not_show(
    recorded_database: tuple[Database, SentCommands],
) -> None:
    database, commands = recorded_database
    rows = [make(f"{make.__name__} {seconds}", seconds) for seconds in range(9) for make in (ended, active)]
    await store(database, *({**row, "final_result": {"text": row["execution_id"]}} for row in rows))
    shown = PageSelection(frozenset({"execution_id", "final_result"}), neighbours=NEITHER)

    page = await Reader(database, 5_000, clock=Clock()).read_page(
        Execution, Listing(MINE, LONGEST_FIRST), PageRequest(6), shown
    )

    assert ids(page) == [f"{name} {seconds}" for seconds in (8, 7, 6) for name in ("active", "ended")]
    assert [row["final_result"]["text"] for row in page.rows] == ids(page)
    # Seven rows, of which one shows that more follow, and one more of each kind.
    assert sorted(read["limit"] for read in commands.reads if "final_result" in read["projection"]) == [4, 5]


async def test_cursors_of_lists_that_began_at_different_times_are_refused(database: Database) -> None:
    await store(database, *ROWS)
    clock = Clock()
    reader, listing = Reader(database, 5_000, clock=clock), Listing(MINE, LONGEST_FIRST)
    cursors = list[str]()
    for _ in range(2):
        page = await reader.read_page(Execution, listing, PageRequest(3), WITH_CURSORS)
        cursors.append(page.cursor_of(page.rows[0]))
        clock.now += timedelta(seconds=1)

    with pytest.raises(InvalidCursor, match="began at different times"):
        await reader.read_page(Execution, listing, PageRequest(3, after=cursors[0], before=cursors[1]), WITH_CURSORS)


def test_the_cursors_of_a_list_that_does_not_speak_of_now_carry_nothing() -> None:
    row: Mapping[str, Any] = {"_id": ObjectId("0" * 24), "created": NOON}
    listing = Listing(MINE, NEWEST_FIRST)

    assert replace(listing, now=NOON).cursor_of(row) == listing.cursor_of(row)
    assert listing.cursor_of(row) == "ARtIpGwOyTgNHwAAAAkwAADWbXmbAQAABzEAAAAAAAAAAAAAAAAAAL5O0fk"


def test_a_cursor_is_of_its_own_list_alone_at_whatever_instant() -> None:
    relative = Listing(all_of(MINE, Within("created", 60)), NEWEST_FIRST, NOON)
    row: Mapping[str, Any] = {"_id": ObjectId(), "created": NOON}
    plain = Listing(MINE, NEWEST_FIRST)

    for one, other in ((relative, plain), (plain, relative)):
        with pytest.raises(InvalidCursor, match="belongs to another query"):
            one.position(other.cursor_of(row))
    later = replace(relative, now=NOON + timedelta(hours=1))
    assert later.digest == relative.digest
    assert later.position(relative.cursor_of(row)) == relative.position(relative.cursor_of(row))


@pytest.mark.parametrize("where", [EVERYTHING, equals("status", "running"), Duration(gte=60)])
async def test_a_page_by_duration_reads_few_that_ended(
    large_database: tuple[Database, SentCommands], where: Filter
) -> None:
    database, commands = large_database
    reader = Reader(database, 30_000, clock=Clock(START + timedelta(days=60)))
    listing = Listing(all_of(MINE, where), LONGEST_FIRST)
    count = {"tenant_id": "acme", "status": {"$in": ["pending", "running", "paused"]}}
    running = await database.collection(Execution).count_documents(count, hint=[("$natural", 1)])

    page = await reader.read_page(Execution, listing, PageRequest(20), replace(WITH_CURSORS, neighbours=NEITHER))
    await reader.read_page(
        Execution,
        listing,
        PageRequest(20, after=page.cursor_of(page.rows[-1])),
        replace(WITH_CURSORS, neighbours=NEITHER),
    )

    explained = [await explain(database, read) for read in commands.reads if read.get("sort")]
    assert len(explained) >= 4
    # Where no index has those that run in the order of their start, they are all read, and once more for ties.
    assert all(each.keys <= 2 * running + 2 * 21 for each in explained), (
        running,
        [(each.keys, each.indexes) for each in explained],
    )
