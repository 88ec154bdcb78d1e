"""Rate limits: operations spend the points of their caller and address, which refill over time."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import structlog
from limits import RateLimitItem
from limits.aio.storage import MongoDBStorage, SlidingWindowCounterSupport
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.asgi.operations import Observation, Operation, Outcome
from execution_monitor.asgi.origin import Origin, network_of
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import RateLimited
from execution_monitor.limits.memory_storage import BoundedMemoryStorage
from execution_monitor.limits.rates import parse_rate
from execution_monitor.observability.metrics.families import counter, counters_by, gauge

log = structlog.get_logger()

# The names of the policies, which clients see in headers.
CALLER, ADDRESS = "caller", "address"
# Every operation waits for a shared store: one that is slower than this counts as unavailable.
_STORE_MILLISECONDS = 500
# How long a store that failed is not used.
_STORE_PAUSE_SECONDS = 5.0
# What MongoDB examines in some 5 ms; a page of 100 from an index costs 101 points.
_EXAMINED_PER_POINT = 1_000
# Callers without points that are remembered, to refuse them before their next document is read.
_MAX_EXHAUSTED = 10_000


@dataclass(frozen=True, slots=True)
class Policy:
    """Points in a period, for each caller or each address."""

    name: str
    item: RateLimitItem

    @classmethod
    def parse(cls, name: str, text: str) -> "Policy | None":
        """The policy of a text such as `1000/minute`, None for `off`; raises `ValueError` for other text."""
        rate = parse_rate(text)
        return None if rate is None else cls(name, rate)

    @property
    def points(self) -> int:
        """Points in a period."""
        return self.item.amount

    @property
    def seconds(self) -> int:
        """The period, in which points refill."""
        return self.item.get_expiry()


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of one policy for one key.

    Attributes:
        granted: whether the points were spent.
        remaining: points.
        wait: seconds until more points are there.
    """

    policy: Policy
    granted: bool
    remaining: int
    wait: int


class RateLimits(Collector):
    """An observer that refuses operations of callers and addresses without points.

    Policies are checked in their order; the one with the fewest points should come first. While the shared store is
    unavailable, points are counted in this process alone, so that reading goes on.

    Attributes:
        refused: refused operations by policy, since the process started.
        store_failures: times that the shared store could not be used since then.
    """

    def __init__(self, policies: Sequence[Policy], store: MongoDBStorage | None = None) -> None:
        self._policies = policies
        self._memory = SlidingWindowCounterRateLimiter(BoundedMemoryStorage())
        self._store = store
        self._shared = None if store is None else SlidingWindowCounterRateLimiter(store)
        self._store_paused_until = 0.0
        self.store_failures = 0
        self.refused = {policy.name: 0 for policy in policies}
        self._exhausted: dict[str, float] = {}

    def observe(self, operation: Operation, outcome: Outcome) -> Observation:
        """Spend the points of `operation` before it runs, and behind it those of the executions that it examined."""
        return _Charge(self, operation, outcome)

    async def charge(self, operation: Operation) -> None:
        """Spend the points that `operation` costs; raises `RateLimited` when there are too few."""
        keys = self._keys_of(operation.caller, operation.origin)
        # An operation without a cost was refused before its document was read.
        if not keys or not operation.cost:
            return
        quotas = await self._spend(keys, operation.cost)
        operation.allowance.headers = _headers_of(quotas)
        operation.allowance.remaining = min(quota.remaining for quota in quotas)
        if not quotas[-1].granted:
            self._refuse(quotas[-1], keys[len(quotas) - 1][1], operation.allowance.headers)

    async def charge_search(self, operation: Operation, examined: int) -> None:
        """Spend a point for each 1,000 executions that `operation` examined, or those that are left: it has run."""
        for policy, key in self._keys_of(operation.caller, operation.origin):
            cost = math.ceil(examined / _EXAMINED_PER_POINT)
            (quota,) = await self._spend([(policy, key)], cost)
            if not quota.granted and quota.remaining:
                await self._spend([(policy, key)], quota.remaining)

    def refuse_exhausted(self, caller: Caller, origin: Origin) -> None:
        """Raise `RateLimited` for callers without points that have not waited: reading a document costs us, too."""
        if not self._exhausted:
            return
        for policy, key in self._keys_of(caller, origin):
            left = self._exhausted.get(key, 0.0) - time.monotonic()
            if left > 0:
                quota = Quota(policy, granted=False, remaining=0, wait=math.ceil(left))
                self.refused[policy.name] += 1
                raise _refusal(quota, _headers_of([quota]))
            self._exhausted.pop(key, None)

    def close(self) -> None:
        """Close the shared store."""
        if self._store is not None:
            self._store.storage.close()  # pyright: ignore[reportUnknownMemberType] - Motor has no types

    async def check(self) -> None:
        """Nothing: requests are served without the store, too."""

    @property
    def warnings(self) -> Sequence[str]:
        """A sentence while the shared store is unavailable."""
        if not self.store_is_down:
            return []
        return ["Rate limits are counted by each process alone: MongoDB does not keep them."]

    @property
    def store_is_down(self) -> bool:
        """Whether points are counted in this process alone."""
        return self._store_paused_until > time.monotonic()

    @override
    def collect(self) -> Iterator[Metric]:
        """Metrics of the rate limits of this process."""
        yield counters_by("policy", "rate_limited", "Operations that were refused for want of points.", self.refused)
        yield counter(
            "rate_limit_store_failures", "Times that shared points could not be counted.", self.store_failures
        )
        yield gauge(
            "rate_limit_store_down", "1 while points are counted in this process alone.", int(self.store_is_down)
        )

    def _keys_of(self, caller: Caller, origin: Origin) -> list[tuple[Policy, str]]:
        found: list[tuple[Policy, str]] = []
        for policy in self._policies:
            if policy.name == CALLER and caller.subject:
                # Neither can hold a line break.
                found.append((policy, f"caller\n{caller.tenant}\n{caller.subject}"))
            elif policy.name == ADDRESS and origin.address:
                found.append((policy, f"address\n{network_of(origin.address)}"))
        return found

    async def _spend(self, keys: Sequence[tuple[Policy, str]], cost: int) -> list[Quota]:
        if self._shared is not None and self._store_paused_until <= time.monotonic():
            shared = self._shared
            try:
                return await _spend_all(shared, keys, cost)
            # Whatever the driver raises: reading must go on when points cannot be counted.
            except Exception as error:  # noqa: BLE001
                self.store_failures += 1
                self._store_paused_until = time.monotonic() + _STORE_PAUSE_SECONDS
                log.warning("rate_limit_store_failed", error=type(error).__name__)
        return await _spend_all(self._memory, keys, cost)

    def _refuse(self, quota: Quota, key: str, headers: Mapping[str, str]) -> None:
        self.refused[quota.policy.name] += 1
        if quota.remaining == 0:
            self._exhausted.pop(key, None)
            self._exhausted[key] = time.monotonic() + quota.wait
            if len(self._exhausted) > _MAX_EXHAUSTED:
                del self._exhausted[next(iter(self._exhausted))]
        raise _refusal(quota, headers)


class _Charge(Observation):
    """The points that one operation costs."""

    __slots__ = ("_limits", "_operation", "_outcome")

    def __init__(self, limits: RateLimits, operation: Operation, outcome: Outcome) -> None:
        self._limits = limits
        self._operation = operation
        self._outcome = outcome

    @override
    async def __aenter__(self) -> None:
        await self._limits.charge(self._operation)

    @override
    async def __aexit__(self, *_: object) -> None:
        if self._outcome.examined:
            await self._limits.charge_search(self._operation, self._outcome.examined)


def shared_store(uri: str, database: str) -> MongoDBStorage:
    """A store in MongoDB that all replicas share; it connects when it is first used.

    `limits` uses Motor, which has reached its end of life: nothing else of ours may use it.
    """
    return MongoDBStorage(
        uri,
        database_name=database,
        counter_collection_name="rate_limit_counters",
        window_collection_name="rate_limit_windows",
        timeoutMS=_STORE_MILLISECONDS,
        serverSelectionTimeoutMS=_STORE_MILLISECONDS,
        # Points that are lost in a failover do no harm.
        w=1,
    )


async def _spend_all(
    limiter: SlidingWindowCounterRateLimiter, keys: Sequence[tuple[Policy, str]], cost: int
) -> list[Quota]:
    """Spend `cost` of each key, up to the first without enough points: a refusal spends nothing of later ones."""
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
    """Seconds until no more than `room` points count as spent: points fade over the window after theirs."""
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
    """The headers of draft-ietf-httpapi-ratelimit-headers-10: policies, and what is left of each."""
    policies = ", ".join(
        f'"{each.policy.name}";q={each.policy.points};qu="points";w={each.policy.seconds}' for each in quotas
    )
    left = ", ".join(f'"{each.policy.name}";r={each.remaining};t={each.wait}' for each in quotas)
    return {"RateLimit-Policy": policies, "RateLimit": left}
