"""Deliveries of webhooks, their connection, and what sending them again takes and returns."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import UNSET

from execution_monitor.errors import BadUserInput, NotFound
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.enums import described_enum
from execution_monitor.graphql.inputs.arguments import present
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
from execution_monitor.graphql.types.node import Node, decode_id, encode_id
from execution_monitor.graphql.types.webhook import Webhook, webhook_id_in
from execution_monitor.storage.pagination import Page, PageSelection
from execution_monitor.storage.rows import Row
from execution_monitor.storage.webhook_documents import DeliveryState
from execution_monitor.webhooks.deliveries import NEWEST_FIRST, DeliveryRecord, ReplayRequest

NAME = "WebhookDelivery"


@described_enum(
    "What a delivery is about.",
    {
        "ENTERED": "An execution was created, or now matches.",
        "UPDATED": "An execution changed.",
        "LEFT": "An execution no longer matches, or may no longer be seen.",
        "DELETED": "An execution was deleted.",
        "GAP": "Changes were missed: read the list again from `since` on.",
        "TEST": "A sample, sent by `testWebhook`.",
        "ALERT": "An alert.",
    },
)
class WebhookDeliveryKind(Enum):
    """The kinds of deliveries; the values are stored."""

    ENTERED = "entered"
    UPDATED = "updated"
    LEFT = "left"
    DELETED = "deleted"
    GAP = "gap"
    TEST = "test"
    ALERT = "alert"


@strawberry.type(description="A message to a receiver, and what became of it.")
class WebhookDelivery(Node):
    """A delivery, from its stored row."""

    record: strawberry.Private[DeliveryRecord]

    @strawberry.field(
        description="A global id for `node`, `replayDeliveries` and caches; opaque.",
        metadata=reading("tenant_id", "_id"),
    )
    def id(self) -> strawberry.ID:
        return encode_id(NAME, self.record.tenant, self.record.delivery_id)

    @strawberry.field(description="The webhook it is of.", metadata=reading("webhook_id"))
    async def webhook(self, info: ContextInfo) -> Webhook:
        row = await info.context.webhook_rows.load(self.record.webhook_id)
        if row is None:
            raise NotFound("The webhook was deleted meanwhile.")
        return Webhook.of(row)

    execution_id: str | None = stored("execution_id", description="The execution it is about; null for others.")

    @strawberry.field(description="What it is about.", metadata=reading("kind"))
    def kind(self) -> WebhookDeliveryKind:
        return WebhookDeliveryKind(self.record.kind)

    state: DeliveryState = stored("state", description="What became of it.")
    attempts: int = stored("attempts", description="How many attempts there were.")

    @strawberry.field(
        description="When it is tried next; null once it has arrived or was given up.",
        metadata=reading("due", "state"),
    )
    def next_attempt_at(self) -> datetime | None:
        return self.record.next_attempt_at

    status_code: int | None = stored("status_code", description="The status that the receiver last answered.")
    error: str | None = stored("error", description="Why there was no answer to the last attempt.")
    response_body: str | None = stored(
        "response_body", description="The first 1,024 bytes of what the receiver last answered."
    )
    created_at: datetime = stored("created_at", "created", description="When it was put in to be delivered.")
    delivered_at: datetime | None = stored("delivered_at", description="When the receiver accepted it.")

    @classmethod
    def of(cls, row: Row) -> "WebhookDelivery":
        """The delivery that `row` stores."""
        return cls(record=DeliveryRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.type(description="A delivery with its cursor.")
class WebhookDeliveryEdge:
    """A delivery with its page, which makes its cursor."""

    page: strawberry.Private[Page]
    node: WebhookDelivery = strawberry.field(description="The delivery.")

    @strawberry.field(description="The position of the delivery in the list; pass it as `after` or `before`.")
    def cursor(self) -> str:
        return self.page.cursor_of(self.node.record.row)


@strawberry.type(description="A page of deliveries, newest first.")
class WebhookDeliveryConnection:
    """A page of deliveries."""

    page: strawberry.Private[Page]

    @strawberry.field(description=EDGES)
    def edges(self) -> list[WebhookDeliveryEdge]:
        return [WebhookDeliveryEdge(page=self.page, node=WebhookDelivery.of(row)) for row in self.page.rows]

    @strawberry.field(description=NODES)
    def nodes(self) -> list[WebhookDelivery]:
        return [WebhookDelivery.of(row) for row in self.page.rows]

    @strawberry.field(description=PAGE_INFO)
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)


@strawberry.type(description="A sample that was sent.")
class TestWebhookPayload:
    """The result of `testWebhook`."""

    delivery: WebhookDelivery = strawberry.field(description="The delivery, with what the receiver answered.")


@strawberry.input(description="Which deliveries to send again: those with these ids, or all that were given up.")
class ReplayDeliveriesInput:
    """The input of `replayDeliveries`."""

    ids: list[strawberry.ID] | None = strawberry.field(default=UNSET, description="The `id` of each delivery.")
    from_: datetime | None = strawberry.field(
        name="from", default=UNSET, description="Those that were put in at this time or later."
    )
    to: datetime | None = strawberry.field(default=UNSET, description="Those that were put in at this time or earlier.")


@strawberry.type(description="Deliveries that are sent again.")
class ReplayDeliveriesPayload:
    """The result of `replayDeliveries`."""

    count: int = strawberry.field(description="How many are sent again.")


async def resolve_deliveries(  # noqa: PLR0913 - the arguments of the field
    info: ContextInfo,
    global_id: str,
    state: DeliveryState | None,
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> WebhookDeliveryConnection:
    """A page of the deliveries of a webhook of the caller's."""
    caller, edges, page_info = info.context.caller, selected_by(info, "edges"), selected_by(info, "pageInfo")
    selected = {**selected_by(info, "edges", "node"), **selected_by(info, "nodes")}
    fields = fields_to_read(WebhookDelivery, selected) | {"_id"}
    if needs_cursors(edges, page_info):
        fields |= frozenset(NEWEST_FIRST.fields)
    page = await info.context.deliveries.list(
        caller,
        webhook_id_in(global_id, caller),
        state,
        page_request(first=first, after=after, last=last, before=before),
        PageSelection(fields=fields, neighbours=needed_neighbours(page_info)),
    )
    return WebhookDeliveryConnection(page=page)


async def resolve_test(info: ContextInfo, global_id: str) -> TestWebhookPayload:
    """Send a sample."""
    caller = info.context.caller
    row = await info.context.deliveries.test(caller, webhook_id_in(global_id, caller))
    return TestWebhookPayload(delivery=WebhookDelivery.of(row))


async def resolve_replay(info: ContextInfo, global_id: str, wanted: ReplayDeliveriesInput) -> ReplayDeliveriesPayload:
    """Send deliveries again."""
    caller, ids = info.context.caller, present(wanted.ids)
    request = ReplayRequest(
        None if ids is None else [_delivery_id_in(each) for each in ids], present(wanted.from_), present(wanted.to)
    )
    count = await info.context.deliveries.replay(caller, webhook_id_in(global_id, caller), request)
    return ReplayDeliveriesPayload(count=count)


def _delivery_id_in(global_id: str) -> str:
    name, values = decode_id(global_id)
    if name != NAME:
        raise BadUserInput("This is no id of a delivery; pass the `id` of one.")
    return str(values[1])
