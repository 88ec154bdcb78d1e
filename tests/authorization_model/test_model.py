"""No caller sees an execution that they may not see, in any API: compared with a model, which finds planted faults.

`make model` checks at least 100,000 facts, `make test` a tenth.
"""

import os
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.counts import CountResult
from execution_monitor.executions.executions import Executions
from execution_monitor.executions.services import Monitor
from execution_monitor.executions.visibility import visible_to
from execution_monitor.ingest.service import Ingest
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.live.subscriber import BacklogLimits
from execution_monitor.settings import Settings
from execution_monitor.statistics.error_groups import CountedErrorGroup, ErrorGroups
from execution_monitor.statistics.facets import Facets, FacetValue
from execution_monitor.statistics.live.service import LiveStatistics
from execution_monitor.statistics.rollups import settled_sums
from execution_monitor.statistics.rollups.plans import Plan
from execution_monitor.storage.cursors import decode_position, decode_token
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import EVERYTHING, Filter, all_of, equals
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.record_fields import required_text
from execution_monitor.storage.sorting import Order, SortPosition
from tests.authorization_model.client import Client
from tests.authorization_model.comparison import Comparison, DifferenceFound
from tests.authorization_model.reference import COMBINED, GRANTED, ROLE_SETTINGS, ReferenceModel, people
from tests.authorization_model.rollups import compare_rollups

IS_FULL = os.environ.get("TEST_MODEL") == "full"
ROUNDS, LEAST = (12, 100_000) if IS_FULL else (1, 10_000)
LIMITS = LiveLimits(
    lookback_seconds=0, linger_seconds=600, backlog=BacklogLimits(conflate_from=100_000, max_events=100_000)
)

ALL = (*((role,) for role in GRANTED), *COMBINED)
FEW = (("viewer",), ("operator",), ("auditor",), ("viewer", "ml-ops"))

Compare = Callable[..., Awaitable[Comparison]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # The server keeps rollups, which are then read in this process.
    on = dict.fromkeys(("statistics_rollups", "delivery"), "on")
    off = dict.fromkeys(("rate_limit", "rate_limit_address"), "off")
    return settings.model_copy(update={**off, **on, "roles": ROLE_SETTINGS})


@pytest.fixture
def _planted(monkeypatch: pytest.MonkeyPatch, place: str, fault: Any) -> None:
    """A fault at a place; request it before anything is opened."""
    monkeypatch.setattr(place, fault)


@pytest.fixture
async def compare(
    database: Database, mongodb_uri: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Compare]:
    """`compare(rounds, callers, roles, raising_for)`: a finished comparison with a new model."""
    monkeypatch.setattr("execution_monitor.statistics.live.feed.SECONDS_BETWEEN_ANSWERS", 0.05)
    # Sums of all days are kept, also of those that have just changed.
    monkeypatch.setattr("execution_monitor.statistics.rollups.marks.SETTLED_SECONDS", -60)
    async with (
        httpx2.AsyncClient(base_url=server, timeout=30) as client,
        Live(database, mongodb_uri, LiveCursors(b"x" * 32), LIMITS) as live,
        LiveStatistics(Reader(database, 5_000), live) as statistics,
        Ingest(database, lambda _, value: value) as ingest,
    ):

        async def compare(
            rounds: int, callers: int, roles: Sequence[tuple[str, ...]], raising_for: str | None = None
        ) -> Comparison:
            generator = random.Random(7)  # noqa: S311 - the same in every run
            requests = Client(
                Monitor.over(database, timeout_ms=5_000, count_limit=1_000, count_seconds=0),
                live,
                statistics,
                ingest,
                client,
            )
            comparison = Comparison(
                ReferenceModel(generator), requests, people(generator, callers, roles), server, raising_for
            )
            await comparison.model.begin()
            await comparison.make_keys(database)
            looks_for = comparison.looks_for
            if looks_for("viewer over HTTP", "list of keys"):
                await comparison.compare_keys()
            if looks_for("rollups"):
                await compare_rollups(comparison, database)
            for _ in range(rounds):
                if looks_for("events of", "statistics of"):
                    await comparison.compare_events(100)
                if looks_for("events over a transport"):
                    await comparison.compare_transports(50)
                await comparison.compare_responses()
                if looks_for("report of another's"):
                    await comparison.compare_reports()
            return comparison

        yield compare


async def test_every_response_and_event_agrees_with_the_reference(compare: Compare):
    done = await compare(ROUNDS, 5, ALL)
    await done.compare_revocation()

    assert done.differences[:5] == []
    assert done.checks >= LEAST
    assert done.client.compiled > ROUNDS * 100


def without_the_tenant(caller: Caller) -> Filter:
    return EVERYTHING if "executions:read:tenant" in caller.scopes else equals("user_id", caller.subject)


def without_filters(caller: Caller) -> Filter:
    return visible_to(replace(caller, grants=()))


def without_the_user(caller: Caller) -> Filter:
    return equals("tenant_id", caller.tenant)


async def count_before_filtering(self: Executions, caller: Caller, where: Filter, *_: Any) -> CountResult:
    anyones = all_of(equals("tenant_id", caller.tenant), where).bind(datetime.now(UTC))
    count = await self.reader.count(Execution, anyones, self.count_limit)
    return CountResult(count.found, is_exact=True)


async def facets_of_the_tenant(self: Facets, caller: Caller, *arguments: Any) -> list[FacetValue]:
    whole = replace(caller, scopes=caller.scopes | {Scope.EXECUTIONS_READ_TENANT}, grants=())
    return await _READ_FACET(self, whole, *arguments)


async def error_groups_of_the_tenant(self: ErrorGroups, caller: Caller, *arguments: Any) -> list[CountedErrorGroup]:
    whole = replace(caller, scopes=caller.scopes | {Scope.EXECUTIONS_READ_TENANT}, grants=())
    return await _FIND_GROUPS(self, whole, *arguments)


_FIND_GROUPS: Any = ErrorGroups.__dict__["find"]
_READ_FACET: Any = Facets.__dict__["read"]


def key_without(*names: str) -> Any:
    """A key of the sums that are kept which leaves out parts of the plan."""

    def key(plan: Plan, *arguments: Any) -> Any:
        return _KEY_OF(replace(plan, **{name: _OF_ANYONE[name] for name in names}), *arguments)

    return key


_KEY_OF: Any = settled_sums.key_of
_OF_ANYONE: dict[str, Any] = {"tenant": "any", "where": EVERYTHING, "owners": None}


def is_reported(_: Owner, row: Mapping[str, Any]) -> bool:
    return "ingest" in row


class AnyOfTheTenant:
    @staticmethod
    def visible(caller: Caller, where: Filter) -> Filter:
        return all_of(equals("tenant_id", caller.tenant), where)


def of_anyone(*_: object) -> Filter:
    return EVERYTHING


def decode_for_anyone(cursor: str, order: Order, _: bytes) -> SortPosition:
    return decode_position(cursor, order, decode_token(cursor)[0])


def seal_for_anyone(self: LiveCursors, content: bytes, _: bytes) -> bytes:
    return _SEAL(self, content, b"")


_SEAL: Any = LiveCursors.__dict__["_tag"]


def events_of_any_tenant(caller: Caller) -> Filter:
    caller.require(Scope.AUDIT_READ)
    return EVERYTHING


def keys_of_the_tenant(caller: Caller) -> Filter:
    caller.require(Scope.KEYS_WRITE)
    return equals("tenant_id", caller.tenant)


def keys_of_the_maker(caller: Caller) -> Filter:
    caller.require(Scope.KEYS_WRITE)
    return EVERYTHING if Scope.MANAGE in caller.scopes else equals("made_by", caller.subject)


def watch_with_look_up(self: AsyncDatabase[Any], *arguments: Any, **options: Any) -> Any:
    return _WATCH(self, *arguments, **{**options, "full_document": "updateLookup"})


_WATCH: Any = AsyncDatabase.__dict__["watch"]


@pytest.mark.parametrize(
    ("place", "fault", "difference"),
    [
        pytest.param(
            "execution_monitor.executions.executions.visible_to", without_the_tenant, "list of", id="no tenant"
        ),
        pytest.param("execution_monitor.executions.executions.visible_to", without_the_user, "list of", id="no user"),
        pytest.param("execution_monitor.live.topics.visible_to", without_the_user, "events of", id="no user, live"),
        pytest.param(
            "execution_monitor.executions.executions.visible_to", without_filters, "list of", id="no filters of roles"
        ),
        pytest.param(
            "execution_monitor.live.topics.visible_to", without_the_user, "statistics of", id="no user, live statistics"
        ),
        pytest.param(
            "execution_monitor.live.topics.visible_to", without_filters, "events of", id="no filters of roles, live"
        ),
        pytest.param(
            "pymongo.asynchronous.database.AsyncDatabase.watch", watch_with_look_up, "events of", id="a look-up"
        ),
        pytest.param(
            "execution_monitor.executions.executions.Executions.count_cached",
            count_before_filtering,
            "count of",
            id="a count before filtering",
        ),
        pytest.param(
            "execution_monitor.storage.pagination.decode_position",
            decode_for_anyone,
            "cursor of",
            id="a cursor for anyone",
        ),
        pytest.param(
            "execution_monitor.ingest.writer.claims._is_own",
            is_reported,
            "report of another's",
            id="a report for anyone",
        ),
        pytest.param(
            "execution_monitor.statistics.facets.Facets.read", facets_of_the_tenant, "facet of", id="facets of a tenant"
        ),
        pytest.param(
            "execution_monitor.statistics.error_groups.ErrorGroups.find",
            error_groups_of_the_tenant,
            "error groups",
            id="error groups of a tenant",
        ),
        pytest.param(
            "execution_monitor.statistics.questions.visible_to",
            without_the_user,
            "statistics, count",
            id="sums, no user",
        ),
        pytest.param(
            "execution_monitor.statistics.questions.visible_to",
            without_filters,
            "statistics, groups",
            id="sums, no filters of roles",
        ),
        pytest.param(
            "execution_monitor.executions.executions.visible_to",
            without_the_user,
            "statistics, slowest",
            id="no user, among the slowest",
        ),
        pytest.param(
            "execution_monitor.executions.executions.visible_to",
            without_filters,
            "statistics, steps",
            id="steps of others",
        ),
        pytest.param(
            "execution_monitor.statistics.steps.equals", of_anyone, "statistics, steps", id="steps of any tenant"
        ),
        pytest.param(
            "execution_monitor.statistics.questions.visible_to",
            without_the_user,
            "REST's statistics",
            id="statistics of a tenant",
        ),
        pytest.param(
            "execution_monitor.statistics.rollups.row_reading.key_of",
            key_without("where", "owners"),
            "rollups",
            id="kept sums of other callers",
        ),
        pytest.param(
            "execution_monitor.statistics.rollups.row_reading.key_of",
            key_without("tenant"),
            "rollups",
            id="kept sums of other tenants",
        ),
        pytest.param("execution_monitor.executions.retries.Executions", AnyOfTheTenant, "relatives", id="retries"),
        pytest.param(
            "execution_monitor.live.cursors.LiveCursors._tag",
            seal_for_anyone,
            "live cursor of",
            id="a live cursor for anyone",
        ),
        pytest.param(
            "execution_monitor.live.topics.visible_to",
            without_the_user,
            "events over a transport",
            id="no user, over a transport",
        ),
        pytest.param(
            "execution_monitor.audit.repository.events_visible_to",
            events_of_any_tenant,
            "trail",
            id="a trail for any auditor",
        ),
    ],
)
@pytest.mark.usefixtures("_planted")
async def test_a_fault_is_found(compare: Compare, difference: str):
    with pytest.raises(DifferenceFound):
        await compare(1, 2, FEW, difference)


@pytest.mark.parametrize(
    ("place", "fault", "difference"),
    [
        pytest.param(
            "execution_monitor.auth.access_keys.keys_visible_to",
            keys_of_the_tenant,
            "list of keys",
            id="keys of other makers",
        ),
        pytest.param(
            "execution_monitor.auth.access_keys.keys_visible_to",
            keys_of_the_maker,
            "list of keys",
            id="keys of other tenants",
        ),
        pytest.param(
            "execution_monitor.auth.access_keys.AccessKeyRecord.user_id",
            required_text("made_by"),
            "viewer over HTTP",
            id="a key that acts for its maker",
        ),
        pytest.param(
            "execution_monitor.auth.access_key_verifier.KEY_SCOPES",
            (Scope.EXECUTIONS_READ,),
            "viewer over HTTP",
            id="a key with other scopes",
        ),
    ],
)
@pytest.mark.usefixtures("_planted")
async def test_a_fault_of_access_keys_is_found(compare: Compare, difference: str):
    with pytest.raises(DifferenceFound):
        await compare(0, 0, (("key-maker",), ("admin",)), difference)
