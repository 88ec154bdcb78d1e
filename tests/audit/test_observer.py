"""The observer that records operations in the journal."""

import asyncio
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
from execution_monitor.ingest.redaction import Redaction

ORIGIN = Origin("192.0.2.1", "tests", "r-1")
TOLERANCE = timedelta(milliseconds=5)
QUICK = JournalLimits(linger_seconds=0.01, retry_seconds=(0.01,))


class Store:
    """Keeps rows in memory, unless it is `broken`."""

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


def an_operation(kind: OperationKind = OperationKind.QUERY, name: str = "Failed") -> Operation:
    return Operation(Caller("ada", "acme"), ORIGIN, kind, name)


def observed(
    journal: Journal, kind: OperationKind = OperationKind.QUERY, name: str = "Failed", *, strict: bool = False
) -> AbstractAsyncContextManager[Outcome]:
    return Observers(AuditObserver(journal, strict=strict)).observe(an_operation(kind, name))


async def run(journal: Journal, name: str = "Failed", *, strict: bool) -> None:
    async with observed(journal, name=name, strict=strict):
        pass


async def fail(journal: Journal, name: str = "Failed", *, strict: bool = False) -> None:
    async with observed(journal, name=name, strict=strict):
        raise Forbidden("No.")


@pytest.fixture
def store() -> Store:
    return Store()


async def test_a_query_is_recorded_once_with_the_time_of_its_request(store: Store):
    begun = datetime.now(UTC)

    async with Journal(store.write, QUICK) as journal, observed(journal) as outcome:
        outcome.answer_with("run-1")
        await asyncio.sleep(0.1)
        ended = datetime.now(UTC)

    (row,) = store.rows
    assert (row["kind"], row["execution_ids"]) == ("query", ["run-1"])
    # The wall clock and the monotonic clock may differ a little.
    assert begun - TOLERANCE < row["at"] < ended - TOLERANCE
    assert row["seconds"] == pytest.approx((ended - begun).total_seconds(), abs=0.05)


async def test_a_subscription_is_recorded_when_it_begins_and_when_it_ends(store: Store):
    async with Journal(store.write, QUICK) as journal:
        observers = Observers(AuditObserver(journal, strict=False))
        # Two equal ones at a time.
        first, second = an_operation(OperationKind.SUBSCRIPTION), an_operation(OperationKind.SUBSCRIPTION)
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


async def test_names_are_recorded_without_what_the_operator_masks(store: Store):
    arguments = {"reportExecution": {"input": {"name": "pay EMP-12, password=hunter2"}}}
    operation = Operation(Caller("ada", "acme"), ORIGIN, OperationKind.MUTATION, "R", arguments=lambda: arguments)
    async with Journal(store.write, QUICK) as journal:
        audit = AuditObserver(journal, strict=False, mask=Redaction(patterns=[r"EMP-\d+"]).mask_name)
        async with Observers(audit).observe(operation):
            pass

    (row,) = store.rows
    assert row["arguments"] == {"reportExecution": {"input": {"name": "pay ***, password=***"}}}


async def test_when_not_strict_no_response_waits_for_a_broken_store(store: Store):
    store.broken = True

    async with Journal(store.write, JournalLimits(farewell_seconds=0, wait_seconds=60)) as journal:
        await run(journal, strict=False)

        assert journal.pending == 1


async def test_when_strict_a_response_waits_until_it_is_recorded(store: Store):
    async with Journal(store.write, QUICK) as journal:
        await run(journal, strict=True)

        assert store.kinds == ["query"]


async def test_when_strict_a_subscription_sends_nothing_before_its_begin_is_recorded(store: Store):
    async with Journal(store.write, QUICK) as journal, observed(journal, OperationKind.SUBSCRIPTION, strict=True):
        assert store.kinds == ["subscription_begun"]


async def test_when_strict_a_subscription_whose_begin_cannot_be_recorded_is_refused_and_recorded_later(store: Store):
    async with Journal(store.write, QUICK) as journal:
        store.broken = True
        with pytest.raises(AuditUnavailable):
            async with observed(journal, OperationKind.SUBSCRIPTION, strict=True):
                pass
        store.broken = False

    begin, end = store.rows
    assert store.kinds == ["subscription_begun", "subscription_ended"]
    assert (end["begun_by"], end["codes"]) == (begin["_id"], ["AUDIT_UNAVAILABLE"])


async def test_when_strict_a_response_that_cannot_be_recorded_is_withheld(store: Store):
    seen: list[Outcome] = []

    async def run_and_fail_to_record() -> None:
        async with observed(journal, strict=True) as outcome:
            seen.append(outcome)
            store.broken = True

    async with Journal(store.write, QUICK) as journal:
        with pytest.raises(AuditUnavailable):
            await run_and_fail_to_record()
        store.broken = False

    assert [outcome.codes for outcome in seen] == [["AUDIT_UNAVAILABLE"]]
    assert store.kinds == ["query"]


async def test_when_strict_the_end_of_a_subscription_does_not_wait(store: Store):
    async with Journal(store.write, QUICK) as journal:
        async with observed(journal, OperationKind.SUBSCRIPTION, strict=True):
            store.broken = True
        store.broken = False

    assert store.kinds == ["subscription_begun", "subscription_ended"]


async def test_when_strict_no_operation_runs_while_none_can_be_recorded_and_that_is_recorded_later(store: Store):
    async with Journal(store.write, QUICK) as journal:
        store.broken = True
        with pytest.raises(AuditUnavailable):
            await run(journal, name="First", strict=True)
        with pytest.raises(AuditUnavailable):
            await fail(journal, name="Second", strict=True)
        store.broken = False

    assert [(row["operation_name"], row["codes"]) for row in store.rows] == [
        # It was described when it had run, before its response was withheld.
        ("First", []),
        ("Second", ["AUDIT_UNAVAILABLE"]),
    ]


async def test_the_error_of_an_operation_is_not_replaced_by_that_of_its_record(store: Store):
    async def run_and_fail_to_record() -> None:
        async with observed(journal, strict=True):
            store.broken = True
            raise Forbidden("No.")

    async with Journal(store.write, QUICK) as journal:
        with pytest.raises(Forbidden):
            await run_and_fail_to_record()
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
            await observers.refused(an_operation(OperationKind.UNREADABLE), RateLimited("No.", retry_after=1))

    recorded = store.kinds.count("unreadable")
    lost = [row for row in store.rows if row["kind"] == "lost"]
    assert 200 <= recorded < 400
    assert sum(row["lost"] for row in lost) == 1_000 - recorded
    assert {row["tenant_id"] for row in lost} == {"acme"}
