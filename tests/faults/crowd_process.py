"""Many subscribers in a process of their own, which hold all that they hear against what they may hear next.

`python -m tests.faults.crowd_process` is told whom to be by a line of JSON, then takes a line for each thing to do, and
says a line for each thing that happened: see `tests.faults.crowd`, which starts it. A message costs it 2 microseconds,
a library's client 50: it is not what a server under load waits for.
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
# Different messages that are kept as they were read: all subscribers are sent the same, one soon after the other.
_MOST_READ = 20_000
_PAUSE_SECONDS = 0.2

# Kind, number or landmark, version, cursor.
Update = tuple[str, int | str, int, str]


@dataclass(frozen=True, slots=True)
class Part:
    """Whom this process plays."""

    host: str
    port: int
    tokens: Sequence[str]  # of each subscriber
    after: str  # where all of them begin
    versions: Sequence[int]  # at that place, of the executions `bulk-0`, `bulk-1` and so on
    landmarks: Sequence[str]  # other executions, of which it is noted when each subscriber first heard
    at_once: int  # sockets that are opened side by side
    padding: int  # bytes that every message is longer: it repeats the id of its subscription


@dataclass
class _Crowd:
    """What all subscribers share."""

    part: Part
    read: dict[bytes, Update] = field(default_factory=dict[bytes, Update])
    heard_at: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    refused: dict[str, int] = field(default_factory=dict[str, int])
    errors: list[str] = field(default_factory=list[str])
    connections: int = 0
    last_at: float = 0.0

    def update_of(self, text: bytes) -> Update | None:
        """What a message says, unless it is about something else."""
        update = self.read.get(text)
        if update is None:
            found = _UPDATE.search(text)
            if found is None:
                return None
            kind, name, version, cursor = (each.decode() if each else "" for each in found.groups())
            numbered = _NUMBERED.fullmatch(name)
            if len(self.read) >= _MOST_READ:
                self.read.clear()
            update = self.read[text] = (kind, int(numbered[1]) if numbered else name, int(version or 0), cursor)
        return update

    def note(self, landmark: str, now: float) -> None:
        """One more has heard of `landmark`."""
        times = self.heard_at.setdefault(landmark, [])
        times.append(now)
        if len(times) == len(self.part.tokens):
            say({"heard": landmark})

    def refuse(self, status: str) -> None:
        """One more was not let in."""
        self.refused[status] = self.refused.get(status, 0) + 1


class _Subscriber(Socket):
    """One connection of one subscriber."""

    def __init__(self, crowd: _Crowd, member: "_Member") -> None:
        super().__init__(crowd.part.host, crowd.part.port)
        self._crowd = crowd
        self._member = member
        self.is_acknowledged = asyncio.Event()
        self.is_closed = asyncio.Event()
        self.pause = _PAUSE_SECONDS

    @override
    def opened(self) -> None:
        token = self._crowd.part.tokens[self._member.number]
        self.say(orjson.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))

    @override
    def refused(self, head: bytes) -> None:
        status, retry = _STATUS.match(head), _RETRY_AFTER.search(head)
        self._crowd.refuse(status[1].decode() if status else "no HTTP")
        self.pause = float(retry[1]) if retry else 1.0

    @override
    def hear(self, buffer: bytearray, begins: int, ends: int, now: float) -> None:
        text = bytes(buffer[begins:ends])
        update = self._crowd.update_of(text)
        if update is not None:
            self._crowd.last_at = now
            self._member.hear(*update, now)
        elif b'"connection_ack"' in text:
            variables = {"after": self._member.cursor}
            name = "1".ljust(1 + self._crowd.part.padding, "-")
            subscribe = {"id": name, "type": "subscribe", "payload": {"query": _QUERY, "variables": variables}}
            self.say(orjson.dumps(subscribe))
            self._crowd.connections += 1
            self.is_acknowledged.set()
        elif b'"type":"ping"' in text:
            self.say(b'{"type":"pong"}')
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
        self._landmarks = set(crowd.part.landmarks)
        self.number = number
        self.cursor = crowd.part.after
        self.ledger = BulkLedger(crowd.part.versions)

    def hear(self, kind: str, name: int | str, version: int, cursor: str, now: float) -> None:
        """Take in an update."""
        if kind == "GAP":
            self.ledger.hear_of_gap()
        elif isinstance(name, int):
            self.ledger.hear(kind, name, version)
        elif name in self._landmarks:
            self._landmarks.remove(name)
            self._crowd.note(name, now)
        self.cursor = cursor or self.cursor

    async def follow(self, opening: asyncio.Semaphore, once_open: Callable[[], None]) -> None:
        """Listen until cancelled."""
        part, loop = self._crowd.part, asyncio.get_running_loop()
        while True:
            pause = _PAUSE_SECONDS
            try:
                async with opening:
                    _, socket = await loop.create_connection(
                        lambda: _Subscriber(self._crowd, self), part.host, part.port
                    )
                    await socket.is_acknowledged.wait()
            except OSError as error:
                self._crowd.refuse(type(error).__name__)
            else:
                try:
                    if not socket.is_closed.is_set():
                        once_open()
                    await socket.is_closed.wait()
                finally:
                    socket.transport.abort()
                pause = socket.pause
            await asyncio.sleep(pause)


def say(message: Mapping[str, Any]) -> None:
    """Tell the test."""
    sys.stdout.write(orjson.dumps(message).decode() + "\n")
    sys.stdout.flush()


async def play(orders: asyncio.StreamReader, part: Part) -> None:
    """Follow until the order comes to finish; then tell what was heard."""
    crowd = _Crowd(part)
    members = [_Member(crowd, number) for number in range(len(part.tokens))]
    opening, is_open = asyncio.Semaphore(part.at_once), set[int]()

    def once_open(number: int) -> None:
        if number not in is_open:
            is_open.add(number)
            if len(is_open) == len(members):
                say({"open": len(members)})

    tasks = [
        asyncio.create_task(each.follow(opening, lambda number=each.number: once_open(number))) for each in members
    ]
    order = orjson.loads(await orders.readline())
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
    say(
        {
            "tallies": [asdict(each.ledger.close(order["final"])) for each in members],
            "heard_at": crowd.heard_at,
            "last_at": crowd.last_at,
            "connections": crowd.connections,
            "refused": crowd.refused,
            "errors": crowd.errors[:10],
        }
    )


async def main() -> None:
    """Be told, and play."""
    orders = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    await play(orders, Part(**orjson.loads(await orders.readline())))


if __name__ == "__main__":
    uvloop.run(main())
