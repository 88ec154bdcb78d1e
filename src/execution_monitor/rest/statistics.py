"""The statistics of REST: the route, its handler, and how an answer becomes the model of the response."""

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from execution_monitor.asgi.compression import COMPRESSED
from execution_monitor.asgi.origin import origin_of
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import BadUserInput, QueryTimeout
from execution_monitor.rest.models import show_time
from execution_monitor.rest.openapi import STATISTICS_PATH
from execution_monitor.rest.responses import operation_of, render, respond
from execution_monitor.rest.statistics_models import (
    Distribution,
    ExecutionStatistics,
    StatisticsBucket,
    StatisticsGroup,
)
from execution_monitor.rest.statistics_request import read_statistics_query
from execution_monitor.services import RequestServices
from execution_monitor.statistics.measures import Breakdown
from execution_monitor.statistics.requests import Group, StatisticsAnswer, StatisticsRequest
from execution_monitor.statistics.service import Statistics, TooMuchForOneAnswer
from execution_monitor.statistics.sketches import Sketch
from execution_monitor.statistics.time_buckets import TooManyBuckets
from execution_monitor.storage.documents import ExecutionStatus, Tag

_SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def statistics_route(services: RequestServices) -> Route:
    """The route of statistics; it must come before the one that takes any execution's id."""
    return Route(STATISTICS_PATH, partial(get_statistics, services), middleware=COMPRESSED)


async def get_statistics(services: RequestServices, request: Request) -> Response:
    """Respond with what the executions add up to that the query parameters of `request` select."""
    caller = await services.admit(request.headers, origin_of(request.scope))
    name, parameters = "getStatistics", request.query_params
    try:
        query = read_statistics_query(parameters)
    except BadUserInput as error:
        await services.observers.refused(operation_of(request, caller, name, parameters), error)
        raise
    operation = operation_of(request, caller, name, parameters, query.cost)
    async with services.observers.observe(operation) as outcome:
        answer = await _answer(services.statistics, caller, query.request)
        outcome.examined += answer.examined
        body = render(show_statistics(query.request, answer), services.max_response_bytes)
        outcome.payloads += 1
    return respond(body, operation)


async def _answer(statistics: Statistics, caller: Caller, request: StatisticsRequest) -> StatisticsAnswer:
    """The answer; errors speak of the parameters of REST."""
    try:
        return await statistics.answer(caller, request)
    except TooManyBuckets as error:
        fitting = "auto would choose one" if error.fitting is None else f"{error.fitting.text} would do"
        raise BadUserInput(f"interval makes more than 100 buckets; {fitting}, or a later start_date.") from error
    except TooMuchForOneAnswer as error:
        advice = (
            "a much shorter time from start_date to end_date would make it fast"
            if error.since is None
            else f"with start_date={show_time(error.since)} there would be time"
        )
        other = "" if request.allows_sampling else ", and allow_sampling=true allows an estimate"
        raise QueryTimeout(f"There was no time to read all of these executions; {advice}{other}.") from error


def show_statistics(request: StatisticsRequest, answer: StatisticsAnswer) -> ExecutionStatistics:
    """The model of the `answer` to `request`."""
    buckets = (
        StatisticsBucket(start=each.bucket.start, end=each.bucket.end, **_sums(each.breakdown))
        for each in answer.series
    )
    groups = [_show_group(group) for each in request.groups for group in answer.groups[each]]
    return ExecutionStatistics(
        **_sums(answer.totals),
        cost=_distribution(answer.totals.costs),
        series=None if request.series is None else list(buckets),
        groups=groups if request.groups else None,
        as_of=answer.as_of,
        basis=answer.basis.name.lower(),  # pyright: ignore[reportArgumentType] - checked when it is made
        relative_error=answer.relative_error,
        documents_examined=answer.examined,
    )


def _show_group(group: Group) -> StatisticsGroup:
    key = group.key
    tag = Tag(key=key[0], value=key[1]) if isinstance(key, tuple) else None
    return StatisticsGroup(value=key[0] if isinstance(key, tuple) else key, tag=tag, **_sums(group.breakdown))


def _sums(breakdown: Breakdown) -> dict[str, Any]:
    return {
        "count": breakdown.count,
        "by_status": {status: breakdown.count_of(status) for status in ExecutionStatus},
        "success_rate": breakdown.success_rate,
        "duration": _distribution(breakdown.durations),
        "total_cost": breakdown.costs.total,
        "tokens_used": breakdown.tokens,
    }


def _distribution(values: Sketch) -> Distribution:
    shares = dict(zip(_SHARES, values.percentiles(_SHARES.values()), strict=True))
    return Distribution(count=values.count, mean=values.mean, max=values.maximum, **shares)
