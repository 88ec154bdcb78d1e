"""The subscription root. Each resolver is call, convert, yield."""

from collections.abc import AsyncGenerator

import strawberry
from strawberry import UNSET

from execution_monitor.graphql.arguments import present
from execution_monitor.graphql.filters import ExecutionFilter, to_filter
from execution_monitor.graphql.live import ExecutionActivity, ExecutionUpdate, activity_from, updates_from
from execution_monitor.graphql.selection import ContextInfo


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription(
        description=(
            "Every change to the executions the caller may see that match the filter, that start to match it, or "
            "that stop matching it. `after` takes a cursor from an earlier event, or a connection's `liveCursor`: the "
            "stream then begins right behind it, with nothing lost and nothing repeated."
        )
    )
    async def execution_updates(
        self,
        info: ContextInfo,
        filter: ExecutionFilter | None = UNSET,  # noqa: A002 - the API's name
        after: str | None = UNSET,
    ) -> AsyncGenerator[ExecutionUpdate]:
        """Follow executions."""
        subscription = await info.context.live.subscribe(info.context.caller, to_filter(filter), present(after))
        async for update in updates_from(subscription):
            yield update

    @strawberry.subscription(
        description=(
            "Everything that happens to one execution: its own changes, its steps, its log lines. Without `after` it "
            "begins with the present state. It completes some seconds after a terminal state."
        )
    )
    async def execution_activity(
        self, info: ContextInfo, execution_id: str, after: str | None = UNSET
    ) -> AsyncGenerator[ExecutionActivity]:
        """Follow one execution."""
        activity = await info.context.live.subscribe_activity(info.context.caller, execution_id, present(after))
        async for event in activity_from(activity):
            yield event
