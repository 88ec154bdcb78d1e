"""Liveness and readiness over a real socket."""

from collections.abc import Sequence

import httpx2
from starlette.applications import Starlette

from execution_monitor.asgi.shutdown import Draining
from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.web.health import health_routes


async def test_a_served_application_is_alive_and_ready(server: str):
    async with httpx2.AsyncClient(base_url=server) as client:
        alive, ready = await client.get("/livez"), await client.get("/readyz")

    assert alive.json() == {"status": "alive"}
    assert ready.json() == {"status": "ready", "reasons": []}


class Unavailable:
    warnings: Sequence[str] = ()

    async def check(self) -> None:
        raise DatabaseUnavailable("MongoDB does not answer.")


async def test_what_several_parts_lack_is_said_once():
    app = Starlette(routes=health_routes({"MongoDB": Unavailable(), "The audit trail": Unavailable()}, [], Draining()))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/readyz")

    assert answer.json() == {"status": "unavailable", "reasons": ["MongoDB does not answer."]}
