"""The observer that records who asked for what."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial

from bson import ObjectId

from execution_monitor.asgi.operations import Operation, OperationKind, Outcome
from execution_monitor.asgi.origin import Origin
from execution_monitor.audit.events import describe_begin, describe_end, describe_refusal
from execution_monitor.audit.journal import Describe, Journal
from execution_monitor.errors import AuditUnavailable, RateLimited, Unauthenticated

# Of what is refused as fast as it is sent, tokens and operations beyond a rate, so many a second are kept one by one
# and the rest are counted.
_REFUSALS_PER_SECOND = 20
_REFUSALS_AT_ONCE = 200
_WITHOUT_ANSWER = frozenset({AuditUnavailable.code, RateLimited.code})


class AuditObserver:
    """Records every operation in `journal`; when `strict`, nobody is answered before that is durable."""

    def __init__(self, journal: Journal, *, strict: bool) -> None:
        self._journal = journal
        self._strict = strict
        self._begun: dict[int, ObjectId] = {}
        self._refusals = _Allowance(_REFUSALS_PER_SECOND, _REFUSALS_AT_ONCE)
        self._limited = _Allowance(_REFUSALS_PER_SECOND, _REFUSALS_AT_ONCE)

    async def begin(self, operation: Operation) -> None:
        """Record that a subscription begins; raises `AuditUnavailable` where that is required and cannot be done."""
        if self._strict:
            self._journal.require()
        if operation.kind is OperationKind.SUBSCRIPTION:
            event_id = ObjectId()
            # An operation is itself from its begin to its end; others may be equal to it.
            self._begun[id(operation)] = event_id
            await self._record(operation, partial(describe_begin, operation, datetime.now(UTC), event_id))

    async def end(self, operation: Operation, outcome: Outcome) -> None:
        """Record the operation; raises `AuditUnavailable` to withhold an answer that must not go out unrecorded."""
        now = datetime.now(UTC)
        at = now if operation.kind is OperationKind.SUBSCRIPTION else now - timedelta(seconds=outcome.seconds)
        describe = partial(describe_end, operation, outcome, at, self._begun.pop(id(operation), None))
        if RateLimited.code in outcome.codes and not self._limited.take():
            self._journal.lose(operation.caller.tenant)
        # What a subscription delivered has gone, and where nothing is answered there is nothing to wait for.
        elif operation.kind is OperationKind.SUBSCRIPTION or _WITHOUT_ANSWER.intersection(outcome.codes):
            self._journal.add(operation.caller.tenant, describe)
        else:
            await self._record(operation, describe)

    def record_refusal(self, origin: Origin, error: Unauthenticated) -> None:
        """Record that a token was refused, or that there was none."""
        if self._refusals.take():
            self._journal.add_unverified(partial(describe_refusal, origin, error.message, datetime.now(UTC)))
        else:
            self._journal.lose(None)

    async def _record(self, operation: Operation, describe: Describe) -> None:
        if self._strict:
            await self._journal.add_durably(operation.caller.tenant, describe)
        else:
            self._journal.add(operation.caller.tenant, describe)


class _Allowance:
    """So many at once, and so many more each second."""

    def __init__(self, per_second: float, at_once: float) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._left = at_once
        self._counted_at = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._left = min(self._at_once, self._left + (now - self._counted_at) * self._per_second)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
