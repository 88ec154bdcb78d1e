"""The subscription root. Each resolver subscribes and returns the source stream."""

from functools import partial
from typing import Annotated

import strawberry
from strawberry import UNSET

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.inputs.filters import ExecutionsFilter, to_filter
from execution_monitor.graphql.selection import POINTS
from execution_monitor.graphql.types.alert import AlertUpdate, alert_update_of
from execution_monitor.graphql.types.execution import ExecutionId
from execution_monitor.graphql.types.requires_scope import Requires
from execution_monitor.graphql.types.statistics import STATISTICS_POINTS, ExecutionStatistics
from execution_monitor.graphql.types.statistics_request import SeriesInterval, TimeZone, statistics_request
from execution_monitor.graphql.types.statistics_updates import shows_executions, statistics_of
from execution_monitor.graphql.types.updates import ExecutionActivity, ExecutionUpdate, SourceStream, event_of

Resume = Annotated[
    str | None,
    strawberry.argument(description="Resume right after this cursor of an event or page; from now on when absent."),
]


ResumeAnswers = Annotated[
    str | None,
    strawberry.argument(
        description="A `liveCursor` behind which a new answer is wanted; without one the present answer comes first."
    ),
]


@strawberry.type(description="What can be followed live, over WebSocket, Server-Sent Events or multipart.")
class Subscription:
    """The fields of `subscription`."""

    @strawberry.subscription(
        graphql_type=ExecutionUpdate,
        description=(
            "Every change to the executions the caller may see that match the filter, that start to match it, or "
            "that stop matching it. `after` takes a cursor from an earlier event, or a connection's `liveCursor`: the "
            "stream then begins right after it, with nothing lost and nothing repeated."
        ),
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def execution_updates(
        self,
        info: ContextInfo,
        filter: ExecutionsFilter = UNSET,  # noqa: A002 - the API's name
        after: Resume = UNSET,
    ) -> SourceStream:
        """Follow executions."""
        live, caller = info.context.live, info.context.caller
        return SourceStream(await live.subscribe(caller, to_filter(filter), present(after)), event_of)

    @strawberry.subscription(
        graphql_type=ExecutionActivity,
        description=(
            "Everything that happens to one execution: its own changes, its steps, its log lines. Without `after` it "
            "begins with the present state. It completes some seconds after a final state."
        ),
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def execution_activity(
        self, info: ContextInfo, execution_id: ExecutionId, after: Resume = UNSET
    ) -> SourceStream:
        """Follow one execution."""
        live, caller = info.context.live, info.context.caller
        return SourceStream(await live.subscribe_activity(caller, execution_id, present(after)), event_of)

    @strawberry.subscription(
        graphql_type=ExecutionStatistics,
        description=(
            "What `executionStatistics` answers, at once and then whenever it has changed, at most once a second; a "
            "subscriber that is slow gets the newest answer alone. `after` takes the `liveCursor` of an answer or a "
            "page: the first answer then comes at once only if anything may have changed since."
        ),
        extensions=[Requires(Scope.EXECUTIONS_READ)],
        metadata={POINTS: STATISTICS_POINTS},
    )
    async def execution_statistics_updates(
        self,
        info: ContextInfo,
        filter: ExecutionsFilter = UNSET,  # noqa: A002 - the API's name
        time_zone: TimeZone = "UTC",
        interval: SeriesInterval = UNSET,
        after: ResumeAnswers = UNSET,
    ) -> SourceStream:
        """Follow what executions add up to."""
        request = statistics_request(info, filter=filter, time_zone=time_zone, interval=interval)
        answers = await info.context.live_statistics.subscribe(
            info.context.caller, request, present(after), every_change=shows_executions(info)
        )
        return SourceStream(answers, partial(statistics_of, request))

    @strawberry.subscription(
        graphql_type=AlertUpdate,
        description=(
            "Every change of the alerts that `alerts` lists. `after` takes a cursor from an earlier event, or the "
            "`liveCursor` of `alerts`: the stream then begins right after it, with nothing lost and nothing repeated."
        ),
        extensions=[Requires(Scope.EXECUTIONS_READ)],
    )
    async def alert_updates(self, info: ContextInfo, after: Resume = UNSET) -> SourceStream:
        """Follow alerts."""
        updates, caller = info.context.alerting.updates, info.context.caller
        return SourceStream(await updates.subscribe(caller, present(after)), alert_update_of)
