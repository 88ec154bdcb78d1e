import re
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from execution_monitor.web.dashboard import dashboard_routes
from tests.support.raw_http import exchange
from tests.support.servers import served


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build of two pages, a script with its compressed copy, and a file of a kind that no page uses."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>Dashboard</title>")
    (tmp_path / "graphiql.html").write_text("<title>GraphiQL</title>")
    (tmp_path / "assets" / "index-1a2b.js").write_text("plain")
    (tmp_path / "assets" / "index-1a2b.js.gz").write_bytes(b"packed")
    (tmp_path / "assets" / "notes.txt").write_text("notes")
    (tmp_path / "secret.js").write_text("outside of assets")
    return tmp_path


@pytest.fixture
async def client(build: Path) -> AsyncGenerator[httpx2.AsyncClient]:
    async with served(Starlette(routes=dashboard_routes(build))) as url, httpx2.AsyncClient(base_url=url) as client:
        yield client


def policy_of(answer: httpx2.Response) -> dict[str, str]:
    parts = answer.headers["content-security-policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


async def status_of(client: httpx2.AsyncClient, address: str) -> int:
    head = f"GET {address} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    said = await exchange(client.base_url.port or 0, head.encode())
    return int(said.split()[1])


@pytest.mark.parametrize("address", ["/", "/executions/e-1", "/executions/a%2Fb"])
async def test_every_address_of_the_dashboard_is_its_page(client: httpx2.AsyncClient, address: str):
    answer = await client.get(address)

    assert (answer.status_code, answer.text) == (200, "<title>Dashboard</title>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


async def test_the_dashboard_runs_only_files_of_this_server(client: httpx2.AsyncClient):
    policy = policy_of(await client.get("/"))

    assert policy.pop("default-src") == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert set(policy.values()) == {"'self'", "'none'"}


async def test_graphiql_may_add_styles_but_evaluates_no_text_and_reaches_no_other_host(client: httpx2.AsyncClient):
    answer = await client.get("/graphiql")

    assert answer.text == "<title>GraphiQL</title>"
    assert "unsafe-eval" not in answer.headers["content-security-policy"]
    assert set(re.findall(r"https?:|\*", answer.headers["content-security-policy"])) == set()
    assert policy_of(answer)["script-src"] == "'self'"


@pytest.mark.parametrize("address", ["/", "/graphiql"])
async def test_no_page_may_be_framed_or_sniffed(client: httpx2.AsyncClient, address: str):
    answer = await client.get(address)

    assert policy_of(answer)["frame-ancestors"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_an_asset_is_kept_for_ever(client: httpx2.AsyncClient):
    answer = await client.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "identity"})

    assert (answer.text, "content-encoding" in answer.headers) == ("plain", False)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_an_asset_is_compressed_for_a_client_that_accepts_gzip(client: httpx2.AsyncClient):
    async with client.stream("GET", "/assets/index-1a2b.js", headers={"Accept-Encoding": "br, gzip"}) as answer:
        body = b"".join([part async for part in answer.aiter_raw()])

    assert (body, answer.headers["content-encoding"], answer.headers["vary"]) == (b"packed", "gzip", "Accept-Encoding")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("/assets/index-9z9z.js", id="an asset of another build"),
        pytest.param("/assets/notes.txt", id="a file of a kind that no page uses"),
        pytest.param("/assets/..%2Fsecret.js", id="a way out of the folder"),
        pytest.param("/assets/%2e%2e/secret.js", id="another way out"),
        pytest.param("/assets/", id="the folder"),
        pytest.param(f"/assets/{'x' * 250}.js", id="a name as long as a file's may be, without its compressed copy"),
        pytest.param(f"/assets/{'x' * 253}.js", id="a name that is longer than a file's may be"),
        pytest.param(f"/assets/{'x' * 8_000}.js", id="a name that is much longer"),
        pytest.param("/assets/%00.js", id="a zero"),
        pytest.param("/assets/a%00/../index-1a2b.js", id="a zero on the way"),
        pytest.param("/assets/%ff.js", id="bytes that are no text"),
        pytest.param("/assets/%ed%a0%80.js", id="half of a surrogate pair"),
        pytest.param("/assets/%2e%2e%2fsecret.js", id="a third way out"),
        pytest.param("/assets/%2Fetc%2Fpasswd.js", id="another place"),
        pytest.param("/assets//index-1a2b.js", id="two slashes"),
        pytest.param("/assets/..", id="what is above"),
        pytest.param("//assets/index-1a2b.js", id="an unknown address with the path of an asset"),
        pytest.param("/elsewhere", id="an unknown address"),
    ],
)
async def test_nothing_else_is_served(client: httpx2.AsyncClient, address: str):
    # As it stands: httpx2 would resolve dots.
    assert await status_of(client, address) == 404


@pytest.mark.parametrize("address", ["/", "/graphiql"])
async def test_a_missing_build_says_how_to_make_it(tmp_path: Path, address: str):
    async with served(Starlette(routes=dashboard_routes(tmp_path))) as url, httpx2.AsyncClient(base_url=url) as client:
        answer = await client.get(address)

    assert answer.status_code == 503
    assert "make dashboard" in answer.text
