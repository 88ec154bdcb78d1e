"""Claims of rules: which of those that are due a process evaluates, by the clock of MongoDB.

A claim moves the time of the next evaluation on, so that another process goes on where this one was killed. Whatever is
written of an evaluation requires the claim, so that of two evaluations of the same time one counts.

A claim names the sessions of its process. Who finds a rule whose claim has run out ends their transactions: MongoDB
would keep that of a killed process for a minute, and let all other writes of the same rule and alerts wait or fail for
as long. A claim itself is such a write, so transactions are ended before one is tried.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from execution_monitor.storage.alert_documents import AlertRule, ConditionKind
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import BsonDocument, Row

# How long an evaluator that was killed keeps a rule: longer than an evaluation takes.
CLAIM_SECONDS = 60
EVERY_SECONDS = 15
# A rule that cannot be evaluated takes the time of those that can.
FAILED_SECONDS = 60
# How the reason of a rule begins that could not be evaluated.
NOT_EVALUATED = "It could not be evaluated: "
_CLAIM_BYTES = 12
_TIMEOUT_MS = 5_000
_MOST_LAPSED = 200
_IS_DUE: Mapping[str, Any] = {
    "enabled": True,
    # Of rules of events without alerts it is missing, which sorts before every time.
    "next_at": {"$type": "date"},
    "$expr": {"$lte": ["$next_at", "$$NOW"]},
}
# All servers evaluate at the same times, so that equal questions are asked at the same time, and once.
_NEXT = {
    "$add": [
        "$$NOW",
        {"$subtract": [EVERY_SECONDS * 1_000, {"$mod": [{"$toLong": "$$NOW"}, EVERY_SECONDS * 1_000]}]},
    ]
}


class Claims:
    """Claims rules of `database`. Every method raises `PyMongoError` or `DatabaseUnavailable` where MongoDB fails.

    Args:
        database: where rules are.
        at_once: how many transactions there may be at the same time.
    """

    def __init__(self, database: Database, at_once: int = 8) -> None:
        self._database = database
        self._at_once = at_once
        self._sessions = list[AsyncClientSession]()
        self._free: asyncio.Queue[AsyncClientSession] = asyncio.Queue()

    async def end_lapsed(self) -> None:
        """End the transactions of evaluators whose claims have run out, or no claim of these rules could be written."""
        lapsed = {**_IS_DUE, "claim": {"$type": "string"}}
        looking = self._rules.find(lapsed, {"sessions": 1}, hint=[("next_at", 1)]).limit(_MOST_LAPSED).to_list()
        rows: Sequence[Row] = await await_reply(looking, _TIMEOUT_MS)
        # Those of a process come with each of its rules.
        found = {each["id"]: each for row in rows for each in row.get("sessions") or ()}
        await self._end_transactions(list(found.values()))

    async def take(self) -> BsonDocument | None:
        """Take the rule that has been due for longest, for 60 seconds; None when none is due."""
        if not self._sessions:
            client = self._database.client
            self._sessions = [client.start_session(causal_consistency=False) for _ in range(self._at_once)]
            for each in self._sessions:
                self._free.put_nowait(each)
        change = {
            "claim": secrets.token_hex(_CLAIM_BYTES),
            "sessions": {"$literal": [each.session_id for each in self._sessions]},
            "lapsed": {"$cond": [{"$eq": [{"$type": "$claim"}, "string"]}, "$sessions", None]},
            "next_at": {"$add": ["$$NOW", CLAIM_SECONDS * 1_000]},
        }
        taking = self._rules.find_one_and_update(
            _IS_DUE,
            [{"$set": change}],
            sort=[("next_at", 1)],
            hint=[("next_at", 1)],
            return_document=ReturnDocument.AFTER,
        )
        claimed = await await_reply(taking, _TIMEOUT_MS)
        if claimed is not None and claimed.get("lapsed"):
            await self._end_transactions(claimed["lapsed"])
        return claimed

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncGenerator[AsyncClientSession]:
        """A session, for one transaction, once a rule was claimed."""
        session = await self._free.get()
        try:
            yield session
        finally:
            self._free.put_nowait(session)

    async def _end_transactions(self, sessions: Sequence[Any]) -> None:
        own = [each.session_id for each in self._sessions]
        others = [each for each in sessions if each not in own]
        if others:
            handle = self._database.handle
            ending = handle.command("killSessions", others, codec_options=handle.codec_options)
            # Otherwise they end by themselves.
            with contextlib.suppress(PyMongoError):
                await await_reply(ending, _TIMEOUT_MS)

    async def still_held(self, claimed: Row, session: AsyncClientSession) -> BsonDocument | None:
        """The rule as it is stored; None where another has claimed it, or it has been changed or paused."""
        query = {**_own(claimed), "enabled": True}
        found: Any = await self._rules.find_one(query, session=session)
        return found

    async def finish(
        self, claimed: Row, now: datetime, pending: Mapping[str, datetime], session: AsyncClientSession | None = None
    ) -> None:
        """Record an evaluation at `now`: the rule is due again at the next time."""
        waiting = [{"group": group, "since": since} for group, since in pending.items()]
        change: dict[str, Any] = {"evaluated_at": now, "pending": {"$literal": waiting}, "next_at": _NEXT}
        if str(claimed.get("state_reason") or "").startswith(NOT_EVALUATED):
            change["state_reason"] = None
        await self._end(claimed, change, session)

    async def rest(self, claimed: Row, session: AsyncClientSession | None = None) -> None:
        """Have a rule of events evaluated no more until it has an alert again."""
        await self._end(claimed, {"next_at": None}, session)

    async def fail(self, claimed: Row, reason: str) -> None:
        """Say that a rule could not be evaluated, and have it tried again in a minute; its alerts stay as they are."""
        text = f"{NOT_EVALUATED}{reason} It is tried again every minute; until then its alerts stay as they are."
        due = {"$add": ["$$NOW", FAILED_SECONDS * 1_000]}
        await self._end(claimed, {"state_reason": {"$literal": text}, "next_at": due}, None)

    async def give_back(self, claimed: Row) -> None:
        """Let any process evaluate a rule at once."""
        await self._end(claimed, {"next_at": "$$NOW"}, None)

    async def _end(self, claimed: Row, change: dict[str, Any], session: AsyncClientSession | None) -> None:
        ending = self._rules.update_one(_own(claimed), [{"$set": {**change, "claim": None}}], session=session)
        await await_reply(ending, _TIMEOUT_MS)

    @property
    def _rules(self) -> Any:
        return self._database.collection(AlertRule)


def claimed_at(claimed: Row) -> datetime:
    """When a rule was claimed, by the clock of MongoDB."""
    found: datetime = claimed["next_at"]
    return found - timedelta(seconds=CLAIM_SECONDS)


def pending_of(rule: Row) -> dict[str, datetime]:
    """Since when groups of a stored rule have met its condition that do not fire yet."""
    rows: list[Row] = rule.get("pending") or []
    return {row["group"]: since for row in rows if (since := to_datetime(row.get("since"))) is not None}


def is_of_events(rule: Row) -> bool:
    """Whether a stored rule is one of events."""
    return rule["kind"] == ConditionKind.EVENT


def _own(claimed: Row) -> dict[str, Any]:
    # What was found for another condition says nothing of the one that a rule has now.
    return {"_id": claimed["_id"], "claim": claimed["claim"], "revision": claimed["revision"]}
