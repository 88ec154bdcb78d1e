"""Saved views of the dashboard, and what saving and deleting one takes and returns."""

from datetime import datetime

import strawberry
from strawberry import UNSET

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.types.connection import reading, stored
from execution_monitor.graphql.types.node import Node, decode_id, encode_id
from execution_monitor.saved_views.saved_views import SavedViewRecord, ViewFields
from execution_monitor.storage.rows import Row

NAME = "SavedView"


@strawberry.type(description="A page of the dashboard with its query, under the name that its owner gave it.")
class SavedView(Node):
    """A saved view, from its stored row."""

    record: strawberry.Private[SavedViewRecord]

    @strawberry.field(
        description="A global id for `node`, mutations and caches; opaque.", metadata=reading("tenant_id", "_id")
    )
    def id(self) -> strawberry.ID:
        return encode_id(NAME, self.record.tenant, self.record.view_id)

    name: str = stored("name", description="What its owner called it.")
    address: str = stored("address", description="A path of the dashboard with its query.")
    is_shared: bool = stored("is_shared", description="Whether everyone of the tenant sees it.")
    user_id: str = stored("user_id", description="Its owner.")
    updated_at: datetime = stored("updated_at", "updated", description="When it was last saved.")

    @classmethod
    def of(cls, row: Row) -> "SavedView":
        """The view that `row` stores."""
        return cls(record=SavedViewRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.input(description="The view to save.")
class SaveViewInput:
    """The input of `saveView`."""

    id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The `id` of a view of the caller's to change; a view is made when absent."
    )
    name: str = strawberry.field(description="What to call it, in 1 to 100 characters.")
    address: str = strawberry.field(
        description="A path of the dashboard with its query, beginning with exactly one slash, 4,096 bytes at most."
    )
    is_shared: bool = strawberry.field(
        default=False, description="Whether everyone of the tenant sees it, which needs `executions:read:tenant`."
    )


@strawberry.type(description="A view that was saved.")
class SaveViewPayload:
    """The result of `saveView`."""

    saved_view: SavedView = strawberry.field(description="The view, as it is now.")


@strawberry.type(description="A view that was deleted.")
class DeleteViewPayload:
    """The result of `deleteView`."""

    deleted_id: strawberry.ID = strawberry.field(description="The global id that it had.")


async def resolve_saved_views(info: ContextInfo) -> list[SavedView]:
    """The views that the caller may see."""
    return [SavedView.of(row) for row in await info.context.saved_views.list(info.context.caller)]


async def resolve_save_view(info: ContextInfo, wanted: SaveViewInput) -> SaveViewPayload:
    """Make or change a view."""
    caller, global_id = info.context.caller, present(wanted.id)
    fields = ViewFields(
        name=wanted.name,
        address=wanted.address,
        is_shared=wanted.is_shared,
        view_id=None if global_id is None else _view_id_in(global_id, caller),
    )
    return SaveViewPayload(saved_view=SavedView.of(await info.context.saved_views.save(caller, fields)))


async def resolve_delete_view(info: ContextInfo, global_id: str) -> DeleteViewPayload:
    """Delete a view."""
    caller = info.context.caller
    await info.context.saved_views.delete(caller, _view_id_in(global_id, caller))
    return DeleteViewPayload(deleted_id=strawberry.ID(global_id))


def _view_id_in(global_id: str, caller: Caller) -> str:
    """The id of a view in a global id; one that no view has for those of other tenants.

    Raises:
        BadUserInput: It is no id of a view.
    """
    name, values = decode_id(global_id)
    if name != NAME:
        raise BadUserInput("This is no id of a saved view; pass the `id` of one.")
    tenant, view_id = values
    return str(view_id) if tenant == caller.tenant else ""
