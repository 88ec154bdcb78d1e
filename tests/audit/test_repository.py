"""Lists of the audit trail: each page uses an index, and examines few more keys than it has rows."""

import random
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from typing_extensions import override

from execution_monitor.audit.repository import NEWEST_FIRST, AuditTrail, events_visible_to
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import Forbidden, QueryTimeout
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import EVERYTHING, Filter, OneOf, Range, all_of, equals
from execution_monitor.storage.indexes import indexes_of
from execution_monitor.storage.pagination import Listing, PageRequest, PageSelection
from execution_monitor.storage.predicates import Predicate
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.server_documents import AuditEvent
from tests.support.sent_commands import SentCommands, explain

AUDITOR = Caller("aud", "acme", frozenset({Scope.AUDIT_READ}))
START = datetime(2026, 11, 1, tzinfo=UTC)
EVENTS = 6_000

LISTS: dict[str, Filter] = {
    "everything": EVERYTHING,
    "an hour": Range("at", gte=START + timedelta(minutes=20), lt=START + timedelta(minutes=80)),
    "a subject": equals("subject", "eve"),
    "a subject of an hour": all_of(equals("subject", "ada"), Range("at", lt=START + timedelta(minutes=60))),
    "two subjects": OneOf("subject", ("eve", "ben")),
    "a rare kind": equals("kind", "revocation"),
    "an operation": equals("operation_name", "Rare"),
    "what was denied": equals("outcome", "denied"),
    "what was denied or failed": OneOf("outcome", ("denied", "failed")),
    "a code": equals("codes", "FORBIDDEN"),
    "an execution": equals("execution_ids", "e7"),
    "two executions": OneOf("execution_ids", ("e7", "e8")),
}


def events() -> list[dict[str, Any]]:
    generator = random.Random(7)  # noqa: S311 - the same in every run

    def one(number: int) -> dict[str, Any]:
        outcome = generator.choices(["succeeded", "denied", "failed"], [97, 2, 1])[0]
        return {
            "_id": ObjectId(),
            "at": START + timedelta(seconds=number // 3),
            "tenant_id": generator.choices(["acme", "globex"], [3, 1])[0],
            "subject": generator.choices(["ada", "ben", "eve"], [90, 8, 2])[0],
            "kind": generator.choices(["query", "rest", "revocation"], [80, 19, 1])[0],
            "outcome": outcome,
            "codes": {"succeeded": [], "denied": ["FORBIDDEN"], "failed": ["INTERNAL", "QUERY_TIMEOUT"]}[outcome],
            "operation_name": generator.choices(["Listed", "Rare"], [98, 2])[0],
            "execution_ids": [f"e{generator.randrange(200)}" for _ in range(3)],
        }

    return [one(number) for number in range(EVENTS)]


@pytest.fixture
async def trail(recorded_database: tuple[Database, SentCommands]) -> AsyncGenerator[tuple[Database, SentCommands]]:
    """A database whose audit events are mostly alike, and the reads that it gets."""
    database, commands = recorded_database
    await database.collection(AuditEvent).insert_many(events(), ordered=False)
    yield database, commands
    await database.collection(AuditEvent).delete_many({})


async def test_every_page_of_the_trail_reads_few_keys_and_every_index_serves_one(
    trail: tuple[Database, SentCommands],
) -> None:
    database, commands = trail
    used = set[str]()

    for name, where in LISTS.items():
        listing = Listing(all_of(events_visible_to(AUDITOR), where), NEWEST_FIRST)
        query, sort = listing.where.to_mongo(), NEWEST_FIRST.to_mongo()
        rows = await database.collection(AuditEvent).find(query, {"at": 1}, sort=sort).to_list()
        assert len(rows) > 30
        for depth in (None, 0, len(rows) // 2, len(rows) - 5):
            commands.reads.clear()
            request = PageRequest(20, after=None if depth is None else listing.cursor_of(rows[depth]))
            await AuditTrail(Reader(database, 30_000)).list(AUDITOR, where, request, PageSelection(frozenset({"kind"})))

            for read in commands.reads:
                explained = await explain(database, read)
                assert explained.keys <= 3 * explained.rows + 10, (name, depth, read, explained)
                used |= explained.indexes

    assert {index.document["name"] for index in indexes_of(AuditEvent)} - used == set()


class Sleeping(Filter):
    """What takes MongoDB 50 ms a document: how long a search of words takes depends on the machine."""

    @override
    def to_mongo(self) -> dict[str, Any]:
        return {"$where": "sleep(50) || false"}

    @override
    def predicate(self) -> Predicate:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("where", "advice"),
    [
        pytest.param(Sleeping(), "A filter on at, subject or executionId would make it fast.", id="no filter"),
        pytest.param(
            all_of(Range("at", gte=START), Sleeping()),
            "A shorter range in the filter on at would make it fast.",
            id="a long time",
        ),
    ],
)
async def test_a_list_beyond_its_time_names_a_filter_that_would_make_it_fast(
    trail: tuple[Database, SentCommands], where: Filter, advice: str
) -> None:
    with pytest.raises(QueryTimeout) as timeout:
        await AuditTrail(Reader(trail[0], timeout_ms=1)).list(AUDITOR, where, PageRequest(), PageSelection())

    assert timeout.value.message == f"MongoDB stopped this query at its time limit. {advice}"


def test_an_auditor_sees_the_events_of_the_tenant() -> None:
    assert events_visible_to(Caller("aud", "acme", frozenset({Scope.AUDIT_READ}))).to_mongo() == {"tenant_id": "acme"}


def test_all_other_scopes_together_show_no_event() -> None:
    with pytest.raises(Forbidden, match="audit:read"):
        events_visible_to(Caller("olga", "acme", frozenset(set(Scope) - {Scope.AUDIT_READ})))
