"""The audit trail in GraphQL: who asked for what."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from execution_monitor.audit.events import AuditKind, AuditOutcome
from execution_monitor.audit.records import AuditRecord
from execution_monitor.audit.repository import NEWEST_FIRST
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.inputs.filters import DateTimeFilter, IdFilter, memberships
from execution_monitor.graphql.selection import ContextInfo, selected_by
from execution_monitor.graphql.types.connection import (
    PageInfo,
    fields_to_read,
    needed_neighbours,
    needs_cursors,
    page_request,
    reading,
    stored,
)
from execution_monitor.storage.filters import Filter, all_of
from execution_monitor.storage.pagination import Page, Row, Wanted


@strawberry.type(description="Something that was asked for, or refused. What does not apply is null.")
class AuditEvent:
    """One event of the audit trail; visible to auditors of its tenant."""

    record: strawberry.Private[AuditRecord]

    id: strawberry.ID = stored("id", "_id")
    at: datetime = stored("at", description="When it was asked for; of a subscription's end, when it ended.")

    @strawberry.field(metadata=reading("kind"))
    def kind(self) -> AuditKind:
        """What sort of event it is."""
        return AuditKind(self.record.kind)

    @strawberry.field(metadata=reading("outcome"))
    def outcome(self) -> AuditOutcome:
        """How it went."""
        return AuditOutcome(self.record.outcome)

    codes: list[str] = stored("codes", description="The codes of its errors.")
    subject: str | None = stored("subject", description="Who asked.")
    token_id: str | None = stored("token_id", description="With which token: its `jti`.")
    operation_name: str | None = stored("operation_name")
    arguments: JSON | None = stored(
        "arguments", description="By root field; values that could be somebody's payload are left out."
    )
    execution_count: int = stored("executions", description="How many executions it was answered with.")
    execution_ids: list[str] = stored("execution_ids", description="The first 100 of them.")
    duration_seconds: float | None = stored("seconds")
    address: str | None = stored("address")
    user_agent: str | None = stored("user_agent")
    request_id: str | None = stored("request_id", description="The `X-Request-Id` that the client was told.")
    begun_by: strawberry.ID | None = stored("begun_by", description="Of a subscription's end: the event of its begin.")
    reason: str | None = stored("reason", description="Why a token was refused.")
    lost_events: int = stored("lost", description="Events that could not be kept, of kind LOST.")

    @classmethod
    def of(cls, row: Row) -> "AuditEvent":
        """The event that `row` stores."""
        return cls(record=AuditRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.type
class AuditEventEdge:
    """An event and its place."""

    page: strawberry.Private[Page]
    node: AuditEvent

    @strawberry.field(description="The place of the event in the list.")
    def cursor(self) -> str:
        """The place of the event."""
        return self.page.cursor_of(self.node.record.row)


@strawberry.type(description="Audit events, newest first.")
class AuditEventConnection:
    """A page of audit events."""

    page: strawberry.Private[Page]

    @strawberry.field
    def edges(self) -> list[AuditEventEdge]:
        """Events with their cursors."""
        return [AuditEventEdge(page=self.page, node=AuditEvent.of(row)) for row in self.page.rows]

    @strawberry.field
    def nodes(self) -> list[AuditEvent]:
        """Events alone."""
        return [AuditEvent.of(row) for row in self.page.rows]

    @strawberry.field
    def page_info(self) -> PageInfo:
        """Where the page lies."""
        return PageInfo(page=self.page)


@strawberry.input(description="Conditions on the kind of an event; all given ones must hold.")
class AuditKindFilter:
    """Exact matches of a kind."""

    eq: AuditKind | None = UNSET
    in_: list[AuditKind] | None = strawberry.field(
        name="in", default=UNSET, description="An empty list matches nothing."
    )
    not_in: list[AuditKind] | None = UNSET

    def conditions(self, field: str) -> Iterator[Filter]:
        """What the operators mean for the stored `field`."""
        yield from memberships(field, self)


@strawberry.input(description="Conditions on the outcome of an event; all given ones must hold.")
class AuditOutcomeFilter:
    """Exact matches of an outcome."""

    eq: AuditOutcome | None = UNSET
    in_: list[AuditOutcome] | None = strawberry.field(
        name="in", default=UNSET, description="An empty list matches nothing."
    )
    not_in: list[AuditOutcome] | None = UNSET

    def conditions(self, field: str) -> Iterator[Filter]:
        """What the operators mean for the stored `field`."""
        yield from memberships(field, self)


@strawberry.input(description="Conditions on a list of texts; all given ones must hold.")
class MemberFilter:
    """Exact matches of the texts of a list."""

    eq: str | None = strawberry.field(default=UNSET, description="The list holds this.")
    in_: list[str] | None = strawberry.field(
        name="in", default=UNSET, description="The list holds one of these; an empty list matches nothing."
    )
    not_in: list[str] | None = strawberry.field(default=UNSET, description="The list holds none of these.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """What the operators mean for the stored `field`."""
        yield from memberships(field, self)


# Where the API's name is not the stored one.
_STORED_NAMES = {"code": "codes", "execution_id": "execution_ids"}


@strawberry.input(description="All given fields must match; an absent or null field matches everything.")
class AuditEventFilter:
    """The filter of the audit trail."""

    at: DateTimeFilter | None = UNSET
    kind: AuditKindFilter | None = UNSET
    outcome: AuditOutcomeFilter | None = UNSET
    code: MemberFilter | None = strawberry.field(default=UNSET, description="Of the codes of its errors.")
    subject: IdFilter | None = UNSET
    operation_name: IdFilter | None = UNSET
    execution_id: MemberFilter | None = strawberry.field(
        default=UNSET, description="Of the first 100 executions that it was answered with."
    )

    def conditions(self) -> Iterator[Filter]:
        """What the given fields mean."""
        for name in AuditEventFilter.__annotations__:
            operators = getattr(self, name)
            if present(operators) is not None:
                yield from operators.conditions(_STORED_NAMES.get(name, name))


async def resolve_audit_events(  # noqa: PLR0913, PLR0917 - the arguments of the field
    info: ContextInfo,
    where: AuditEventFilter | None,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> AuditEventConnection:
    """One page of what was asked of the caller's tenant, read for what is selected of it."""
    edges, page_info = selected_by(info, "edges"), selected_by(info, "pageInfo")
    shown = {**selected_by(info, "edges", "node"), **selected_by(info, "nodes")}
    fields = fields_to_read(AuditEvent, shown) | {"_id"}
    if needs_cursors(edges, page_info):
        fields |= frozenset(NEWEST_FIRST.fields)
    conditions: Iterable[Filter] = where.conditions() if where else ()
    page = await info.context.monitor.audit_trail.list(
        info.context.caller,
        all_of(*conditions),
        page_request(first=first, after=after, last=last, before=before),
        Wanted(fields=fields, neighbours=needed_neighbours(page_info)),
    )
    return AuditEventConnection(page=page)
