"""The mutation root. Each resolver calls a service and converts the result; the fields of one operation run in order.

Of these, an access key may call those that report or control executions: `Requires` refuses all others.
"""

from typing import Annotated

import strawberry

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.selection import ENTRIES
from execution_monitor.graphql.types.access_key import (
    CreateAccessKeyInput,
    CreateAccessKeyPayload,
    RevokeAccessKeyPayload,
    resolve_create,
    resolve_revoke,
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
