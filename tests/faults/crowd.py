"""Many subscribers of a tenant, played by a process of their own.

    async with crowd(server.url, tenant, subscribers=200, versions=[1] * 100_000) as following:
        ...
        await following.until_all_heard("barrier", seconds=60)
        heard = await following.finish([2] * 100_000)

The executions that are judged are called `bulk-0`, `bulk-1` and so on; others are landmarks.
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
# To compare 20 million versions.
_FINISHING_SECONDS = 120
# A line of versions is the longest.
_LINE_BYTES = 2**26
_PAGE = "{ executions(first: 1) { liveCursor } }"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a crowd came to."""

    tallies: Sequence[Tally]
    heard_at: dict[str, list[float]]  # when each subscriber first heard of a landmark, by time.monotonic
    last_at: float  # when anybody heard anything last
    connections: int
    refused: dict[str, int]  # openings that failed, by what was answered
    errors: Sequence[str]

    @property
    def total(self) -> Tally:
        """All subscribers together."""
        return total(self.tallies)


class Crowd:
    """The subscribers, while they listen."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def until_open(self, seconds: float) -> None:
        """Return when each has been let in once."""
        await self._until("open", None, seconds)

    async def until_all_heard(self, landmark: str, seconds: float) -> None:
        """Return when each has heard of `landmark`; to be asked in the order in which they were written."""
        await self._until("heard", landmark, seconds)

    def stop_reading(self) -> None:
        """Let them keep their connections, and take nothing in."""
        self._process.send_signal(signal.SIGSTOP)

    def read_on(self) -> None:
        """Let them go on."""
        self._process.send_signal(signal.SIGCONT)

    async def finish(self, final: Sequence[int]) -> Heard:
        """Stop listening; what was heard, held against executions that are at the versions `final` now, or `GONE`."""
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps({"final": list(final)}) + b"\n")
        async with asyncio.timeout(_FINISHING_SECONDS):
            while "tallies" not in (said := await self._said()):
                pass
        tallies = [Tally(**each) for each in said.pop("tallies")]
        return Heard(tallies=tallies, **said)

    async def _until(self, what: str, which: str | None, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while what not in (said := await self._said()) or which not in {None, said[what]}:
                pass

    async def _said(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the crowd's process has ended; see its traceback"
        said: dict[str, Any] = orjson.loads(line)
        return said


async def live_cursor(url: str, tenant: str) -> str:
    """Where a subscriber of all of `tenant` begins now."""
    headers = {"Authorization": f"Bearer {_token(tenant, 0)}"}
    async with httpx2.AsyncClient(timeout=30, headers=headers) as http:
        answer = (await http.post(f"{url}/graphql", json={"query": _PAGE})).json()
    cursor: str = answer["data"]["executions"]["liveCursor"]
    return cursor


@contextlib.asynccontextmanager
async def crowd(  # noqa: PLR0913 - of which most have a usual value
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
    """`subscribers` that listen to all of `tenant` behind `after`, or the present, at which its executions are at
    `versions`; they need not be let in yet. Messages are `padding` bytes longer than they need be."""
    where = urlsplit(url)
    part = {
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
        process.stdin.write(orjson.dumps(part) + b"\n")
        yield Crowd(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def _token(tenant: str, number: int) -> str:
    return token_of(f"reader-{number}", Scope.EXECUTIONS_READ_TENANT, tenant=tenant)
