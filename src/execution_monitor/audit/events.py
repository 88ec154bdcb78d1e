"""Audit events as rows of `audit_events`: what is kept of an operation, a refused token, a revocation and a loss."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from bson import ObjectId

from execution_monitor.asgi.operations import Operation, OperationKind, Outcome
from execution_monitor.asgi.origin import Origin
from execution_monitor.audit.redaction import Mask, leave_out, shorten, shorten_all, show_arguments

AuditRow = dict[str, Any]

# Clients choose these, and may send long ones. In characters, but for the codes.
_MAX_NAME = 128
_MAX_USER_AGENT = 256
_MAX_CODES = 20


class AuditKind(StrEnum):
    """The kinds of events, as stored."""

    QUERY = "query"
    MUTATION = "mutation"
    REST = "rest"
    UNREADABLE = "unreadable"
    SUBSCRIPTION_BEGUN = "subscription_begun"
    SUBSCRIPTION_ENDED = "subscription_ended"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a kind of event
    REVOCATION = "revocation"
    ACCESS_KEY_CREATED = "access_key_created"  # on the command line; by a mutation it is one
    LOST = "lost"  # events that could not be written


class AuditOutcome(StrEnum):
    """How an operation went, as stored."""

    SUCCEEDED = "succeeded"
    DENIED = "denied"  # all of it, or a part
    FAILED = "failed"


_DENIALS = frozenset({"UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED", "AUDIT_UNAVAILABLE"})
_KINDS = {
    OperationKind.QUERY: AuditKind.QUERY,
    OperationKind.MUTATION: AuditKind.MUTATION,
    OperationKind.REST: AuditKind.REST,
    OperationKind.UNREADABLE: AuditKind.UNREADABLE,
    OperationKind.SUBSCRIPTION: AuditKind.SUBSCRIPTION_ENDED,
}


def describe_begin(operation: Operation, at: datetime, event_id: ObjectId, *, mask: Mask = leave_out) -> AuditRow:
    """The row of a subscription that begins at `at`, before its first event is sent."""
    return {"_id": event_id, "kind": AuditKind.SUBSCRIPTION_BEGUN.value, **_describe(operation, at, (), mask)}


def describe_end(
    operation: Operation,
    outcome: Outcome,
    at: datetime,
    begun_by: ObjectId | None = None,
    *,
    mask: Mask = leave_out,
) -> AuditRow:
    """The row of an operation that has ended.

    `at` is when the operation was requested or, for a subscription, when it ended. `begun_by` is the id of the event
    with which that subscription began.
    """
    return {
        "_id": ObjectId(),
        "kind": _KINDS[operation.kind].value,
        **_describe(operation, at, outcome.codes, mask),
        "executions": outcome.executions,
        "execution_ids": shorten_all(list(filter(None, outcome.execution_ids))),
        "seconds": outcome.seconds,
        **({} if begun_by is None else {"begun_by": begun_by}),
    }


def describe_refusal(origin: Origin, reason: str, at: datetime) -> AuditRow:
    """The row of a token that was refused for `reason`. Nothing of the token is kept: its claims are not verified."""
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
    *,
    by: str,
    tenant: str | None = None,
    user: str | None = None,
    token_id: str | None = None,
    access_key: str | None = None,
) -> AuditRow:
    """The row of a revocation by `by`: of what `user` has, of the token with `token_id` or of `access_key` (`em_<id>`).

    No auditor sees it without a `tenant`. It is written by `AuditWriter` itself, since the command that revokes tokens
    runs outside of a server and its journal.
    """
    revoked = {"user": shorten(user), "tokenId": shorten(token_id), "accessKey": shorten(access_key)}
    return _describe_command(AuditKind.REVOCATION, by, tenant, {"revoke": _without_nulls(**revoked)})


def describe_created_key(  # noqa: PLR0913 - what is kept of a key
    *, by: str, tenant: str, user: str, access_key: str, name: str, scopes: Sequence[str]
) -> AuditRow:
    """The row of an access key that the command `key create` made; `access_key` is the part that may be shown."""
    created = {"accessKey": access_key, "userId": shorten(user), "name": shorten(name), "scopes": list(scopes)}
    return _describe_command(AuditKind.ACCESS_KEY_CREATED, by, tenant, {"createAccessKey": created})


def _describe_command(kind: AuditKind, by: str, tenant: str | None, arguments: dict[str, Any]) -> AuditRow:
    return {
        "_id": ObjectId(),
        "at": datetime.now(UTC),
        "kind": kind.value,
        "outcome": AuditOutcome.SUCCEEDED.value,
        "codes": [],
        "arguments": arguments,
        **_without_nulls(tenant_id=tenant, subject=shorten(by)),
    }


def describe_loss(tenant: str | None, count: int, since: datetime, at: datetime) -> AuditRow:
    """The row that says that `count` events of `tenant` between `since` and `at` were lost."""
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


def _describe(operation: Operation, at: datetime, codes: Sequence[str], mask: Mask) -> AuditRow:
    caller = operation.caller
    return {
        "at": at,
        "outcome": _outcome_of(codes).value,
        "codes": list(dict.fromkeys(codes))[:_MAX_CODES],
        "arguments": show_arguments(operation.arguments(), mask),
        **_without_nulls(
            # Introspection may be open to requests without a token, whose caller has neither tenant nor subject.
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
