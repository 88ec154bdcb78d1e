"""Liveness and readiness probes: `/livez` and `/readyz`."""

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

# Probes give up after 1 to 10 seconds, and should get the reason before.
_TIMEOUT_SECONDS = 2.0


class Component(Protocol):
    """A part of the server that may work badly."""

    @property
    def warnings(self) -> Sequence[str]:
        """What makes responses slow or late, or will make them fail, a sentence each."""
        ...


class Dependency(Component, Protocol):
    """A component without which no request can be served."""

    async def check(self) -> None:
        """Raise the error that a request would get now."""
        ...


def health_routes(
    dependencies: Mapping[str, Dependency], others: Sequence[Component], draining: Draining
) -> list[Route]:
    """The routes `/livez`, 200 while the process runs, and `/readyz`, 503 while it stops or lacks a dependency.

    With warnings, also those of `others`, `/readyz` stays at 200: they are mostly the same on every replica, and a slow
    server is better than none.
    """

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> JSONResponse:
        if draining.has_begun:
            reasons = ["The server is about to stop; send requests to another."]
            return JSONResponse({"status": "draining", "reasons": reasons}, HTTPStatus.SERVICE_UNAVAILABLE)
        checked = await asyncio.gather(*(_reason_of(name, each) for name, each in dependencies.items()))
        # Parts that wait for the same database say the same.
        reasons = list(dict.fromkeys(reason for reason in checked if reason is not None))
        if reasons:
            return JSONResponse({"status": "unavailable", "reasons": reasons}, HTTPStatus.SERVICE_UNAVAILABLE)
        # Such as a missing index: requests may come, and operators can read why they are slow.
        warnings = [warning for each in (*dependencies.values(), *others) for warning in each.warnings]
        return JSONResponse({"status": "degraded" if warnings else "ready", "reasons": warnings})

    return [Route("/livez", live), Route("/readyz", ready)]


async def _reason_of(name: str, dependency: Dependency) -> str | None:
    try:
        async with TimeLimit(_TIMEOUT_SECONDS):
            await dependency.check()
    except ExecutionMonitorError as error:
        return error.message
    except TimeoutError:
        return f"{name} does not answer."
    return None
