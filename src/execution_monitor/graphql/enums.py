"""Descriptions of the schema's enums and of each of their values.

Most enums belong to layers that do not know GraphQL, so that Strawberry's `enum_value` cannot be used in them.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar, cast

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition

from execution_monitor.alerts.conditions import AlertMeasure
from execution_monitor.alerts.rules import GroupBy
from execution_monitor.audit.events import AuditKind, AuditOutcome
from execution_monitor.statistics.requests import Basis, GroupField, GroupOrder
from execution_monitor.statistics.time_buckets import Interval
from execution_monitor.storage.alert_documents import AlertState, ChannelKind
from execution_monitor.storage.documents import ExecutionStatus, LogLevel
from execution_monitor.storage.webhook_documents import DeliveryState, WebhookState

E = TypeVar("E", bound=type[Enum])


def described_enum(description: str, values: Mapping[str, str], name: str | None = None) -> Callable[[E], E]:
    """Decorate an enum of the schema with a description, and one for each of its members by name.

    `name` is that in the schema, by default that of the class.

    Raises:
        KeyError: a member has no description in `values`.
    """

    def decorate(cls: E) -> E:
        # Strawberry may have met the class in an annotation before, and made an enum of it.
        described = cls if has_enum_definition(cls) else strawberry.enum(cls, name=name)
        definition: StrawberryEnumDefinition = cast("Any", described).__strawberry_definition__
        definition.name = name or definition.name
        definition.description = description
        for value in definition.values:
            value.description = values[value.name]
        return described

    return decorate


# Enums of other layers, with which the schema is created.
ENUMS = (
    described_enum(
        "The state of an execution or of a step.",
        {
            "PENDING": "Not started yet, or in a state that only the engine knows; see `statusDetail`.",
            "RUNNING": "At work now.",
            "PAUSED": "Started and on hold; it can go on.",
            "COMPLETED": "Ended with success.",
            "FAILED": "Ended with an error; see `error`.",
            "CANCELLED": "Stopped on request before it had ended.",
            "TIMED_OUT": "Stopped because it took too long.",
        },
    )(ExecutionStatus),
    described_enum(
        "The severity of a log line, mildest first.",
        {
            "DEBUG": "Detail for debugging the workflow.",
            "INFO": "Normal progress.",
            "WARNING": "Unexpected, but the work goes on.",
            "ERROR": "Something failed.",
            "CRITICAL": "The execution cannot go on.",
        },
    )(LogLevel),
    described_enum(
        "What an audit event records.",
        {
            "QUERY": "A GraphQL query.",
            "MUTATION": "A GraphQL mutation.",
            "REST": "A request to the REST API, or a live connection to it.",
            "UNREADABLE": "A GraphQL request that could not be parsed or validated.",
            "SUBSCRIPTION_BEGUN": "The start of a GraphQL subscription.",
            "SUBSCRIPTION_ENDED": "The end of a GraphQL subscription; `begunBy` is its start.",
            "TOKEN_REFUSED": "A request whose token was not accepted; see `reason`.",
            "REVOCATION": "A revocation on the command line: of a token, of a key, or of all that a user has.",
            "ACCESS_KEY_CREATED": "An access key that the command line made.",
            "LOST": "Events that could not be stored; `lostEvents` is their number.",
        },
    )(AuditKind),
    described_enum(
        "The result of what an audit event records.",
        {
            "SUCCEEDED": "No error occurred.",
            "DENIED": "Authentication, a scope or a rate limit refused all of it or a part.",
            "FAILED": "Another error occurred; see `codes`.",
        },
    )(AuditOutcome),
    described_enum(
        "How long a bucket of a series is. Those from DAY on begin at midnight in the time zone.",
        {
            "MINUTE": "One minute.",
            "MINUTES_5": "5 minutes.",
            "MINUTES_15": "15 minutes.",
            "HOUR": "One hour.",
            "HOURS_3": "3 hours of the clock, from midnight on.",
            "HOURS_6": "6 hours of the clock, from midnight on.",
            "DAY": "One day of the calendar, of 23 to 25 hours.",
            "WEEK": "One week, from Monday on.",
            "MONTH": "One month of the calendar.",
        },
        name="StatisticsInterval",
    )(Interval),
    described_enum(
        "How counts and sums were found. Percentiles and `max` are within 1 % in each case.",
        {
            "EXACT": "All executions that match were read.",
            "ROLLUP": "From sums that are kept up to date; as exact.",
            "SAMPLED": "Estimated from a part of the executions; see `relativeError`.",
        },
        name="StatisticsBasis",
    )(Basis),
    described_enum(
        "What executions can be grouped by.",
        {
            "WORKFLOW_NAME": "By `workflowName`.",
            "USER_ID": "By their owner.",
            "ERROR_CODE": "By the `code` of their `error`.",
            "TRIGGERED_BY": "By `triggeredBy`.",
            "SESSION_ID": "By `sessionId`.",
            "STATUS": "By `status`.",
            "TAG": "By key and value of each tag; an execution is in the group of each tag that it has.",
        },
        name="StatisticsGroupField",
    )(GroupField),
    described_enum(
        "Which groups come first: those with the greatest value.",
        {
            "COUNT": "By the number of executions.",
            "FAILURES": "By the number of those that failed or timed out.",
            "FAILURE_RATE": "By the share of those that failed or timed out among those that did or completed.",
            "P95": "By the 95th percentile of their durations.",
            "COST": "By `totalCost`.",
        },
        name="StatisticsGroupOrder",
    )(GroupOrder),
    described_enum(
        "Whether a webhook sends.",
        {
            "ENABLED": "It sends.",
            "PAUSED": "It sends nothing until it is enabled again; `stateReason` says why.",
            "DISABLED": "Its receiver wants no more, or has not answered for days; `stateReason` says which.",
        },
    )(WebhookState),
    described_enum(
        "What became of a delivery.",
        {
            "PENDING": "It has not been tried yet.",
            "RETRYING": "It was tried, and will be tried again.",
            "DELIVERED": "The receiver accepted it.",
            "DEAD": "It was given up; `replayDeliveries` sends it again.",
        },
    )(DeliveryState),
    described_enum(
        "What has become of an alert.",
        {
            "FIRING": "The condition of its rule is met.",
            "ACKNOWLEDGED": "It is met, and somebody takes care of it: it is not notified again.",
            "SNOOZED": "It is silent for a while.",
            "RESOLVED": "The condition is no longer met, or its rule was paused or deleted.",
        },
    )(AlertState),
    described_enum(
        "What a rule has one alert each for.",
        {
            "WORKFLOW_NAME": "Each workflow.",
            "USER_ID": "Each owner of executions.",
            "ERROR_GROUP": "Each group of errors that are alike.",
            "TAG": "Each tag, of key and value.",
        },
        name="AlertGroupField",
    )(GroupBy),
    described_enum("What is added up.", {"COST": "The cost.", "TOKENS": "The tokens."})(AlertMeasure),
    described_enum(
        "What an alert is sent by.",
        {
            "WEBHOOK": "A webhook of the rule's owner, signed.",
            "SLACK": "An incoming webhook of Slack.",
            "TEAMS": "A workflow of Teams.",
            "EMAIL": "Mail.",
            "ALERTMANAGER": "An Alertmanager of Prometheus.",
        },
        name="AlertChannelKind",
    )(ChannelKind),
)
