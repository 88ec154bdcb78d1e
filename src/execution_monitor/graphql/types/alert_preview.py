"""Previews of alert rules: what a rule would have fired on."""

from datetime import datetime

import strawberry

from execution_monitor.alerts.simulation import SimulatedAlert
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.types.alert_rule import CreateAlertRuleInput, new_rule

# It reads up to 50,000 executions.
PREVIEW_POINTS = 500


@strawberry.type(description="An alert that a rule would have had.")
class AlertPreview:
    """A simulated alert."""

    group: str | None = strawberry.field(description="Which group of the rule; null where it has none.")
    fired_at: datetime = strawberry.field(description="When it would have fired.")
    resolved_at: datetime | None = strawberry.field(
        description="When it would have been resolved; null where it would fire still."
    )
    value: float | None = strawberry.field(
        description="The highest that would have been measured; null where the condition has no value."
    )

    @classmethod
    def of(cls, alert: SimulatedAlert) -> "AlertPreview":
        """The preview of `alert`."""
        return cls(group=alert.group, fired_at=alert.fired_at, resolved_at=alert.resolved_at, value=alert.value)


async def resolve_preview(info: ContextInfo, wanted: CreateAlertRuleInput, days: int) -> list[AlertPreview]:
    """The alerts that the rule would have had."""
    caller = info.context.caller
    found = await info.context.alerting.preview(caller, new_rule(caller, wanted), days)
    return [AlertPreview.of(each) for each in found]
