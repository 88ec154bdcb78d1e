"""The keys of an issuer, kept: fetched once for all who wait, again when they may have changed, and not too often."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from execution_monitor.access.keys import KeysUnusable, SigningKey, choose, unknown_key
from execution_monitor.errors import IssuerUnavailable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KeyAges:
    """Seconds that matter to keys."""

    fresh: float = 600  # until they are fetched again, so that a withdrawn one is forgotten
    # Tokens live an hour as a rule: whoever has one gets through an outage of the issuer with it, and no key that was
    # withdrawn meanwhile lives on for longer.
    kept: float = 3_600
    between_fetches: float = 60  # for an unknown key, or after a fetch that failed while there are keys
    between_first_fetches: float = 2  # after a fetch that failed while there are none


class KeyCache:
    """The keys that `fetch` gives, and at most one fetch at a time; `close` it in the end."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[tuple[SigningKey, ...]]],
        ages: KeyAges | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._ages = ages or KeyAges()
        self._clock = clock
        self._keys: tuple[SigningKey, ...] = ()
        self._keys_from = float("-inf")  # when the fetch that brought them began
        self._tried_at = float("-inf")
        self._asked_at = float("-inf")  # when an unknown key was last asked for
        self._failure: str | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None, algorithm: str) -> SigningKey:
        """The key with this id, or the only one for `algorithm` when there is no id.

        Raises `Unauthenticated` when the issuer has none, `IssuerUnavailable` when it cannot be asked.
        """
        arrived = self._clock()
        await self.check()
        while (found := choose(self._keys, key_id, algorithm)) is None:
            if self._keys_from >= arrived:
                raise unknown_key()
            if self._fetching is None:
                if arrived < self._may_ask_at:
                    raise IssuerUnavailable(self._explain()) if self._failure else unknown_key()
                self._asked_at = arrived
            await self._fetched()
        return found

    @property
    def _may_ask_at(self) -> float:
        """When an unknown key may be a reason to fetch again."""
        return (max(self._asked_at, self._tried_at) if self._failure else self._asked_at) + self._ages.between_fetches

    async def check(self) -> None:
        """Return when there are keys that may be used, and begin to renew old ones; else raise `IssuerUnavailable`."""
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
        """A sentence when the last fetch failed; what was fetched before is used meanwhile."""
        return self._explain() if self._failure else None

    def begin(self) -> None:
        """Fetch before the first token comes."""
        if self._fetching is None:
            self._begin()

    async def close(self) -> None:
        """Stop a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    async def _fetched(self) -> None:
        # Nobody who leaves takes the fetch from the others.
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
            self._failure = str(error)
            log.warning("issuer_keys_not_fetched", reason=self._failure, exc_info=error.__cause__)
        except Exception:
            self._failure = "something unexpected went wrong; see the server's log"
            log.exception("issuer_keys_not_fetched")
        else:
            self._failure = None
            self._keys_from = begun

    def _explain(self) -> str:
        return f"The issuer's keys cannot be fetched: {self._failure or 'it has not answered yet'}."
