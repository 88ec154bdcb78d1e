"""The audit trail's observer: records every operation, and every refused token, in the journal."""

from datetime import UTC, datetime, timedelta
from functools import partial

from bson import ObjectId
from typing_extensions import override

from execution_monitor.asgi.operations import Observation, Operation, OperationKind, Outcome
from execution_monitor.asgi.origin import Origin
from execution_monitor.audit.events import describe_begin, describe_end, describe_refusal
from execution_monitor.audit.journal import Journal
from execution_monitor.audit.redaction import Mask, leave_out
from execution_monitor.errors import AuditUnavailable, RateLimited, Unauthenticated
from execution_monitor.token_bucket import TokenBucket

# A client can send refused tokens, and operations beyond its rate limit, as fast as it likes: of each of the two so
# many a second are recorded one by one, and the rest are counted.
_REFUSALS_PER_SECOND = 20
_REFUSALS_AT_ONCE = 200
_WITHOUT_RESPONSE = frozenset({AuditUnavailable.code, RateLimited.code})


class AuditObserver:
    """Records operations in `journal`; when `strict`, no response is sent before its record is durable.

    `mask` masks the secrets in names; by default they are left out.
    """

    def __init__(self, journal: Journal, *, strict: bool, mask: Mask = leave_out) -> None:
        self.journal = journal
        self.mask = mask
        self.strict = strict
        self.limited = TokenBucket(_REFUSALS_PER_SECOND, _REFUSALS_AT_ONCE)
        self._refusals = TokenBucket(_REFUSALS_PER_SECOND, _REFUSALS_AT_ONCE)

    def observe(self, operation: Operation, outcome: Outcome) -> Observation:
        """Record `operation` when it ends; a subscription also when it starts."""
        return _Recording(self, operation, outcome)

    def record_refusal(self, origin: Origin, error: Unauthenticated) -> None:
        """Record that a token was missing or refused."""
        if self._refusals.take():
            self.journal.add_unverified(partial(describe_refusal, origin, error.message, datetime.now(UTC)))
        else:
            self.journal.lose(None)


class _Recording(Observation):
    """The record of one operation."""

    __slots__ = ("_audit", "_begun_by", "_operation", "_outcome")

    def __init__(self, audit: AuditObserver, operation: Operation, outcome: Outcome) -> None:
        self._audit = audit
        self._operation = operation
        self._outcome = outcome
        self._begun_by: ObjectId | None = None

    @override
    async def __aenter__(self) -> None:
        """Record that a subscription starts.

        Raises:
            AuditUnavailable: The trail is strict and cannot be written.
        """
        audit, operation = self._audit, self._operation
        if audit.strict:
            audit.journal.require()
        if operation.kind is OperationKind.SUBSCRIPTION:
            self._begun_by = ObjectId()
            describe = partial(describe_begin, operation, datetime.now(UTC), self._begun_by, mask=audit.mask)
            if audit.strict:
                await audit.journal.add_durably(operation.caller.tenant, describe)
            else:
                audit.journal.add(operation.caller.tenant, describe)

    @override
    async def __aexit__(self, *_: object) -> None:
        """Record the operation.

        Raises:
            AuditUnavailable: The trail is strict and cannot be written: the response must not be sent.
        """
        audit, operation, outcome = self._audit, self._operation, self._outcome
        is_subscription = operation.kind is OperationKind.SUBSCRIPTION
        now = datetime.now(UTC)
        at = now if is_subscription else now - timedelta(seconds=outcome.seconds)
        describe = partial(describe_end, operation, outcome, at, self._begun_by, mask=audit.mask)
        if RateLimited.code in outcome.codes and not audit.limited.take():
            audit.journal.lose(operation.caller.tenant)
        # A subscription has sent its events already; without a response there is nothing to hold back.
        elif not audit.strict or is_subscription or _WITHOUT_RESPONSE.intersection(outcome.codes):
            audit.journal.add(operation.caller.tenant, describe)
        else:
            await audit.journal.add_durably(operation.caller.tenant, describe)

    @override
    async def refused(self) -> None:
        """Record an operation that does not run, as one that ended."""
        await self.__aexit__()
