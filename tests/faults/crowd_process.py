"""Many subscribers in one process, which compare each event with the versions that may come next.

`python -m tests.faults.crowd_process` reads its options and one command as lines of JSON, and prints a line of JSON for
each thing that happens: see `tests.faults.crowd`, which starts it. A message costs it 2 microseconds, and a library's
client 50: so a server under load does not wait for it.
"""

import asyncio
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
import uvloop
from typing_extensions import override

from tests.benchmarks.websocket_client import Socket
from tests.faults.bulk_ledger import BulkLedger

_QUERY = """subscription Crowd($after: String) {
  executionUpdates(after: $after) { kind executionId execution { tokensUsed } cursor } }"""
_UPDATE = re.compile(
    rb'"executionUpdates":\{"kind":"([A-Z]+)","executionId":(?:null|"([^"]*)"),'
    rb'"execution":(?:null|\{"tokensUsed":(\d+)\}),"cursor":(?:null|"([^"]*)")\}'
)
_NUMBERED = re.compile(r"bulk-(\d+)")
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1.1 (\d+)")
# Parsed messages that are kept: all subscribers receive the same ones, at about the same time.
_MOST_PARSED = 20_000
_PAUSE_SECONDS = 0.2

# Kind, number or landmark, version, cursor.
Update = tuple[str, int | str, int, str]


@dataclass(frozen=True, slots=True)
class CrowdOptions:
    """What this process is to do."""

    host: str
    port: int
    tokens: Sequence[str]  # of each subscriber
    after: str  # the cursor at which all of them begin
    versions: Sequence[int]  # of the executions `bulk-0`, `bulk-1` and so on, at that cursor
    landmarks: Sequence[str]  # other executions; the time at which each subscriber receives one first is kept
    at_once: int  # connections that are opened at the same time
    padding: int  # bytes by which every message is longer, since it repeats the id of its subscription


@dataclass
class _Crowd:
    """What all subscribers have in common."""

    options: CrowdOptions
    parsed: dict[bytes, Update] = field(default_factory=dict[bytes, Update])
    received_at: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    refused: dict[str, int] = field(default_factory=dict[str, int])
    errors: list[str] = field(default_factory=list[str])
    connections: int = 0
    last_at: float = 0.0

    def update_of(self, text: bytes) -> Update | None:
        """The update in a message, or None for any other message."""
        update = self.parsed.get(text)
        if update is None:
            found = _UPDATE.search(text)
            if found is None:
                return None
            kind, name, version, cursor = (each.decode() if each else "" for each in found.groups())
            numbered = _NUMBERED.fullmatch(name)
            if len(self.parsed) >= _MOST_PARSED:
                self.parsed.clear()
            update = self.parsed[text] = (kind, int(numbered[1]) if numbered else name, int(version or 0), cursor)
        return update

    def record_landmark(self, landmark: str, now: float) -> None:
        """Record that one more subscriber has received `landmark`."""
        times = self.received_at.setdefault(landmark, [])
        times.append(now)
        if len(times) == len(self.options.tokens):
            send({"received": landmark})

    def record_refusal(self, status: str) -> None:
        """Record that one more attempt to connect failed."""
        self.refused[status] = self.refused.get(status, 0) + 1


class _Subscriber(Socket):
    """One connection of one subscriber."""

    def __init__(self, crowd: _Crowd, member: "_Member") -> None:
        super().__init__(crowd.options.host, crowd.options.port)
        self._crowd = crowd
        self._member = member
        self.is_acknowledged = asyncio.Event()
        self.is_closed = asyncio.Event()
        self.pause = _PAUSE_SECONDS

    @override
    def opened(self) -> None:
        token = self._crowd.options.tokens[self._member.number]
        self.send_text(orjson.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))

    @override
    def handshake_refused(self, head: bytes) -> None:
        status, retry = _STATUS.match(head), _RETRY_AFTER.search(head)
        self._crowd.record_refusal(status[1].decode() if status else "no HTTP")
        self.pause = float(retry[1]) if retry else 1.0

    @override
    def text_received(self, buffer: bytearray, begins: int, ends: int, now: float) -> None:
        text = bytes(buffer[begins:ends])
        update = self._crowd.update_of(text)
        if update is not None:
            self._crowd.last_at = now
            self._member.receive(*update, now)
        elif b'"connection_ack"' in text:
            variables = {"after": self._member.cursor}
            name = "1".ljust(1 + self._crowd.options.padding, "-")
            subscribe = {"id": name, "type": "subscribe", "payload": {"query": _QUERY, "variables": variables}}
            self.send_text(orjson.dumps(subscribe))
            self._crowd.connections += 1
            self.is_acknowledged.set()
        elif b'"type":"ping"' in text:
            self.send_text(b'{"type":"pong"}')
        else:
            self._crowd.errors.append(text.decode())
            self.transport.close()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.is_acknowledged.set()
        self.is_closed.set()


class _Member:
    """One subscriber, over as many connections as it takes."""

    def __init__(self, crowd: _Crowd, number: int) -> None:
        self._crowd = crowd
        self._landmarks = set(crowd.options.landmarks)
        self.number = number
        self.cursor = crowd.options.after
        self.ledger = BulkLedger(crowd.options.versions)

    def receive(self, kind: str, name: int | str, version: int, cursor: str, now: float) -> None:
        """Record an update."""
        if kind == "GAP":
            self.ledger.record_gap()
        elif isinstance(name, int):
            self.ledger.record(kind, name, version)
        elif name in self._landmarks:
            self._landmarks.remove(name)
            self._crowd.record_landmark(name, now)
        self.cursor = cursor or self.cursor

    async def follow(self, opening: asyncio.Semaphore, once_open: Callable[[], None]) -> None:
        """Follow until cancelled."""
        options, loop = self._crowd.options, asyncio.get_running_loop()
        while True:
            pause = _PAUSE_SECONDS
            try:
                async with opening:
                    _, socket = await loop.create_connection(
                        lambda: _Subscriber(self._crowd, self), options.host, options.port
                    )
                    await socket.is_acknowledged.wait()
            except OSError as error:
                self._crowd.record_refusal(type(error).__name__)
            else:
                try:
                    if not socket.is_closed.is_set():
                        once_open()
                    await socket.is_closed.wait()
                finally:
                    socket.transport.abort()
                pause = socket.pause
            await asyncio.sleep(pause)


def send(message: Mapping[str, Any]) -> None:
    """Print `message` for the test."""
    sys.stdout.write(orjson.dumps(message).decode() + "\n")
    sys.stdout.flush()


async def follow(commands: asyncio.StreamReader, options: CrowdOptions) -> None:
    """Follow until the command comes to finish; then send what was received."""
    crowd = _Crowd(options)
    members = [_Member(crowd, number) for number in range(len(options.tokens))]
    opening, is_open = asyncio.Semaphore(options.at_once), set[int]()

    def once_open(number: int) -> None:
        if number not in is_open:
            is_open.add(number)
            if len(is_open) == len(members):
                send({"open": len(members)})

    tasks = [
        asyncio.create_task(each.follow(opening, lambda number=each.number: once_open(number))) for each in members
    ]
    command = orjson.loads(await commands.readline())
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
    send(
        {
            "tallies": [asdict(each.ledger.close(command["final"])) for each in members],
            "received_at": crowd.received_at,
            "last_at": crowd.last_at,
            "connections": crowd.connections,
            "refused": crowd.refused,
            "errors": crowd.errors[:10],
        }
    )


async def main() -> None:
    """Read the options, and follow."""
    commands = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    await follow(commands, CrowdOptions(**orjson.loads(await commands.readline())))


if __name__ == "__main__":
    uvloop.run(main())
