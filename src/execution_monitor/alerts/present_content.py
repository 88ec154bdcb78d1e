"""The content of a message as of its attempt: what has become of the alert since, and what its owner may still see."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from execution_monitor.alerts.links import Links
from execution_monitor.alerts.sending_rules import SendingRule
from execution_monitor.storage.alert_documents import ACTIVE_STATES, Alert, ChannelKind
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import all_of, equals
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.webhooks.messages import MayNotBeSent
from execution_monitor.webhooks.outbox import claimed_at

# A message that is sent sooner says what its rule has seen a moment ago. Every attempt but the first is late.
LATE_AFTER = timedelta(seconds=5)
RIGHTS_CHANGED = "What the owner of the rule may see has changed since; the alert says more."
_TIMEOUT_MS = 5_000
# Of what the event was; who it was and which rule stay.
_SEEN_BY_OWNER = ("group", "value", "count", "newest_execution_id", "list_url", "execution_url")


@dataclass(frozen=True, slots=True)
class PresentContent:
    """Reads what messages say.

    Attributes:
        reader: reads executions and alerts.
        links: makes the links of what has changed since.
    """

    reader: Reader
    links: Links

    async def read(self, claimed: BsonDocument, rule: SendingRule) -> tuple[Mapping[str, Any], bool]:
        """The `data` of a claimed message as it may be sent now, and whether its alert is still active.

        Raises:
            MayNotBeSent: It cannot be sent without what the owner of the rule may see no more.
            PyMongoError, DatabaseUnavailable: MongoDB did not say.
        """
        data: dict[str, Any] = dict(claimed["data"] or {})
        is_active = data.get("resolved_at") is None
        is_state = claimed["channel"] == ChannelKind.ALERTMANAGER.value
        if is_active and (is_state or is_late(claimed)):
            is_active = await self._bring_up_to_date(claimed, data, is_state=is_state)
        if claimed.get("rights_revision") not in (None, rule.rights_revision):
            return _without_what_was_seen(claimed, data, is_state=is_state), is_active
        if is_state or is_late(claimed):
            await self._leave_out_what_moved(claimed, rule, data)
        return data, is_active

    async def _bring_up_to_date(self, claimed: BsonDocument, data: dict[str, Any], *, is_state: bool) -> bool:
        """Put into `data` whether the alert has ended, and for what is sent all the time what it is about now."""
        row = await _find(self.reader.database, claimed)
        if row is None or row["state"] not in ACTIVE_STATES:
            # One that is deleted has ended, and nobody knows when.
            data["resolved_at"] = claimed_at(claimed) if row is None else row.get("resolved_at", claimed_at(claimed))
            return False
        newest = row.get("newest_execution_id")
        if is_state and newest != data.get("newest_execution_id"):
            data["newest_execution_id"] = newest
            data["execution_url"] = None if newest is None else self.links.of_execution(newest)
        if is_state:
            data |= {"summary": row["summary"], "count": row.get("count", data.get("count"))}
        return True

    async def _leave_out_what_moved(self, claimed: BsonDocument, rule: SendingRule, data: dict[str, Any]) -> None:
        """Take the newest execution out of `data` where it is gone, or the owner of the rule may see it no more."""
        newest = data.get("newest_execution_id")
        if newest is None:
            return
        found: list[Row] = []
        if rule.visible is not None:
            own = all_of(equals("execution_id", newest), equals("tenant_id", claimed["tenant_id"]), rule.visible)
            found = await self.reader.read_some(Execution, own, frozenset({"_id"}), limit=1)
        if not found:
            data |= {"newest_execution_id": None, "execution_url": None}


def _without_what_was_seen(claimed: BsonDocument, data: dict[str, Any], *, is_state: bool) -> dict[str, Any]:
    left: dict[str, Any] = data | dict.fromkeys(_SEEN_BY_OWNER) | {"summary": RIGHTS_CHANGED}
    if not is_state:
        return left
    # Without its group it would be another alert there.
    if claimed.get("delivered_at") is None:
        raise MayNotBeSent("Its owner's rights have changed since.")
    return left | {"group": data.get("group")}


def is_late(claimed: BsonDocument) -> bool:
    """Whether a claimed message is sent so long after its event that things may have changed."""
    since: datetime = claimed["created"]
    return claimed["attempts"] > 1 or claimed_at(claimed) - since > LATE_AFTER


async def _find(database: Database, claimed: BsonDocument) -> Row | None:
    finding = database.collection(Alert).find_one({"_id": claimed["alert_id"]})
    return await await_reply(finding, _TIMEOUT_MS)
