"""The loop of a sender: takes what is due from an outbox, attempts many at once, and none twice but after a kill.

Any number of processes send at the same time. Each claims one delivery by the clock of MongoDB; a claim runs out, so
that another process goes on where this one was killed.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from pymongo.errors import PyMongoError

from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.storage.mongodb_errors import explain
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.tasks import end_tasks
from execution_monitor.webhooks.circuits import Circuits
from execution_monitor.webhooks.outbox import Attempt, Outbox

log = structlog.get_logger()

# Receivers that do not answer hold a place for ten seconds each; a host holds no more than an eighth of them.
AT_ONCE = 64
_AT_ONE_HOST = 8
_TROUBLE_SECONDS = 1.0
# Most receivers answer within them: a server that is restarted repeats little.
_LAST_SECONDS = 3.0

# Attempts a claimed delivery and records how it ended. Returns whether its host answered, whatever it answered; None
# where nothing was sent.
AttemptOne = Callable[[BsonDocument], Awaitable[bool | None]]
# Records that a claimed delivery failed, to be tried again by the schedule.
PutOff = Callable[[BsonDocument, Attempt], Awaitable[None]]


class DeliveryLoop:
    """Sends from one process what is due in one outbox.

    Args:
        outbox: where it is.
        attempt: sends one.
        put_off: records one that could not be attempted for a fault of ours.
        idle_seconds: between two looks while nothing is due; `wake` ends them.
    """

    def __init__(self, outbox: Outbox, attempt: AttemptOne, put_off: PutOff, *, idle_seconds: float) -> None:
        self._outbox = outbox
        self._attempt = attempt
        self._put_off = put_off
        self._idle_seconds = idle_seconds
        self._circuits = Circuits(_AT_ONE_HOST)
        self._woken = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        """How many attempts are on their way."""
        return len(self._sending)

    def wake(self) -> None:
        """Look at once for what is due."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled; what is on its way then has some seconds left, or is sent again a minute later."""
        try:
            while True:
                await self._fill()
                # A place that is free again, something new, or a while.
                waking = asyncio.ensure_future(self._woken.wait())
                try:
                    await asyncio.wait(
                        {waking, *self._sending}, timeout=self._idle_seconds, return_when=asyncio.FIRST_COMPLETED
                    )
                finally:
                    waking.cancel()
                self._woken.clear()
        finally:
            if self._sending:
                await asyncio.wait(self._sending, timeout=_LAST_SECONDS)
            await end_tasks(*self._sending)

    async def send_once(self, claimed: BsonDocument) -> None:
        """Send a delivery that the caller has claimed, and record how it ended."""
        self._circuits.begin(claimed["host"])
        await self._send(claimed)

    async def _fill(self) -> None:
        """Claim as long as there are places and something is due."""
        while len(self._sending) < AT_ONCE:
            try:
                claimed = await self._outbox.claim(self._circuits.closed_hosts)
            except (PyMongoError, ExecutionMonitorError) as error:
                if not self._outbox.is_out_of_reach:
                    _log_trouble("deliveries_not_claimed", error)
                await asyncio.sleep(_TROUBLE_SECONDS)
                return
            if claimed is None:
                return
            self._circuits.begin(claimed["host"])
            task = asyncio.create_task(self._send(claimed))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, claimed: BsonDocument) -> None:
        host: str = claimed["host"]
        is_well: bool | None = None
        try:
            is_well = await self._attempt(claimed)
        except (PyMongoError, ExecutionMonitorError) as error:
            # Its claim runs out.
            _log_trouble("delivery_not_recorded", error)
        except Exception as error:  # noqa: BLE001 - of one delivery, which must not come again every minute
            # What is in it may be in the message of the error.
            log.error("delivery_failed", delivery=str(claimed["_id"]), error=type(error).__name__)  # noqa: TRY400
            with contextlib.suppress(PyMongoError, ExecutionMonitorError):
                await self._put_off(claimed, Attempt(error="The server could not make the request."))
        finally:
            self._circuits.end(host, is_well=is_well)
        if pause := self._circuits.seconds_until_open(host):
            with contextlib.suppress(PyMongoError, ExecutionMonitorError):
                await self._outbox.postpone_host(host, pause)


def _log_trouble(event: str, error: PyMongoError | ExecutionMonitorError) -> None:
    reason = explain(error) if isinstance(error, PyMongoError) else error.message
    log.warning(event, reason=reason)
