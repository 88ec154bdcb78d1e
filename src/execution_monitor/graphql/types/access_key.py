"""Access keys, their connection, and what making and revoking one takes and returns."""

from datetime import datetime

import strawberry
from strawberry import UNSET

from execution_monitor.auth.access_keys import NEWEST_FIRST, AccessKeyRecord, NewAccessKey
from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.context import ContextInfo
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
from execution_monitor.storage.pagination import Page, PageSelection
from execution_monitor.storage.rows import Row

NAME = "AccessKey"


@strawberry.type(
    description=(
        "A key with which a program authenticates, sent as a bearer token or in the header `x-api-key`. It acts for "
        "its user, within its scopes, until it expires or is revoked."
    )
)
class AccessKey(Node):
    """An access key, from its stored row."""

    record: strawberry.Private[AccessKeyRecord]

    @strawberry.field(
        description="A global id for `node`, `revokeAccessKey` and caches; opaque.",
        metadata=reading("tenant_id", "_id"),
    )
    def id(self) -> strawberry.ID:
        return encode_id(NAME, self.record.tenant, self.record.key_id)

    name: str = stored("name", description="What its maker called it.")
    prefix: str = stored(
        "prefix",
        "_id",
        description="The part that may be shown, `em_` and an id; the key itself is given once, when it is made.",
    )
    user_id: str = stored("user_id", description="For whom it acts: what it reports and reads is this user's.")
    made_by: str = stored("made_by", description="Who made it.")
    scopes: list[str] = stored("scopes", description="What it allows.")
    created_at: datetime = stored("created_at", "created", description="When it was made.")
    expires_at: datetime = stored("expires_at", description="From when on it is refused.")
    last_used_at: datetime | None = stored("last_used_at", description="When it was last used, to the hour.")
    revoked_at: datetime | None = stored("revoked_at", description="When it was revoked; null while it was not.")

    @classmethod
    def of(cls, row: Row) -> "AccessKey":
        """The key that `row` stores."""
        return cls(record=AccessKeyRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.type(description="An access key with its cursor.")
class AccessKeyEdge:
    """A key with its page, which makes its cursor."""

    page: strawberry.Private[Page]
    node: AccessKey = strawberry.field(description="The key.")

    @strawberry.field(description="The position of the key in the list; pass it as `after` or `before`.")
    def cursor(self) -> str:
        return self.page.cursor_of(self.node.record.row)


@strawberry.type(description="A page of access keys, newest first.")
class AccessKeyConnection:
    """A page of access keys."""

    page: strawberry.Private[Page]

    @strawberry.field(description=EDGES)
    def edges(self) -> list[AccessKeyEdge]:
        return [AccessKeyEdge(page=self.page, node=AccessKey.of(row)) for row in self.page.rows]

    @strawberry.field(description=NODES)
    def nodes(self) -> list[AccessKey]:
        return [AccessKey.of(row) for row in self.page.rows]

    @strawberry.field(description=PAGE_INFO)
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)


@strawberry.input(description="The access key to make.")
class CreateAccessKeyInput:
    """The input of `createAccessKey`."""

    name: str = strawberry.field(description="What to call it, in 1 to 100 characters.")
    scopes: list[str] = strawberry.field(
        default_factory=lambda: ["executions:write"],
        description=(
            "What it allows: some of `executions:write`, `executions:control` and `executions:read`, and no more than "
            "the caller may do. It reads the executions of its user alone, and no payloads."
        ),
    )
    user_id: str | None = strawberry.field(
        default=UNSET,
        description="For whom it acts: the caller by default, anyone for callers who read the whole tenant.",
    )
    expires_at: datetime | None = strawberry.field(
        default=UNSET, description="From when on it is refused: 90 days from now by default, a year at most."
    )


@strawberry.type(description="A key that was made.")
class CreateAccessKeyPayload:
    """The result of `createAccessKey`."""

    access_key: AccessKey = strawberry.field(description="The key, without its secret.")
    key: str = strawberry.field(description="The key itself; given here alone.")
    signing_secret: str = strawberry.field(
        description="For senders that sign with HMAC, such as GitHub; given here alone."
    )


@strawberry.type(description="A key that was revoked.")
class RevokeAccessKeyPayload:
    """The result of `revokeAccessKey`."""

    access_key: AccessKey = strawberry.field(description="The key, with the time of its revocation.")


async def resolve_access_keys(
    info: ContextInfo, first: int | None, after: str | None, last: int | None, before: str | None
) -> AccessKeyConnection:
    """A page of the keys that the caller may see, with the stored fields that are selected.

    Raises:
        Forbidden: the caller may not make keys.
        BadUserInput: an argument is wrong.
        InvalidCursor: a cursor is damaged, or of another list.
    """
    edges, page_info = selected_by(info, "edges"), selected_by(info, "pageInfo")
    selected = {**selected_by(info, "edges", "node"), **selected_by(info, "nodes")}
    fields = fields_to_read(AccessKey, selected) | {"_id"}
    if needs_cursors(edges, page_info):
        fields |= frozenset(NEWEST_FIRST.fields)
    page = await info.context.access_keys.list(
        info.context.caller,
        page_request(first=first, after=after, last=last, before=before),
        PageSelection(fields=fields, neighbours=needed_neighbours(page_info)),
    )
    return AccessKeyConnection(page=page)


async def resolve_create(info: ContextInfo, wanted: CreateAccessKeyInput) -> CreateAccessKeyPayload:
    """Make a key.

    Raises:
        Forbidden: the caller may not make this key.
        BadUserInput: a value is wrong.
    """
    keys = info.context.access_keys
    new = NewAccessKey(wanted.name, wanted.scopes, present(wanted.user_id), present(wanted.expires_at))
    made = await keys.make(info.context.caller, new)
    access_key = AccessKey.of(made.row)
    return CreateAccessKeyPayload(
        access_key=access_key, key=made.text, signing_secret=keys.signing_secret(access_key.record.key_id)
    )


async def resolve_revoke(info: ContextInfo, global_id: str) -> RevokeAccessKeyPayload:
    """Revoke a key.

    Raises:
        BadUserInput: the id is of no key.
        NotFound: there is none that the caller may see.
    """
    name, values = decode_id(global_id)
    if name != NAME:
        raise BadUserInput("This is no id of an access key; pass the `id` of one.")
    tenant, key_id = values
    caller = info.context.caller
    # An id of another tenant is not looked up: its key does not exist for this caller.
    row = await info.context.access_keys.revoke(caller, str(key_id) if tenant == caller.tenant else "")
    return RevokeAccessKeyPayload(access_key=AccessKey.of(row))
