"""What requests need of alerts: rules, alerts and their updates."""

from dataclasses import dataclass

from execution_monitor.alerts.alerts import Alerts
from execution_monitor.alerts.rules import Rules
from execution_monitor.alerts.updates import AlertUpdates


@dataclass(frozen=True, slots=True)
class Alerting:
    """The alerts of one database, for callers.

    Attributes:
        rules: makes, lists, changes and deletes rules.
        alerts: lists, acknowledges and snoozes alerts.
        updates: subscribes to alerts.
    """

    rules: Rules
    alerts: Alerts
    updates: AlertUpdates
