"""The loop of a sender: takes what is due from an outbox, attempts many at once, and none twice but after a kill.

Any number of processes send at the same time. Each claims deliveries by the clock of MongoDB; a claim runs out, so that
another process goes on where this one was killed. What this process puts in itself it may claim as it does so, where
nothing that is due waits for a place.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence

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
# While more waits, places that get free in this time are filled together: each filling is three commands to MongoDB.
_GATHERING_SECONDS = 0.02
# Most receivers answer within them: a server that is restarted repeats little.
_LAST_SECONDS = 3.0

# Attempts a claimed delivery and records how it ended. Returns whether its host answered, whatever it answered; None
# where nothing was sent. It may say that before it records it: the host then has its place again.
AttemptOne = Callable[[BsonDocument, Callable[[bool], None]], Awaitable[bool | None]]
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
        self._is_running = False
        # Places that are kept for what is being put in.
        self._kept = 0
        # Whether something due may wait for a place, and at which hosts: what is new does not overtake it.
        self._is_behind = True
        self._hosts_behind = set[str]()

    @property
    def in_flight(self) -> int:
        """How many attempts are on their way."""
        return len(self._sending)

    def keep_places(self, hosts: Sequence[str]) -> Sequence[bool]:
        """Keep places for deliveries to these hosts that are about to be put in, claimed; returns which have one.

        The others are put in as they are, and `wake` is called; those with a place end with `send` or `free_places`.
        """
        return [self._keep_place(host) for host in hosts]

    def free_places(self, hosts: Iterable[str]) -> None:
        """Free places that were kept: their deliveries are not sent from here."""
        for host in hosts:
            self._kept -= 1
            self._circuits.end(host, is_well=None)

    def send(self, claimed: BsonDocument) -> bool:
        """Send a delivery that has been put in, claimed, and has a place that was kept.

        Returns whether this process still sends; if not, the claim is to be given up.
        """
        if not self._is_running:
            self.free_places([claimed["host"]])
            return False
        self._kept -= 1
        self._start(claimed)
        return True

    def wake(self) -> None:
        """Look at once for what is due."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled; what is on its way then has some seconds left, or is sent again a minute later."""
        self._is_running = True
        try:
            while True:
                # A place that is free again, something new, or a while.
                ends = self._sending if await self._fill() else set[asyncio.Task[None]]()
                waking = asyncio.ensure_future(self._woken.wait())
                try:
                    await asyncio.wait({waking, *ends}, timeout=self._idle_seconds, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waking.cancel()
                if ends and not self._woken.is_set():
                    await asyncio.sleep(_GATHERING_SECONDS)
                self._woken.clear()
        finally:
            self._is_running = False
            if self._sending:
                await asyncio.wait(self._sending, timeout=_LAST_SECONDS)
            await end_tasks(*self._sending)
            await self._outbox.close()

    async def send_once(self, claimed: BsonDocument) -> None:
        """Send a delivery that the caller has claimed, and record how it ended."""
        self._circuits.begin(claimed["host"])
        await self._send(claimed)

    @property
    def _places(self) -> int:
        return AT_ONCE - len(self._sending) - self._kept

    def _keep_place(self, host: str) -> bool:
        if not self._is_running or self._is_behind or self._places <= 0:
            self._is_behind = True
            return False
        if host in self._hosts_behind or not self._take_place(host):
            self._hosts_behind.add(host)
            return False
        return True

    async def _fill(self) -> bool:
        """Claim as long as there are places and something is due; whether more may be due once an attempt has ended.

        Looking again after each attempt would cost a fifth of what the attempt does.
        """
        while self._places > 0:
            closed = self._circuits.closed_hosts
            try:
                due = await self._outbox.find_due(closed, self._places)
                await self._claim(due)
            except (PyMongoError, ExecutionMonitorError) as error:
                if self._outbox.is_usable:
                    _log_trouble("deliveries_not_claimed", error)
                await asyncio.sleep(_TROUBLE_SECONDS)
                return False
            if not due and not set(closed).difference(self._circuits.closed_hosts):
                self._is_behind = False
                self._hosts_behind.intersection_update(closed)
                return self._circuits.has_full_hosts
        self._is_behind = True
        return True

    async def _claim(self, due: Sequence[tuple[str, str]]) -> None:
        """Claim and send those that there are places for."""
        hosts = {delivery_id: host for delivery_id, host in due if self._places > 0 and self._take_place(host)}
        if not hosts:
            return
        try:
            for each in await self._outbox.claim(list(hosts)):
                del hosts[each["_id"]]
                self._kept -= 1
                self._start(each)
        finally:
            # Another sender was faster.
            self.free_places(hosts.values())

    def _take_place(self, host: str) -> bool:
        if not self._circuits.has_place(host):
            return False
        self._kept += 1
        self._circuits.begin(host)
        return True

    def _start(self, claimed: BsonDocument) -> None:
        task = asyncio.create_task(self._send(claimed))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, claimed: BsonDocument) -> None:
        host: str = claimed["host"]
        is_well, has_place = None, True

        def answer(well: bool) -> None:  # noqa: FBT001 - of an attempt
            nonlocal has_place
            has_place = False
            self._circuits.end(host, is_well=well)

        try:
            is_well = await self._attempt(claimed, answer)
        except (PyMongoError, ExecutionMonitorError) as error:
            # Its claim runs out.
            _log_trouble("delivery_not_recorded", error)
        except Exception as error:  # noqa: BLE001 - of one delivery, which must not come again every minute
            # What is in it may be in the message of the error.
            log.error("delivery_failed", delivery=str(claimed["_id"]), error=type(error).__name__)  # noqa: TRY400
            with contextlib.suppress(PyMongoError, ExecutionMonitorError):
                await self._put_off(claimed, Attempt(error="The server could not make the request."))
        finally:
            if has_place:
                self._circuits.end(host, is_well=is_well)
        if pause := self._circuits.seconds_until_open(host):
            with contextlib.suppress(PyMongoError, ExecutionMonitorError):
                await self._outbox.postpone_host(host, pause)


def _log_trouble(event: str, error: PyMongoError | ExecutionMonitorError) -> None:
    reason = explain(error) if isinstance(error, PyMongoError) else error.message
    log.warning(event, reason=reason)
