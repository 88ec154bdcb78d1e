"""The GraphQL schema: its root fields. Each resolver is call, convert, return."""

import strawberry
from strawberry import UNSET
from strawberry.schema.config import StrawberryConfig

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.errors import QuietSchema
from execution_monitor.graphql.inputs.filters import ExecutionFilter
from execution_monitor.graphql.inputs.sorting import ExecutionSort
from execution_monitor.graphql.node_resolver import resolve_nodes
from execution_monitor.graphql.selection import ContextInfo
from execution_monitor.graphql.subscriptions import Subscription
from execution_monitor.graphql.types.audit_event import AuditEventConnection, AuditEventFilter, resolve_audit_events
from execution_monitor.graphql.types.execution import (
    Execution,
    ExecutionConnection,
    executions_asked,
    resolve_execution,
    resolve_executions,
)
from execution_monitor.graphql.types.node import Node
from execution_monitor.graphql.types.requires_scope import Requires
from execution_monitor.graphql.types.scalars import SCALARS
from execution_monitor.graphql.types.step import ExecutionStep
from execution_monitor.graphql.types.viewer import Viewer


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field(description="Who the server thinks you are, and what you may do.")
    def viewer(self, info: ContextInfo) -> Viewer:
        """Who asks."""
        return Viewer.of(info.context.caller, info.context.live)

    @strawberry.field(
        description="The object with this global id; null when there is none or the caller may not see it.",
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def node(self, info: ContextInfo, id: strawberry.ID) -> Node | None:  # noqa: A002 - Relay's name
        """One object by its global id."""
        return (await resolve_nodes(info, [id]))[0]

    @strawberry.field(
        description="The objects with these global ids, at most 100, in the order asked.",
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def nodes(self, info: ContextInfo, ids: list[strawberry.ID]) -> list[Node | None]:
        """Several objects by their global ids."""
        return await resolve_nodes(info, ids)

    @strawberry.field(
        description="Null when no such execution exists or the caller may not see it: the two look the same.",
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def execution(self, info: ContextInfo, execution_id: str) -> Execution | None:
        """One execution."""
        return await resolve_execution(info, execution_id)

    @strawberry.field(
        description=(
            "The executions the caller may see that match the filter. `sort` is newest first by default and takes up "
            "to three keys; `first` is 20 by default, at most 100; `last` and `before` page backwards."
        ),
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def executions(  # noqa: PLR0913 - the arguments of the field
        self,
        info: ContextInfo,
        *,
        filter: ExecutionFilter | None = UNSET,  # noqa: A002 - the API's name
        sort: list[ExecutionSort] | None = UNSET,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
    ) -> ExecutionConnection:
        """A page of executions."""
        asked = executions_asked(filter=filter, sort=sort, first=first, after=after, last=last, before=before)
        return await resolve_executions(info, asked)

    @strawberry.field(
        description=(
            "What was asked of the caller's tenant, by whom and with which outcome, newest first. `first` is 20 by "
            "default, at most 100; `last` and `before` page backwards."
        ),
        extensions=[Requires(Scope.AUDIT_READ)],
    )
    async def audit_events(  # noqa: PLR0913 - the arguments of the field
        self,
        info: ContextInfo,
        *,
        filter: AuditEventFilter | None = UNSET,  # noqa: A002 - the API's name
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
    ) -> AuditEventConnection:
        """A page of the audit trail."""
        return await resolve_audit_events(info, filter, first, after, last, before)


def create_schema(*, introspects: bool = True) -> QuietSchema:
    """The schema, ready to execute operations; without `introspects` it tells nothing of itself, nor do errors."""
    return QuietSchema(
        Query,
        subscription=Subscription,
        types=[ExecutionStep],
        config=StrawberryConfig(scalar_map=SCALARS),
        introspects=introspects,
    )
