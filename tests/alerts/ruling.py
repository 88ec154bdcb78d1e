"""Rules and alerts over a database, without a server."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from execution_monitor.alerts.alerts import Alerts
from execution_monitor.alerts.conditions import Rate
from execution_monitor.alerts.rules import RuleFields, Rules
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.storage.alert_documents import Alert, AlertRule
from execution_monitor.storage.database import Database
from execution_monitor.storage.filter_codec import encode_filter
from execution_monitor.storage.filters import EVERYTHING
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import Row

SCOPES = frozenset({Scope.EXECUTIONS_READ, Scope.ALERTS_WRITE})
OWNER = Caller("ada", "acme", SCOPES)
READER = Caller("rita", "acme", SCOPES | {Scope.EXECUTIONS_READ_TENANT})
OPERATOR = Caller("omar", "acme", READER.scopes | {Scope.MANAGE})
GIVEN: dict[str, Any] = {"rate": {"windowSeconds": 300, "countAbove": 3}}


class NoChannels:
    """Stores channels as they are given."""

    async def to_stored(self, caller: Caller, channels: Sequence[Any], before: Any = ()) -> list[dict[str, Any]]:  # noqa: ARG002 - as the real one
        """The same."""
        return list(channels)


async def accept(_: Caller) -> None:
    """No token is revoked."""


def wanted(**fields: Any) -> RuleFields:
    """A rule that fires on failures."""
    given: dict[str, Any] = {
        "name": "failures",
        "where": EVERYTHING,
        "condition": Rate(300, count_above=3),
        "given_condition": GIVEN,
        "channels": [],
    }
    return RuleFields(**given | fields)


def alert_of(rule: Row, group: str = "", **fields: Any) -> dict[str, Any]:
    """An alert of `rule` that fires, as it is stored."""
    now = datetime.now(UTC).replace(microsecond=0)
    return {
        "_id": ObjectId(),
        "tenant_id": rule["tenant_id"],
        "rule_id": rule["_id"],
        "user_id": rule["user_id"],
        "group": group,
        "state": "firing",
        "summary": "4 failed",
        "value": 4.0,
        "where": encode_filter(EVERYTHING),
        "fired_at": now,
        "seen_at": now,
        "created": now,
        "updated": now,
        "revision": 1,
        **fields,
    }


@dataclass
class Ruling:
    """The rules and alerts of a database."""

    database: Database
    rules: Rules
    alerts: Alerts

    @classmethod
    def over(cls, database: Database) -> "Ruling":
        """Those of `database`."""
        reader = Reader(database, 5_000)
        return cls(database, Rules(reader, NoChannels(), accept), Alerts(reader))

    async def rule(self, caller: Caller = OWNER, **fields: Any) -> Row:
        """A rule of `caller`."""
        return await self.rules.create(caller, wanted(**fields))

    async def alert(self, rule: Row, group: str = "", **fields: Any) -> Row:
        """An alert of `rule` that fires."""
        row = alert_of(rule, group, **fields)
        await self.database.collection(Alert).insert_one(row)
        return row

    async def stored_rule(self, row: Row) -> dict[str, Any]:
        """A rule as it is stored now."""
        found = await self.database.collection(AlertRule).find_one({"_id": row["_id"]})
        assert found is not None
        return found

    async def stored_alert(self, row: Row) -> dict[str, Any]:
        """An alert as it is stored now."""
        found = await self.database.collection(Alert).find_one({"_id": row["_id"]})
        assert found is not None
        return found
