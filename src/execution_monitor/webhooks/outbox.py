"""The outbox: what is to be delivered, claimed by the clock of MongoDB, since any number of servers send from it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from beanie import Document
from pymongo import ReturnDocument, WriteConcern
from pymongo.errors import BulkWriteError

from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_clock import read_server_time
from execution_monitor.storage.webhook_documents import DUE_INDEX, OPEN_STATES, DeliveryState, WebhookDelivery

# How long a sender that was killed keeps a delivery: longer than an attempt takes.
CLAIM_SECONDS = 60
# Longer than the feeder may have to read changes again, or it would put them in a second time.
DONE_HOURS = 96
DEAD_DAYS = 30

_TIMEOUT_MS = 5_000
_DUPLICATE_KEY = 11_000
_CLAIM_BYTES = 12


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt to deliver ended.

    Attributes:
        status: the status code of the answer; None without an answer.
        error: why there is none; None with one.
        body: the beginning of the answer.
    """

    status: int | None = None
    error: str | None = None
    body: str | None = None

    def to_stored(self) -> dict[str, Any]:
        """The fields of it, those that do not apply as null."""
        return {"status_code": self.status, "error": self.error, "response_body": self.body}


@dataclass(frozen=True, slots=True)
class Outbox:
    """An outbox of one database.

    Every method raises `PyMongoError` or `DatabaseUnavailable` where MongoDB does not do it.

    Attributes:
        document: what is in it, with the fields and the index by which `WebhookDelivery` is claimed.
        content: the fields that are forgotten where something may not be sent.
    """

    database: Database
    document: type[Document] = WebhookDelivery
    content: Sequence[str] = ("image", "data")

    @property
    def is_out_of_reach(self) -> bool:
        """Whether the database does not answer, which is logged elsewhere."""
        return self.database.trouble is not None

    async def put(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store deliveries, of which some may be stored already; these are left as they are."""
        if not rows:
            return
        inserting = self.database.collection(self.document).insert_many(map(dict, rows), ordered=False)
        try:
            await await_reply(inserting, _TIMEOUT_MS)
        except BulkWriteError as error:
            details: Any = error.details
            others = [each for each in details.get("writeErrors", ()) if each.get("code") != _DUPLICATE_KEY]
            if others or details.get("writeConcernErrors"):
                raise

    async def claim(self, closed_hosts: Sequence[str]) -> BsonDocument | None:
        """Take the delivery that has been due for longest, for 60 seconds; None when none is due.

        Args:
            closed_hosts: the hosts whose deliveries are passed over.
        """
        query: dict[str, Any] = {
            "state": {"$in": list(OPEN_STATES)},
            "$expr": {"$lte": ["$due", "$$NOW"]},
            **({"host": {"$nin": list(closed_hosts)}} if closed_hosts else {}),
        }
        change = {
            "claim": secrets.token_hex(_CLAIM_BYTES),
            "attempts": {"$add": ["$attempts", 1]},
            "due": {"$add": ["$$NOW", CLAIM_SECONDS * 1_000]},
        }
        # A claim that a failover loses lets another sender repeat an attempt that is in flight, as a kill does; and
        # waiting for a majority, one claim after another, would limit how many are sent a second.
        deliveries = self.database.collection(self.document).with_options(write_concern=WriteConcern(1))
        claiming = deliveries.find_one_and_update(
            query,
            [{"$set": change}],
            sort=[("due", 1)],
            hint=list(DUE_INDEX.items()),
            return_document=ReturnDocument.AFTER,
        )
        return await await_reply(claiming, _TIMEOUT_MS)

    async def finish(self, claimed: BsonDocument, attempt: Attempt) -> None:
        """Record that a claimed delivery has arrived; does nothing where another sender has it now."""
        done = {"state": DeliveryState.DELIVERED.value, "delivered_at": "$$NOW"}
        await self._end(claimed, {**done, **_literals(attempt)}, timedelta(hours=DONE_HOURS))

    async def retry(self, claimed: BsonDocument, attempt: Attempt, seconds: float) -> None:
        """Have a claimed delivery tried again in so many seconds."""
        due = {"$add": ["$$NOW", int(seconds * 1_000)]}
        retrying = {"state": DeliveryState.RETRYING.value, "due": due, "claim": None}
        await self._update(claimed, {**retrying, **_literals(attempt)})

    async def repeat(self, claimed: BsonDocument, attempt: Attempt, seconds: float) -> None:
        """Record that a claimed delivery has arrived, and have it sent again in so many seconds."""
        due = {"$add": ["$$NOW", int(seconds * 1_000)]}
        again = {"state": DeliveryState.PENDING.value, "due": due, "claim": None, "attempts": 0}
        await self._update(claimed, {**again, "delivered_at": "$$NOW", **_literals(attempt)})

    async def postpone(self, claimed: BsonDocument, seconds: float) -> None:
        """Give a claimed delivery back as if it had not been claimed, not to be taken for so many seconds."""
        due = {"$add": ["$$NOW", int(seconds * 1_000)]}
        await self._update(claimed, {"due": due, "claim": None, "attempts": {"$subtract": ["$attempts", 1]}})

    async def postpone_host(self, host: str, seconds: float) -> None:
        """Postpone everything that is due at one host, so that claims need not pass it over."""
        due = {"$add": ["$$NOW", int(seconds * 1_000)]}
        query = {"state": {"$in": list(OPEN_STATES)}, "$expr": {"$lte": ["$due", "$$NOW"]}, "host": host}
        moving = self.database.collection(self.document).update_many(query, [{"$set": {"due": due}}])
        await await_reply(moving, _TIMEOUT_MS)

    async def give_up(self, claimed: BsonDocument, attempt: Attempt) -> None:
        """Record that a claimed delivery will not arrive; it is kept for 30 days and can be sent again."""
        dead = {"state": DeliveryState.DEAD.value, **_literals(attempt)}
        await self._end(claimed, dead, timedelta(days=DEAD_DAYS))

    async def drop(self, claimed: BsonDocument, reason: str) -> None:
        """Forget the content of a claimed delivery that may not be sent; that it was there stays known."""
        # The feeder may read the change again, and must find that it was put in.
        gone = {"state": DeliveryState.DEAD.value, "error": {"$literal": reason}, **dict.fromkeys(self.content)}
        await self._end(claimed, gone, timedelta(hours=DONE_HOURS))

    async def send_again(self, query: Mapping[str, Any], most: int) -> int:
        """Make up to `most` deliveries that have ended, and still have their content, due now; returns how many."""
        deliveries = self.database.collection(self.document)
        has_content = {"$or": [{"position": None}, {"image": {"$ne": None}}, {"kind": {"$in": ["left", "deleted"]}}]}
        finding = deliveries.find({"$and": [query, has_content]}, {"_id": 1}).limit(most).to_list()
        ids = [row["_id"] for row in await await_reply(finding, _TIMEOUT_MS)]
        again = {"state": DeliveryState.RETRYING.value, "due": "$$NOW", "attempts": 0, "claim": None}
        updating = deliveries.update_many(
            {"$and": [query, {"_id": {"$in": ids}}]}, [{"$set": {**again, "expires_at": None, "delivered_at": None}}]
        )
        return (await await_reply(updating, _TIMEOUT_MS)).modified_count

    async def now(self) -> datetime:
        """The time of MongoDB."""
        return await read_server_time(self.database)

    async def _end(self, claimed: BsonDocument, change: Mapping[str, Any], kept: timedelta) -> None:
        expiry = {"$add": ["$$NOW", int(kept.total_seconds() * 1_000)]}
        await self._update(claimed, {**change, "claim": None, "expires_at": expiry})

    async def _update(self, claimed: BsonDocument, change: Mapping[str, Any]) -> None:
        own = {"_id": claimed["_id"], "claim": claimed["claim"]}
        update = self.database.collection(self.document).update_one(own, [{"$set": dict(change)}])
        await await_reply(update, _TIMEOUT_MS)


def claimed_at(claimed: BsonDocument) -> datetime:
    """When a delivery was claimed, by the clock of MongoDB."""
    return claimed["due"] - timedelta(seconds=CLAIM_SECONDS)


def _literals(attempt: Attempt) -> dict[str, Any]:
    """The fields of an attempt for a pipeline, to which a text with a dollar would be a path."""
    return {name: {"$literal": value} for name, value in attempt.to_stored().items()}
