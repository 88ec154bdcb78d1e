"""Alerts, their connection, their updates, and what acknowledging and snoozing one takes and returns."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import UNSET

from execution_monitor.alerts.alerts import NEWEST_FIRST, executions_of
from execution_monitor.alerts.records import AlertRecord
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import BadUserInput, NotFound
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.enums import described_enum
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.inputs.sorting import to_order
from execution_monitor.graphql.selection import selected_by
from execution_monitor.graphql.types.alert_rule import AlertRule, rule_id_in
from execution_monitor.graphql.types.connection import (
    EDGES,
    NODES,
    PAGE_INFO,
    After,
    Before,
    First,
    Last,
    PageInfo,
    fields_to_read,
    needed_neighbours,
    needs_cursors,
    page_request,
    reading,
    stored,
)
from execution_monitor.graphql.types.execution_connection import (
    ExecutionConnection,
    ExecutionsRequest,
    resolve_executions,
)
from execution_monitor.graphql.types.node import Node, decode_id, encode_id
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.storage.alert_documents import AlertState
from execution_monitor.storage.filters import AnyOf
from execution_monitor.storage.pagination import Page, PageSelection
from execution_monitor.storage.rows import Row

NAME = "Alert"


@strawberry.type(
    description="A rule whose condition is met, or was: one at a time for each group. Kept for 90 days once resolved."
)
class Alert(Node):
    """An alert, from its stored row."""

    record: strawberry.Private[AlertRecord]

    @strawberry.field(
        description="A global id for `node`, mutations and caches; opaque.", metadata=reading("tenant_id", "_id")
    )
    def id(self) -> strawberry.ID:
        return encode_id(NAME, self.record.tenant, self.record.alert_id)

    @strawberry.field(description="The rule, also one that was deleted since.", metadata=reading("rule_id"))
    async def rule(self, info: ContextInfo) -> AlertRule:
        row = await info.context.alert_rule_rows.load(self.record.rule_id)
        if row is None:
            raise NotFound("The rule is no longer kept.")
        return AlertRule.of(row)

    group: str | None = stored("group_name", description="Which group of the rule; null where it has none.")
    state: AlertState = stored("state", description="What has become of it.")
    summary: str = stored("summary", description="What happened, in a sentence.")
    value: float | None = stored(
        "value", description="What was measured: a share, a number, seconds or a sum, as the condition has it."
    )
    fired_at: datetime = stored("fired_at", description="When the condition was met.")
    last_notified_at: datetime | None = stored(
        "notified_at", description="When it was last sent to the channels of the rule."
    )
    resolved_at: datetime | None = stored("resolved_at", description="When it ended.")
    acknowledged_by: str | None = stored("acknowledged_by", description="Who takes care of it.")
    note: str | None = stored("note", description="What they noted.")
    snoozed_until: datetime | None = stored("snoozed_until", description="Until when it is silent.")

    @strawberry.field(
        description="The executions that it is about: those of them that the caller may see, newest first.",
        metadata=reading("where"),
    )
    async def executions(
        self,
        info: ContextInfo,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> ExecutionConnection:
        where = executions_of(self.record.row)
        request = ExecutionsRequest(
            AnyOf() if where is None else where,
            to_order(UNSET),
            page_request(first=first, after=after, last=last, before=before),
        )
        return await resolve_executions(info, request)

    @classmethod
    def of(cls, row: Row) -> "Alert":
        """The alert that `row` stores."""
        return cls(record=AlertRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.type(description="An alert with its cursor.")
class AlertEdge:
    """An alert with its page, which makes its cursor."""

    page: strawberry.Private[Page]
    node: Alert = strawberry.field(description="The alert.")

    @strawberry.field(description="The position of the alert in the list; pass it as `after` or `before`.")
    def cursor(self) -> str:
        return self.page.cursor_of(self.node.record.row)


@strawberry.type(description="A page of alerts, newest first.")
class AlertConnection:
    """A page of alerts."""

    page: strawberry.Private[Page]

    @strawberry.field(description=EDGES)
    def edges(self) -> list[AlertEdge]:
        return [AlertEdge(page=self.page, node=Alert.of(row)) for row in self.page.rows]

    @strawberry.field(description=NODES)
    def nodes(self) -> list[Alert]:
        return [Alert.of(row) for row in self.page.rows]

    @strawberry.field(description=PAGE_INFO)
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)

    @strawberry.field(
        description=(
            "The instant this page was read at. Subscribe to `alertUpdates` with it as `after` and no change between "
            "page and stream is lost."
        )
    )
    def live_cursor(self, info: ContextInfo) -> str:
        if self.page.read_at is None:
            raise ValueError("The page was not read from a snapshot.")
        return info.context.alerting.updates.cursor_at(info.context.caller, self.page.read_at)


@described_enum(
    "What an event of `alertUpdates` is.",
    {"CHANGED": "An alert is new or has changed.", "GAP": "Changes were missed: read the list again."},
)
class AlertUpdateKind(Enum):
    """The kinds of `AlertUpdate`; the values are those of deliveries."""

    CHANGED = EventKind.UPDATED
    GAP = EventKind.GAP


@strawberry.type(description="A change of an alert.")
class AlertUpdate:
    """A delivery about an alert, or a gap."""

    delivery: strawberry.Private[Delivery]

    @strawberry.field(description="Whether an alert changed, or changes were missed.")
    def kind(self) -> AlertUpdateKind:
        return AlertUpdateKind(self.delivery.kind)

    @strawberry.field(description="Pass it as `after` to resume right after this event.")
    def cursor(self) -> str:
        return self.delivery.cursor

    @strawberry.field(description="The alert as it was after this change; null for GAP.")
    def alert(self) -> Alert | None:
        return None if self.delivery.row is None else Alert.of(self.delivery.row)


@strawberry.input(description="What to record with an acknowledgement.")
class AcknowledgeAlertInput:
    """The input of `acknowledgeAlert`."""

    note: str | None = strawberry.field(
        default=UNSET, description="What others should know, in up to 1,000 characters; in place of an earlier note."
    )


@strawberry.input(description="How long an alert is to be silent.")
class SnoozeAlertInput:
    """The input of `snoozeAlert`."""

    until: datetime = strawberry.field(description="Until when, at most 31 days.")


@strawberry.type(description="An alert that was acknowledged.")
class AcknowledgeAlertPayload:
    """The result of `acknowledgeAlert`."""

    alert: Alert = strawberry.field(description="The alert, as it is now.")


@strawberry.type(description="An alert that was snoozed.")
class SnoozeAlertPayload:
    """The result of `snoozeAlert`."""

    alert: Alert = strawberry.field(description="The alert, as it is now.")


async def resolve_alerts(  # noqa: PLR0913 - the arguments of the field
    info: ContextInfo,
    state: AlertState | None,
    rule_id: str | None,
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> AlertConnection:
    """A page of the alerts that the caller may see, with the stored fields that are selected."""
    caller, edges, page_info = info.context.caller, selected_by(info, "edges"), selected_by(info, "pageInfo")
    selected = {**selected_by(info, "edges", "node"), **selected_by(info, "nodes")}
    fields = fields_to_read(Alert, selected) | {"_id"}
    if needs_cursors(edges, page_info):
        fields |= frozenset(NEWEST_FIRST.fields)
    page = await info.context.alerting.alerts.list(
        caller,
        page_request(first=first, after=after, last=last, before=before),
        PageSelection(
            fields=fields, neighbours=needed_neighbours(page_info), snapshot="liveCursor" in selected_by(info)
        ),
        state=state,
        rule_id=None if rule_id is None else rule_id_in(rule_id, caller),
    )
    return AlertConnection(page=page)


async def resolve_acknowledge(
    info: ContextInfo, global_id: str, wanted: AcknowledgeAlertInput
) -> AcknowledgeAlertPayload:
    """Acknowledge an alert."""
    caller = info.context.caller
    alert_id = _alert_id_in(global_id, caller)
    row = await info.context.alerting.alerts.acknowledge(caller, alert_id, present(wanted.note))
    return AcknowledgeAlertPayload(alert=Alert.of(row))


async def resolve_snooze(info: ContextInfo, global_id: str, wanted: SnoozeAlertInput) -> SnoozeAlertPayload:
    """Snooze an alert."""
    caller = info.context.caller
    row = await info.context.alerting.alerts.snooze(caller, _alert_id_in(global_id, caller), wanted.until)
    return SnoozeAlertPayload(alert=Alert.of(row))


def alert_update_of(delivery: Delivery) -> AlertUpdate:
    """`delivery` as its GraphQL type."""
    return AlertUpdate(delivery=delivery)


def _alert_id_in(global_id: str, caller: Caller) -> str:
    name, values = decode_id(global_id)
    if name != NAME:
        raise BadUserInput("This is no id of an alert; pass the `id` of one.")
    tenant, alert_id = values
    return str(alert_id) if tenant == caller.tenant else ""
