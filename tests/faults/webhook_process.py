"""A process that enqueues and sends webhooks, and kills itself at a point that a test names."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
import uvloop

from execution_monitor.encryption import Encryption
from execution_monitor.feeder.feeder import Feeder
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.outbound.client import TIMEOUT_SECONDS, Outbound
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.server.uvicorn_server import collect_garbage_less_often
from execution_monitor.storage.database import open_database
from execution_monitor.storage.leases import Lease
from execution_monitor.webhooks import circuits, delivery_loop, enqueueing, retry_schedule
from execution_monitor.webhooks import outbox as outboxes
from execution_monitor.webhooks.enqueueing import Enqueueing
from execution_monitor.webhooks.messages import Messages
from execution_monitor.webhooks.outbox import Outbox
from execution_monitor.webhooks.owners import Owners
from execution_monitor.webhooks.sender import Sender
from execution_monitor.webhooks.sending_webhooks import SendingWebhooks
from execution_monitor.webhooks.states import WebhookStates
from tests.faults.faulty_receiver import ATTEMPT_SECONDS, PROCESS_HEADER

# What is patched at each point, and whether the process ends before it or behind it. Positions are stored once a second
# alone: a process that stood still at each part of a batch would never end it.
POINTS: dict[str, tuple[Any, str, bool]] = {
    "before the outbox": (Outbox, "put", True),
    "between outbox and position": (enqueueing, "save_tenant_position", True),
    "behind the position": (enqueueing, "save_tenant_position", False),
    "claimed": (Sender, "_attempt", True),
    "posted": (Outbound, "post", False),
    "recorded": (Outbox, "finish", False),
}
# A killed process keeps its lease and its claims so long: in a deployment 30 s and 60 s.
LEASE_SECONDS = 1.0
CLAIM_SECONDS = 3
FROZEN_SECONDS = 2 * LEASE_SECONDS
# What fails comes again soon, and as often as it takes.
_DELAYS = (0.1, 0.2, *(0.5,) * 40)


@dataclass(frozen=True)
class Conduct:
    """What a process does beside its work.

    Attributes:
        number: its name, in each request.
        point: where it kills itself, if anywhere.
        freezes: whether it stops there for two leases instead, again and again.
        ahead: how far its clock is ahead.
        is_hurried: whether leases, claims and retries are short, so that a test takes no hours.
    """

    number: int = 0
    point: str | None = None
    freezes: bool = False
    ahead: timedelta = timedelta()
    is_hurried: bool = True


def run(uri: str, database: str, key: str, hosts: Sequence[str], conduct: Conduct) -> None:
    """Enqueue and send until killed."""
    if conduct.is_hurried:
        _hurry()
    _sign_requests(conduct)
    if conduct.point is not None:
        _end_at(conduct.point, freezes=conduct.freezes)
    with time_machine.travel(datetime.now(UTC) + conduct.ahead, tick=True):
        # As a server runs.
        uvloop.run(_run(uri, database, key, hosts))


def _hurry() -> None:
    patches: list[tuple[Any, str, Any]] = [
        (outboxes, "CLAIM_SECONDS", CLAIM_SECONDS),
        (retry_schedule, "DELAYS", _DELAYS),
        (retry_schedule, "MAX_ATTEMPTS", 1 + len(_DELAYS)),
        (circuits, "_FIRST_SECONDS", 0.2),
        # All goes to one host.
        (delivery_loop, "_AT_ONE_HOST", 32),
    ]
    for owner, name, value in patches:
        setattr(owner, name, value)


def _sign_requests(conduct: Conduct) -> None:
    original: Any = Outbound.__dict__["post"]
    seconds = ATTEMPT_SECONDS if conduct.is_hurried else TIMEOUT_SECONDS

    async def post(self: Outbound, destination: Any, body: bytes, headers: Any) -> Any:
        signed = {**headers, PROCESS_HEADER: str(conduct.number)}
        return await original(self, destination, body, signed, seconds=seconds)

    setattr(Outbound, "post", post)  # noqa: B010 - a type checker would want the same signature


def _end_at(point: str, *, freezes: bool) -> None:
    owner, name, is_before = POINTS[point]
    original: Any = owner.__dict__[name]
    left = random.randrange(1, 4)  # noqa: S311 - no secret

    def end() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            if not freezes:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(FROZEN_SECONDS)
            left = 2

    async def ending(*arguments: Any, **options: Any) -> Any:
        if is_before:
            end()
        found = await original(*arguments, **options)
        if not is_before:
            end()
        return found

    setattr(owner, name, ending)


async def _run(uri: str, name: str, key: str, hosts: Sequence[str]) -> None:
    collect_garbage_less_often()
    async with open_database(uri, name) as database:
        await database.connect()
        outbox, encryption = Outbox(database), Encryption([key])
        rules = DestinationRules(frozenset(hosts), allows_http=True)
        async with Outbound(rules) as outbound:
            messages = Messages(LiveCursors(b"s" * 32))
            sending = SendingWebhooks(database, encryption)
            sender = Sender(outbox, sending, WebhookStates(database), messages, outbound)
            consumer = Enqueueing(database, outbox, Owners(database, timedelta(days=30)), sender)
            feeder = Feeder(database, [consumer], Lease(database, "feeder", seconds=LEASE_SECONDS))
            await asyncio.gather(feeder.run(), sender.run())
