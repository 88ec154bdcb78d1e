"""The services of a process: each setting reaches the one that it is for."""

import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from execution_monitor.asgi.operations import Operation, OperationKind
from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import RateLimited, ServerBusy, Unauthenticated
from execution_monitor.graphql.role_filters import read_role_filter
from execution_monitor.graphql.schema import create_schema
from execution_monitor.limits.rate_limits import RateLimits
from execution_monitor.limits.streams import OpenStreams
from execution_monitor.limits.tcp_connections import TcpConnectionLimits
from execution_monitor.services import Services
from execution_monitor.settings import Settings
from tests.live.factories import change, execution, position_at
from tests.support.tokens import SECRET

Make = Callable[..., Services]
READ_FILTER = partial(read_role_filter, create_schema(allows_introspection=False))
ADA, BEN = Caller("ada", "acme"), Caller("ben", "acme")


@pytest.fixture
async def services() -> AsyncGenerator[Make]:
    """`services(**settings)`: the services of a server with these settings, whose MongoDB no one connects to."""
    made: list[Services] = []

    def make(**changes: Any) -> Services:
        settings = Settings(mongodb_uri=SecretStr("mongodb://127.0.0.1:1"), jwt_secret=SecretStr(SECRET), **changes)
        made.append(Services.from_settings(settings, READ_FILTER))
        return made[-1]

    yield make
    for each in made:
        await each.database.close()


async def caller_of(services: Services, **claims: Any) -> Caller:
    """The caller of a token with `claims`; None removes one."""
    all_claims = {"sub": "ada", "tenant_id": "acme", "exp": int(time.time()) + 60, **claims}
    present = {name: value for name, value in all_claims.items() if value is not None}
    token = jwt.encode(present, SECRET, algorithm="HS256")  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's
    return await services.authenticator.authenticate_offline({"authorization": f"Bearer {token}"})


async def test_the_tenant_is_read_from_the_claim_of_the_settings(services: Make):
    named = services(tenant_claim="organisation.id")

    assert (await caller_of(named, organisation={"id": "globex"})).tenant == "globex"
    with pytest.raises(Unauthenticated, match=r"lacks the claim organisation\.id"):
        await caller_of(named)


async def test_roles_are_read_from_the_claim_of_the_settings_and_mean_what_they_say(services: Make):
    named = services(roles_claim="groups", roles={"wf-ops": frozenset({"audit:read"})})

    caller = await caller_of(named, groups=["wf-ops"], roles=["admin"])

    assert (caller.roles, caller.scopes) == (("wf-ops",), {"audit:read"})


async def test_scopes_are_read_from_the_claim_of_the_settings(services: Make):
    named = services(scopes_claim="scp")

    assert (await caller_of(named, scp="executions:payload", scope="manage")).scopes == {"executions:payload"}


async def test_a_token_may_live_as_long_as_the_settings_say(services: Make):
    short = services(token_lifetime_seconds=120)

    assert (await caller_of(short, exp=int(time.time()) + 100)).subject == "ada"
    with pytest.raises(Unauthenticated, match="lives longer than"):
        await caller_of(short, exp=int(time.time()) + 200)
    assert await caller_of(services(token_lifetime_seconds=172_800), exp=int(time.time()) + 100_000)


async def test_tokens_are_for_the_audience_and_of_the_issuer_of_the_settings(services: Make):
    named = services(audience="monitor", issuer="our gateway")

    assert await caller_of(named, aud="monitor", iss="our gateway")
    for claims in ({"aud": "monitor"}, {"iss": "our gateway"}, {"aud": "other", "iss": "our gateway"}):
        with pytest.raises(Unauthenticated):
            await caller_of(named, **claims)


def opened(streams: OpenStreams, count: int, caller: Caller, address: str) -> int:
    """How many of `count` streams of `caller` at `address` can be open at once."""
    held = [streams.hold(caller, address) for _ in range(count)]
    try:
        for number, each in enumerate(held):
            try:
                each.open()
            except RateLimited:
                return number
        return count
    finally:
        for each in held:
            each.close()


async def test_open_streams_are_limited_as_the_settings_say(services: Make):
    streams = services(max_connections=2, max_connections_address=3).requests.streams

    assert opened(streams, 5, ADA, "192.0.2.1") == 2
    with streams.hold(ADA, "192.0.2.1"), streams.hold(ADA, "192.0.2.1"):
        assert opened(streams, 5, BEN, "192.0.2.1") == 1
        assert opened(streams, 5, BEN, "192.0.2.2") == 2


async def test_waiting_sockets_are_limited_as_the_settings_say(services: Make):
    streams = services(max_waiting_sockets=2).requests.streams

    with streams.wait("192.0.2.1"), streams.wait("192.0.2.2"), pytest.raises(ServerBusy):
        streams.wait("192.0.2.3").open()


async def test_addresses_that_forward_others_are_limited_by_what_they_forward(services: Make):
    limits = {"max_connections": 10, "max_connections_address": 1}

    assert opened(services(**limits, forwarded_allow_ips="192.0.2.0/24").requests.streams, 3, ADA, "192.0.2.9") == 3
    # Where all are believed, none is known to be a proxy.
    assert opened(services(**limits, forwarded_allow_ips="*").requests.streams, 3, ADA, "192.0.2.9") == 1


async def test_tcp_connections_are_limited_as_the_settings_say(services: Make):
    limits = services(
        max_tcp_connections=7,
        max_tcp_connections_address=6,
        first_byte_seconds=5,
        head_seconds=4,
        body_bytes_per_second=3,
        keep_alive_seconds=2,
        unread_seconds=1,
    ).tcp_connections.limits

    assert limits == TcpConnectionLimits(
        total=7,
        per_address=6,
        first_byte_seconds=5,
        head_seconds=4,
        body_bytes_per_second=3,
        keep_alive_seconds=2,
        unread_seconds=1,
    )


@pytest.mark.parametrize(("limit", "kept"), [(0, 0), (150, 1), (1_000, 2)])
async def test_as_many_changes_are_kept_as_the_settings_say(services: Make, limit: int, kept: int):
    buffer = services(live_replay_bytes=limit).requests.live.stats.buffer
    buffer.begin(position_at(0))

    for number in (1, 2):
        buffer.add(change(number, None, execution(), size=100))

    assert len(buffer) == kept


@pytest.mark.parametrize(
    ("limits", "granted"),
    [
        pytest.param({"rate_limit": "2/day", "rate_limit_address": "off"}, [2, 2], id="of a caller"),
        pytest.param({"rate_limit": "off", "rate_limit_address": "3/day"}, [3, 0], id="of an address"),
        pytest.param({"rate_limit": "off", "rate_limit_address": "off"}, [4, 4], id="none"),
    ],
)
async def test_points_are_limited_as_the_settings_say(services: Make, limits: dict[str, str], granted: list[int]):
    rate_limits = services(**limits).rate_limits

    assert [await points_of(rate_limits, each) for each in (ADA, BEN)] == granted


async def points_of(limits: RateLimits, caller: Caller) -> int:
    """How many of four operations of one point `caller` may run."""
    spent = 0
    with contextlib.suppress(RateLimited):
        for _ in range(4):
            await limits.charge(Operation(caller, Origin("192.0.2.1", None, "1"), OperationKind.QUERY, None, 1))
            spent += 1
    return spent


async def test_streams_end_by_the_revocations_that_requests_are_refused_by(services: Make):
    made = services()

    assert made.requests.streams.revocations is made.authenticator.revocations
