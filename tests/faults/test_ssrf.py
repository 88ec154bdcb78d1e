"""Addresses that lead inside, or hold a sender up: each is refused before a byte is sent, or ended in time."""

import asyncio
import gzip
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpcore2
from typing_extensions import override

from execution_monitor.errors import BadUserInput
from execution_monitor.outbound.client import MAX_ANSWER_BYTES, Answer, Failure, Outbound
from execution_monitor.outbound.connections import PublicBackend
from execution_monitor.outbound.destinations import DestinationRules
from tests.faults.results import FaultResult
from tests.outbound.receiver import NAME, Authority, Respond, answering, receiving

# What is refused as it is written: no name is looked up.
WRITTEN = (
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://127.1/",
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::53aa:64c]/",
    "https://[fe80::1%25eth0]/",
    "https://user:secret@receiver.example.com/",
    "https://receiver.example.com@127.0.0.1/",
    "https://receiver.example.com:25/",
    "https://receiver.example.com:6379/",
    "http://receiver.example.com/",
    "gopher://receiver.example.com:443/_",
    "https://receiver.example.com\\@127.0.0.1/",
    "https://receiver.example.com/\r\nHost: inside",
)
# What is refused when its name is known to lead inside: what names resolve to.
RESOLVED: Mapping[str, Sequence[str]] = {
    "localhost": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "10-0-0-1.example.com": ["10.0.0.1"],
    "one-of-two.example.com": ["8.8.8.8", "192.168.1.1"],
    "mapped.example.com": ["::ffff:172.16.0.1"],
    "nat64.example.com": ["64:ff9b::7f00:1"],
    "6to4.example.com": ["2002:a00:1::"],
    "unique-local.example.com": ["fd00::1"],
    "carrier.example.com": ["100.64.0.1"],
    "any.example.com": ["0.0.0.0"],  # noqa: S104 - nothing is bound
    "multicast.example.com": ["224.0.0.1"],
}
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
_BOMB = gzip.compress(bytes(10_000_000))
# What a receiver that may be sent to does, and what is made of it.
BEHAVIOUR: Mapping[str, tuple[Respond, Callable[[Answer | Failure], bool]]] = {
    "a redirect inside": (
        answering(b"HTTP/1.1 302 Found\r\nlocation: https://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"),
        lambda answer: answer == Answer(302, None, ""),
    ),
    "a redirect that repeats the request": (
        answering(b"HTTP/1.1 307 Repeat\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n"),
        lambda answer: answer == Answer(307, None, ""),
    ),
    "a body that comes byte by byte": (
        answering(_HEAD, *[b"x"] * 1_000, pause=0.05),
        lambda answer: isinstance(answer, Answer) and len(answer.body) < MAX_ANSWER_BYTES,
    ),
    "a bomb": (
        answering(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(_BOMB) + _BOMB),
        lambda answer: isinstance(answer, Answer) and len(answer.body) <= MAX_ANSWER_BYTES,
    ),
    "an answer that never begins": (answering(pause=60), lambda answer: answer is Failure.TIMED_OUT),
}
_SECONDS = 1.0
_IN_TIME_SECONDS = 10.0


class Recording(httpcore2.AsyncNetworkBackend):
    """Connects to nothing, and remembers what it was to connect to."""

    def __init__(self) -> None:
        self.hosts = list[str]()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.hosts.append(host)
        raise httpcore2.ConnectError


def recording(resolve: Callable[[str], Sequence[str]]) -> tuple[Outbound, Recording]:
    """A client whose connections are recorded."""

    async def resolver(host: str, _: int) -> Sequence[str]:
        return resolve(host)

    outbound, connections = Outbound(DestinationRules(), resolver=resolver), Recording()
    backend: Any = outbound._backend  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no packet may leave
    assert isinstance(backend, PublicBackend)
    backend._connections = connections  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return outbound, connections


async def wrongly_written() -> list[str]:
    looked_up = list[str]()

    def resolve(host: str) -> Sequence[str]:
        looked_up.append(host)
        return ["8.8.8.8"]

    found = list[str]()
    outbound, connections = recording(resolve)
    async with outbound:
        for url in WRITTEN:
            try:
                await outbound.post(outbound.rules.check(url), b"{}", {})
            except BadUserInput:
                continue
            found.append(url)
    return found + looked_up + connections.hosts


async def wrongly_resolved() -> list[str]:
    outbound, connections = recording(RESOLVED.__getitem__)
    async with outbound:
        answers = {name: await outbound.post(outbound.rules.check(f"https://{name}/"), b"{}", {}) for name in RESOLVED}
    return [name for name, answer in answers.items() if answer is not Failure.NOT_PUBLIC] + connections.hosts


async def wrongly_rebound() -> list[str]:
    """A name that leads to a public address when it is looked up first, and inside from then on."""
    addresses = [["8.8.8.8"], ["127.0.0.1"], ["127.0.0.1"]]
    outbound, connections = recording(lambda _: addresses.pop(0))
    async with outbound:
        await outbound.post(outbound.rules.check("https://rebinding.example.com/"), b"{}", {})
    return [each for each in connections.hosts if each != "8.8.8.8"] + ["resolved again"] * (2 - len(addresses))


async def wrongly_ended(folder: Path) -> list[str]:
    async def loopback(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async def is_wrong(respond: Respond, is_right: Callable[[Answer | Failure], bool]) -> bool:
        async with receiving(respond, authority.server()) as receiver:
            rules = DestinationRules(frozenset({f"{NAME}:{receiver.port}"}))
            async with Outbound(rules, resolver=loopback, trusted=authority.trusted) as outbound:
                began = time.monotonic()
                answer = await outbound.post(rules.check(receiver.url), b"{}", {}, seconds=_SECONDS)
        is_late = time.monotonic() - began > _IN_TIME_SECONDS
        return is_late or not is_right(answer) or receiver.connections != 1

    authority = Authority(folder)
    wrong = await asyncio.gather(*(is_wrong(*each) for each in BEHAVIOUR.values()))
    return [name for name, each in zip(BEHAVIOUR, wrong, strict=True) if each]


async def test_every_address_that_leads_inside_is_refused_before_a_byte_is_sent_or_ended_in_time(
    tmp_path: Path, report: Callable[[FaultResult], None]
):
    wrong = [
        *await wrongly_written(),
        *await wrongly_resolved(),
        *await wrongly_rebound(),
        *await wrongly_ended(tmp_path),
    ]

    assert wrong == []
    fault = (
        "addresses that lead inside: decimal and octal, user names, ports, metadata, rebinding, slow bodies, bombs, 30x"
    )
    trials = len(WRITTEN) + len(RESOLVED) + 1 + len(BEHAVIOUR)
    report(FaultResult(fault, trials, 0, 0, note="refused before a byte is sent, or ended in time", page="webhooks"))
