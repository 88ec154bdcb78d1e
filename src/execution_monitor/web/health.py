"""Whether the process lives, and whether it can serve."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.storage.database import Database


def health_routes(database: Database) -> list[Route]:
    """`/livez` answers while the process runs; `/readyz` with 503 and the reason while MongoDB cannot be read."""

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> JSONResponse:
        try:
            await database.check()
        except DatabaseUnavailable as error:
            body = {"status": "unavailable", "reasons": [error.message]}
            return JSONResponse(body, HTTPStatus.SERVICE_UNAVAILABLE)
        # A missing index or permission makes answers slow, not wrong: traffic may come, and people may read why.
        return JSONResponse({"status": "degraded" if database.warnings else "ready", "reasons": database.warnings})

    return [Route("/livez", live), Route("/readyz", ready)]
