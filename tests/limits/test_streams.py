import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from execution_monitor.asgi.origin import proxies_in
from execution_monitor.auth.caller import LEEWAY, Caller
from execution_monitor.auth.revocations import Revocations, RevokedTokens
from execution_monitor.errors import RateLimited, ServerBusy
from execution_monitor.limits import streams as streams_module
from execution_monitor.limits.streams import EXPIRED, OpenStreams, StreamLimits

SOON = 10.0


def ada(**changes: object) -> Caller:
    return Caller("ada", "acme", **changes)  # pyright: ignore[reportArgumentType] - whatever the test needs


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def over_in(seconds: float) -> Caller:
    """Ada, with a token that is accepted for `seconds` more, of which the leeway is the last part."""
    return ada(expires_at=in_seconds(seconds) - LEEWAY)


async def test_a_stream_ends_when_its_token_expires():
    expires = in_seconds(0.05)

    with OpenStreams(Revocations()).hold(ada(expires_at=expires - LEEWAY)) as ended:
        assert not ended.done()
        async with asyncio.timeout(SOON):
            reason = await ended

    assert reason == EXPIRED
    assert datetime.now(UTC) >= expires


async def test_a_stream_ends_at_the_time_at_which_its_access_key_expires():
    expires = in_seconds(0.05)

    with OpenStreams(Revocations()).hold(ada(expires_at=expires, is_key=True)) as ended:
        assert not ended.done()
        async with asyncio.timeout(SOON):
            reason = await ended

    assert reason == "Your access key has expired; make a new one."
    assert datetime.now(UTC) >= expires


async def test_a_stream_of_an_expired_token_has_ended_at_once():
    with OpenStreams(Revocations()).hold(over_in(-1)) as ended:
        assert ended.result() == EXPIRED


async def test_a_stream_of_a_token_that_does_not_expire_does_not_end():
    with OpenStreams(Revocations()).hold(ada()) as ended:
        assert not ended.done()


async def test_a_clock_that_is_set_forward_ends_streams_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams_module, "_MAX_TIMER_SECONDS", 0.01)
    with OpenStreams(Revocations()).hold(over_in(3_600)) as ended:
        await asyncio.sleep(0.05)
        assert not ended.done()

        with time_machine.travel(in_seconds(3_601)):
            async with asyncio.timeout(SOON):
                assert await ended == EXPIRED


async def test_a_stream_ends_when_its_token_is_revoked_and_others_go_on():
    revocations = Revocations()
    streams = OpenStreams(revocations)
    with streams.hold(ada(issued_at=in_seconds(-1))) as hers, streams.hold(Caller("ben", "acme")) as his:
        revocations.add([RevokedTokens(in_seconds(0), subject="ada", tenant="acme")])

        assert hers.result() == "Your token has been revoked; sign in again."
        assert not his.done()


async def test_a_stream_ends_when_its_access_key_is_revoked():
    revocations = Revocations()
    key = ada(is_key=True, token_id="em_1")  # noqa: S106 - an id
    with OpenStreams(revocations).hold(key) as ended:
        revocations.add([RevokedTokens(in_seconds(0), token_id="em_1")])  # noqa: S106 - an id

        assert ended.result() == "Your access key has been revoked; send another one."


async def test_a_token_that_was_revoked_while_its_socket_opened_ends_at_once():
    revocations = Revocations()
    revocations.add([RevokedTokens(in_seconds(0), subject="ada")])

    with OpenStreams(revocations).hold(ada()) as ended:
        assert ended.done()


async def test_a_closed_stream_does_not_end_again():
    revocations = Revocations()
    with OpenStreams(revocations).hold(over_in(0.01)) as ended:
        pass

    revocations.add([RevokedTokens(in_seconds(0), subject="ada")])
    await asyncio.sleep(0.05)

    assert not ended.done()


async def test_sockets_in_the_queue_are_let_through_in_order_as_places_become_free():
    streams = OpenStreams(Revocations(), StreamLimits(waiting=2))
    open_sockets = [streams.wait(None) for _ in range(2)]
    for each in open_sockets:
        each.open()
    let_through: list[int] = []

    async def arrive(number: int) -> None:
        await streams.take_turn(None)
        streams.wait(None).open()
        let_through.append(number)

    arriving = [asyncio.create_task(arrive(number)) for number in range(3)]
    await asyncio.sleep(0)
    assert let_through == []
    open_sockets[0].close()
    async with asyncio.timeout(SOON):
        await arriving[0]
    # A socket that leaves the queue passes its place on.
    arriving[1].cancel()
    open_sockets[1].close()
    async with asyncio.timeout(SOON):
        await arriving[2]

    assert let_through == [0, 2]
    assert streams.waiting.total() == 2


async def test_a_place_reserved_for_a_socket_that_left_at_that_moment_goes_to_the_next():
    streams = OpenStreams(Revocations(), StreamLimits(waiting=1))
    held = streams.wait(None)
    held.open()
    first, second = (asyncio.create_task(streams.take_turn(None)) for _ in range(2))
    await asyncio.sleep(0)

    held.close()
    first.cancel()
    async with asyncio.timeout(SOON):
        await second

    streams.wait(None).open()
    with pytest.raises(ServerBusy):
        streams.wait(None).open()


async def test_a_socket_that_waits_in_the_queue_for_too_long_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams_module, "_QUEUE_SECONDS", 0.01)
    streams = OpenStreams(Revocations(), StreamLimits(waiting=1))
    held = streams.wait(None)
    held.open()

    with pytest.raises(ServerBusy) as refused:
        await streams.take_turn(None)

    assert refused.value.headers["Retry-After"]
    held.close()
    await streams.take_turn(None)


async def test_the_queue_has_a_limit():
    streams = OpenStreams(Revocations(), StreamLimits(waiting=1))
    streams.wait(None).open()
    queue = [asyncio.create_task(streams.take_turn(None)) for _ in range(4)]
    await asyncio.sleep(0)

    with pytest.raises(ServerBusy):
        await streams.take_turn(None)
    for each in queue:
        each.cancel()
    await asyncio.gather(*queue, return_exceptions=True)


BALANCER = "10.0.0.9"
FEW = StreamLimits(per_address=2, waiting=8)


def test_one_address_holds_no_more_than_its_share():
    streams = OpenStreams(Revocations(), FEW, proxies_in(f"{BALANCER},10.1.0.0/16"))
    for _ in range(FEW.waiting_per_address):
        streams.wait("203.0.113.5").open()

    with pytest.raises(RateLimited):
        streams.wait("203.0.113.5").open()
    streams.wait("203.0.113.6").open()


@pytest.mark.parametrize("address", [BALANCER, "10.1.2.3"])
async def test_clients_of_a_proxy_that_forwards_no_address_have_only_the_limit_of_all(address: str):
    streams = OpenStreams(Revocations(), FEW, proxies_in(f"{BALANCER},10.1.0.0/16"))
    held = [streams.hold(ada(), address) for _ in range(5)]
    for each in held:
        each.open()
    for _ in range(FEW.waiting):
        streams.wait(address).open()

    with pytest.raises(ServerBusy):
        streams.wait(address).open()
    for each in held:
        each.close()
    assert (streams.by_network, streams.by_caller) == ({}, {})
