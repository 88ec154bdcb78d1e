"""What the audit trail keeps of an event, as a row of `audit_events`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from bson import ObjectId

from execution_monitor.asgi.operations import Operation, OperationKind, Outcome
from execution_monitor.asgi.origin import Origin
from execution_monitor.audit.redaction import shorten, shorten_all, show_arguments

AuditRow = dict[str, Any]

# Whoever chooses these may choose long ones.
_MAX_NAME = 128
_MAX_USER_AGENT = 256
_MAX_CODES = 20


class AuditKind(StrEnum):
    """What sort of event it is, as stored; the first five are those of operations."""

    QUERY = "query"
    MUTATION = "mutation"
    REST = "rest"
    UNREADABLE = "unreadable"
    SUBSCRIPTION_BEGUN = "subscription_begun"
    SUBSCRIPTION_ENDED = "subscription_ended"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a kind of event
    REVOCATION = "revocation"
    LOST = "lost"  # events that could not be written


class AuditOutcome(StrEnum):
    """How it went, as stored."""

    SUCCEEDED = "succeeded"
    DENIED = "denied"  # wholly, or in part
    FAILED = "failed"


_DENIALS = frozenset({"UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED", "AUDIT_UNAVAILABLE"})
_KINDS = {
    OperationKind.QUERY: AuditKind.QUERY,
    OperationKind.MUTATION: AuditKind.MUTATION,
    OperationKind.REST: AuditKind.REST,
    OperationKind.UNREADABLE: AuditKind.UNREADABLE,
    OperationKind.SUBSCRIPTION: AuditKind.SUBSCRIPTION_ENDED,
}


def describe_begin(operation: Operation, at: datetime, event_id: ObjectId) -> AuditRow:
    """A subscription that begins at `at`, before anything is delivered."""
    return {"_id": event_id, "kind": AuditKind.SUBSCRIPTION_BEGUN.value, **_describe(operation, at, ())}


def describe_end(operation: Operation, outcome: Outcome, at: datetime, begun_by: ObjectId | None = None) -> AuditRow:
    """An operation that has ended; `at` is when it was asked for or, of a subscription, when it ended.

    `begun_by` is the event of the same subscription's begin.
    """
    return {
        "_id": ObjectId(),
        "kind": _KINDS[operation.kind].value,
        **_describe(operation, at, outcome.codes),
        "executions": outcome.executions,
        "execution_ids": shorten_all(list(filter(None, outcome.execution_ids))),
        "seconds": outcome.seconds,
        **({} if begun_by is None else {"begun_by": begun_by}),
    }


def describe_refusal(origin: Origin, reason: str, at: datetime) -> AuditRow:
    """A token that was refused for `reason`. Nothing of the token is kept: whatever it claims, nobody has verified."""
    return {
        "_id": ObjectId(),
        "at": at,
        "kind": AuditKind.TOKEN_REFUSED.value,
        "outcome": AuditOutcome.DENIED.value,
        "codes": ["UNAUTHENTICATED"],
        "reason": shorten(reason),
        **_describe_origin(origin),
    }


def describe_revocation(
    *, by: str, tenant: str | None = None, user: str | None = None, token_id: str | None = None
) -> AuditRow:
    """That `by` has revoked the tokens of `user`, or the one with `token_id`; without `tenant` no auditor is shown it.

    The row for `AuditWriter.write`: the command has no server around it that would record operations.
    """
    revoked = {"user": shorten(user), "tokenId": shorten(token_id)}
    return {
        "_id": ObjectId(),
        "at": datetime.now(UTC),
        "kind": AuditKind.REVOCATION.value,
        "outcome": AuditOutcome.SUCCEEDED.value,
        "codes": [],
        "arguments": {"revoke": {name: value for name, value in revoked.items() if value is not None}},
        **_without_nulls(tenant_id=tenant, subject=shorten(by)),
    }


def describe_loss(tenant: str | None, count: int, since: datetime, at: datetime) -> AuditRow:
    """That `count` events of `tenant` between `since` and `at` could not be kept."""
    return {
        "_id": ObjectId(),
        "at": at,
        "kind": AuditKind.LOST.value,
        "outcome": AuditOutcome.FAILED.value,
        "codes": [],
        "lost": count,
        "seconds": (at - since) / timedelta(seconds=1),
        **_without_nulls(tenant_id=tenant),
    }


def _describe(operation: Operation, at: datetime, codes: Sequence[str]) -> AuditRow:
    caller = operation.caller
    return {
        "at": at,
        "outcome": _outcome_of(codes).value,
        "codes": list(dict.fromkeys(codes))[:_MAX_CODES],
        "arguments": show_arguments(operation.arguments()),
        **_without_nulls(
            # Whoever sends no token may read the types, where that is open to all: nobody, of no tenant.
            tenant_id=caller.tenant or None,
            subject=caller.subject or None,
            token_id=shorten(caller.token_id),
            operation_name=shorten(operation.name, _MAX_NAME),
        ),
        **_describe_origin(operation.origin),
    }


def _describe_origin(origin: Origin) -> AuditRow:
    return _without_nulls(
        address=shorten(origin.address, _MAX_NAME),
        user_agent=shorten(origin.user_agent, _MAX_USER_AGENT),
        request_id=shorten(origin.request_id, _MAX_NAME),
    )


def _outcome_of(codes: Sequence[str]) -> AuditOutcome:
    if not codes:
        return AuditOutcome.SUCCEEDED
    return AuditOutcome.DENIED if _DENIALS.intersection(codes) else AuditOutcome.FAILED


def _without_nulls(**fields: Any) -> AuditRow:
    return {name: value for name, value in fields.items() if value is not None}
