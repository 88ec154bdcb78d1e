"""Rate limits: points per caller and per address that refill over time, spent by what operations cost."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MongoDBStorage, SlidingWindowCounterSupport
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from execution_monitor.asgi.operations import Operation, Origin, Outcome
from execution_monitor.asgi.origin import network_of
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import RateLimited
from execution_monitor.limits.memory_storage import BoundedMemoryStorage

log = structlog.get_logger()

OFF = "off"
# The names of the policies, which clients see in headers.
CALLER, ADDRESS = "caller", "address"
# A shared store is asked within every operation: one that is slower than this is as good as gone.
_STORE_MILLISECONDS = 500
# How long a store that failed is not asked again.
_STORE_PAUSE_SECONDS = 5.0
# Refused callers that are turned away before their next document is read.
_MAX_EXHAUSTED = 10_000


@dataclass(frozen=True, slots=True)
class Policy:
    """So many points in so many seconds, for each of one kind."""

    name: str
    item: RateLimitItem

    @classmethod
    def named(cls, name: str, text: str) -> "Policy | None":
        """The policy that `text` spells, such as `1000/minute`; None for `off`; raises `ValueError` for others."""
        return None if text == OFF else cls(name, parse(text))

    @property
    def points(self) -> int:
        """How many there are."""
        return self.item.amount

    @property
    def seconds(self) -> int:
        """In how many seconds they refill."""
        return self.item.get_expiry()


@dataclass(frozen=True, slots=True)
class Quota:
    """What one policy leaves to one key: points now, and seconds until more of them are there."""

    policy: Policy
    granted: bool
    remaining: int
    wait: int


@dataclass(frozen=True, slots=True)
class RateLimitFigures:
    """How rate limits are doing: totals since the process started, and whether the shared store is out of reach."""

    refused: Mapping[str, int]
    store_failures: int
    store_is_down: bool


class RateLimits:
    """An observer that refuses operations of callers and addresses that have spent their points.

    The policies are asked in their order; the first should be that of the fewest.

    While the shared store is out of reach, points are counted in this process alone: reading goes on.
    """

    def __init__(self, policies: Sequence[Policy], store: MongoDBStorage | None = None) -> None:
        self._policies = policies
        self._memory = SlidingWindowCounterRateLimiter(BoundedMemoryStorage())
        self._store = store
        self._shared = None if store is None else SlidingWindowCounterRateLimiter(store)
        self._asked_again_at = 0.0
        self._failures = 0
        self._refused = {policy.name: 0 for policy in policies}
        self._exhausted: dict[str, float] = {}

    async def begin(self, operation: Operation) -> None:
        """Spend the points that `operation` costs; raises `RateLimited` when they are not there."""
        keys = self._keys_of(operation.caller, operation.origin)
        # What costs nothing was refused before it was read.
        if not keys or not operation.cost:
            return
        quotas = await self._spend(keys, operation.cost)
        operation.allowance.headers = _headers_of(quotas)
        operation.allowance.remaining = min(quota.remaining for quota in quotas)
        if not quotas[-1].granted:
            self._refuse(quotas[-1], keys[len(quotas) - 1][1], operation.allowance.headers)

    async def end(self, operation: Operation, outcome: Outcome) -> None:
        """Nothing: what was spent is spent."""

    def refuse_exhausted(self, caller: Caller, origin: Origin) -> None:
        """Raise `RateLimited` for whoever was refused and has not waited: reading a document costs us, too."""
        if not self._exhausted:
            return
        for policy, key in self._keys_of(caller, origin):
            left = self._exhausted.get(key, 0.0) - time.monotonic()
            if left > 0:
                quota = Quota(policy, granted=False, remaining=0, wait=math.ceil(left))
                self._refused[policy.name] += 1
                raise _refusal(quota, _headers_of([quota]))
            self._exhausted.pop(key, None)

    def close(self) -> None:
        """Let go of the shared store."""
        if self._store is not None:
            self._store.storage.close()  # pyright: ignore[reportUnknownMemberType] - Motor has no types

    async def check(self) -> None:
        """Nothing: reading goes on without the store."""

    @property
    def warnings(self) -> Sequence[str]:
        """Whether the shared store is out of reach, for `/readyz`."""
        is_down = self.figures().store_is_down
        return ["Rate limits are counted by each process alone: MongoDB does not keep them."] if is_down else []

    def figures(self) -> RateLimitFigures:
        """How they are doing now."""
        return RateLimitFigures(dict(self._refused), self._failures, self._asked_again_at > time.monotonic())

    def _keys_of(self, caller: Caller, origin: Origin) -> list[tuple[Policy, str]]:
        found: list[tuple[Policy, str]] = []
        for policy in self._policies:
            if policy.name == CALLER and caller.subject:
                # Neither may hold a line break.
                found.append((policy, f"caller\n{caller.tenant}\n{caller.subject}"))
            elif policy.name == ADDRESS and origin.address:
                found.append((policy, f"address\n{network_of(origin.address)}"))
        return found

    async def _spend(self, keys: Sequence[tuple[Policy, str]], cost: int) -> list[Quota]:
        if self._shared is not None and self._asked_again_at <= time.monotonic():
            shared = self._shared
            try:
                return await _spend_all(shared, keys, cost)
            # Whatever the driver raises: a limit that cannot be counted must not stop reading.
            except Exception as error:  # noqa: BLE001
                self._failures += 1
                self._asked_again_at = time.monotonic() + _STORE_PAUSE_SECONDS
                log.warning("rate_limit_store_failed", error=type(error).__name__)
        return await _spend_all(self._memory, keys, cost)

    def _refuse(self, quota: Quota, key: str, headers: Mapping[str, str]) -> None:
        self._refused[quota.policy.name] += 1
        if quota.remaining == 0:
            self._exhausted.pop(key, None)
            self._exhausted[key] = time.monotonic() + quota.wait
            if len(self._exhausted) > _MAX_EXHAUSTED:
                del self._exhausted[next(iter(self._exhausted))]
        raise _refusal(quota, headers)


def shared_store(uri: str, database: str) -> MongoDBStorage:
    """Points in MongoDB, which all replicas share; nothing is connected before it is first asked.

    `limits` reaches MongoDB through Motor, which has reached its end: nothing else of ours may use it.
    """
    return MongoDBStorage(
        uri,
        database_name=database,
        counter_collection_name="rate_limit_counters",
        window_collection_name="rate_limit_windows",
        timeoutMS=_STORE_MILLISECONDS,
        serverSelectionTimeoutMS=_STORE_MILLISECONDS,
        # A point that a failover forgets harms nobody.
        w=1,
    )


async def _spend_all(
    limiter: SlidingWindowCounterRateLimiter, keys: Sequence[tuple[Policy, str]], cost: int
) -> list[Quota]:
    """What is left of each, up to the first that does not grant `cost`: who is refused spends nothing of others."""
    quotas: list[Quota] = []
    for policy, key in keys:
        quotas.append(await _spend(limiter, policy, key, cost))
        if not quotas[-1].granted:
            break
    return quotas


async def _spend(limiter: SlidingWindowCounterRateLimiter, policy: Policy, key: str, cost: int) -> Quota:
    granted = await limiter.hit(policy.item, key, cost=cost)
    store = cast("SlidingWindowCounterSupport", limiter.storage)
    before, left, now, end = await store.get_sliding_window(policy.item.key_for(key), policy.seconds)
    spent = before * left / policy.seconds + now
    remaining = max(0, policy.points - math.floor(spent))
    if granted:
        return Quota(policy, granted, remaining, math.ceil(max(0.0, end - policy.seconds)))
    room = policy.points - cost
    return Quota(policy, granted, remaining, max(1, math.ceil(_wait(room, before, now, end - policy.seconds, policy))))


def _wait(room: int, before: int, now: int, left: float, policy: Policy) -> float:
    """Seconds until no more than `room` points count as spent: they fade over the window that follows theirs."""
    if before and now <= room:
        return left - (room - now) * policy.seconds / before
    return max(0.0, left) + policy.seconds * (1 - max(0, room) / max(1, now))


def _refusal(quota: Quota, headers: Mapping[str, str]) -> RateLimited:
    whose = "You have" if quota.policy.name == CALLER else "Your address has"
    return RateLimited(
        f"{whose} {quota.remaining:,} points left of {quota.policy.points:,} in {quota.policy.seconds:,} seconds, "
        f"too few for this; try again in {quota.wait:,} seconds.",
        quota.wait,
        headers,
    )


def _headers_of(quotas: Sequence[Quota]) -> Mapping[str, str]:
    """The fields of draft-ietf-httpapi-ratelimit-headers-10: policies, and what is left of each."""
    policies = ", ".join(
        f'"{each.policy.name}";q={each.policy.points};qu="points";w={each.policy.seconds}' for each in quotas
    )
    left = ", ".join(f'"{each.policy.name}";r={each.remaining};t={each.wait}' for each in quotas)
    return {"RateLimit-Policy": policies, "RateLimit": left}
