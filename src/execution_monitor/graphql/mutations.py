"""The mutation root. Each resolver calls a service and converts the result; the fields of one operation run in order.

Of these, an access key may call those that report or control executions: `Requires` refuses all others.
"""

from typing import Annotated

import strawberry

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.selection import ENTRIES, POINTS
from execution_monitor.graphql.types.access_key import (
    CreateAccessKeyInput,
    CreateAccessKeyPayload,
    RevokeAccessKeyPayload,
    resolve_create,
    resolve_revoke,
)
from execution_monitor.graphql.types.alert import (
    AcknowledgeAlertInput,
    AcknowledgeAlertPayload,
    SnoozeAlertInput,
    SnoozeAlertPayload,
    resolve_acknowledge,
    resolve_snooze,
)
from execution_monitor.graphql.types.alert_rule import (
    CreateAlertRuleInput,
    CreateAlertRulePayload,
    DeleteAlertRulePayload,
    UpdateAlertRuleInput,
    UpdateAlertRulePayload,
    resolve_create_rule,
    resolve_delete_rule,
    resolve_update_rule,
)
from execution_monitor.graphql.types.error_group_annotation import (
    ANNOTATE_POINTS,
    AnnotateErrorGroupInput,
    AnnotateErrorGroupPayload,
    resolve_annotate,
)
from execution_monitor.graphql.types.report import (
    AppendLogsPayload,
    ReportExecutionPayload,
    ReportStepsPayload,
    resolve_append_logs,
    resolve_report_execution,
    resolve_report_steps,
)
from execution_monitor.graphql.types.report_inputs import AppendLogsInput, ReportExecutionInput, ReportStepsInput
from execution_monitor.graphql.types.requires_scope import Requires
from execution_monitor.graphql.types.saved_view import (
    DeleteViewPayload,
    SaveViewInput,
    SaveViewPayload,
    resolve_delete_view,
    resolve_save_view,
)
from execution_monitor.graphql.types.webhook import (
    CreateWebhookInput,
    CreateWebhookPayload,
    DeleteWebhookPayload,
    RotateWebhookSecretInput,
    RotateWebhookSecretPayload,
    UpdateWebhookInput,
    UpdateWebhookPayload,
    resolve_create_webhook,
    resolve_delete_webhook,
    resolve_rotate_secret,
    resolve_update_webhook,
)
from execution_monitor.graphql.types.webhook_delivery import (
    ReplayDeliveriesInput,
    ReplayDeliveriesPayload,
    TestWebhookPayload,
    resolve_replay,
    resolve_test,
)

AlertRuleId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of the rule.")]
AlertId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of the alert.")]
WebhookId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of the webhook.")]


@strawberry.type(description="What can be changed.")
class Mutation:
    """The fields of `mutation`; each requires a scope."""

    @strawberry.mutation(
        description="Make an access key, with which a program authenticates. The key itself is returned once.",
        extensions=[Requires(Scope.KEYS_WRITE)],
    )
    async def create_access_key(
        self,
        info: ContextInfo,
        input: Annotated[  # noqa: A002 - the API's name
            CreateAccessKeyInput, strawberry.argument(description="The key to make.")
        ],
    ) -> CreateAccessKeyPayload:
        """Make a key for the caller, or for another user of the tenant."""
        return await resolve_create(info, input)

    @strawberry.mutation(
        description=(
            "Revoke an access key: within a second no server accepts it, and what it opened is closed. A key that is "
            "revoked already is left as it is."
        ),
        extensions=[Requires(Scope.KEYS_WRITE)],
    )
    async def revoke_access_key(
        self,
        info: ContextInfo,
        id: Annotated[  # noqa: A002 - Relay's name
            strawberry.ID, strawberry.argument(description="The `id` of the key.")
        ],
    ) -> RevokeAccessKeyPayload:
        """Revoke a key that the caller made, or any of the tenant with `manage`."""
        return await resolve_revoke(info, id)

    @strawberry.mutation(
        description=(
            "Report what a program knows of an execution: in any order and any number of times, it is the caller's. "
            "What is left out or null is kept; without a `status` the report is a sign of life."
        ),
        extensions=[Requires(Scope.EXECUTIONS_WRITE)],
    )
    async def report_execution(
        self,
        info: ContextInfo,
        input: Annotated[  # noqa: A002 - the API's name
            ReportExecutionInput, strawberry.argument(description="The report.")
        ],
    ) -> ReportExecutionPayload:
        """Store a report of an execution."""
        return await resolve_report_execution(info, input)

    @strawberry.mutation(
        description=(
            "Report steps of an execution of the caller's, in any order and any number of times. A step that is wrong "
            "is rejected, and costs no other."
        ),
        extensions=[Requires(Scope.EXECUTIONS_WRITE)],
        metadata={ENTRIES: "steps"},
    )
    async def report_steps(
        self,
        info: ContextInfo,
        input: Annotated[  # noqa: A002 - the API's name
            ReportStepsInput, strawberry.argument(description="The steps.")
        ],
    ) -> ReportStepsPayload:
        """Store reports of steps."""
        return await resolve_report_steps(info, input)

    @strawberry.mutation(
        description=(
            "Append log lines to an execution of the caller's. A line whose `id` was stored before is not stored "
            "again; one that is wrong is rejected, and costs no other."
        ),
        extensions=[Requires(Scope.EXECUTIONS_WRITE)],
        metadata={ENTRIES: "entries"},
    )
    async def append_logs(
        self,
        info: ContextInfo,
        input: Annotated[  # noqa: A002 - the API's name
            AppendLogsInput, strawberry.argument(description="The lines.")
        ],
    ) -> AppendLogsPayload:
        """Store log lines."""
        return await resolve_append_logs(info, input)

    @strawberry.mutation(
        description=(
            "Make a webhook: changes of the executions that match, and that the caller may see, are sent to its "
            "address from now on. The secret that signs them is returned once."
        ),
        extensions=[Requires(Scope.WEBHOOKS_WRITE)],
    )
    async def create_webhook(
        self,
        info: ContextInfo,
        input: Annotated[  # noqa: A002 - the API's name
            CreateWebhookInput, strawberry.argument(description="The webhook to make.")
        ],
    ) -> CreateWebhookPayload:
        """Make a webhook of the caller's."""
        return await resolve_create_webhook(info, input)

    @strawberry.mutation(
        description=(
            "Change a webhook of the caller's; from now on it sends what the caller may see now. With `manage`, pause "
            "any of the tenant."
        ),
        extensions=[Requires(Scope.WEBHOOKS_WRITE)],
    )
    async def update_webhook(
        self,
        info: ContextInfo,
        id: WebhookId,  # noqa: A002 - Relay's name
        input: Annotated[  # noqa: A002 - the API's name
            UpdateWebhookInput, strawberry.argument(description="What to change.")
        ],
    ) -> UpdateWebhookPayload:
        """Change a webhook."""
        return await resolve_update_webhook(info, id, input)

    @strawberry.mutation(
        description=(
            "Delete a webhook of the caller's, or any of the tenant with `manage`; what waits for it is not sent."
        ),
        extensions=[Requires(Scope.WEBHOOKS_WRITE)],
    )
    async def delete_webhook(self, info: ContextInfo, id: WebhookId) -> DeleteWebhookPayload:  # noqa: A002 - Relay's name
        """Delete a webhook."""
        return await resolve_delete_webhook(info, id)

    @strawberry.mutation(
        description="Give a webhook of the caller's a new secret; the old one signs beside it for a while.",
        extensions=[Requires(Scope.WEBHOOKS_WRITE)],
    )
    async def rotate_webhook_secret(
        self,
        info: ContextInfo,
        id: WebhookId,  # noqa: A002 - Relay's name
        input: Annotated[  # noqa: A002 - the API's name
            RotateWebhookSecretInput, strawberry.argument(description="For how long the old secret signs, too.")
        ],
    ) -> RotateWebhookSecretPayload:
        """Rotate the secret of a webhook."""
        return await resolve_rotate_secret(info, id, input)

    @strawberry.mutation(
        description="Send a sample to a webhook of the caller's now; returns what its receiver answered.",
        extensions=[Requires(Scope.WEBHOOKS_WRITE)],
    )
    async def test_webhook(self, info: ContextInfo, id: WebhookId) -> TestWebhookPayload:  # noqa: A002 - Relay's name
        """Try a webhook out."""
        return await resolve_test(info, id)

    @strawberry.mutation(
        description=(
            "Send deliveries of a webhook of the caller's again: those with these ids, or all within a time that were "
            "given up, up to 10,000."
        ),
        extensions=[Requires(Scope.WEBHOOKS_WRITE)],
    )
    async def replay_deliveries(
        self,
        info: ContextInfo,
        webhook_id: Annotated[strawberry.ID, strawberry.argument(description="The `id` of the webhook.")],
        input: Annotated[  # noqa: A002 - the API's name
            ReplayDeliveriesInput, strawberry.argument(description="Which deliveries.")
        ],
    ) -> ReplayDeliveriesPayload:
        """Send deliveries again."""
        return await resolve_replay(info, webhook_id, input)

    @strawberry.mutation(
        description=(
            "Make a rule of alerts, which is the caller's. It watches the executions that the caller may see now, or "
            "fewer once the caller has signed in with less."
        ),
        extensions=[Requires(Scope.ALERTS_WRITE)],
    )
    async def create_alert_rule(
        self,
        info: ContextInfo,
        input: Annotated[  # noqa: A002 - the API's name
            CreateAlertRuleInput, strawberry.argument(description="The rule to make.")
        ],
    ) -> CreateAlertRulePayload:
        """Make a rule of the caller's."""
        return await resolve_create_rule(info, input)

    @strawberry.mutation(
        description=(
            "Change a rule of the caller's; from now on it watches what the caller may see now. With `manage`, pause "
            "any that the caller sees by `enabled: false` alone."
        ),
        extensions=[Requires(Scope.ALERTS_WRITE)],
    )
    async def update_alert_rule(
        self,
        info: ContextInfo,
        id: AlertRuleId,  # noqa: A002 - Relay's name
        input: Annotated[  # noqa: A002 - the API's name
            UpdateAlertRuleInput, strawberry.argument(description="What to change.")
        ],
    ) -> UpdateAlertRulePayload:
        """Change a rule."""
        return await resolve_update_rule(info, id, input)

    @strawberry.mutation(
        description=(
            "Delete a rule of the caller's, or any that the caller sees with `manage`. Its alerts are resolved without "
            "notice, and stay in the list."
        ),
        extensions=[Requires(Scope.ALERTS_WRITE)],
    )
    async def delete_alert_rule(self, info: ContextInfo, id: AlertRuleId) -> DeleteAlertRulePayload:  # noqa: A002 - Relay's name
        """Delete a rule."""
        return await resolve_delete_rule(info, id)

    @strawberry.mutation(
        description=(
            "Take care of an alert that the caller sees, by name and with a note: until it is resolved it is not "
            "notified again."
        ),
        extensions=[Requires(Scope.ALERTS_WRITE)],
    )
    async def acknowledge_alert(
        self,
        info: ContextInfo,
        id: AlertId,  # noqa: A002 - Relay's name
        input: Annotated[  # noqa: A002 - the API's name
            AcknowledgeAlertInput, strawberry.argument(description="What to record.")
        ],
    ) -> AcknowledgeAlertPayload:
        """Acknowledge an alert."""
        return await resolve_acknowledge(info, id, input)

    @strawberry.mutation(
        description="Let an alert that the caller sees be silent until a time; if it still fires then, it is notified.",
        extensions=[Requires(Scope.ALERTS_WRITE)],
    )
    async def snooze_alert(
        self,
        info: ContextInfo,
        id: AlertId,  # noqa: A002 - Relay's name
        input: Annotated[  # noqa: A002 - the API's name
            SnoozeAlertInput, strawberry.argument(description="Until when.")
        ],
    ) -> SnoozeAlertPayload:
        """Snooze an alert."""
        return await resolve_snooze(info, id, input)

    @strawberry.mutation(
        description=(
            "Save a page of the dashboard under a name, for the caller or for everyone of the tenant; with an `id`, "
            "change a view of the caller's."
        ),
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def save_view(
        self,
        info: ContextInfo,
        input: Annotated[  # noqa: A002 - the API's name
            SaveViewInput, strawberry.argument(description="The view.")
        ],
    ) -> SaveViewPayload:
        """Make or change a saved view."""
        return await resolve_save_view(info, input)

    @strawberry.mutation(
        description="Delete a saved view of the caller's, or any that the tenant shares with `manage`.",
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def delete_view(
        self,
        info: ContextInfo,
        id: Annotated[  # noqa: A002 - Relay's name
            strawberry.ID, strawberry.argument(description="The `id` of the view.")
        ],
    ) -> DeleteViewPayload:
        """Delete a saved view."""
        return await resolve_delete_view(info, id)

    @strawberry.mutation(
        description=(
            "Keep a note, an assignee or a mute of an error group for the tenant. The caller must see an execution of "
            f"the group. It costs {ANNOTATE_POINTS} points, since that may take a search."
        ),
        extensions=[Requires(Scope.ALERTS_WRITE)],
        metadata={POINTS: ANNOTATE_POINTS},
    )
    async def annotate_error_group(
        self,
        info: ContextInfo,
        id: Annotated[  # noqa: A002 - the API's name
            strawberry.ID, strawberry.argument(description="The `id` of the error group.")
        ],
        input: Annotated[  # noqa: A002 - the API's name
            AnnotateErrorGroupInput, strawberry.argument(description="What to change.")
        ],
    ) -> AnnotateErrorGroupPayload:
        """Annotate an error group."""
        return await resolve_annotate(info, id, input)
