"""The limit of mail: twenty messages of a rule an hour, counted in the database, since any server may send them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument

from execution_monitor.storage.alert_documents import AlertRule
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply

MAX_AN_HOUR = 20
_HOUR_MS = 3_600_000
_TIMEOUT_MS = 5_000


class Place(Enum):
    """Whether a message may go out.

    WITHIN: as it is.
    LAST: as one that says that more follow; one an hour.
    BEYOND: not at all.
    """

    WITHIN = auto()
    LAST = auto()
    BEYOND = auto()


@dataclass(frozen=True, slots=True)
class MailLimit:
    """The messages by mail that the rules of one database have sent within the last hour, by MongoDB's clock."""

    database: Database

    async def place_of(self, rule_id: ObjectId, message_id: str) -> Place:
        """Take a place for a message of a rule; another attempt to send it has the place that the first one took.

        Raises:
            PyMongoError, DatabaseUnavailable: MongoDB did not say.
        """
        taking = self.database.collection(AlertRule).find_one_and_update(
            {"_id": rule_id}, _taking(message_id), {"mails": 1}, return_document=ReturnDocument.AFTER
        )
        row: Any = await await_reply(taking, _TIMEOUT_MS)
        places: list[Mapping[str, Any]] = [] if row is None else row["mails"]
        own = next((each for each in places if each["id"] == message_id), None)
        return Place.BEYOND if own is None else Place.LAST if own["is_last"] else Place.WITHIN


def _taking(message_id: str) -> list[dict[str, Any]]:
    """The update that takes a place where there is one: in one step, so that no two take the same."""
    since = {"$subtract": ["$$NOW", _HOUR_MS]}
    recent: dict[str, Any] = {"$filter": {"input": {"$ifNull": ["$mails", []]}, "cond": {"$gt": ["$$this.at", since]}}}
    literal = {"$literal": message_id}

    def with_own(*, is_last: bool) -> dict[str, Any]:
        return {"$concatArrays": ["$mails", [{"id": literal, "at": "$$NOW", "is_last": is_last}]]}

    # The one that says that more follow takes no place from those that say something.
    counted: dict[str, Any] = {"$size": {"$filter": {"input": "$mails", "cond": {"$not": ["$$this.is_last"]}}}}
    branches: list[dict[str, Any]] = [
        {"case": {"$in": [literal, "$mails.id"]}, "then": "$mails"},
        {"case": {"$lt": [counted, MAX_AN_HOUR]}, "then": with_own(is_last=False)},
        {"case": {"$not": [{"$in": [True, "$mails.is_last"]}]}, "then": with_own(is_last=True)},
    ]
    return [{"$set": {"mails": recent}}, {"$set": {"mails": {"$switch": {"branches": branches, "default": "$mails"}}}}]
