"""Webhooks, their connection, and what making and changing one takes and returns."""

from datetime import datetime
from enum import Enum
from typing import cast

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.enums import described_enum
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.inputs.filter_json import json_of
from execution_monitor.graphql.inputs.filters import ExecutionFilter, to_filter
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
from execution_monitor.live.events import EventKind
from execution_monitor.storage.filters import EVERYTHING
from execution_monitor.storage.pagination import Page, PageSelection
from execution_monitor.storage.rows import Row
from execution_monitor.storage.webhook_documents import WebhookState
from execution_monitor.webhooks.webhook_record import WebhookRecord
from execution_monitor.webhooks.webhooks import NEWEST_FIRST, WebhookFields

NAME = "Webhook"


@described_enum(
    "A change of an execution that a webhook sends.",
    {
        "ENTERED": "It was created, or it now matches the filter and may be seen.",
        "UPDATED": "It changed, and still matches the filter.",
        "LEFT": "It no longer matches the filter, or may no longer be seen.",
        "DELETED": "It was deleted.",
    },
)
class WebhookEventKind(Enum):
    """The kinds of changes; the values are stored."""

    ENTERED = EventKind.ENTERED.value
    UPDATED = EventKind.UPDATED.value
    LEFT = EventKind.LEFT.value
    DELETED = EventKind.DELETED.value


@strawberry.type(
    description=(
        "Where changes of executions are sent to, signed as Standard Webhooks says. It is its owner's, and sends what "
        "its owner might see when it was last saved, or less where they have signed in with less since."
    )
)
class Webhook(Node):
    """A webhook, from its stored row."""

    record: strawberry.Private[WebhookRecord]

    @strawberry.field(
        description="A global id for `node`, mutations and caches; opaque.", metadata=reading("tenant_id", "_id")
    )
    def id(self) -> strawberry.ID:
        return encode_id(NAME, self.record.tenant, self.record.webhook_id)

    name: str = stored("name", description="What its owner called it.")

    @strawberry.field(
        description="Where it sends to: the whole address for its owner, and for others the host alone.",
        metadata=reading("url", "host", "user_id", "tenant_id"),
    )
    def url(self, info: ContextInfo) -> str:
        return info.context.webhooks.url_of(info.context.caller, self.record.row)

    @strawberry.field(
        description="The filter as it was given; null for everything that its owner may see, and for others.",
        metadata=reading("filter", "user_id", "tenant_id"),
    )
    def filter(self, info: ContextInfo) -> JSON | None:
        return cast("JSON | None", self.record.row.get("filter")) if self._is_own(info.context.caller) else None

    @strawberry.field(description="The changes that it sends.", metadata=reading("kinds"))
    def on(self) -> list[WebhookEventKind]:
        return [WebhookEventKind(each) for each in self.record.kinds]

    include_payloads: bool = stored(
        "include_payloads", description="Whether it sends inputs and results, which needs `executions:payload`."
    )
    state: WebhookState = stored("state", description="Whether it sends.")
    state_reason: str | None = stored("state_reason", description="Why it does not; null while it does.")
    user_id: str = stored("user_id", description="Its owner.")
    created_at: datetime = stored("created_at", "created", description="When it was made.")
    updated_at: datetime = stored("updated_at", "updated", description="When it was last changed.")

    def _is_own(self, caller: Caller) -> bool:
        return (self.record.tenant, self.record.user_id) == (caller.tenant, caller.subject)

    @classmethod
    def of(cls, row: Row) -> "Webhook":
        """The webhook that `row` stores."""
        return cls(record=WebhookRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.type(description="A webhook with its cursor.")
class WebhookEdge:
    """A webhook with its page, which makes its cursor."""

    page: strawberry.Private[Page]
    node: Webhook = strawberry.field(description="The webhook.")

    @strawberry.field(description="The position of the webhook in the list; pass it as `after` or `before`.")
    def cursor(self) -> str:
        return self.page.cursor_of(self.node.record.row)


@strawberry.type(description="A page of webhooks, newest first.")
class WebhookConnection:
    """A page of webhooks."""

    page: strawberry.Private[Page]

    @strawberry.field(description=EDGES)
    def edges(self) -> list[WebhookEdge]:
        return [WebhookEdge(page=self.page, node=Webhook.of(row)) for row in self.page.rows]

    @strawberry.field(description=NODES)
    def nodes(self) -> list[Webhook]:
        return [Webhook.of(row) for row in self.page.rows]

    @strawberry.field(description=PAGE_INFO)
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)


@strawberry.input(description="The webhook to make.")
class CreateWebhookInput:
    """The input of `createWebhook`."""

    name: str = strawberry.field(description="What to call it, in 1 to 100 characters.")
    url: str = strawberry.field(description="Where to send to: https, at a public address, on port 443 or 8443.")
    filter: ExecutionFilter | None = strawberry.field(
        default=UNSET, description="Which executions; all that the caller may see when absent."
    )
    on: list[WebhookEventKind] = strawberry.field(
        default_factory=lambda: [WebhookEventKind.ENTERED, WebhookEventKind.UPDATED],
        description="The changes to send.",
    )
    include_payloads: bool = strawberry.field(
        default=False, description="Whether to send inputs and results, which needs `executions:payload`."
    )
    enabled: bool = strawberry.field(default=True, description="Whether it sends from now on.")


@strawberry.input(description="What to change of a webhook. What is left out is kept.")
class UpdateWebhookInput:
    """The input of `updateWebhook`."""

    name: str | None = strawberry.field(default=UNSET, description="As in `createWebhook`.")
    url: str | None = strawberry.field(default=UNSET, description="As in `createWebhook`.")
    filter: ExecutionFilter | None = strawberry.field(
        default=UNSET, description="Which executions; null for all that the caller may see."
    )
    on: list[WebhookEventKind] | None = strawberry.field(default=UNSET, description="The changes to send.")
    include_payloads: bool | None = strawberry.field(default=UNSET, description="As in `createWebhook`.")
    enabled: bool | None = strawberry.field(
        default=UNSET, description="Whether it sends; what happens while it does not is not sent later."
    )


@strawberry.input(description="How to change the secret of a webhook.")
class RotateWebhookSecretInput:
    """The input of `rotateWebhookSecret`."""

    keep_old_seconds: int = strawberry.field(
        default=86_400, description="How long the old secret signs beside the new one; 30 days at most."
    )


@strawberry.type(description="A webhook that was made.")
class CreateWebhookPayload:
    """The result of `createWebhook`."""

    webhook: Webhook = strawberry.field(description="The webhook.")
    secret: str = strawberry.field(description="What it signs with, `whsec_` and base64; given here alone.")


@strawberry.type(description="A webhook that was changed.")
class UpdateWebhookPayload:
    """The result of `updateWebhook`."""

    webhook: Webhook = strawberry.field(description="The webhook, as it is now.")


@strawberry.type(description="A webhook that was deleted.")
class DeleteWebhookPayload:
    """The result of `deleteWebhook`."""

    deleted_id: strawberry.ID = strawberry.field(description="The global id that it had.")


@strawberry.type(description="A webhook with a new secret.")
class RotateWebhookSecretPayload:
    """The result of `rotateWebhookSecret`."""

    webhook: Webhook = strawberry.field(description="The webhook.")
    secret: str = strawberry.field(description="What it signs with from now on; given here alone.")


async def resolve_webhooks(
    info: ContextInfo, first: int | None, after: str | None, last: int | None, before: str | None
) -> WebhookConnection:
    """A page of the webhooks that the caller may list, with the stored fields that are selected."""
    edges, page_info = selected_by(info, "edges"), selected_by(info, "pageInfo")
    selected = {**selected_by(info, "edges", "node"), **selected_by(info, "nodes")}
    fields = fields_to_read(Webhook, selected) | {"_id"}
    if needs_cursors(edges, page_info):
        fields |= frozenset(NEWEST_FIRST.fields)
    page = await info.context.webhooks.list(
        info.context.caller,
        page_request(first=first, after=after, last=last, before=before),
        PageSelection(fields=fields, neighbours=needed_neighbours(page_info)),
    )
    return WebhookConnection(page=page)


async def resolve_create_webhook(info: ContextInfo, wanted: CreateWebhookInput) -> CreateWebhookPayload:
    """Make a webhook."""
    given = present(wanted.filter)
    fields = WebhookFields(
        name=wanted.name,
        url=wanted.url,
        where=to_filter(given),
        given_filter=json_of(given),
        kinds=[each.value for each in wanted.on],
        include_payloads=wanted.include_payloads,
        enabled=wanted.enabled,
    )
    row, secret = await info.context.webhooks.create(info.context.caller, fields)
    return CreateWebhookPayload(webhook=Webhook.of(row), secret=secret)


async def resolve_update_webhook(info: ContextInfo, global_id: str, wanted: UpdateWebhookInput) -> UpdateWebhookPayload:
    """Change a webhook."""
    kinds = present(wanted.on)
    given = None if wanted.filter is UNSET else wanted.filter
    fields = WebhookFields(
        name=present(wanted.name),
        url=present(wanted.url),
        where=None if wanted.filter is UNSET else (EVERYTHING if given is None else to_filter(given)),
        given_filter=json_of(given),
        kinds=None if kinds is None else [each.value for each in kinds],
        include_payloads=present(wanted.include_payloads),
        enabled=present(wanted.enabled),
    )
    caller = info.context.caller
    row = await info.context.webhooks.update(caller, webhook_id_in(global_id, caller), fields)
    return UpdateWebhookPayload(webhook=Webhook.of(row))


async def resolve_delete_webhook(info: ContextInfo, global_id: str) -> DeleteWebhookPayload:
    """Delete a webhook."""
    caller = info.context.caller
    await info.context.webhooks.delete(caller, webhook_id_in(global_id, caller))
    return DeleteWebhookPayload(deleted_id=strawberry.ID(global_id))


async def resolve_rotate_secret(
    info: ContextInfo, global_id: str, wanted: RotateWebhookSecretInput
) -> RotateWebhookSecretPayload:
    """Give a webhook a new secret."""
    caller = info.context.caller
    webhook_id = webhook_id_in(global_id, caller)
    row, secret = await info.context.webhooks.rotate_secret(caller, webhook_id, wanted.keep_old_seconds)
    return RotateWebhookSecretPayload(webhook=Webhook.of(row), secret=secret)


def webhook_id_in(global_id: str, caller: Caller) -> str:
    """The id of a webhook in a global id; one that no webhook has for those of other tenants.

    Raises:
        BadUserInput: It is no id of a webhook.
    """
    name, values = decode_id(global_id)
    if name != NAME:
        raise BadUserInput("This is no id of a webhook; pass the `id` of one.")
    tenant, webhook_id = values
    return str(webhook_id) if tenant == caller.tenant else ""
