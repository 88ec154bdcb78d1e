"""A cache of an issuer's keys: one fetch for all requests that wait, and a new one when keys may have changed.

Anyone can send a token that names an unknown key, and its signature cannot be verified before that key is known. So an
unknown key causes a fetch at most every few seconds; and none is refused by keys that were fetched before the token
arrived: it waits for the next fetch. Thus a key that the issuer has just begun to sign with is found by that fetch,
whatever else is sent.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from execution_monitor.auth.keys import ASYMMETRIC, KeysUnusable, SigningKey, choose, is_known, unknown_key
from execution_monitor.errors import IssuerUnavailable, ServerBusy

log = structlog.get_logger()

# Requests with unknown keys that wait for a fetch, of some 20 kB each. More are refused and may try again: after the
# fetch that the others wait for, a key that exists is known and nothing has to wait.
_MOST_WAITING = 1_000


@dataclass(frozen=True, slots=True)
class KeyAges:
    """When keys are fetched again and when they are no longer used, in seconds."""

    fresh: float = 600  # until they are fetched again, so that withdrawn keys are dropped
    # Until they are not used any more. Most tokens live an hour: they get through an outage of the issuer, and a key
    # that was withdrawn meanwhile is used for no longer than that.
    kept: float = 3_600
    between_fetches: float = 60  # after a fetch that failed while there are keys
    between_first_fetches: float = 2  # after a fetch that failed while there are none
    # For unknown keys: strangers can cause twelve fetches a minute at most, and delay the fetch of a new key by five
    # seconds at most.
    between_lookups: float = 5


class KeyCache:
    """Keys as `fetch` returns them; at most one fetch runs at a time. `close` it in the end."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[tuple[SigningKey, ...]]],
        ages: KeyAges | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._fetch = fetch
        self._ages = ages or KeyAges()
        self._clock = clock
        self._sleep = sleep
        self._keys: tuple[SigningKey, ...] = ()
        self._keys_from = float("-inf")  # when the fetch that returned them began
        self._tried_at = float("-inf")
        self._failed_from = float("-inf")  # when the last fetch that failed began
        self._looked_up_at = float("-inf")  # when an unknown key last caused a fetch
        self._failure: str | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._lookup: asyncio.Task[None] | None = None
        self._waiting = 0

    async def find(self, key_id: str | None, algorithm: str) -> SigningKey:
        """The key with `key_id`, or the only one for `algorithm` without an id.

        Raises:
            Unauthenticated: the issuer has no such key.
            IssuerUnavailable: the keys cannot be fetched.
            ServerBusy: too many requests wait for a fetch.
        """
        if algorithm not in ASYMMETRIC:
            # No key that an issuer can publish fits.
            raise unknown_key()
        arrived = self._clock()
        await self.check()
        while (found := choose(self._keys, key_id, algorithm)) is None:
            if self._keys_from >= arrived or is_known(self._keys, key_id, algorithm):
                raise unknown_key()
            if self._failure and (self._failed_from >= arrived or self._seconds_to_lookup > 0):
                raise IssuerUnavailable(self._explain())
            await self._look_up()
        return found

    @property
    def _seconds_to_lookup(self) -> float:
        """How long until an unknown key may cause a fetch."""
        return self._looked_up_at + self._ages.between_lookups - self._clock()

    async def check(self) -> None:
        """Wait until there are usable keys, and begin to renew old ones; raises `IssuerUnavailable`."""
        age, pause = self._clock() - self._keys_from, self._clock() - self._tried_at
        if age <= self._ages.fresh:
            return
        if age <= self._ages.kept:
            if self._fetching is None and pause >= self._ages.between_fetches:
                self._begin()
            return
        if self._fetching is not None or pause >= self._ages.between_first_fetches:
            await self._fetched()
        if self._clock() - self._keys_from > self._ages.kept:
            raise IssuerUnavailable(self._explain())

    @property
    def warning(self) -> str | None:
        """A sentence while the last fetch has failed and earlier keys are used."""
        return self._explain() if self._failure else None

    def begin(self) -> None:
        """Begin to fetch, so that keys are there before the first token."""
        if self._fetching is None:
            self._begin()

    async def close(self) -> None:
        """Cancel fetches that run or are due."""
        tasks = [task for task in (self._lookup, self._fetching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_up(self) -> None:
        """Wait for the fetch that runs, or for the next one that an unknown key may cause."""
        if self._waiting >= _MOST_WAITING:
            raise ServerBusy("Too many tokens wait for the issuer's keys; try again.")
        self._waiting += 1
        try:
            if self._fetching is not None:
                await self._fetched()
                return
            if self._lookup is None:
                self._lookup = asyncio.create_task(self._fetch_in_turn(), name="lookup of issuer keys")
                self._lookup.add_done_callback(self._end_lookup)
            await asyncio.shield(self._lookup)
        finally:
            self._waiting -= 1

    async def _fetch_in_turn(self) -> None:
        await self._sleep(max(0.0, self._seconds_to_lookup))
        if self._fetching is not None:
            # It may have begun before the tokens that wait now arrived.
            await self._fetched()
        self._looked_up_at = self._clock()
        await self._fetched()

    def _end_lookup(self, _: asyncio.Task[None]) -> None:
        self._lookup = None

    async def _fetched(self) -> None:
        # A request that is cancelled must not cancel the fetch for the others.
        await asyncio.shield(self._fetching or self._begin())

    def _begin(self) -> asyncio.Task[None]:
        self._tried_at = self._clock()
        self._fetching = asyncio.create_task(self._renew(self._tried_at), name="issuer keys")
        self._fetching.add_done_callback(self._forget)
        return self._fetching

    def _forget(self, _: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _renew(self, begun: float) -> None:
        try:
            self._keys = await self._fetch()
        except KeysUnusable as error:
            self._failed_from = begun
            self._failure = str(error)
            log.warning("issuer_keys_not_fetched", reason=self._failure, exc_info=error.__cause__)
        except Exception:
            self._failed_from = begun
            self._failure = "something unexpected went wrong; see the server's log"
            log.exception("issuer_keys_not_fetched")
        else:
            self._failure = None
            self._keys_from = begun

    def _explain(self) -> str:
        return f"The issuer's keys cannot be fetched: {self._failure or 'it has not answered yet'}."
