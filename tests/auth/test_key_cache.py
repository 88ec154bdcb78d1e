"""The key cache, against an identity provider on a real socket and with a clock that is moved by hand."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

import pytest
from starlette.responses import JSONResponse

from execution_monitor.auth.key_cache import KeyCache
from execution_monitor.auth.keys import SigningKey
from execution_monitor.auth.oidc import Issuer
from execution_monitor.errors import IssuerUnavailable, ServerBusy, Unauthenticated
from tests.support.identity_provider import Clock, Provider, jwk, running_provider

MINUTE = 60.0
FETCHING, LOOKUP = "issuer keys", "lookup of issuer keys"
SOON = 10.0


@pytest.fixture
async def provider() -> AsyncGenerator[Provider]:
    async with running_provider("ES256") as provider:
        yield provider


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def cache(provider: Provider, clock: Clock) -> AsyncGenerator[KeyCache]:
    cache = KeyCache(Issuer(provider.url).fetch_keys, clock=clock, sleep=clock.sleep)
    yield cache
    await cache.close()


async def outcomes(cache: KeyCache, key_id: str, count: int) -> list[SigningKey | BaseException]:
    return await asyncio.gather(*(cache.find(key_id, "ES256") for _ in range(count)), return_exceptions=True)


def names_of_tasks() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}


def fail(provider: Provider) -> None:
    provider.response = lambda: JSONResponse({}, 503)


async def test_a_hundred_requests_at_once_cause_one_fetch(cache: KeyCache, provider: Provider):
    found = await outcomes(cache, "first ES256", 100)

    assert all(isinstance(each, SigningKey) for each in found)
    assert provider.fetches == 1


async def test_a_hundred_tokens_of_a_new_key_cause_one_fetch_and_are_all_accepted(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    provider.keys = [jwk("ES256", "second")]
    clock.now += 1

    found = await outcomes(cache, "second ES256", 100)

    assert all(isinstance(each, SigningKey) for each in found)
    assert provider.fetches == 2


async def test_a_cancelled_request_does_not_cancel_the_fetch_for_others(cache: KeyCache, provider: Provider):
    provider.may_respond.clear()
    first, second = (asyncio.create_task(cache.find("first ES256", "ES256")) for _ in range(2))
    await provider.requested.wait()
    first.cancel()
    provider.may_respond.set()

    assert (await second).key_id == "first ES256"
    assert provider.fetches == 1


async def wait_for_fetches() -> None:
    fetching = [task for task in asyncio.all_tasks() if task.get_name() == FETCHING]
    await asyncio.gather(*fetching)


async def run_ready_tasks() -> None:
    """Run all tasks as far as they get without the network or the clock."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_flood_of_unknown_keys_causes_one_fetch_in_five_seconds(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    begun = provider.fetches

    flood: list[asyncio.Task[SigningKey]] = []
    for second in range(60):
        clock.now += 1
        flood += [asyncio.create_task(cache.find(f"unknown {second} {each}", "ES256")) for each in range(3)]
        await run_ready_tasks()
        await wait_for_fetches()
    clock.now += 5
    refused = await asyncio.gather(*flood, return_exceptions=True)

    assert {type(each) for each in refused} == {Unauthenticated}
    assert provider.fetches - begun == 60 / 5 + 1


@pytest.mark.parametrize("strangers", [1, 50, 2_000], ids=["one", "fifty", "more than may wait"])
async def test_strangers_delay_a_new_key_by_five_seconds_at_most(
    cache: KeyCache, provider: Provider, clock: Clock, strangers: int
):
    await cache.find("first ES256", "ES256")
    clock.now += 1
    await outcomes(cache, "unknown", 1)
    provider.keys.append(jwk("ES256", "second"))
    clock.now += 0.001
    flood = [asyncio.create_task(cache.find(f"unknown {each}", "ES256")) for each in range(strangers)]
    await clock.has_sleeper.wait()

    (found,) = await in_five_seconds(outcomes(cache, "second ES256", 1), clock)
    refused = await asyncio.gather(*flood, return_exceptions=True)
    if isinstance(found, ServerBusy):
        # It may try again: the token is not refused.
        found = await cache.find("second ES256", "ES256")

    assert isinstance(found, SigningKey)
    assert {type(each) for each in refused} <= {Unauthenticated, ServerBusy}
    assert sum(isinstance(each, ServerBusy) for each in refused) == max(0, strangers - 1_000)


async def in_five_seconds(outcome: Coroutine[Any, Any, Any], clock: Clock) -> Any:
    """The outcome when five seconds pass meanwhile, without other requests."""
    task = asyncio.create_task(outcome)
    await run_ready_tasks()
    clock.now += 5
    async with asyncio.timeout(SOON):
        return await task


async def test_no_token_is_refused_by_keys_that_were_fetched_before_it_arrived(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    clock.now += 1
    await outcomes(cache, "unknown", 1)
    clock.now += 1
    early = asyncio.create_task(cache.find("second ES256", "ES256"))
    await clock.has_sleeper.wait()
    assert not early.done()

    # Published only now: the response of the issuer is as new as it can be.
    provider.keys.append(jwk("ES256", "second"))
    clock.now += 4

    assert (await early).key_id == "second ES256"


async def test_an_issuer_that_fails_once_delays_a_new_key_no_longer(cache: KeyCache, provider: Provider, clock: Clock):
    await cache.find("first ES256", "ES256")
    provider.keys.append(jwk("ES256", "second"))
    fail(provider)
    clock.now += 1
    assert isinstance((await outcomes(cache, "unknown", 1))[0], IssuerUnavailable)
    provider.response = None

    clock.now += 1
    assert isinstance((await outcomes(cache, "second ES256", 1))[0], IssuerUnavailable)
    clock.now += 4
    assert (await cache.find("second ES256", "ES256")).key_id == "second ES256"


@pytest.mark.parametrize(
    ("key_id", "algorithm"),
    [
        *(pytest.param("unknown", each, id=f"{each!r} is what no issuer signs with") for each in ("HS256", "none", "")),
        pytest.param("first ES256", "RS256", id="a known key is for another algorithm"),
        pytest.param(None, "ES256", id="several keys would do"),
    ],
)
async def test_a_token_that_no_newer_key_could_verify_is_refused_at_once(
    cache: KeyCache, provider: Provider, clock: Clock, key_id: str | None, algorithm: str
):
    provider.keys.append(jwk("ES256", "second"))
    await cache.find("first ES256", "ES256")
    clock.now += 1

    with pytest.raises(Unauthenticated):
        await cache.find(key_id, algorithm)

    assert provider.fetches == 1


async def test_a_withdrawn_key_is_dropped(cache: KeyCache, provider: Provider, clock: Clock):
    await cache.find("first ES256", "ES256")
    provider.keys = [jwk("ES256", "second")]
    clock.now += 10 * MINUTE + 1

    # The old keys are used while the new ones are fetched, so that no request waits.
    await cache.find("first ES256", "ES256")
    assert (await cache.find("second ES256", "ES256")).key_id == "second ES256"

    with pytest.raises(Unauthenticated):
        await cache.find("first ES256", "ES256")


async def test_a_withdrawn_key_is_dropped_though_no_token_of_a_new_key_arrives(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    provider.keys = [jwk("ES256", "second")]
    clock.now += 10 * MINUTE + 1

    await cache.find("first ES256", "ES256")
    await wait_for_fetches()

    with pytest.raises(Unauthenticated):
        await cache.find("first ES256", "ES256")


async def test_fresh_keys_are_not_fetched_again(cache: KeyCache, provider: Provider, clock: Clock):
    for _ in range(10):
        await cache.find("first ES256", "ES256")
        clock.now += MINUTE - 1

    assert provider.fetches == 1


async def test_keys_of_an_issuer_that_is_down_are_used_for_an_hour_with_a_warning(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    fail(provider)

    for _ in range(59):
        clock.now += MINUTE
        assert (await cache.find("first ES256", "ES256")).key_id == "first ES256"
    # An attempt is under way in the background.
    with pytest.raises(IssuerUnavailable):
        await cache.find("unknown", "ES256")
    assert cache.warning == "The issuer's keys cannot be fetched: it answers with status 503."

    clock.now += MINUTE + 1

    with pytest.raises(IssuerUnavailable, match="answers with status 503"):
        await cache.find("first ES256", "ES256")
    with pytest.raises(IssuerUnavailable):
        await cache.check()


async def test_an_issuer_that_is_down_gets_one_request_in_five_seconds(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    fail(provider)
    clock.now += 10 * MINUTE
    begun = provider.fetches

    for _ in range(60):
        clock.now += 1
        await outcomes(cache, "unknown", 3)
        await outcomes(cache, "first ES256", 3)

    # The one a minute for known keys is one of them, or comes in between.
    assert 60 / 5 <= provider.fetches - begun <= 60 / 5 + 2


async def test_an_issuer_that_is_down_gets_one_request_a_minute_for_known_keys(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    fail(provider)
    clock.now += 10 * MINUTE
    begun = provider.fetches

    for _ in range(10):
        clock.now += MINUTE / 2
        await outcomes(cache, "first ES256", 3)
        await wait_for_fetches()

    assert provider.fetches - begun == 5


async def test_an_issuer_that_comes_back_is_used_again(cache: KeyCache, provider: Provider, clock: Clock):
    fail(provider)
    with pytest.raises(IssuerUnavailable):
        await cache.find("first ES256", "ES256")

    # Not at once: a request that arrives meanwhile need not wait for what is known.
    with pytest.raises(IssuerUnavailable):
        await cache.find("first ES256", "ES256")
    assert provider.fetches == 1
    provider.response = None
    clock.now += 2

    assert (await cache.find("first ES256", "ES256")).key_id == "first ES256"
    assert cache.warning is None


async def test_no_request_waits_for_ever_after_an_unexpected_error(clock: Clock):
    async def fetch() -> tuple[SigningKey, ...]:
        raise ZeroDivisionError

    cache = KeyCache(fetch, clock=clock)

    with pytest.raises(IssuerUnavailable, match="something unexpected"):
        await cache.find("first ES256", "ES256")


async def test_a_running_fetch_is_cancelled_at_the_end(provider: Provider, clock: Clock):
    provider.may_respond.clear()
    cache = KeyCache(Issuer(provider.url).fetch_keys, clock=clock)
    cache.begin()
    await provider.requested.wait()
    assert FETCHING in names_of_tasks()

    await cache.close()
    provider.may_respond.set()

    assert not names_of_tasks() & {FETCHING, LOOKUP}


async def test_a_fetch_that_is_due_is_cancelled_at_the_end(cache: KeyCache, clock: Clock):
    await cache.find("first ES256", "ES256")
    clock.now += 1
    await outcomes(cache, "unknown", 1)
    clock.now += 1
    waiting = asyncio.create_task(cache.find("another", "ES256"))
    await clock.has_sleeper.wait()
    assert LOOKUP in names_of_tasks()

    await cache.close()
    await asyncio.gather(waiting, return_exceptions=True)

    assert not names_of_tasks() & {FETCHING, LOOKUP}
