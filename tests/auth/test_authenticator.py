"""Tokens of an identity provider, over every transport, and a provider that fails."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr
from pymongo.errors import AutoReconnect
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from execution_monitor.app import create_app
from execution_monitor.auth import authenticator as authenticator_module
from execution_monitor.auth import revocation_poller
from execution_monitor.auth.authenticator import Authenticator
from execution_monitor.auth.caller import Scope
from execution_monitor.auth.keys import SharedSecret
from execution_monitor.auth.revocation_poller import RevocationPoller
from execution_monitor.auth.role_settings import RoleSettings
from execution_monitor.auth.tokens import TokenRules, TokenVerifier
from execution_monitor.errors import Unauthenticated
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.revocations import revoke
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.rest.test_live import closing_of, message_from, socket_of
from tests.support.access_keys import key_of
from tests.support.client import execute
from tests.support.documents import execution, store
from tests.support.identity_provider import ALGORITHMS, Clock, Provider, jwk, private_key, running_provider, sign
from tests.support.servers import served, wait_until_ready
from tests.support.tokens import SECRET, token_of

WHO = "{ viewer { userId } }"
LIST = "/api/v1/workflow-management/executions"
COUNT = "{ executions { totalCount } }"
FOLLOW = {"query": "subscription { executionUpdates { kind } }"}
# GraphQL over HTTP, REST, both streams of GraphQL and that of REST; a socket with the token in its first message and
# one with it in a header, and the socket of REST.
ACCEPTED = [200, 200, 200, 200, 200, "connection_ack", "connection_ack", "e001"]
REFUSED = [401, 401, 401, 401, 401, 4403, 4403, 4401]
UNAVAILABLE = [503, 503, 503, 503, 503, 1013, 1013, 1011]


@pytest.fixture
async def provider() -> AsyncGenerator[Provider]:
    async with running_provider(*ALGORITHMS) as provider:
        yield provider


@pytest.fixture
def settings(mongodb_uri: str, database_name: str, provider: Provider) -> Settings:
    return Settings(
        mongodb_uri=SecretStr(mongodb_uri),
        database=database_name,
        issuer=provider.url,
        audience="execution-monitor",
        cursor_secret=SecretStr("the secret of cursors of every test server"),
        environment="production",
    )


@pytest.fixture
async def server(database: Database, settings: Settings) -> AsyncGenerator[str]:
    async with served(create_app(settings)) as url:
        await wait_until_ready(url)
        yield url


def token(provider: Provider, algorithm: str = "RS256", **changes: Any) -> str:
    claims: dict[str, Any] = {"iss": provider.url, "aud": "execution-monitor", **changes}
    return sign(algorithm, **claims)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


async def statuses(server: str, text: str) -> list[object]:
    """The response of each transport to a token: a status, or the close code of a socket."""
    found: list[object] = [(await execute(server, text, WHO)).status]
    async with httpx2.AsyncClient(base_url=server, headers=bearer(text)) as client:
        found.append((await client.get(LIST)).status_code)
        for accept in ("text/event-stream", "multipart/mixed"):
            async with client.stream("POST", "/graphql", json=FOLLOW, headers={"Accept": accept}) as response:
                found.append(response.status_code)
        async with client.stream("GET", f"{LIST}/stream") as response:
            found.append(response.status_code)
    for payload, headers in ((bearer(text), {}), (None, bearer(text))):
        async with opened(server, additional_headers=headers) as socket:
            await socket.send({"type": "connection_init", **({"payload": payload} if payload else {})})
            answer = await socket.receive_or_closed()
            found.append(answer)
    async with socket_of(server, text) as socket:
        found.append(await event_or_close_code(socket))
    return found


async def event_or_close_code(socket: ClientConnection) -> str | int:
    """The execution of the next message, or the code that the server closes with."""
    await store(execution(1))
    try:
        return (await message_from(socket))["execution_id"]
    except ConnectionClosed:
        return (await closing_of(socket))[0]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_token_of_each_algorithm_is_accepted(server: str, provider: Provider, algorithm: str):
    answer = await execute(server, token(provider, algorithm), WHO)

    assert answer.data["viewer"]["userId"] == "ada"


async def test_every_transport_accepts_the_same_tokens(server: str, provider: Provider):
    assert await statuses(server, token(provider)) == ACCEPTED


async def test_every_transport_accepts_the_same_access_keys(server: str, database: Database):
    assert await statuses(server, await key_of(database, "ada", "executions:read")) == ACCEPTED


@pytest.mark.parametrize(
    "stored", [{"revoked_at": datetime.now(UTC)}, {"expires_at": datetime.now(UTC)}, {"hash": "0" * 64}]
)
async def test_every_transport_refuses_the_same_access_keys(server: str, database: Database, stored: dict[str, Any]):
    assert await statuses(server, await key_of(database, "ada", "executions:read", **stored)) == REFUSED


async def test_a_key_is_taken_from_the_header_x_api_key_too(server: str, database: Database):
    key = {"X-Api-Key": await key_of(database, "ada", "executions:read")}
    async with httpx2.AsyncClient(base_url=server, headers=key) as client:
        read = await client.post("/graphql", json={"query": WHO})
        listed = await client.get(LIST)
        metrics = await client.get("/metrics")
        async with client.stream("POST", "/graphql", json=FOLLOW, headers={"Accept": "text/event-stream"}) as stream:
            followed = stream.status_code
    begun: list[object] = []
    for payload, headers in ((key, {}), (None, key)):
        async with opened(server, additional_headers=headers) as socket:
            await socket.send({"type": "connection_init", **({"payload": payload} if payload else {})})
            begun.append(await socket.receive_or_closed())

    assert read.json()["data"]["viewer"]["userId"] == "ada"
    assert (listed.status_code, followed, begun) == (200, 200, ["connection_ack"] * 2)
    assert (metrics.status_code, "your access key does not carry" in metrics.text) == (403, True)


def resigned(text: str, header: dict[str, Any], key: bytes) -> str:
    """The claims of `text` under another header, signed with `key` as HS256 does it."""
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=")
    signed = head + b"." + text.split(".")[1].encode()
    return (signed + b"." + base64.urlsafe_b64encode(hmac.digest(key, signed, "sha256")).rstrip(b"=")).decode()


def public_pem() -> bytes:
    return private_key("RS256").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def forged(provider: Provider, kind: str) -> str:
    """A token that must not be accepted."""
    good = token(provider)
    stranger = private_key("ES256", "stranger")
    claims = {"sub": "ada", "tenant_id": "acme", "exp": int(time.time()) + 60, "iss": provider.url}
    claims["aud"] = "execution-monitor"
    makers: dict[str, Any] = {
        "expired": lambda: token(provider, exp=int(time.time()) - 60),
        "another audience": lambda: token(provider, aud="other"),
        "another issuer": lambda: token(provider, iss="https://other.example"),
        "not yet valid": lambda: token(provider, nbf=int(time.time()) + 60),
        "for longer than a day": lambda: token(provider, exp=int(time.time()) + 25 * 3_600),
        "without an end": lambda: token(provider, exp=None),
        "without a subject": lambda: token(provider, sub=None),
        "a critical extension": lambda: token(provider, headers={"crit": ["b64"], "b64": True}),
        "a header that is too long": lambda: token(provider, headers={"x": "x" * 2_000}),
        "of a development server": lambda: token(provider, dev=True),
        "the public key as a shared secret": lambda: resigned(
            good, {"alg": "HS256", "kid": "first RS256"}, public_pem()
        ),
        "the cursors' secret as a shared secret": lambda: resigned(
            good, {"alg": "HS256"}, b"the secret of cursors of every test server"
        ),
        "not signed": lambda: jwt.encode(claims, "", algorithm="none"),  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's
        "an algorithm that the key is not for": lambda: token(provider, "RS256", headers={"kid": "first PS256"}),
        "a key of another type": lambda: token(provider, "ES256", headers={"kid": "first RS256"}),
        "a stranger's key under a known name": lambda: jwt.encode(  # pyright: ignore[reportUnknownMemberType] - likewise
            claims, stranger, algorithm="ES256", headers={"kid": "first ES256"}
        ),
        "a key that the token brings along": lambda: jwt.encode(  # pyright: ignore[reportUnknownMemberType] - likewise
            claims,
            stranger,
            algorithm="ES256",
            headers={"jwk": jwk("ES256", "stranger"), "jku": "x"},
        ),
    }
    return makers[kind]()


@pytest.mark.parametrize(
    "kind",
    [
        "expired",
        "another audience",
        "another issuer",
        "not yet valid",
        "for longer than a day",
        "without an end",
        "without a subject",
        "a critical extension",
        "a header that is too long",
        "of a development server",
        "the public key as a shared secret",
        "the cursors' secret as a shared secret",
        "not signed",
        "an algorithm that the key is not for",
        "a key of another type",
        "a stranger's key under a known name",
        "a key that the token brings along",
    ],
)
async def test_every_transport_refuses_the_same_tokens(server: str, provider: Provider, kind: str):
    assert await statuses(server, forged(provider, kind)) == REFUSED


@pytest.mark.parametrize(
    ("setting", "claims"),
    [
        pytest.param("realm_access.roles", {"realm_access": {"roles": ["operator"]}}, id="Keycloak's realm"),
        pytest.param("https://acme.example/roles", {"https://acme.example/roles": ["operator"]}, id="Auth0's name"),
    ],
)
async def test_an_operator_of_an_issuer_reads_what_others_of_the_tenant_own(
    database: Database, settings: Settings, provider: Provider, setting: str, claims: dict[str, Any]
):
    await store(execution(1))
    named = settings.model_copy(update={"roles_claim": setting})
    claim_sets: list[dict[str, Any]] = [claims, {}, {"roles": ["operator"]}]

    async with served(create_app(named)) as url:
        await wait_until_ready(url)
        counts = [
            (await execute(url, token(provider, sub="grace", **each), COUNT)).data["executions"]["totalCount"]
            for each in claim_sets
        ]

    assert counts == [1, 0, 0]


GROUP = "11111111-2222-3333-4444-555555555555"
FEW_GROUPS = {"groups": [GROUP]}
DISTRIBUTED = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}}
# By HTTP, REST, both streams of GraphQL and that of REST; a socket of GraphQL opens, that of REST does not.
NOTHING = [200, 403, 200, 200, 403, "connection_ack", "connection_ack", 4403]


@pytest.fixture
def of_groups(settings: Settings) -> Settings:
    """The settings of a server whose roles are the groups of Entra ID."""
    read = RoleSettings(scopes=frozenset({Scope.EXECUTIONS_READ}))
    return settings.model_copy(
        update={"tenant_claim": "tid", "roles_claim": "groups", "scopes_claim": "scp", "roles": {GROUP: read}}
    )


def grouped(provider: Provider, **claims: Any) -> str:
    scopes = "executions:read:tenant executions:payload"
    return token(provider, tenant_id=None, tid=["acme"], scp=scopes, **claims)


@pytest.mark.parametrize("overage", [DISTRIBUTED, {"hasgroups": True}], ids=["distributed", "implicit flow"])
async def test_a_user_in_too_many_groups_may_do_no_more_than_in_few(
    database: Database, of_groups: Settings, provider: Provider, overage: dict[str, Any]
):
    await store(execution(2), execution(3, user_id="grace"))
    async with served(create_app(of_groups)) as url:
        await wait_until_ready(url)
        few = await execute(url, grouped(provider, **FEW_GROUPS), COUNT)
        many = await execute(url, grouped(provider, **overage), COUNT)
        found = await statuses(url, grouped(provider, **overage))

    assert few.data == {"executions": {"totalCount": 1}}
    assert (many.body["data"], many.codes) == (None, ["FORBIDDEN"])
    assert "lacks the claim groups" in many.message
    assert "group overage" in many.message
    assert found == NOTHING


async def test_where_roles_are_required_scopes_alone_are_refused(
    database: Database, of_groups: Settings, provider: Provider
):
    strict = of_groups.model_copy(update={"roles_required": True})
    async with served(create_app(of_groups)) as lenient, served(create_app(strict)) as url:
        await wait_until_ready(lenient)
        await wait_until_ready(url)
        accepted = await execute(lenient, grouped(provider), COUNT)
        refused = await execute(url, grouped(provider), COUNT)
        few = await execute(url, grouped(provider, **FEW_GROUPS), COUNT)

    assert (accepted.status, few.status) == (200, 200)
    assert (refused.status, refused.codes) == (401, ["UNAUTHENTICATED"])
    assert refused.message == "Your token lacks the claim groups; get one that lists your roles."


async def test_a_hundred_requests_with_an_unknown_key_cause_one_fetch_and_one_for_those_that_arrive_meanwhile(
    server: str, provider: Provider
):
    await execute(server, token(provider), WHO)
    before = provider.fetches
    stranger = token(provider, "ES256", name="second")

    answers = await asyncio.gather(*(execute(server, stranger, WHO) for _ in range(100)))

    assert {answer.status for answer in answers} == {401}
    assert 1 <= provider.fetches - before <= 2


async def test_a_new_key_is_accepted_while_strangers_name_others(server: str, provider: Provider):
    await execute(server, token(provider), WHO)
    strangers = [
        execute(server, token(provider, "ES256", headers={"kid": f"unknown {each}"}), WHO) for each in range(20)
    ]
    flood = asyncio.gather(*strangers)
    provider.keys = [jwk("ES256", "second")]

    answer = await execute(server, token(provider, "ES256", name="second"), WHO)

    assert answer.data["viewer"]["userId"] == "ada"
    assert {each.status for each in await flood} == {401}


async def test_a_new_key_is_picked_up_without_a_restart(server: str, provider: Provider):
    provider.keys = [jwk("ES256", "second")]

    answer = await execute(server, token(provider, "ES256", name="second"), WHO)

    assert answer.data["viewer"]["userId"] == "ada"


def authenticator_of(database: Database) -> Authenticator:
    """One that has not read any revocations yet, as in the first moment of a process."""
    return Authenticator(TokenVerifier(SharedSecret(SECRET), TokenRules()), database)


def headers_of(user: str) -> Headers:
    return Headers(bearer(token_of(user)))


async def test_a_revoked_token_is_refused_even_as_the_first_request_of_a_process(database: Database):
    headers = headers_of("ada")
    await revoke(subject="ada", tenant="acme", keep=timedelta(days=1))
    authenticator = authenticator_of(database)

    with pytest.raises(Unauthenticated, match="has been revoked"):
        await authenticator.authenticate(headers)
    assert (await authenticator.authenticate(headers_of("ben"))).subject == "ben"


async def test_a_token_that_was_revoked_during_an_outage_is_refused_by_the_first_request_after_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    clock = Clock()
    monkeypatch.setattr(authenticator_module, "RevocationPoller", partial(RevocationPoller, clock=clock))
    authenticator = authenticator_of(database)
    headers = headers_of("ada")
    await authenticator.authenticate(headers)
    await revoke(subject="ada", tenant="acme", keep=timedelta(days=1))
    clock.now += 61

    with pytest.raises(Unauthenticated, match="has been revoked"):
        await authenticator.authenticate(headers)


async def test_without_keys_the_server_is_not_ready_and_no_caller_has_to_sign_in_again(
    database: Database, settings: Settings, provider: Provider
):
    provider.response = lambda: JSONResponse({}, 500)
    sentence = "The issuer's keys cannot be fetched: it answers with status 500."

    async with served(create_app(settings)) as url:
        found = await statuses(url, token(provider))
        async with httpx2.AsyncClient(base_url=url) as client:
            ready = await client.get("/readyz")
            listed = await client.get(LIST, headers=bearer(token(provider)))

    assert found == UNAVAILABLE
    assert ready.status_code == 503
    assert sentence in ready.json()["reasons"]
    assert (listed.json()["code"], listed.json()["detail"]) == ("ISSUER_UNAVAILABLE", sentence)
    assert int(listed.headers["retry-after"]) > 0


async def test_readiness_reports_an_issuer_that_is_down_while_its_keys_still_serve(server: str, provider: Provider):
    await execute(server, token(provider), WHO)
    provider.response = lambda: JSONResponse({}, 500)
    # An unknown key causes a fetch.
    await execute(server, token(provider, "ES256", name="second"), WHO)

    answer = await execute(server, token(provider), WHO)
    async with httpx2.AsyncClient(base_url=server) as client:
        ready = await client.get("/readyz")

    assert answer.status == 200
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["reasons"] == ["The issuer's keys cannot be fetched: it answers with status 500."]


async def test_while_revocations_are_unknown_no_token_is_accepted_except_for_metrics(
    database: Database, settings: Settings, provider: Provider, monkeypatch: pytest.MonkeyPatch
):
    async def fail(*_: object) -> None:
        raise AutoReconnect("a host that must not be shown")

    monkeypatch.setattr(revocation_poller, "read_revocations", fail)
    manager = token(provider, scope="manage")

    async with served(create_app(settings)) as url:
        found = await statuses(url, manager)
        async with httpx2.AsyncClient(base_url=url) as client:
            ready = await client.get("/readyz")
            metrics = await client.get("/metrics", headers=bearer(manager))

    assert found == UNAVAILABLE
    assert ready.status_code == 503
    assert "host" not in ready.text
    assert metrics.status_code == 200
