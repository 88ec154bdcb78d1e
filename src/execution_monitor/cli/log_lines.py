"""Print the log lines of one execution, and follow it until it ends."""

import asyncio
import sys
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.text import Text

from execution_monitor.cli.api_client import ApiClient
from execution_monitor.cli.output import console, is_terminal, print_fields, print_json
from execution_monitor.cli.reading import NOT_FOUND
from execution_monitor.cli.server_address import CommandFailed
from execution_monitor.cli.watch import WatchOptions, watch
from execution_monitor.cli.watch_lines import STYLES, printable

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_WIDTH = max(map(len, _LEVELS))
_PAGE = 100

_FORWARDS = """query Logs($id: String!, $level: LogLevel, $after: String) {
  execution(executionId: $id) { logs(first: 100, after: $after, minLevel: $level) {
    nodes { at level message stepId } pageInfo { hasNextPage endCursor } } } }"""
_BACKWARDS = """query LastLogs($id: String!, $level: LogLevel, $last: Int, $before: String) {
  execution(executionId: $id) { logs(last: $last, before: $before, minLevel: $level) {
    nodes { at level message stepId } pageInfo { hasPreviousPage startCursor endCursor } } } }"""

Line = Mapping[str, Any]


@dataclass(slots=True)
class LogPrinter:
    """Prints the lines of one execution of at least the severity `level`, each once.

    Attributes:
        tail: how many of the last lines to print; None for all.
    """

    client: ApiClient
    execution_id: str
    level: str | None
    tail: int | None
    as_json: bool
    _printed: Counter[Hashable] = field(default_factory=Counter[Hashable])
    _received: Counter[Hashable] = field(default_factory=Counter[Hashable])
    _end: str | None = None
    _begins_at: datetime | None = None  # where only the last lines are wanted, the time of the first of them

    def print_stored(self) -> None:
        """Print the lines that there are, and that were not printed before.

        Raises:
            CommandFailed: There is no such execution, or the server does not answer.
        """
        lines = self._last(self.tail) if self.tail is not None and self._end is None else self._following()
        for line in lines:
            self._print(line)

    async def follow(self, options: WatchOptions) -> bool:
        """Print what is there and what comes, until the execution ends; whether it completed."""
        self.print_stored()
        return await watch(options, self._show)

    def _show(self, event: Mapping[str, Any]) -> None:
        if event["__typename"] == "ExecutionUpdate" and event["kind"] == "ENTERED":
            # The present state follows, with its last lines. What came since the stored ones were read is stored, too.
            self._received.clear()
            self.print_stored()
        if event["__typename"] == "LogAppended":
            line = event["entry"]
            self._received[_key_of(line)] += 1
            is_printed = self._received[_key_of(line)] <= self._printed[_key_of(line)]
            if not is_printed and self._is_wanted(line):
                self._print(line)
                sys.stdout.flush()

    def _is_wanted(self, line: Line) -> bool:
        is_severe = self.level is None or _LEVELS.index(line["level"]) >= _LEVELS.index(self.level)
        return is_severe and (self._begins_at is None or datetime.fromisoformat(line["at"]) >= self._begins_at)

    def _following(self) -> Iterator[Line]:
        has_next = True
        while has_next:
            page = self._page(_FORWARDS, after=self._end)
            yield from page["nodes"]
            self._end = page["pageInfo"]["endCursor"] or self._end
            has_next = page["pageInfo"]["hasNextPage"]

    def _last(self, count: int) -> Iterator[Line]:
        found, before, has_more = list[Line](), None, count > 0
        while has_more and len(found) < count:
            page = self._page(_BACKWARDS, last=min(count - len(found), _PAGE), before=before)
            found[:0] = page["nodes"]
            info = page["pageInfo"]
            self._end, before, has_more = self._end or info["endCursor"], info["startCursor"], info["hasPreviousPage"]
        if found:
            self._begins_at = datetime.fromisoformat(found[0]["at"])
        yield from found

    def _page(self, query: str, **variables: Any) -> Any:
        found = self.client.execute(query, id=self.execution_id, level=self.level, **variables)["execution"]
        if found is None:
            raise CommandFailed(NOT_FOUND)
        return found["logs"]

    def _print(self, line: Line) -> None:
        self._printed[_key_of(line)] += 1
        if self.as_json:
            print_json(line)
        elif is_terminal():
            shown = Text(f"{datetime.fromisoformat(line['at']).astimezone():%H:%M:%S} ", "dim")
            shown.append(line["level"].ljust(_WIDTH), STYLES.get(line["level"], ""))
            shown.append(f" {printable(line['message'])}", "not dim")
            console().print(shown, soft_wrap=True)
        else:
            print_fields(line["at"], line["level"], line["stepId"], line["message"])


def _key_of(line: Line) -> Hashable:
    return line["at"], line["level"], line["stepId"], line["message"]


def print_logs(printer: LogPrinter, options: WatchOptions | None) -> bool:
    """Print the lines; with `options` follow them. Whether the execution completed, or none is followed."""
    if options is None:
        printer.print_stored()
        return True
    return asyncio.run(printer.follow(options))
