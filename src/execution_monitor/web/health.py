"""Whether the process lives, and whether it can serve."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from execution_monitor.asgi.shutdown import Draining
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.tasks import TimeLimit

# A probe gives up after 1 to 10 seconds, and should learn the reason.
_PATIENCE_SECONDS = 2.0


class Part(Protocol):
    """Something that may do its work badly."""

    @property
    def warnings(self) -> Sequence[str]:
        """What makes answers slow or late, or will make them fail, a sentence each."""
        ...


class Dependency(Part, Protocol):
    """Something without which nobody is answered."""

    async def check(self) -> None:
        """Raise the error that a request would meet now."""
        ...


def health_routes(dependencies: Mapping[str, Dependency], others: Sequence[Part], draining: Draining) -> list[Route]:
    """`/livez` answers while the process runs; `/readyz` with 503 and reasons while it stops or lacks a dependency.

    Warnings, also those of `others`, leave it at 200: they are much the same on every replica, and one that is late is
    better than none.
    """

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> JSONResponse:
        if draining.has_begun:
            reasons = ["The server is about to stop; send requests to another."]
            return JSONResponse({"status": "draining", "reasons": reasons}, HTTPStatus.SERVICE_UNAVAILABLE)
        checked = await asyncio.gather(*(_trouble_of(name, each) for name, each in dependencies.items()))
        reasons = [reason for reason in checked if reason is not None]
        if reasons:
            return JSONResponse({"status": "unavailable", "reasons": reasons}, HTTPStatus.SERVICE_UNAVAILABLE)
        # Such as a missing index: traffic may come, and people may read why it is slow.
        warnings = [warning for each in (*dependencies.values(), *others) for warning in each.warnings]
        return JSONResponse({"status": "degraded" if warnings else "ready", "reasons": warnings})

    return [Route("/livez", live), Route("/readyz", ready)]


async def _trouble_of(name: str, dependency: Dependency) -> str | None:
    try:
        async with TimeLimit(_PATIENCE_SECONDS):
            await dependency.check()
    except ExecutionMonitorError as error:
        return error.message
    except TimeoutError:
        return f"{name} does not answer."
    return None
