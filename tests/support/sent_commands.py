"""The commands that the server sends to MongoDB, and how MongoDB executes them."""

import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pymongo import monitoring
from typing_extensions import override

from execution_monitor.storage.database import Database

_READS = frozenset({"find", "aggregate", "getMore", "count"})
# The driver adds these to every command; `explain` does not take them.
_ADDED = frozenset({"lsid", "txnNumber", "$db", "$clusterTime", "$readPreference", "readConcern", "maxTimeMS"})


@dataclass
class Commands(monitoring.CommandListener):
    """The reads that a client sends."""

    reads: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @override
    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in _READS:
            self.reads.append(dict(event.command))

    @override
    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    @override
    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@contextlib.asynccontextmanager
async def watched(uri: str, name: str) -> AsyncGenerator[tuple[Database, Commands]]:
    """A database, connected as the server does it, and the reads that it receives."""
    commands = Commands()
    database = Database.at(uri, name, [commands])
    try:
        await database.connect()
        commands.reads.clear()
        yield database, commands
    finally:
        await database.close()


@dataclass(frozen=True, slots=True)
class Explained:
    """What a read examined and returned."""

    keys: int
    rows: int
    indexes: frozenset[str]


async def explain(database: Database, command: Mapping[str, Any]) -> Explained:
    """Run `command` again, and return what MongoDB examined for it."""
    plain = {name: value for name, value in command.items() if name not in _ADDED}
    reply = await database.handle.command("explain", plain, verbosity="executionStats")
    found = list(_nodes(reply))
    # The stages of a plan have numbers of their own; the totals are above them.
    totals = [node for node in found if "totalKeysExamined" in node]
    return Explained(
        keys=sum(total["totalKeysExamined"] for total in totals),
        rows=totals[0]["nReturned"],
        indexes=frozenset(
            name for node in found for name in (node.get("indexName"), *node.get("indexesUsed", ())) if name
        ),
    )


def _nodes(reply: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in an explanation, of the plan that was run."""
    if isinstance(reply, Mapping):
        node = cast("Mapping[str, Any]", reply)
        yield node
        for name, value in node.items():
            # These plans were compared, not run.
            if name != "rejectedPlans":
                yield from _nodes(value)
    elif isinstance(reply, list):
        for each in cast("list[Any]", reply):
            yield from _nodes(each)
