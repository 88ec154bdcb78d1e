"""What requests need of alerts: rules, alerts and their updates."""

from collections.abc import Sequence
from dataclasses import dataclass

from execution_monitor.alerts.alerts import Alerts
from execution_monitor.alerts.preview import Preview
from execution_monitor.alerts.rules import RuleFields, Rules
from execution_monitor.alerts.simulation import SimulatedAlert
from execution_monitor.alerts.updates import AlertUpdates
from execution_monitor.auth.caller import Caller


@dataclass(frozen=True, slots=True)
class Alerting:
    """The alerts of one database, for callers.

    Attributes:
        rules: makes, lists, changes and deletes rules.
        alerts: lists, acknowledges and snoozes alerts.
        updates: subscribes to alerts.
        previews: finds what a rule would have fired on.
    """

    rules: Rules
    alerts: Alerts
    updates: AlertUpdates
    previews: Preview

    async def preview(self, caller: Caller, wanted: RuleFields, days: int) -> Sequence[SimulatedAlert]:
        """The alerts that a rule of the caller's would have had in the last `days`; stores and sends nothing.

        Raises:
            Forbidden: The caller may not make rules, or not read executions.
            BadUserInput: A value is wrong, or there are too many executions for so many days.
            QueryTimeout: There is too much to read.
        """
        watched, hold = await self.rules.to_preview(caller, wanted)
        return await self.previews.find(watched, hold, days)
