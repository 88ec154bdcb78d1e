"""The clock of MongoDB, by which the servers of a cluster agree; their own may differ by minutes."""

from datetime import UTC, datetime
from typing import Any

from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply

_TIMEOUT_MS = 5_000


async def read_server_time(database: Database) -> datetime:
    """The time of MongoDB; raises `PyMongoError` or `DatabaseUnavailable` where it does not say."""
    reply: Any = await await_reply(database.client.admin.command("hello"), _TIMEOUT_MS)
    return reply["localTime"].replace(tzinfo=UTC)
