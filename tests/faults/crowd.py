"""Many subscribers of a tenant, in one process of their own.

    async with crowd(server.url, tenant, subscribers=200, versions=[1] * 100_000) as following:
        ...
        await following.until_all_received("barrier", seconds=60)
        result = await following.finish([2] * 100_000)

The executions whose versions are checked are `bulk-0`, `bulk-1` and so on; others are landmarks.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson

from execution_monitor.auth.caller import Scope
from tests.faults.bulk_ledger import Tally, total
from tests.support.tokens import token_of

BARRIER = "barrier"
_CALLERS = 10  # one caller may have 1,000 sockets
_AT_ONCE = 50
# For comparing 20 million versions.
_FINISHING_SECONDS = 120
# A line of versions is the longest.
_LINE_BYTES = 2**26
_PAGE = "{ executions(first: 1) { liveCursor } }"


@dataclass(frozen=True, slots=True)
class CrowdResult:
    """What all subscribers of a crowd received."""

    tallies: Sequence[Tally]
    received_at: dict[str, list[float]]  # when each subscriber received a landmark first, by time.monotonic
    last_at: float  # when the last message came
    connections: int
    refused: dict[str, int]  # failed attempts to connect, by status
    errors: Sequence[str]

    @property
    def total(self) -> Tally:
        """The sums of all subscribers."""
        return total(self.tallies)


class Crowd:
    """The subscribers, while they follow."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def until_open(self, seconds: float) -> None:
        """Return when each has been connected once."""
        await self._until("open", None, seconds)

    async def until_all_received(self, landmark: str, seconds: float) -> None:
        """Return when each has received `landmark`; call it in the order in which landmarks were written."""
        await self._until("received", landmark, seconds)

    def stop_reading(self) -> None:
        """Stop their process; their connections stay open."""
        self._process.send_signal(signal.SIGSTOP)

    def read_on(self) -> None:
        """Let them go on after `stop_reading`."""
        self._process.send_signal(signal.SIGCONT)

    async def finish(self, final: Sequence[int]) -> CrowdResult:
        """Stop following; the result, where executions are at the versions `final` now, or `GONE`."""
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps({"final": list(final)}) + b"\n")
        async with asyncio.timeout(_FINISHING_SECONDS):
            while "tallies" not in (message := await self._receive()):
                pass
        tallies = [Tally(**each) for each in message.pop("tallies")]
        return CrowdResult(tallies=tallies, **message)

    async def _until(self, kind: str, value: str | None, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while kind not in (message := await self._receive()) or value not in {None, message[kind]}:
                pass

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the crowd's process has ended; see its traceback"
        message: dict[str, Any] = orjson.loads(line)
        return message


async def live_cursor(url: str, tenant: str) -> str:
    """A live cursor of now, for a subscriber to all of `tenant`."""
    headers = {"Authorization": f"Bearer {_token(tenant, 0)}"}
    async with httpx2.AsyncClient(timeout=30, headers=headers) as http:
        answer = (await http.post(f"{url}/graphql", json={"query": _PAGE})).json()
    cursor: str = answer["data"]["executions"]["liveCursor"]
    return cursor


@contextlib.asynccontextmanager
async def crowd(  # noqa: PLR0913 - most have defaults
    url: str,
    tenant: str,
    *,
    subscribers: int,
    versions: Sequence[int],
    landmarks: Sequence[str] = (BARRIER,),
    after: str | None = None,
    at_once: int = _AT_ONCE,
    padding: int = 0,
) -> AsyncGenerator[Crowd]:
    """`subscribers` that follow all of `tenant` from the cursor `after`, or from now; they may not be connected yet.

    `versions` are those of the executions at that cursor. Messages are `padding` bytes longer than necessary.
    """
    where = urlsplit(url)
    options = {
        "host": where.hostname,
        "port": where.port,
        "tokens": [_token(tenant, number % _CALLERS) for number in range(subscribers)],
        "after": after or await live_cursor(url, tenant),
        "versions": list(versions),
        "landmarks": list(landmarks),
        "at_once": at_once,
        "padding": padding,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.crowd_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(orjson.dumps(options) + b"\n")
        yield Crowd(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def _token(tenant: str, number: int) -> str:
    return token_of(f"reader-{number}", Scope.EXECUTIONS_READ_TENANT, tenant=tenant)
