"""Beanie documents of alerts: the rules, their alerts, what is to be sent of these, and where EVENT rules have got."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from beanie import Document
from bson import Timestamp
from pydantic import ConfigDict, Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from execution_monitor.storage.indexes import ascending, ascending_where
from execution_monitor.storage.webhook_documents import DUE_INDEX, OPEN_STATES, DeliveryState


class ConditionKind(StrEnum):
    """When a rule fires, as stored."""

    EVENT = "event"
    RATE = "rate"
    DURATION = "duration"
    SILENCE = "silence"
    SUM = "sum"


class AlertState(StrEnum):
    """What has become of an alert, as stored."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


# Of alerts that have not been resolved: one a group of a rule.
ACTIVE_STATES = (AlertState.FIRING.value, AlertState.ACKNOWLEDGED.value, AlertState.SNOOZED.value)


class ChannelKind(StrEnum):
    """What an alert is sent by, as stored."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"
    EMAIL = "email"
    ALERTMANAGER = "alertmanager"


class AlertRule(Document):
    """When to call whom, for a user (`alert_rules`)."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    tenant_id: str
    user_id: str
    name: str
    filter: Any = None  # as its owner wrote it
    where: Any  # the same as a stored filter
    kind: ConditionKind
    condition: dict[str, Any]  # as its owner wrote it
    match: Any = None  # its `match` as a stored filter
    group_by: str | None = None  # workflow_name, user_id, error_group or tag
    for_seconds: int = 0
    repeat_after_seconds: int | None = None
    # Each {id, kind, host, address, target or webhook_id, closed_at}: `address` may be shown, `target` is encrypted,
    # and nothing is sent to one that is closed.
    channels: list[dict[str, Any]]
    enabled: bool
    state_reason: str | None = None
    scopes: list[str]  # of the owner
    visible: list[Any]  # stored filters of what the owner may see
    rights_revision: int  # one more whenever these change
    confirmed_at: datetime  # the owner last signed in
    active_since: Timestamp  # EVENT: later changes count
    # When it is evaluated next, moved on by a claim; of rules of events, while they have alerts.
    next_at: datetime | None = None
    claim: str | None = None  # of the evaluator that has it
    sessions: list[Any] | None = None  # of that evaluator's transactions
    lapsed: list[Any] | None = None  # of those of an evaluator whose claim has run out
    evaluated_at: datetime | None = None  # the last time that it could be
    # Each {group, since}: groups that have met the condition for less than `for_seconds`.
    pending: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    created: datetime
    updated: datetime
    revision: int
    deleted_at: datetime | None = None  # it is kept for as long as its alerts, which name it
    expires_at: datetime | None = None
    mails: list[dict[str, Any]] | None = None  # sent within the last hour, each {id, at, is_last}

    class Settings:
        """Collection and indexes."""

        name = "alert_rules"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            ascending("tenant_id", "created", "_id"),
            ascending("tenant_id", "user_id", "created", "_id"),
            ascending_where({"enabled": True}, "next_at"),
            # Those whose owners have not signed in for long.
            ascending("enabled", "confirmed_at"),
            IndexModel([("expires_at", ASCENDING)], name="expires_at", expireAfterSeconds=0),
        ]


class AlertTenant(Document):
    """How far changes of one tenant were put to its EVENT rules (`alert_tenants`); its `_id` is the tenant."""

    revision: int = 0  # one more with every change of its rules
    position: str | None = None
    term: int = 0  # of the feeder that wrote it

    class Settings:
        """Collection and indexes."""

        name = "alert_tenants"


class Alert(Document):
    """One group of a rule that meets its condition, or did (`alerts`)."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: str
    rule_id: Any
    user_id: str  # the owner of the rule
    group: str = ""  # what tells it from the other groups of its rule; empty where the rule has none
    group_name: str | None = None  # the group as it is shown
    state: AlertState
    summary: str
    value: float | None = None
    execution_count: int | None = None  # how many it is about
    where: Any = None  # a stored filter of the executions that it is about
    given: list[Any] | None = None  # the same as filters of the API, in JSON, all of which hold
    newest_execution_id: str | None = None
    fired_at: datetime
    seen_at: datetime  # the condition was last met
    notified_at: datetime | None = None
    repeats: int = 0  # how many times it was notified again
    resolved_at: datetime | None = None
    acknowledged_by: str | None = None
    note: str | None = None
    snoozed_until: datetime | None = None
    created: datetime  # as `fired_at`: lists are in its order
    updated: datetime
    revision: int = 1
    expires_at: datetime | None = None

    class Settings:
        """Collection and indexes."""

        name = "alerts"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            IndexModel(
                [("rule_id", ASCENDING), ("group", ASCENDING)],
                name="rule_id_group",
                unique=True,
                partialFilterExpression={"state": {"$in": list(ACTIVE_STATES)}},
            ),
            IndexModel(
                [("tenant_id", ASCENDING), ("created", DESCENDING), ("_id", DESCENDING)], name="tenant_id_newest"
            ),
            IndexModel(
                [("tenant_id", ASCENDING), ("state", ASCENDING), ("created", DESCENDING), ("_id", DESCENDING)],
                name="tenant_id_state_newest",
            ),
            IndexModel([("rule_id", ASCENDING), ("created", DESCENDING), ("_id", DESCENDING)], name="rule_id_newest"),
            IndexModel([("expires_at", ASCENDING)], name="expires_at", expireAfterSeconds=0),
        ]


class AlertNotification(Document):
    """One message of an alert for one channel (`alert_outbox`).

    Its `_id` is made of the alert, what it says and the channel: so it is enqueued once.
    """

    model_config = ConfigDict(extra="forbid")

    tenant_id: str
    rule_id: Any
    alert_id: Any
    channel_id: str  # of the rule's channel
    channel: ChannelKind
    host: str  # that is sent to, with the port; the domain of an address of mail
    event: str  # fired, repeated or resolved
    state: DeliveryState
    attempts: int = 0
    due: datetime
    claim: str | None = None  # of the sender that has it
    data: dict[str, Any] | None  # what the message says, as of the event; None once it may not be sent
    rights_revision: int | None = None  # of the rule at the event: what its owner sees no more is not sent later
    occurred_at: datetime
    status_code: int | None = None
    error: str | None = None
    response_body: str | None = None
    created: datetime
    delivered_at: datetime | None = None
    expires_at: datetime | None = None

    class Settings:
        """Collection and indexes."""

        name = "alert_outbox"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            ascending_where({"state": {"$in": list(OPEN_STATES)}}, *DUE_INDEX),
            IndexModel([("alert_id", ASCENDING), ("created", DESCENDING)], name="alert_id_newest"),
            IndexModel([("expires_at", ASCENDING)], name="expires_at", expireAfterSeconds=0),
        ]


ALERT_DOCUMENTS: tuple[type[Document], ...] = (AlertRule, AlertTenant, Alert, AlertNotification)
