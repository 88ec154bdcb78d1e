"""The outbox: what is to be delivered, claimed by the clock of MongoDB, since any number of servers send from it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from beanie import Document
from pymongo import WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, DuplicateKeyError

from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_clock import read_server_time
from execution_monitor.storage.webhook_documents import DUE_INDEX, OPEN_STATES, DeliveryState, WebhookDelivery
from execution_monitor.webhooks.grouped_updates import GroupedUpdates

# How long a sender that was killed keeps a delivery: longer than an attempt takes.
CLAIM_SECONDS = 60
# Longer than the feeder may have to read changes again, or it would put them in a second time.
DONE_HOURS = 96
DEAD_DAYS = 30

_TIMEOUT_MS = 5_000
_DUPLICATE_KEY = 11_000
_CLAIM_BYTES = 12
_IS_DUE: Mapping[str, Any] = {"state": {"$in": list(OPEN_STATES)}, "$expr": {"$lte": ["$due", "$$NOW"]}}


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
    _updates: GroupedUpdates = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_updates", GroupedUpdates(lambda: self._rows))

    @property
    def is_usable(self) -> bool:
        """Whether the database has answered and is prepared; where it is not, that is logged elsewhere."""
        return self.database.is_usable

    async def close(self) -> None:
        """End what is being recorded, after a second."""
        await self._updates.close()

    async def put(self, rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Store deliveries; returns the ids of those that were stored already, which are left as they are."""
        if not rows:
            return frozenset()
        if len(rows) == 1:
            return await self._put_one(rows[0])
        try:
            await await_reply(self._rows.insert_many(map(dict, rows), ordered=False), _TIMEOUT_MS)
        except BulkWriteError as error:
            details: Any = error.details
            errors: Sequence[Mapping[str, Any]] = details.get("writeErrors", ())
            if details.get("writeConcernErrors") or any(each.get("code") != _DUPLICATE_KEY for each in errors):
                raise
            return frozenset(str(rows[int(each["index"])]["_id"]) for each in errors)
        return frozenset()

    async def _put_one(self, row: Mapping[str, Any]) -> frozenset[str]:
        # As of most changes: the driver has less to prepare than for many.
        try:
            await await_reply(self._rows.insert_one(dict(row)), _TIMEOUT_MS)
        except DuplicateKeyError:
            return frozenset({str(row["_id"])})
        return frozenset()

    async def find_due(self, closed_hosts: Sequence[str], most: int) -> Sequence[tuple[str, str]]:
        """The ids and hosts of what is due, up to `most`, those first that have been due for longest.

        Args:
            closed_hosts: the hosts whose deliveries are passed over.
            most: how many.
        """
        query = {**_IS_DUE, **({"host": {"$nin": list(closed_hosts)}} if closed_hosts else {})}
        looking = self._rows.find(query, {"host": 1}, sort=[("due", 1)], limit=most, hint=list(DUE_INDEX.items()))
        return [(row["_id"], row["host"]) for row in await await_reply(looking.to_list(), _TIMEOUT_MS)]

    async def claim(self, ids: Sequence[str]) -> Sequence[BsonDocument]:
        """Take those of these deliveries that are still due, for 60 seconds."""
        claim = new_claim()
        change = {
            "claim": claim,
            "attempts": {"$add": ["$attempts", 1]},
            "due": {"$add": ["$$NOW", CLAIM_SECONDS * 1_000]},
        }
        # A claim that a failover loses lets another sender repeat an attempt that is in flight, as a kill does; and
        # waiting for a majority, one group after another, would limit how many are sent a second.
        rows = self._rows.with_options(write_concern=WriteConcern(1))
        wanted = {"_id": {"$in": list(ids)}}
        claiming = rows.update_many({**wanted, **_IS_DUE}, [{"$set": change}])
        if not (await await_reply(claiming, _TIMEOUT_MS)).matched_count:
            return []
        return await await_reply(rows.find({**wanted, "claim": claim}, sort=[("created", 1)]).to_list(), _TIMEOUT_MS)

    async def free(self, ids: Sequence[str], claim: str) -> None:
        """Have those of these deliveries that have this claim taken by any sender, now, as if they had none."""
        freed = {"due": "$$NOW", "claim": None, "attempts": {"$subtract": ["$attempts", 1]}}
        freeing = self._rows.update_many({"_id": {"$in": list(ids)}, "claim": claim}, [{"$set": freed}])
        await await_reply(freeing, _TIMEOUT_MS)

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
        moving = self._rows.update_many({**_IS_DUE, "host": host}, [{"$set": {"due": due}}])
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
        deliveries = self._rows
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
        await self._updates.update({"_id": claimed["_id"], "claim": claimed["claim"]}, change)

    @property
    def _rows(self) -> AsyncCollection[BsonDocument]:
        return self.database.collection(self.document)


def new_claim() -> str:
    """What tells the claims of a sender from all others."""
    return secrets.token_hex(_CLAIM_BYTES)


def claim_from(now: datetime, claim: str) -> dict[str, Any]:
    """The fields of a delivery that is claimed at `now`, by the clock of MongoDB, as it is put in."""
    return {"claim": claim, "attempts": 1, "due": now + timedelta(seconds=CLAIM_SECONDS)}


def claimed_at(claimed: BsonDocument) -> datetime:
    """When a delivery was claimed, by the clock of MongoDB."""
    return claimed["due"] - timedelta(seconds=CLAIM_SECONDS)


def _literals(attempt: Attempt) -> dict[str, Any]:
    """The fields of an attempt for a pipeline, to which a text with a dollar would be a path."""
    return {name: {"$literal": value} for name, value in attempt.to_stored().items()}
