"""Whether the process lives, and whether it can serve."""

import asyncio
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.storage.database import Database

# A probe gives up after 1 to 10 seconds, and should learn the reason.
_PATIENCE_SECONDS = 2.0


def health_routes(database: Database) -> list[Route]:
    """`/livez` answers while the process runs; `/readyz` with 503 and the reason while MongoDB cannot be read."""

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> JSONResponse:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await database.check()
        except (DatabaseUnavailable, TimeoutError) as error:
            reason = error.message if isinstance(error, DatabaseUnavailable) else "MongoDB does not answer."
            body = {"status": "unavailable", "reasons": [reason]}
            return JSONResponse(body, HTTPStatus.SERVICE_UNAVAILABLE)
        # A missing index or permission makes answers slow, not wrong: traffic may come, and people may read why.
        return JSONResponse({"status": "degraded" if database.warnings else "ready", "reasons": database.warnings})

    return [Route("/livez", live), Route("/readyz", ready)]
