"""Resolves `node` and `nodes`: objects by their global ids."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import BadUserInput
from execution_monitor.executions.children import child_key
from execution_monitor.graphql.context import Context, ContextInfo
from execution_monitor.graphql.selection import selected_by
from execution_monitor.graphql.types.access_key import AccessKey
from execution_monitor.graphql.types.alert import Alert
from execution_monitor.graphql.types.alert_rule import AlertRule
from execution_monitor.graphql.types.connection import IDENTITY, fields_to_read
from execution_monitor.graphql.types.execution import Execution
from execution_monitor.graphql.types.node import MAX_NODES, Node, decode_id
from execution_monitor.graphql.types.saved_view import SavedView
from execution_monitor.graphql.types.step import ExecutionStep
from execution_monitor.graphql.types.webhook import Webhook
from execution_monitor.graphql.types.webhook_delivery import WebhookDelivery
from execution_monitor.storage.rows import Row

_EXECUTION, _STEP, _KEY = "Execution", "ExecutionStep", "AccessKey"
_SAVED_VIEW = "SavedView"
_WEBHOOK, _DELIVERY = "Webhook", "WebhookDelivery"
_RULE, _ALERT = "AlertRule", "Alert"


class _Finder(Protocol):
    async def find_many(self, caller: Caller, ids: Sequence[str], /) -> Mapping[str, Row]: ...


@dataclass(frozen=True)
class _Listed:
    """Objects that a root field lists: how a row becomes one, and the service that finds them for a caller."""

    of: Callable[[Row], Node]
    service: Callable[[Context], _Finder]


_OTHERS: Mapping[str, _Listed] = {
    _KEY: _Listed(AccessKey.of, lambda context: context.access_keys),
    _SAVED_VIEW: _Listed(SavedView.of, lambda context: context.saved_views),
    _WEBHOOK: _Listed(Webhook.of, lambda context: context.webhooks),
    _DELIVERY: _Listed(WebhookDelivery.of, lambda context: context.deliveries),
    _RULE: _Listed(AlertRule.of, lambda context: context.alerting.rules),
    _ALERT: _Listed(Alert.of, lambda context: context.alerting.alerts),
}


async def resolve_nodes(info: ContextInfo, ids: Sequence[str]) -> list[Node | None]:
    """The objects with these ids, in order; None for those that do not exist for the caller. One query for each type.

    Raises:
        BadUserInput: an id is damaged, or there are too many.
        Forbidden: the caller lacks `executions:read`, or the scope of the root field that lists objects of a type.
    """
    if len(ids) > MAX_NODES:
        raise BadUserInput(f"Ask for at most {MAX_NODES} nodes at once, not {len(ids)}.")
    caller, monitor = info.context.caller, info.context.monitor
    caller.require(Scope.EXECUTIONS_READ)
    decoded = [decode_id(each) for each in ids]

    # Ids of other tenants are not looked up: their objects do not exist for this caller.
    executions = {str(values[1]) for name, values in decoded if name == _EXECUTION and values[0] == caller.tenant}
    steps = [(str(values[1]), values[2]) for name, values in decoded if name == _STEP and values[0] == caller.tenant]
    found_executions = await monitor.executions.find_many(
        caller, sorted(executions), fields_to_read(Execution, selected_by(info, on=_EXECUTION)) | IDENTITY
    )
    found_steps = await monitor.steps.find_many(
        caller, steps, fields_to_read(ExecutionStep, selected_by(info, on=_STEP)) | IDENTITY
    )
    info.context.count_executions([*found_executions.values(), *found_steps.values()])
    others = {name: await _find_others(info, name, decoded) for name in _OTHERS}

    def find(name: str, values: tuple[object, ...]) -> Node | None:
        if values[0] != caller.tenant:
            return None
        if name == _EXECUTION:
            row = found_executions.get(str(values[1]))
            return None if row is None else Execution.of(row)
        if name in _OTHERS:
            row = others[name].get(str(values[1]))
            return None if row is None else _OTHERS[name].of(row)
        row = found_steps.get(child_key(str(values[1]), values[2]))
        return None if row is None else ExecutionStep.of(row)

    return [find(name, values) for name, values in decoded]


async def _find_others(
    info: ContextInfo, wanted: str, decoded: Sequence[tuple[str, tuple[object, ...]]]
) -> Mapping[str, Row]:
    """The rows of a type, whose scope is required where one of it is named."""
    caller = info.context.caller
    ids = {str(values[1]) for name, values in decoded if name == wanted and values[0] == caller.tenant}
    if not any(name == wanted for name, _ in decoded):
        return {}
    return await _OTHERS[wanted].service(info.context).find_many(caller, sorted(ids))
