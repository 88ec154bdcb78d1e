import contextlib
from collections.abc import AsyncGenerator

import httpx2
import pytest
from starlette.applications import Starlette

from execution_monitor.app import create_app
from execution_monitor.asgi.problems import problem_handlers
from execution_monitor.auth.authorization_code import AuthorizationCodeFlow
from execution_monitor.settings import Settings
from execution_monitor.web.sign_in import People, Person, sign_in_routes
from tests.support.identity_provider import running_provider
from tests.support.servers import served

REDEMPTION = b'{"code": "c", "verifier": "%s", "redirectUri": "http://localhost/", "issuer": null}' % (b"v" * 43)
ADA = Person("ada", "an owner", "a.b.c")


@contextlib.asynccontextmanager
async def browsing(people: People | None, client_address: str = "127.0.0.1") -> AsyncGenerator[httpx2.AsyncClient]:
    app = Starlette(routes=sign_in_routes(people, None, explorer=False), exception_handlers=problem_handlers())
    transport = httpx2.ASGITransport(app, client=(client_address, 50_000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        yield client


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
async def test_a_browser_on_the_machine_of_a_demo_may_sign_in_as_any_of_its_people(host: str):
    async with browsing(lambda: [ADA]) as client:
        configuration = await client.get("/config.json", headers={"Host": host})
        people = await client.get(configuration.json()["people"], headers={"Host": host})

    assert people.json() == [{"name": "ada", "may": "an owner", "token": "a.b.c"}]
    assert people.headers["cache-control"] == "no-store, no-transform"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        pytest.param("attacker.example", "127.0.0.1", id="a page whose name leads here"),
        pytest.param("localhost.attacker.example", "127.0.0.1", id="a page whose name begins like ours"),
        pytest.param("localhost:8000", "192.0.2.7", id="another machine"),
        pytest.param("192.0.2.1:8000", "192.0.2.7", id="another machine by our address"),
    ],
)
async def test_a_browser_on_another_machine_gets_no_token(host: str, address: str):
    async with browsing(lambda: [ADA], address) as client:
        configuration = await client.get("/config.json", headers={"Host": host})
        people = await client.get("/development/people", headers={"Host": host})

    assert configuration.json()["people"] is None
    assert people.status_code == 403
    assert "a.b.c" not in people.text


async def test_a_server_that_is_no_demo_has_no_people(settings: Settings):
    async with served(create_app(settings)) as url, httpx2.AsyncClient(base_url=url) as client:
        configuration = await client.get("/config.json")
        people = await client.get("/development/people")

    assert configuration.json()["people"] is None
    assert people.status_code == 404


@pytest.mark.parametrize(
    ("site", "status"),
    [
        pytest.param("cross-site", 403, id="a page of another site"),
        pytest.param("same-site", 403, id="a page of another port of this machine"),
        pytest.param("same-origin", 200, id="our own page"),
        pytest.param("none", 200, id="an address that a person typed"),
    ],
)
async def test_only_our_own_page_gets_a_token(site: str, status: int):
    async with browsing(lambda: [ADA]) as client:
        people = await client.get("/development/people", headers={"Sec-Fetch-Site": site})

    assert people.status_code == status
    assert ("a.b.c" in people.text) is (status == 200)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="no JSON"),
        pytest.param(b'{"code": "c", "verifier": "short", "redirectUri": "http://localhost/"}', id="a short verifier"),
        pytest.param(b'{"code": ["c"]}', id="a list"),
        pytest.param(REDEMPTION.replace(b"null", b'["https://issuer.example"]'), id="a list of issuers"),
        pytest.param(b" " * 20_000, id="a long one"),
    ],
)
async def test_an_invalid_code_is_not_sent_to_an_issuer(body: bytes):
    routes = sign_in_routes(None, AuthorizationCodeFlow("http://127.0.0.1:9", "dashboard"), explorer=True)
    transport = httpx2.ASGITransport(Starlette(routes=routes, exception_handlers=problem_handlers()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post("/sign-in/token", content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("supported", [True, False])
async def test_a_page_gets_the_issuer_and_a_code_of_another_issuer_is_refused(supported: bool):  # noqa: FBT001 - a case
    async with running_provider() as provider:
        provider.discovery = {
            "authorization_endpoint": "https://issuer.example/authorize",
            "token_endpoint": f"{provider.url}/keys",
            "authorization_response_iss_parameter_supported": supported,
        }
        routes = sign_in_routes(None, AuthorizationCodeFlow(provider.url, "dashboard"), explorer=True)
        transport = httpx2.ASGITransport(Starlette(routes=routes, exception_handlers=problem_handlers()))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            issuer = await client.get("/sign-in/issuer")
            unnamed = await client.post("/sign-in/token", content=REDEMPTION)
            of_another = await client.post(
                "/sign-in/token", content=REDEMPTION.replace(b"null", b'"https://other.example"')
            )

    assert issuer.json() == {
        "endpoint": "https://issuer.example/authorize",
        "clientId": "dashboard",
        "issuer": provider.url,
        "namesIssuer": supported,
    }
    assert (of_another.status_code, of_another.json()["code"]) == (401, "UNAUTHENTICATED")
    assert ("does not name the issuer" in unnamed.json()["detail"]) is supported
