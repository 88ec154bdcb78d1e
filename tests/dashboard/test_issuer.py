"""Signing in at an identity provider, from the click to the list."""

import base64
import hashlib
from collections.abc import AsyncGenerator
from urllib.parse import parse_qs, quote

import pytest
from playwright.async_api import expect
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from execution_monitor.settings import Settings
from tests.dashboard.conftest import OpenPage
from tests.support.identity_provider import Provider, running_provider, sign
from tests.support.servers import served
from tests.support.tokens import SECRET


class AuthorizationServer:
    """An authorization server that signs everyone in as Ada, unless it `denies`."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.denies = False
        self.named: str | None = None
        self.challenge = ""

    async def authorize(self, request: Request) -> Response:
        query = request.query_params
        self.challenge = query["code_challenge"]
        result = "error=access_denied" if self.denies else "code=code-1"
        issuer = "" if self.named is None else f"&iss={quote(self.named)}"
        return RedirectResponse(f"{query['redirect_uri']}?{result}&state={query['state']}{issuer}")

    async def token(self, request: Request) -> Response:
        (verifier,) = parse_qs((await request.body()).decode())["code_verifier"]
        digest = hashlib.sha256(verifier.encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != self.challenge:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": sign("ES256", iss=self.provider.url)})


@pytest.fixture
async def login() -> AsyncGenerator[AuthorizationServer]:
    async with running_provider("ES256") as provider:
        login = AuthorizationServer(provider)
        routes = [Route("/authorize", login.authorize), Route("/token", login.token, methods=["POST"])]
        async with served(Starlette(routes=routes)) as url:
            provider.discovery = {"authorization_endpoint": f"{url}/authorize", "token_endpoint": f"{url}/token"}
            yield login


@pytest.fixture
def settings(mongodb_uri: str, database_name: str, login: AuthorizationServer) -> Settings:
    return Settings(
        mongodb_uri=SecretStr(mongodb_uri),
        database=database_name,
        issuer=login.provider.url,
        client_id="dashboard",
        cursor_secret=SecretStr(SECRET),
    )


async def test_signing_in_at_the_issuer_returns_to_the_same_page(open_page: OpenPage, login: AuthorizationServer):
    page = await open_page("/?since=-24h")

    await page.get_by_role("button", name=f"Sign in at {login.provider.url.removeprefix('http://')}").click()

    await expect(page.get_by_text("ada acme")).to_be_visible()
    await expect(page.get_by_role("heading", name="No executions match")).to_be_visible()
    assert page.url.endswith("/executions?since=-24h")


async def test_a_denied_sign_in_is_reported(open_page: OpenPage, login: AuthorizationServer):
    login.denies = True
    page = await open_page("/")

    await page.get_by_role("button", name="Sign in at").click()

    await expect(page.get_by_text("The issuer denied the sign-in.")).to_be_visible()


async def test_signing_in_works_with_an_issuer_that_names_itself_in_responses(
    open_page: OpenPage, login: AuthorizationServer
):
    login.provider.discovery["authorization_response_iss_parameter_supported"] = True
    login.named = login.provider.url
    page = await open_page("/")

    await page.get_by_role("button", name="Sign in at").click()

    await expect(page.get_by_text("ada acme")).to_be_visible()


@pytest.mark.parametrize("denies", [False, True])
async def test_a_response_of_another_issuer_does_not_sign_in(
    open_page: OpenPage,
    login: AuthorizationServer,
    denies: bool,  # noqa: FBT001 - a parameter of the test
):
    login.named, login.denies = "https://other.example", denies
    page = await open_page("/")

    await page.get_by_role("button", name="Sign in at").click()

    await expect(page.get_by_text("The response came from a different issuer than expected")).to_be_visible()
    await expect(page.get_by_role("button", name="Sign in at")).to_be_visible()


async def test_a_code_that_was_not_requested_does_not_sign_in(open_page: OpenPage):
    page = await open_page("/signed-in?code=code-1&state=made-up")

    await expect(page.get_by_text("This sign-in did not start in this tab")).to_be_visible()
