"""Liveness and readiness over a real socket."""

import httpx2


async def test_a_served_application_is_alive_and_ready(server: str):
    async with httpx2.AsyncClient(base_url=server) as client:
        alive, ready = await client.get("/livez"), await client.get("/readyz")

    assert alive.json() == {"status": "alive"}
    assert ready.json() == {"status": "ready", "reasons": []}
