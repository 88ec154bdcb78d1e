"""Signing in at an identity provider on a real socket."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from execution_monitor.auth.authorization_code import AuthorizationServer, CodeFlow
from execution_monitor.errors import IssuerUnavailable, Unauthenticated
from tests.support.identity_provider import Provider, running_provider
from tests.support.servers import served

ISS_SUPPORTED = "authorization_response_iss_parameter_supported"


@dataclass
class TokenEndpoint:
    answer: Response = field(default_factory=lambda: JSONResponse({"access_token": "a.b.c"}))
    asked: dict[str, Any] = field(default_factory=dict[str, Any])

    async def handle(self, request: Request) -> Response:
        self.asked = dict(parse_qsl((await request.body()).decode()))
        return self.answer


@pytest.fixture
async def provider() -> AsyncGenerator[Provider]:
    async with running_provider() as provider:
        yield provider


@pytest.fixture
async def endpoint(provider: Provider) -> AsyncGenerator[TokenEndpoint]:
    endpoint = TokenEndpoint()
    async with served(Starlette(routes=[Route("/token", endpoint.handle, methods=["POST"])])) as url:
        provider.discovery = {"authorization_endpoint": f"{url}/authorize", "token_endpoint": f"{url}/token"}
        yield endpoint


async def redeem(provider: Provider, named_issuer: str | None = None) -> str:
    flow = CodeFlow(provider.url, "dashboard")
    return await flow.redeem("code-1", "verifier-1", "http://localhost/signed-in", named_issuer)


async def test_a_code_is_redeemed_with_its_verifier_and_no_secret(provider: Provider, endpoint: TokenEndpoint):
    assert await redeem(provider) == "a.b.c"
    assert endpoint.asked == {
        "grant_type": "authorization_code",
        "client_id": "dashboard",
        "code": "code-1",
        "code_verifier": "verifier-1",
        "redirect_uri": "http://localhost/signed-in",
    }


async def test_an_access_token_that_is_no_jwt_gives_way_to_the_id_token(provider: Provider, endpoint: TokenEndpoint):
    endpoint.answer = JSONResponse({"access_token": "opaque", "id_token": "d.e.f"})

    assert await redeem(provider) == "d.e.f"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        pytest.param(JSONResponse({"error": "invalid_grant"}, 400), r"\(invalid_grant\)", id="a refusal"),
        pytest.param(JSONResponse({"error": "<b>no</b>"}, 400), "gave no reason", id="a refusal in its own words"),
        pytest.param(JSONResponse(["a.b.c"], 400), "gave no reason", id="a refusal of another shape"),
        pytest.param(JSONResponse({"access_token": "opaque"}), "no token that this server can read", id="no JWT"),
    ],
)
async def test_an_issuer_that_gives_no_token_is_quoted_with_care(
    provider: Provider, endpoint: TokenEndpoint, answer: Response, sentence: str
):
    endpoint.answer = answer

    with pytest.raises(Unauthenticated, match=sentence):
        await redeem(provider)


async def test_an_issuer_that_does_not_speak_json_is_unavailable(provider: Provider, endpoint: TokenEndpoint):
    endpoint.answer = PlainTextResponse("<html>")

    with pytest.raises(IssuerUnavailable, match="not JSON"):
        await redeem(provider)


@pytest.mark.parametrize("url", [None, "http://issuer.example/token", "file:///etc/passwd"])
async def test_a_code_is_sent_to_https_alone(provider: Provider, url: str | None):
    provider.discovery = {"token_endpoint": url}

    with pytest.raises(IssuerUnavailable, match="no token_endpoint at an https address"):
        await redeem(provider)


async def test_an_issuer_that_is_not_there_is_unavailable():
    with pytest.raises(IssuerUnavailable, match="cannot be reached"):
        await CodeFlow("http://127.0.0.1:9", "dashboard").find_authorization_server()


@pytest.mark.parametrize(("supported", "names_itself"), [(True, True), (False, False), (None, False), ("true", False)])
async def test_people_are_sent_where_the_issuer_says(
    provider: Provider,
    endpoint: TokenEndpoint,
    supported: object,
    names_itself: bool,  # noqa: FBT001 - a case
):
    provider.discovery[ISS_SUPPORTED] = supported

    found = await CodeFlow(provider.url, "dashboard").find_authorization_server()

    assert found == AuthorizationServer(provider.discovery["authorization_endpoint"], names_itself)


@pytest.mark.parametrize(("supported", "named"), [(True, True), (False, True), (False, False)])
async def test_a_code_of_our_issuer_is_redeemed(
    provider: Provider,
    endpoint: TokenEndpoint,
    supported: bool,  # noqa: FBT001 - a case
    named: bool,  # noqa: FBT001 - a case
):
    provider.discovery[ISS_SUPPORTED] = supported

    assert await redeem(provider, provider.url if named else None) == "a.b.c"


@pytest.mark.parametrize("supported", [True, False])
@pytest.mark.parametrize("other", ["https://other.example", "{ours}/", "{ours}#", "", "HTTP://127.0.0.1"])
async def test_a_code_of_another_issuer_is_sent_nowhere(
    provider: Provider,
    endpoint: TokenEndpoint,
    supported: bool,  # noqa: FBT001 - a case
    other: str,
):
    provider.discovery[ISS_SUPPORTED] = supported

    with pytest.raises(Unauthenticated, match="from another issuer than this server's"):
        await redeem(provider, other.format(ours=provider.url))

    assert endpoint.asked == {}


async def test_a_code_of_nobody_is_sent_nowhere_where_the_issuer_always_names_itself(
    provider: Provider, endpoint: TokenEndpoint
):
    provider.discovery[ISS_SUPPORTED] = True

    with pytest.raises(Unauthenticated, match="does not say which issuer"):
        await redeem(provider)

    assert endpoint.asked == {}
