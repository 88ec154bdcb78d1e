"""Audit events, their filter and their connection."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from execution_monitor.audit.events import AuditKind, AuditOutcome
from execution_monitor.audit.repository import NEWEST_FIRST, AuditRecord
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.filters import conditions_of, filter_fields
from execution_monitor.graphql.inputs.operators import DateTimeFilter, IdFilter, equality_conditions
from execution_monitor.graphql.selection import selected_by
from execution_monitor.graphql.types.connection import (
    EDGES,
    NODES,
    PAGE_INFO,
    PageInfo,
    fields_to_read,
    needed_neighbours,
    needs_cursors,
    page_request,
    reading,
    stored,
)
from execution_monitor.storage.filter_fields import AUDIT_EVENT_FIELDS, FilterKind
from execution_monitor.storage.filters import Filter, all_of
from execution_monitor.storage.pagination import Page, PageSelection
from execution_monitor.storage.rows import Row


@strawberry.type(description="One entry of the audit trail. Fields that do not apply to its kind are null.")
class AuditEvent:
    """An event of the audit trail, from its stored row."""

    record: strawberry.Private[AuditRecord]

    id: strawberry.ID = stored("id", "_id", description="Identifies the event; `begunBy` refers to it.")
    at: datetime = stored("at", description="When the request arrived; for SUBSCRIPTION_ENDED, when it ended.")

    @strawberry.field(description="What the event records.", metadata=reading("kind"))
    def kind(self) -> AuditKind:
        return AuditKind(self.record.kind)

    @strawberry.field(description="The result of the request.", metadata=reading("outcome"))
    def outcome(self) -> AuditOutcome:
        return AuditOutcome(self.record.outcome)

    codes: list[str] = stored("codes", description="The `extensions.code` of its errors, each once; at most 20.")
    subject: str | None = stored("subject", description="The user who made the request: the `sub` of the token.")
    token_id: str | None = stored("token_id", description="The `jti` of the token.")
    operation_name: str | None = stored("operation_name", description="The name of the GraphQL operation.")
    arguments: JSON | None = stored(
        "arguments", description="Arguments by root field, without values that could be payload."
    )
    execution_count: int = stored("executions", description="How many executions the response or the stream contained.")
    execution_ids: list[str] = stored("execution_ids", description="The ids of the first 100 of these executions.")
    duration_seconds: float | None = stored(
        "seconds", description="Seconds from the request to its response, or to the end of the stream."
    )
    address: str | None = stored("address", description="IP address of the client.")
    user_agent: str | None = stored("user_agent", description="The `User-Agent` header of the request.")
    request_id: str | None = stored("request_id", description="The `X-Request-Id` of the response.")
    begun_by: strawberry.ID | None = stored(
        "begun_by", description="For SUBSCRIPTION_ENDED: the `id` of the event of its start."
    )
    reason: str | None = stored("reason", description="For TOKEN_REFUSED: why the token was not accepted.")
    lost_events: int = stored("lost", description="For LOST: how many events could not be stored.")

    @classmethod
    def of(cls, row: Row) -> "AuditEvent":
        """The event that `row` stores."""
        return cls(record=AuditRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.type(description="An audit event with its cursor.")
class AuditEventEdge:
    """An event with its page, which makes its cursor."""

    page: strawberry.Private[Page]
    node: AuditEvent = strawberry.field(description="The event.")

    @strawberry.field(description="The position of the event in the list; pass it as `after` or `before`.")
    def cursor(self) -> str:
        return self.page.cursor_of(self.node.record.row)


@strawberry.type(description="A page of audit events, newest first.")
class AuditEventConnection:
    """A page of audit events."""

    page: strawberry.Private[Page]

    @strawberry.field(description=EDGES)
    def edges(self) -> list[AuditEventEdge]:
        return [AuditEventEdge(page=self.page, node=AuditEvent.of(row)) for row in self.page.rows]

    @strawberry.field(description=NODES)
    def nodes(self) -> list[AuditEvent]:
        return [AuditEvent.of(row) for row in self.page.rows]

    @strawberry.field(description=PAGE_INFO)
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)


@strawberry.input(description="Conditions on the kind of an event; all given conditions must hold.")
class AuditKindFilter:
    """Operators on the stored `kind`."""

    eq: AuditKind | None = strawberry.field(default=UNSET, description="Equals this kind.")
    in_: list[AuditKind] | None = strawberry.field(
        name="in", default=UNSET, description="Equals one of these; an empty list matches nothing."
    )
    not_in: list[AuditKind] | None = strawberry.field(default=UNSET, description="Equals none of these.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """The conditions of the given operators on the stored `field`."""
        yield from equality_conditions(field, self)


@strawberry.input(description="Conditions on the outcome of an event; all given conditions must hold.")
class AuditOutcomeFilter:
    """Operators on the stored `outcome`."""

    eq: AuditOutcome | None = strawberry.field(default=UNSET, description="Equals this outcome.")
    in_: list[AuditOutcome] | None = strawberry.field(
        name="in", default=UNSET, description="Equals one of these; an empty list matches nothing."
    )
    not_in: list[AuditOutcome] | None = strawberry.field(default=UNSET, description="Equals none of these.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """The conditions of the given operators on the stored `field`."""
        yield from equality_conditions(field, self)


@strawberry.input(description="Conditions on a list of strings; all given conditions must hold.")
class MemberFilter:
    """Operators on a stored list of strings."""

    eq: str | None = strawberry.field(default=UNSET, description="The list contains this.")
    in_: list[str] | None = strawberry.field(
        name="in", default=UNSET, description="The list contains one of these; an empty list matches nothing."
    )
    not_in: list[str] | None = strawberry.field(default=UNSET, description="The list contains none of these.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """The conditions of the given operators on the stored `field`."""
        yield from equality_conditions(field, self)


_INPUTS = {
    FilterKind.TIME: DateTimeFilter,
    FilterKind.AUDIT_KIND: AuditKindFilter,
    FilterKind.AUDIT_OUTCOME: AuditOutcomeFilter,
    FilterKind.MEMBER: MemberFilter,
    FilterKind.ID: IdFilter,
}


@strawberry.input(
    description="Which audit events to return. All given fields must match; an absent or null field matches everything."
)
@filter_fields(AUDIT_EVENT_FIELDS, _INPUTS)
class AuditEventFilter:
    """The filter of the audit trail; its fields come from `AUDIT_EVENT_FIELDS`."""

    def conditions(self) -> Iterator[Filter]:
        """The conditions of the given fields."""
        for conditions in conditions_of(self, AUDIT_EVENT_FIELDS):
            yield from conditions


async def resolve_audit_events(  # noqa: PLR0913, PLR0917 - the arguments of the field
    info: ContextInfo,
    where: AuditEventFilter | None,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> AuditEventConnection:
    """A page of the audit trail of the caller's tenant, with the stored fields that are selected.

    Raises:
        Forbidden: the caller is not an auditor.
        BadUserInput: an argument is wrong.
        InvalidCursor: a cursor is damaged, or of another list.
    """
    edges, page_info = selected_by(info, "edges"), selected_by(info, "pageInfo")
    selected = {**selected_by(info, "edges", "node"), **selected_by(info, "nodes")}
    fields = fields_to_read(AuditEvent, selected) | {"_id"}
    if needs_cursors(edges, page_info):
        fields |= frozenset(NEWEST_FIRST.fields)
    conditions: Iterable[Filter] = where.conditions() if where else ()
    page = await info.context.monitor.audit_trail.list(
        info.context.caller,
        all_of(*conditions),
        page_request(first=first, after=after, last=last, before=before),
        PageSelection(fields=fields, neighbours=needed_neighbours(page_info)),
    )
    return AuditEventConnection(page=page)
