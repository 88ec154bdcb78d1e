"""The application: `create_app(settings)` makes the services, their routes and the middleware around them."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from execution_monitor.asgi.compression import COMPRESSED
from execution_monitor.asgi.extensions import BEHIND_KEY
from execution_monitor.asgi.problems import problem_handlers, refuse_unknown
from execution_monitor.asgi.shutdown import STATE_KEY
from execution_monitor.auth.authorization_code import AuthorizationCodeFlow
from execution_monitor.graphql.argument_filters import read_argument_filter
from execution_monitor.graphql.errors import ClientSafeSchema
from execution_monitor.graphql.execution.executor import OperationExecutor
from execution_monitor.graphql.role_filters import read_role_filter
from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.transport.graphql_transport_ws import GraphQLTransportWSEndpoint, SocketLimits
from execution_monitor.graphql.transport.http import GraphQLEndpoint
from execution_monitor.graphql.validation.trusted_documents import AnyDocument, read_trusted_documents
from execution_monitor.ingest.endpoints import ingest_routes
from execution_monitor.limits.tcp_connections import CONNECTIONS_KEY
from execution_monitor.observability.logging import configure_logging
from execution_monitor.observability.metrics.http import HttpMetrics
from execution_monitor.rest.routes import rest_routes
from execution_monitor.services import Services
from execution_monitor.settings import Settings
from execution_monitor.tasks import end_tasks
from execution_monitor.unknown_settings import warn_of_unknown_settings
from execution_monitor.web.dashboard import dashboard_routes
from execution_monitor.web.disconnects import DisconnectMiddleware
from execution_monitor.web.health import Component, health_routes
from execution_monitor.web.host_and_origin import HostAndOriginMiddleware, cors_middleware
from execution_monitor.web.metrics import metrics_routes
from execution_monitor.web.request_log import RequestLogMiddleware
from execution_monitor.web.sign_in import People, sign_in_routes

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[Mapping[str, Any]]]


def create_app(settings: Settings, people: People | None = None) -> ASGIApp:
    """The ASGI application for `settings`; raises `SetupError` when a setting is missing or a file is wrong.

    A demo passes `people`, as whom anyone at its machine may sign in.
    """
    schema = create_schema(allows_introspection=settings.allows_introspection)
    services = Services.from_settings(settings, functools.partial(read_role_filter, schema))
    executor = _executor(services, schema)
    routes = [
        *_graphql_routes(services, executor),
        *rest_routes(services.requests, functools.partial(read_argument_filter, schema)),
        *ingest_routes(services),
        *_page_routes(settings, people),
        *_operating_routes(services, [services.requests.live.behind]),
    ]
    feeds = settings.delivery == "on"
    return _application(services, routes, _lifespan(services, executor, feeds=feeds))


def create_ingest_app(settings: Settings) -> ASGIApp:
    """The application of a process that only takes what engines report: their endpoints, health and metrics.

    It reads no change stream and answers no lists, so that reports slow down no one who reads.
    """
    schema = create_schema()
    services = Services.from_settings(settings, functools.partial(read_role_filter, schema))
    routes = [*ingest_routes(services), *_operating_routes(services, [])]
    return _application(services, routes, _lifespan(services, None))


def create_delivery_app(settings: Settings) -> ASGIApp:
    """The application of a process that only reads changes and delivers them to webhooks, with health and metrics."""
    schema = create_schema()
    settings = settings.model_copy(update={"delivery": "on"})
    services = Services.from_settings(settings, functools.partial(read_role_filter, schema))
    return _application(services, _operating_routes(services, []), _lifespan(services, None, feeds=True))


def _application(services: Services, routes: Sequence[BaseRoute], lifespan: Lifespan) -> ASGIApp:
    application = Starlette(routes=routes, exception_handlers=problem_handlers(), lifespan=lifespan)
    application.router.default = refuse_unknown
    return _wrap(application, _middleware(services))


def _executor(services: Services, schema: ClientSafeSchema) -> OperationExecutor:
    settings = services.settings
    trusted = settings.trusted_documents
    return OperationExecutor(
        schema,
        services.requests,
        max_cost=settings.max_cost,
        documents=AnyDocument() if trusted is None else read_trusted_documents(trusted, schema),
    )


def _graphql_routes(services: Services, executor: OperationExecutor) -> Sequence[BaseRoute]:
    settings = services.settings
    endpoint = GraphQLEndpoint(
        executor,
        services.requests,
        max_body_bytes=settings.max_body_bytes,
        open_introspection=settings.is_development and settings.allows_introspection,
        origins=settings.allowed_origins,
        explorer="/graphiql" if settings.allows_introspection else None,
    )
    sockets = GraphQLTransportWSEndpoint(
        executor, services.requests, SocketLimits(operations=settings.max_subscriptions)
    )
    return [
        Route("/graphql", endpoint, methods=["GET", "POST"], middleware=COMPRESSED),
        WebSocketRoute("/graphql", sockets.handle),
    ]


def _page_routes(settings: Settings, people: People | None) -> Sequence[BaseRoute]:
    return [
        *dashboard_routes(explorer=settings.allows_introspection),
        *sign_in_routes(people, _code_flow(settings), explorer=settings.allows_introspection),
    ]


def _operating_routes(services: Services, others: Sequence[Component]) -> Sequence[BaseRoute]:
    """Health, which `others` may impair, and metrics."""
    settings = services.settings
    dependencies = {
        "MongoDB": services.database,
        "The issuer": services.authenticator,
        "The audit trail": services.journal,
        "Rate limits": services.rate_limits,
    }
    return [
        *health_routes(dependencies, others, services.draining),
        *metrics_routes(services.registry, services.metrics_requests, settings.metrics, settings.metrics_port),
    ]


def _code_flow(settings: Settings) -> AuthorizationCodeFlow | None:
    if settings.issuer is None or settings.client_id is None:
        return None
    return AuthorizationCodeFlow(settings.issuer, settings.client_id)


def _middleware(services: Services) -> Sequence[Middleware]:
    """The middleware around all routes, the outermost first."""
    settings = services.settings
    return [
        Middleware(RequestLogMiddleware, HttpMetrics(services.registry)),
        *([] if services.tracing is None else [Middleware(services.tracing.around)]),
        Middleware(HostAndOriginMiddleware, settings.allowed_hosts, settings.allowed_origins),
        *cors_middleware(settings.allowed_origins),
        Middleware(DisconnectMiddleware, services.draining),
    ]


def _wrap(application: ASGIApp, middleware: Sequence[Middleware]) -> ASGIApp:
    """`application` within `middleware`.

    Starlette would put it inside its own handler of unexpected errors, whose responses need an id and headers, too.
    """
    for factory, arguments, options in reversed(middleware):
        application = factory(application, *arguments, **options)
    return application


def _lifespan(services: Services, executor: OperationExecutor | None, *, feeds: bool = False) -> Lifespan:
    """Open the services in the order in which they stand here, and close them in the reverse order.

    Without an `executor` nothing is read, and live updates stay closed; `feeds` where changes are read and delivered.
    """
    live = services.requests.live

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[Mapping[str, Any]]:
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(services.database.close)
            # In the background: requests must not wait for an index over millions of documents.
            preparation = asyncio.create_task(services.database.prepare_until_done())
            stack.push_async_callback(end_tasks, preparation)
            stack.callback(services.rate_limits.close)
            if executor is not None:
                stack.push_async_callback(executor.close)
            if services.tracing is not None:
                await stack.enter_async_context(services.tracing)
            # Closed after what it records.
            await stack.enter_async_context(services.journal)
            await stack.enter_async_context(services.authenticator)
            if executor is not None:
                await stack.enter_async_context(live)
                await stack.enter_async_context(services.requests.live_statistics)
            await stack.enter_async_context(services.requests.ingest)
            if services.execution_metrics is not None:
                stack.push_async_callback(services.execution_metrics.close)
            if executor is not None or feeds:
                await stack.enter_async_context(services.webhooks)
                await stack.enter_async_context(services.notifications)
            sweeping = asyncio.create_task(services.sweeper.run())
            stack.push_async_callback(end_tasks, sweeping)
            if feeds:
                feeding = asyncio.create_task(services.feeder.run())
                stack.push_async_callback(end_tasks, feeding)
            yield {STATE_KEY: services.draining, BEHIND_KEY: live.behind, CONNECTIONS_KEY: services.tcp_connections}

    return lifespan


def create_app_from_environment() -> ASGIApp:
    """The application for the environment's settings: the factory for ASGI servers other than ours."""
    settings = Settings()
    configure_logging(as_json=not settings.is_development, level=settings.log_level)
    warn_of_unknown_settings()
    return create_app(settings)
