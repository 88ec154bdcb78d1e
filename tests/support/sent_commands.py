"""The read commands that a `Database` sends to MongoDB, and what MongoDB's `explain` says of them."""

import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pymongo import monitoring
from typing_extensions import override

from execution_monitor.storage.database import Database

_READS = frozenset({"find", "aggregate", "getMore", "count"})
# What the driver adds to every command, and `explain` does not accept.
_ADDED_BY_DRIVER = frozenset(
    {"lsid", "txnNumber", "$db", "$clusterTime", "$readPreference", "readConcern", "maxTimeMS"}
)


@dataclass
class SentCommands(monitoring.CommandListener):
    """Records the read commands that a client sends."""

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
async def recording_commands(uri: str, name: str) -> AsyncGenerator[tuple[Database, SentCommands]]:
    """A connected database as the server opens it, and the read commands that it is sent from now on."""
    commands = SentCommands()
    database = Database.at(uri, name, [commands])
    try:
        await database.connect()
        commands.reads.clear()
        yield database, commands
    finally:
        await database.close()


@dataclass(frozen=True, slots=True)
class Explained:
    """What a read cost: index keys and documents examined, rows returned, and the indexes and stages that served it."""

    keys: int
    documents: int
    rows: int
    indexes: frozenset[str]
    rejected: int  # plans that MongoDB considered and did not run
    stages: frozenset[str]


async def explain(database: Database, command: Mapping[str, Any]) -> Explained:
    """Run `command` again, explained."""
    plain = {name: value for name, value in command.items() if name not in _ADDED_BY_DRIVER}
    # It repeats the bounds of the query, which may lie beyond Python's calendar.
    options = database.handle.codec_options
    explanation = await database.handle.command("explain", plain, verbosity="executionStats", codec_options=options)
    nodes = list(_nodes(explanation))
    # The stages of a plan have figures of their own; the totals are above them.
    totals = [node for node in nodes if "totalKeysExamined" in node]
    return Explained(
        keys=sum(total["totalKeysExamined"] for total in totals),
        documents=sum(total["totalDocsExamined"] for total in totals),
        rows=totals[0]["nReturned"],
        indexes=frozenset(
            name for node in nodes for name in (node.get("indexName"), *node.get("indexesUsed", ())) if name
        ),
        rejected=sum(len(node.get("rejectedPlans", ())) for node in nodes),
        stages=frozenset(node["stage"] for node in nodes if "stage" in node),
    )


def _nodes(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object of an explanation, but for rejected plans."""
    if isinstance(value, Mapping):
        node = cast("Mapping[str, Any]", value)
        yield node
        for name, inner in node.items():
            # Rejected plans did not run.
            if name != "rejectedPlans":
                yield from _nodes(inner)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _nodes(each)
