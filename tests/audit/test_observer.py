"""The observer that records who asked for what."""

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from execution_monitor.asgi.operations import Observers, Operation, OperationKind, Outcome
from execution_monitor.asgi.origin import Origin
from execution_monitor.audit.events import AuditRow
from execution_monitor.audit.journal import Journal, JournalLimits
from execution_monitor.audit.observer import AuditObserver
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import AuditUnavailable, DatabaseUnavailable, Forbidden, RateLimited, Unauthenticated

ORIGIN = Origin("192.0.2.1", "tests", "r-1")
MOMENT = timedelta(milliseconds=5)
QUICK = JournalLimits(linger_seconds=0.01, retry_seconds=(0.01,))


class Store:
    def __init__(self) -> None:
        self.rows: list[AuditRow] = []
        self.broken = False

    async def write(self, rows: Sequence[AuditRow]) -> Collection[ObjectId]:
        if self.broken:
            raise DatabaseUnavailable("MongoDB is away.")
        self.rows += rows
        return ()

    @property
    def kinds(self) -> list[str]:
        return [row["kind"] for row in self.rows]


def asked(kind: OperationKind = OperationKind.QUERY, name: str = "Failed") -> Operation:
    return Operation(Caller("ada", "acme"), ORIGIN, kind, name)


def watched(
    journal: Journal, kind: OperationKind = OperationKind.QUERY, name: str = "Failed", *, strict: bool = False
) -> AbstractAsyncContextManager[Outcome]:
    return Observers(AuditObserver(journal, strict=strict)).watching(asked(kind, name))


async def run(journal: Journal, name: str = "Failed", *, strict: bool) -> None:
    async with watched(journal, name=name, strict=strict):
        pass


async def fail(journal: Journal, name: str = "Failed", *, strict: bool = False) -> None:
    async with watched(journal, name=name, strict=strict):
        raise Forbidden("No.")


@pytest.fixture
def store() -> Store:
    return Store()


async def test_a_query_is_recorded_once_as_of_when_it_was_asked(store: Store):
    begun = datetime.now(UTC)

    async with Journal(store.write, QUICK) as journal, watched(journal) as outcome:
        outcome.answer_with("run-1")
        await asyncio.sleep(0.1)
        ended = datetime.now(UTC)

    (row,) = store.rows
    assert (row["kind"], row["execution_ids"]) == ("query", ["run-1"])
    # A clock that people set and one that counts agree but for a moment.
    assert begun - MOMENT < row["at"] < ended - MOMENT
    assert row["seconds"] == pytest.approx((ended - begun).total_seconds(), abs=0.05)


async def test_a_subscription_is_recorded_when_it_begins_and_when_it_ends(store: Store):
    async with Journal(store.write, QUICK) as journal:
        observers = Observers(AuditObserver(journal, strict=False))
        # Two at a time, which are equal.
        first, second = asked(OperationKind.SUBSCRIPTION), asked(OperationKind.SUBSCRIPTION)
        async with observers.observe(first) as outcome, observers.observe(second):
            outcome.answer_with("run-1")

    begins, ends = store.rows[:2], store.rows[2:]
    assert store.kinds == ["subscription_begun"] * 2 + ["subscription_ended"] * 2
    assert [row["begun_by"] for row in ends] == [row["_id"] for row in reversed(begins)]
    assert [row["executions"] for row in ends] == [0, 1]


async def test_a_refused_operation_is_recorded_with_its_code(store: Store):
    async with Journal(store.write, QUICK) as journal:
        with pytest.raises(Forbidden):
            await fail(journal)

    assert [(row["outcome"], row["codes"]) for row in store.rows] == [("denied", ["FORBIDDEN"])]


async def test_without_strictness_nobody_waits_for_a_store_that_is_broken(store: Store):
    store.broken = True

    async with Journal(store.write, JournalLimits(farewell_seconds=0, wait_seconds=60)) as journal:
        await run(journal, strict=False)

        assert journal.pending == 1


async def test_when_strict_the_answer_waits_until_it_is_recorded(store: Store):
    async with Journal(store.write, QUICK) as journal:
        await run(journal, strict=True)

        assert store.kinds == ["query"]


async def test_when_strict_a_subscription_delivers_nothing_before_its_begin_is_recorded(store: Store):
    async with Journal(store.write, QUICK) as journal, watched(journal, OperationKind.SUBSCRIPTION, strict=True):
        assert store.kinds == ["subscription_begun"]


async def test_when_strict_an_answer_that_cannot_be_recorded_is_withheld(store: Store):
    seen: list[Outcome] = []

    async def ask() -> None:
        async with watched(journal, strict=True) as outcome:
            seen.append(outcome)
            store.broken = True

    async with Journal(store.write, QUICK) as journal:
        with pytest.raises(AuditUnavailable):
            await ask()
        store.broken = False

    assert [outcome.codes for outcome in seen] == [["AUDIT_UNAVAILABLE"]]
    assert store.kinds == ["query"]


async def test_when_strict_the_end_of_a_subscription_keeps_nobody_waiting(store: Store):
    async with Journal(store.write, QUICK) as journal:
        async with watched(journal, OperationKind.SUBSCRIPTION, strict=True):
            store.broken = True
        store.broken = False

    assert store.kinds == ["subscription_begun", "subscription_ended"]


async def test_when_strict_nothing_runs_while_nothing_can_be_recorded_and_that_is_recorded_later(store: Store):
    async with Journal(store.write, QUICK) as journal:
        store.broken = True
        with pytest.raises(AuditUnavailable):
            await run(journal, name="First", strict=True)
        with pytest.raises(AuditUnavailable):
            await fail(journal, name="Second", strict=True)
        store.broken = False

    assert [(row["operation_name"], row["codes"]) for row in store.rows] == [
        # It had been answered when it was described; that the answer was withheld came after.
        ("First", []),
        ("Second", ["AUDIT_UNAVAILABLE"]),
    ]


async def test_an_error_of_the_operation_is_not_replaced_by_that_of_its_record(store: Store):
    async def ask() -> None:
        async with watched(journal, strict=True):
            store.broken = True
            raise Forbidden("No.")

    async with Journal(store.write, QUICK) as journal:
        with pytest.raises(Forbidden):
            await ask()
        store.broken = False

    assert [row["codes"] for row in store.rows] == [["FORBIDDEN"]]


async def test_a_refused_token_is_recorded_without_a_tenant(store: Store):
    async with Journal(store.write, QUICK) as journal:
        AuditObserver(journal, strict=False).record_refusal(
            ORIGIN, Unauthenticated("Your token has expired; get a new one.")
        )

    (row,) = store.rows
    assert (row["kind"], row["address"], row.get("tenant_id")) == ("token_refused", "192.0.2.1", None)


async def test_of_a_flood_of_refused_tokens_the_first_are_recorded_and_the_rest_are_counted(store: Store):
    async with Journal(store.write, QUICK) as journal:
        audit = AuditObserver(journal, strict=False)
        for _ in range(1_000):
            audit.record_refusal(ORIGIN, Unauthenticated("No."))

    recorded = store.kinds.count("token_refused")
    assert 200 <= recorded < 400
    assert sum(row["lost"] for row in store.rows if row["kind"] == "lost") == 1_000 - recorded


async def test_of_a_flood_of_operations_beyond_a_rate_the_first_are_recorded_and_the_rest_are_counted(store: Store):
    async with Journal(store.write, QUICK) as journal:
        observers = Observers(AuditObserver(journal, strict=True))
        for _ in range(1_000):
            with contextlib.suppress(RateLimited):
                async with observers.observe(asked(OperationKind.UNREADABLE)):
                    raise RateLimited("No.", retry_after=1)

    recorded = store.kinds.count("unreadable")
    lost = [row for row in store.rows if row["kind"] == "lost"]
    assert 200 <= recorded < 400
    assert sum(row["lost"] for row in lost) == 1_000 - recorded
    assert {row["tenant_id"] for row in lost} == {"acme"}
