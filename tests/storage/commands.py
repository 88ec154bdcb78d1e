"""What the product really sends to MongoDB, and what MongoDB says about it."""

import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pymongo import monitoring
from typing_extensions import override

from execution_monitor.storage.database import Database

_READS = frozenset({"find", "aggregate", "getMore", "count"})
# What a driver adds to every command, and `explain` does not take.
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
    """A connected database as the product opens it, and the reads it has been sent."""
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
    """What a read cost."""

    keys: int
    rows: int
    indexes: frozenset[str]


async def explain(database: Database, command: Mapping[str, Any]) -> Explained:
    """What MongoDB says after running `command` again."""
    plain = {name: value for name, value in command.items() if name not in _ADDED}
    answer = await database.handle.command("explain", plain, verbosity="executionStats")
    found = list(_nodes(answer))
    # The stages of a plan have figures of their own; the totals stand above them.
    totals = [node for node in found if "totalKeysExamined" in node]
    return Explained(
        keys=sum(total["totalKeysExamined"] for total in totals),
        rows=totals[0]["nReturned"],
        indexes=frozenset(
            name for node in found for name in (node.get("indexName"), *node.get("indexesUsed", ())) if name
        ),
    )


def _nodes(answer: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in an explanation of what was run."""
    if isinstance(answer, Mapping):
        node = cast("Mapping[str, Any]", answer)
        yield node
        for name, value in node.items():
            # Plans that were weighed, not run.
            if name != "rejectedPlans":
                yield from _nodes(value)
    elif isinstance(answer, list):
        for each in cast("list[Any]", answer):
            yield from _nodes(each)
