"""Rules of alerts, their connection, and what making and changing one takes and returns."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from execution_monitor.alerts.channels import GivenChannel, shown_channels
from execution_monitor.alerts.records import RuleRecord
from execution_monitor.alerts.rules import NEWEST_FIRST, GroupBy, RuleFields
from execution_monitor.alerts.silent_channels import reasons_of, webhook_ids_of
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.inputs.filter_json import json_of
from execution_monitor.graphql.inputs.filters import ExecutionFilter, to_filter
from execution_monitor.graphql.selection import selected_by
from execution_monitor.graphql.types.alert_condition import AlertConditionInput, to_condition
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
from execution_monitor.graphql.types.webhook import webhook_id_in
from execution_monitor.storage.alert_documents import ChannelKind
from execution_monitor.storage.filters import EVERYTHING
from execution_monitor.storage.pagination import Page, PageSelection
from execution_monitor.storage.predicates import as_list
from execution_monitor.storage.rows import Row

NAME = "AlertRule"


@strawberry.type(description="Where the alerts of a rule are sent to. Its secrets are never read back.")
class AlertChannel:
    """A channel as it may be shown."""

    kind: ChannelKind = strawberry.field(description="What it is.")
    address: str = strawberry.field(description="The host, and the last four characters of the address.")


@strawberry.type(
    description=(
        "When to alert whom. A rule is its owner's, and seen by those who read the whole tenant. It watches what its "
        "owner might see when it was last saved, or less where they have signed in with less since."
    )
)
class AlertRule(Node):
    """A rule, from its stored row."""

    record: strawberry.Private[RuleRecord]

    @strawberry.field(
        description="A global id for `node`, mutations and caches; opaque.", metadata=reading("tenant_id", "_id")
    )
    def id(self) -> strawberry.ID:
        return encode_id(NAME, self.record.tenant, self.record.rule_id)

    name: str = stored("name", description="What its owner called it.")

    @strawberry.field(
        description="The population that it watches, as the filter was given; null for all that its owner may see.",
        metadata=reading("filter"),
    )
    def filter(self) -> JSON | None:
        return cast("JSON | None", self.record.row.get("filter"))

    @strawberry.field(description="When it fires, as it was given.", metadata=reading("condition"))
    def condition(self) -> JSON:
        return cast("JSON", self.record.row.get("condition") or {})

    @strawberry.field(
        description="What it has one alert each for; null for one alert in all.", metadata=reading("group_by")
    )
    def group_by(self) -> GroupBy | None:
        return GroupBy(self.record.group_by) if self.record.group_by in list(GroupBy) else None

    for_seconds: int = stored("for_seconds", description="How long its condition must hold before it fires.")
    repeat_after_seconds: int | None = stored(
        "repeat_after_seconds", description="After how long it notifies again while it fires; null for never."
    )

    @strawberry.field(description="Where its alerts are sent to.", metadata=reading("channels"))
    def channels(self) -> list[AlertChannel]:
        shown = shown_channels(as_list(self.record.row.get("channels")))
        return [AlertChannel(kind=kind, address=address) for kind, address in shown]

    enabled: bool = stored("enabled", description="Whether it watches.")

    @strawberry.field(
        description="Why it does not watch, or does not send to one of its channels; null while it does both.",
        metadata=reading("state_reason", "channels"),
    )
    async def state_reason(self, info: ContextInfo) -> str | None:
        channels = as_list(self.record.row.get("channels"))
        ids = webhook_ids_of(channels)
        webhooks = dict(zip(ids, await info.context.channel_webhooks.load_many(ids), strict=True))
        known = {webhook_id: row for webhook_id, row in webhooks.items() if row is not None}
        own = self.record.state_reason
        return " ".join([*([] if own is None else [own]), *reasons_of(channels, known)]) or None

    user_id: str = stored("user_id", description="Its owner.")
    created_at: datetime = stored("created_at", "created", description="When it was made.")

    @strawberry.field(description="How many of its alerts fire now.", metadata=reading("_id"))
    async def firing_count(self, info: ContextInfo) -> int:
        return await info.context.firing_counts.load(self.record.rule_id)

    @classmethod
    def of(cls, row: Row) -> "AlertRule":
        """The rule that `row` stores."""
        return cls(record=RuleRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.type(description="A rule with its cursor.")
class AlertRuleEdge:
    """A rule with its page, which makes its cursor."""

    page: strawberry.Private[Page]
    node: AlertRule = strawberry.field(description="The rule.")

    @strawberry.field(description="The position of the rule in the list; pass it as `after` or `before`.")
    def cursor(self) -> str:
        return self.page.cursor_of(self.node.record.row)


@strawberry.type(description="A page of rules, newest first.")
class AlertRuleConnection:
    """A page of rules."""

    page: strawberry.Private[Page]

    @strawberry.field(description=EDGES)
    def edges(self) -> list[AlertRuleEdge]:
        return [AlertRuleEdge(page=self.page, node=AlertRule.of(row)) for row in self.page.rows]

    @strawberry.field(description=NODES)
    def nodes(self) -> list[AlertRule]:
        return [AlertRule.of(row) for row in self.page.rows]

    @strawberry.field(description=PAGE_INFO)
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)


@strawberry.input(one_of=True, description="Where to send alerts to: exactly one of these.")
class AlertChannelInput:
    """A channel as it is given."""

    webhook_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The `id` of a webhook of the caller's."
    )
    slack_url: str | None = strawberry.field(default=UNSET, description="An incoming webhook of Slack.")
    teams_url: str | None = strawberry.field(default=UNSET, description="The address of a workflow of Teams.")
    email: list[str] | None = strawberry.field(
        default=UNSET, description="One to ten addresses, of domains that the operator allows."
    )
    alertmanager_url: str | None = strawberry.field(
        default=UNSET, description="Where an Alertmanager of Prometheus is; `/api/v2/alerts` is put behind it."
    )


@strawberry.input(
    description="The rule to make: `filter` is the population that it watches, and `condition` says when it fires."
)
class CreateAlertRuleInput:
    """The input of `createAlertRule`."""

    name: str = strawberry.field(description="What to call it, in 1 to 100 characters.")
    filter: ExecutionFilter | None = strawberry.field(
        default=UNSET, description="Which executions it watches; all that the caller may see when absent."
    )
    condition: AlertConditionInput = strawberry.field(description="When it fires.")
    group_by: GroupBy | None = strawberry.field(
        default=UNSET, description="What to have one alert each for; one alert in all when absent."
    )
    for_seconds: int = strawberry.field(
        default=0,
        description=(
            "How long the condition must hold before it fires, up to 7 days. Of `event` it says how long none must "
            "have matched until the alert is resolved, where that is more than 10 minutes."
        ),
    )
    repeat_after_seconds: int | None = strawberry.field(
        default=UNSET,
        description="After how long to notify again while it fires: 60 seconds to 31 days; never when absent.",
    )
    channels: list[AlertChannelInput] = strawberry.field(
        description="Where to send its alerts to, at most 10; without any they are shown alone."
    )
    enabled: bool = strawberry.field(default=True, description="Whether it watches from now on.")


@strawberry.input(description="What to change of a rule. What is left out is kept.")
class UpdateAlertRuleInput:
    """The input of `updateAlertRule`."""

    name: str | None = strawberry.field(default=UNSET, description="As in `createAlertRule`.")
    filter: ExecutionFilter | None = strawberry.field(
        default=UNSET, description="Which executions it watches; null for all that the caller may see."
    )
    condition: AlertConditionInput | None = strawberry.field(default=UNSET, description="When it fires.")
    group_by: GroupBy | None = strawberry.field(
        default=UNSET, description="What to have one alert each for; null for one alert in all."
    )
    for_seconds: int | None = strawberry.field(default=UNSET, description="As in `createAlertRule`.")
    repeat_after_seconds: int | None = strawberry.field(
        default=UNSET, description="As in `createAlertRule`; null for never."
    )
    channels: list[AlertChannelInput] | None = strawberry.field(
        default=UNSET, description="Where to send its alerts to, in place of all channels that it has."
    )
    enabled: bool | None = strawberry.field(
        default=UNSET, description="Whether it watches; its alerts are resolved without notice while it does not."
    )


@strawberry.type(description="A rule that was made.")
class CreateAlertRulePayload:
    """The result of `createAlertRule`."""

    alert_rule: AlertRule = strawberry.field(description="The rule.")


@strawberry.type(description="A rule that was changed.")
class UpdateAlertRulePayload:
    """The result of `updateAlertRule`."""

    alert_rule: AlertRule = strawberry.field(description="The rule, as it is now.")


@strawberry.type(description="A rule that was deleted.")
class DeleteAlertRulePayload:
    """The result of `deleteAlertRule`."""

    deleted_id: strawberry.ID = strawberry.field(description="The global id that it had.")


async def resolve_rules(
    info: ContextInfo, first: int | None, after: str | None, last: int | None, before: str | None
) -> AlertRuleConnection:
    """A page of the rules that the caller may see, with the stored fields that are selected."""
    edges, page_info = selected_by(info, "edges"), selected_by(info, "pageInfo")
    selected = {**selected_by(info, "edges", "node"), **selected_by(info, "nodes")}
    fields = fields_to_read(AlertRule, selected) | {"_id"}
    if needs_cursors(edges, page_info):
        fields |= frozenset(NEWEST_FIRST.fields)
    page = await info.context.alerting.rules.list(
        info.context.caller,
        page_request(first=first, after=after, last=last, before=before),
        PageSelection(fields=fields, neighbours=needed_neighbours(page_info)),
    )
    return AlertRuleConnection(page=page)


async def resolve_create_rule(info: ContextInfo, wanted: CreateAlertRuleInput) -> CreateAlertRulePayload:
    """Make a rule."""
    caller = info.context.caller
    row = await info.context.alerting.rules.create(caller, new_rule(caller, wanted))
    return CreateAlertRulePayload(alert_rule=AlertRule.of(row))


def new_rule(caller: Caller, wanted: CreateAlertRuleInput) -> RuleFields:
    """The fields of the rule to make.

    Raises:
        BadUserInput: A value is wrong.
    """
    given, (condition, given_condition) = present(wanted.filter), to_condition(wanted.condition)
    return RuleFields(
        name=wanted.name,
        where=to_filter(given),
        given_filter=json_of(given),
        condition=condition,
        given_condition=given_condition,
        group_by=present(wanted.group_by),
        for_seconds=wanted.for_seconds,
        repeat_after_seconds=present(wanted.repeat_after_seconds),
        channels=_to_channels(caller, wanted.channels),
        enabled=wanted.enabled,
    )


async def resolve_update_rule(
    info: ContextInfo, global_id: str, wanted: UpdateAlertRuleInput
) -> UpdateAlertRulePayload:
    """Change a rule."""
    caller, given = info.context.caller, None if wanted.filter is UNSET else wanted.filter
    condition, channels = present(wanted.condition), present(wanted.channels)
    read, given_condition = (None, None) if condition is None else to_condition(condition)
    removable: dict[str, Any] = {"group_by": wanted.group_by, "repeat_after_seconds": wanted.repeat_after_seconds}
    fields = RuleFields(
        name=present(wanted.name),
        where=None if wanted.filter is UNSET else (EVERYTHING if given is None else to_filter(given)),
        given_filter=json_of(given),
        condition=read,
        given_condition=given_condition,
        group_by=present(wanted.group_by),
        for_seconds=present(wanted.for_seconds),
        repeat_after_seconds=present(wanted.repeat_after_seconds),
        channels=None if channels is None else _to_channels(caller, channels),
        enabled=present(wanted.enabled),
        removed=frozenset(name for name, value in removable.items() if value is None),
    )
    row = await info.context.alerting.rules.update(caller, rule_id_in(global_id, caller), fields)
    return UpdateAlertRulePayload(alert_rule=AlertRule.of(row))


async def resolve_delete_rule(info: ContextInfo, global_id: str) -> DeleteAlertRulePayload:
    """Delete a rule."""
    caller = info.context.caller
    await info.context.alerting.rules.delete(caller, rule_id_in(global_id, caller))
    return DeleteAlertRulePayload(deleted_id=strawberry.ID(global_id))


def rule_id_in(global_id: str, caller: Caller) -> str:
    """The id of a rule in a global id; one that no rule has for those of other tenants.

    Raises:
        BadUserInput: It is no id of a rule.
    """
    name, values = decode_id(global_id)
    if name != NAME:
        raise BadUserInput("This is no id of an alert rule; pass the `id` of one.")
    tenant, rule_id = values
    return str(rule_id) if tenant == caller.tenant else ""


def _to_channels(caller: Caller, given: Sequence[AlertChannelInput]) -> list[GivenChannel]:
    return [
        GivenChannel(
            webhook_id=None if present(each.webhook_id) is None else webhook_id_in(str(each.webhook_id), caller),
            slack_url=present(each.slack_url),
            teams_url=present(each.teams_url),
            email=present(each.email),
            alertmanager_url=present(each.alertmanager_url),
        )
        for each in given
    ]
