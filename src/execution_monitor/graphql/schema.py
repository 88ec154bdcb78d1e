"""The schema: `create_schema`, and the root fields of queries. A resolver calls a service and converts the result."""

from typing import Annotated

import strawberry
from strawberry import UNSET
from strawberry.schema.config import StrawberryConfig

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.enums import ENUMS
from execution_monitor.graphql.errors import ClientSafeSchema
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.inputs.filters import ExecutionsFilter
from execution_monitor.graphql.inputs.sorting import ExecutionSort
from execution_monitor.graphql.mutations import Mutation
from execution_monitor.graphql.node_resolver import resolve_nodes
from execution_monitor.graphql.selection import LARGEST_LIST, POINTS
from execution_monitor.graphql.subscriptions import Subscription
from execution_monitor.graphql.types.access_key import AccessKey, AccessKeyConnection, resolve_access_keys
from execution_monitor.graphql.types.alert import Alert, AlertConnection, resolve_alerts
from execution_monitor.graphql.types.alert_preview import PREVIEW_POINTS, AlertPreview, resolve_preview
from execution_monitor.graphql.types.alert_rule import (
    AlertRule,
    AlertRuleConnection,
    CreateAlertRuleInput,
    resolve_rules,
)
from execution_monitor.graphql.types.audit_event import AuditEventConnection, AuditEventFilter, resolve_audit_events
from execution_monitor.graphql.types.connection import After, Before, First, Last
from execution_monitor.graphql.types.execution import Execution, ExecutionId, resolve_execution
from execution_monitor.graphql.types.execution_connection import (
    ExecutionConnection,
    executions_request,
    resolve_executions,
)
from execution_monitor.graphql.types.node import Node
from execution_monitor.graphql.types.requires_scope import Requires
from execution_monitor.graphql.types.saved_view import SavedView, resolve_saved_views
from execution_monitor.graphql.types.scalars import SCALARS
from execution_monitor.graphql.types.statistics import STATISTICS_POINTS, ExecutionStatistics, resolve_statistics
from execution_monitor.graphql.types.statistics_request import (
    AllowSampling,
    SeriesInterval,
    TimeZone,
    statistics_request,
)
from execution_monitor.graphql.types.step import ExecutionStep
from execution_monitor.graphql.types.viewer import Viewer
from execution_monitor.graphql.types.webhook import Webhook, WebhookConnection, resolve_webhooks
from execution_monitor.graphql.types.webhook_delivery import (
    WebhookDelivery,
    WebhookDeliveryConnection,
    resolve_deliveries,
)
from execution_monitor.saved_views.saved_views import MAX_LISTED
from execution_monitor.storage.alert_documents import AlertState
from execution_monitor.storage.webhook_documents import DeliveryState


@strawberry.type(description="What can be read.")
class Query:
    """The root fields of queries; each but `viewer` requires a scope."""

    @strawberry.field(description="Who the server thinks you are, and what you may do.")
    def viewer(self, info: ContextInfo) -> Viewer:
        """Needs no scope, so that callers find out which they have."""
        return Viewer.of(info.context.caller, info.context.live)

    @strawberry.field(
        description="The object with this global id; null when there is none or the caller may not see it.",
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def node(
        self,
        info: ContextInfo,
        id: Annotated[  # noqa: A002 - Relay's name
            strawberry.ID, strawberry.argument(description="The `id` of an object.")
        ],
    ) -> Node | None:
        """As `nodes`, for one id."""
        return (await resolve_nodes(info, [id]))[0]

    @strawberry.field(
        description="The objects with these global ids, in the same order; null in place of each that is not found.",
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def nodes(
        self,
        info: ContextInfo,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="The `id` of each object, at most 100.")],
    ) -> list[Node | None]:
        """Reads all objects of one type with one query."""
        return await resolve_nodes(info, ids)

    @strawberry.field(
        description="The execution with this id; null when it does not exist or the caller may not see it.",
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def execution(self, info: ContextInfo, execution_id: ExecutionId) -> Execution | None:
        """Reads one execution by its id and the tenant of the caller."""
        return await resolve_execution(info, execution_id)

    @strawberry.field(
        description=(
            "The executions that the caller may see and that match the filter, newest first unless `sort` is given. "
            "`first` and `after` page forwards, `last` and `before` backwards."
        ),
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def executions(  # noqa: PLR0913 - the arguments of the field
        self,
        info: ContextInfo,
        *,
        filter: ExecutionsFilter = UNSET,  # noqa: A002 - the API's name
        sort: Annotated[
            list[ExecutionSort] | None,
            strawberry.argument(
                description="Up to three sort keys, the most important first; newest first by default."
            ),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> ExecutionConnection:
        """Reads a page of the executions that the caller may see."""
        request = executions_request(filter=filter, sort=sort, first=first, after=after, last=last, before=before)
        return await resolve_executions(info, request)

    @strawberry.field(
        description=(
            "What the executions add up to that the caller may see and that match the filter: of the last 30 days, "
            "unless the filter has a lower bound of `createdAt`. Only what is selected is computed."
        ),
        extensions=[Requires(Scope.EXECUTIONS_READ)],
        metadata={POINTS: STATISTICS_POINTS},
    )
    async def execution_statistics(
        self,
        info: ContextInfo,
        *,
        filter: ExecutionsFilter = UNSET,  # noqa: A002 - the API's name
        time_zone: TimeZone = "UTC",
        interval: SeriesInterval = UNSET,
        allow_sampling: AllowSampling = False,
    ) -> ExecutionStatistics:
        """Adds up the executions that the caller may see."""
        request = statistics_request(
            info, filter=filter, time_zone=time_zone, interval=interval, allow_sampling=allow_sampling
        )
        return await resolve_statistics(info, request)

    @strawberry.field(
        description=(
            "The audit trail of the caller's tenant, newest first: who requested what, and with which outcome. "
            "`first` and `after` page forwards, `last` and `before` backwards."
        ),
        extensions=[Requires(Scope.AUDIT_READ)],
    )
    async def audit_events(  # noqa: PLR0913 - the arguments of the field
        self,
        info: ContextInfo,
        *,
        filter: Annotated[  # noqa: A002 - the API's name
            AuditEventFilter | None, strawberry.argument(description="Which events; all of the tenant when absent.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> AuditEventConnection:
        """Reads a page of the audit trail of the caller's tenant."""
        return await resolve_audit_events(info, filter, first, after, last, before)

    @strawberry.field(
        description=(
            "The access keys that the caller made, or all of the tenant with the scope `manage`, newest first. "
            "`first` and `after` page forwards, `last` and `before` backwards."
        ),
        extensions=[Requires(Scope.KEYS_WRITE)],
    )
    async def access_keys(
        self,
        info: ContextInfo,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> AccessKeyConnection:
        """Reads a page of the access keys that the caller may see."""
        return await resolve_access_keys(info, first, after, last, before)

    @strawberry.field(
        description=f"The caller's saved views and the shared ones of the tenant, by name, {MAX_LISTED} at most.",
        extensions=[Requires(Scope.EXECUTIONS_READ)],
        metadata={LARGEST_LIST: MAX_LISTED},
    )
    async def saved_views(self, info: ContextInfo) -> list[SavedView]:
        """Reads the saved views that the caller may see."""
        return await resolve_saved_views(info)

    @strawberry.field(
        description=(
            "The webhooks of the caller, or all of the tenant with the scope `manage`, newest first. `first` and "
            "`after` page forwards, `last` and `before` backwards."
        ),
        extensions=[Requires(Scope.WEBHOOKS_WRITE)],
    )
    async def webhooks(
        self,
        info: ContextInfo,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> WebhookConnection:
        """Reads a page of the webhooks that the caller may list."""
        return await resolve_webhooks(info, first, after, last, before)

    @strawberry.field(
        description=(
            "What a webhook of the caller's has sent or has still to send, newest first. `first` and `after` page "
            "forwards, `last` and `before` backwards."
        ),
        extensions=[Requires(Scope.WEBHOOKS_WRITE)],
    )
    async def webhook_deliveries(  # noqa: PLR0913 - the arguments of the field
        self,
        info: ContextInfo,
        webhook_id: Annotated[strawberry.ID, strawberry.argument(description="The `id` of the webhook.")],
        state: Annotated[
            DeliveryState | None, strawberry.argument(description="In which state; any when absent.")
        ] = UNSET,
        *,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> WebhookDeliveryConnection:
        """Reads a page of the deliveries of a webhook."""
        wanted = present(state)
        return await resolve_deliveries(info, webhook_id, wanted, first=first, after=after, last=last, before=before)

    @strawberry.field(
        description=(
            "The rules of alerts of the caller, or all of the tenant for those who read the whole tenant, newest "
            "first. `first` and `after` page forwards, `last` and `before` backwards."
        ),
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def alert_rules(
        self,
        info: ContextInfo,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> AlertRuleConnection:
        """Reads a page of the rules that the caller may see."""
        return await resolve_rules(info, first, after, last, before)

    @strawberry.field(
        description=(
            "The alerts of the rules that `alertRules` lists, newest first. `first` and `after` page forwards, `last` "
            "and `before` backwards."
        ),
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def alerts(  # noqa: PLR0913 - the arguments of the field
        self,
        info: ContextInfo,
        state: Annotated[
            AlertState | None, strawberry.argument(description="In which state; any when absent.")
        ] = UNSET,
        rule_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="The `id` of a rule; of all rules when absent.")
        ] = UNSET,
        *,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> AlertConnection:
        """Reads a page of the alerts that the caller may see."""
        wanted, rule = present(state), present(rule_id)
        return await resolve_alerts(info, wanted, rule, first=first, after=after, last=last, before=before)

    @strawberry.field(
        description=(
            "What a rule would have fired on in the last days, the oldest first, of the executions that the caller may "
            "see: as they are stored now. Nothing is stored or sent."
        ),
        extensions=[Requires(Scope.ALERTS_WRITE)],
        metadata={POINTS: PREVIEW_POINTS},
    )
    async def alert_preview(
        self,
        info: ContextInfo,
        input: Annotated[  # noqa: A002 - the API's name
            CreateAlertRuleInput, strawberry.argument(description="The rule, as `createAlertRule` takes it.")
        ],
        days: Annotated[int, strawberry.argument(description="Of how many days, 1 to 31.")] = 7,
    ) -> list[AlertPreview]:
        """Previews a rule."""
        return await resolve_preview(info, input, days)


def create_schema(*, allows_introspection: bool = True) -> ClientSafeSchema:
    """Create the schema; without `allows_introspection` it refuses introspection, and errors suggest no names of it."""
    return ClientSafeSchema(
        Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[ExecutionStep, AccessKey, SavedView, Webhook, WebhookDelivery, AlertRule, Alert, *ENUMS],
        config=StrawberryConfig(scalar_map=SCALARS),
        allows_introspection=allows_introspection,
    )
