"""Sessions of transactions, whose ids are stored: the next feeder ends what a killed one has left open.

MongoDB would keep such a transaction for a minute, and refuse all other writes of the same rows for as long.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

import structlog
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError, PyMongoError

from execution_monitor.feeder.consumers import Superseded
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import FeedPosition

log = structlog.get_logger()

# As many tenants as are fed at once.
_COUNT = 4
_TIMEOUT_MS = 5_000


class TransactionSessions:
    """The sessions of one consumer of a feeder.

    Args:
        database: where the transactions are.
        consumer: the name of the consumer, under which the ids are stored.
    """

    def __init__(self, database: Database, consumer: str) -> None:
        self._database = database
        self._id = f"{consumer} transactions"
        self._free: asyncio.Queue[AsyncClientSession] | None = None
        self._term = 0
        # The first changes of a term may be of several tenants, which are handed over at the same time: each would end
        # the transactions of the one before.
        self._beginning = asyncio.Lock()

    async def begin_term(self, term: int, load: Callable[[int], Awaitable[None]] | None = None) -> None:
        """End the transactions of feeders before, store which sessions are used from now on, and await `load(term)`.

        A term begins once. Where `load` fails, it has not begun, and begins with the next call.

        Raises:
            Superseded: A later term has begun.
        """
        async with self._beginning:
            if term != self._term:
                await self._begin(term)
                if load is not None:
                    await load(term)
                self._term = term

    async def _begin(self, term: int) -> None:
        client = self._database.client
        sessions = [client.start_session(causal_consistency=False) for _ in range(_COUNT)]
        ids = [each.session_id for each in sessions]
        change = {"$set": {"term": term, "sessions": ids}}
        update = self._database.collection(FeedPosition).find_one_and_update(
            {"_id": self._id, "term": {"$lte": term}}, change, upsert=True
        )
        try:
            before: BsonDocument | None = await await_reply(update, _TIMEOUT_MS)
        except DuplicateKeyError as error:
            raise Superseded(self._id) from error
        if before is not None and before.get("sessions"):
            handle = self._database.handle
            ending = handle.command("killSessions", before["sessions"], codec_options=handle.codec_options)
            try:
                await await_reply(ending, _TIMEOUT_MS)
            except PyMongoError as error:
                # They end by themselves.
                log.info("transactions_not_ended", error=type(error).__name__)
        self._free = asyncio.Queue()
        for each in sessions:
            self._free.put_nowait(each)

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncGenerator[AsyncClientSession]:
        """A session, for one transaction."""
        if self._free is None:
            # Of a test, or of what writes without a term.
            async with self._database.client.start_session(causal_consistency=False) as session:
                yield session
            return
        free, session = self._free, await self._free.get()
        try:
            yield session
        finally:
            free.put_nowait(session)
