"""A receiver of webhooks that fails, stalls, answers late and lies, and remembers what it did with each request."""

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson
from standardwebhooks import Webhook as Verifier

from tests.outbound.receiver import Receiver, receiving

# Senders in tests give up sooner than in a deployment, where it is 10 s.
ATTEMPT_SECONDS = 1.5
_LATE_SECONDS = 2.0
# The header in which processes of tests say which they are.
PROCESS_HEADER = "test-process"


class Behaviour(Enum):
    """What it does with a request: whether it takes it in, and what it answers."""

    TAKES = "takes it"
    REFUSES = "answers 500"
    LIES = "takes it and answers 500"
    CLOSES = "takes it and closes the connection"
    STALLS = "does not answer"
    IS_LATE = "takes it and answers when the sender has given up"


# A fifth of all fails.
_SHARES = {
    Behaviour.REFUSES: 0.1,
    Behaviour.LIES: 0.06,
    Behaviour.CLOSES: 0.02,
    Behaviour.STALLS: 0.01,
    Behaviour.IS_LATE: 0.01,
}
_ANSWERS = {
    Behaviour.TAKES: b"HTTP/1.1 204 No Content\r\n\r\n",
    Behaviour.IS_LATE: b"HTTP/1.1 204 No Content\r\n\r\n",
    Behaviour.REFUSES: b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n",
    Behaviour.LIES: b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n",
}


@dataclass(frozen=True)
class Post:
    """One request."""

    delivery: str
    process: int
    at: float
    behaviour: Behaviour
    body: Mapping[str, Any]


@dataclass
class FaultyReceiver:
    """Where it listens, and all requests in their order.

    Attributes:
        secrets: of the webhooks, by their ids; a request with a wrong signature or time fails the test.
        is_faulty: whether a fifth of the requests fails.
    """

    receiver: Receiver
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    posts: list[Post] = field(default_factory=list[Post])
    forged: list[str] = field(default_factory=list[str])
    is_faulty: bool = True

    @property
    def by_delivery(self) -> Mapping[str, Sequence[Post]]:
        """The requests of each delivery."""
        found = defaultdict[str, list[Post]](list)
        for each in self.posts:
            found[each.delivery].append(each)
        return found

    def behave(self) -> Behaviour:
        """What to do with the next request."""
        if not self.is_faulty:
            return Behaviour.TAKES
        drawn = random.random()  # noqa: S311 - no secret
        for behaviour, share in _SHARES.items():
            drawn -= share
            if drawn < 0:
                return behaviour
        return Behaviour.TAKES

    async def respond(self, writer: asyncio.StreamWriter) -> None:
        """Take in the request that came last, or do not, and answer."""
        request, behaviour = self.receiver.requests.pop(), self.behave()
        delivery, body = request.headers["webhook-id"], orjson.loads(request.body)
        try:
            Verifier(self.secrets[body["data"]["webhook_id"]]).verify(request.body, request.headers)
        except Exception as error:  # noqa: BLE001 - what it is does not matter
            self.forged.append(f"{delivery}: {error!r}")
        process = int(request.headers.get(PROCESS_HEADER, "0"))
        self.posts.append(Post(delivery, process, time.monotonic(), behaviour, body))
        if behaviour is Behaviour.CLOSES:
            writer.close()
            return
        if behaviour in (Behaviour.STALLS, Behaviour.IS_LATE):
            await asyncio.sleep(_LATE_SECONDS)
        if behaviour in _ANSWERS:
            writer.write(_ANSWERS[behaviour])
            with contextlib.suppress(ConnectionError):
                await writer.drain()


@contextlib.asynccontextmanager
async def receiving_faultily() -> AsyncGenerator[FaultyReceiver]:
    """A receiver without TLS, until the end."""
    found: FaultyReceiver | None = None

    async def respond(writer: asyncio.StreamWriter) -> None:
        assert found is not None
        await found.respond(writer)

    async with receiving(respond, None) as receiver:
        found = FaultyReceiver(receiver)
        yield found
