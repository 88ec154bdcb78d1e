"""The application: `create_app(settings)` wires everything, the lifespan opens and closes it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from execution_monitor.asgi.authentication import Gate
from execution_monitor.asgi.compression import COMPRESSED
from execution_monitor.asgi.extensions import BEHIND_KEY
from execution_monitor.asgi.operations import Observers
from execution_monitor.asgi.problems import problem_handlers, refuse_unknown
from execution_monitor.asgi.shutdown import STATE_KEY, Draining
from execution_monitor.audit.journal import Journal
from execution_monitor.audit.observer import Audit
from execution_monitor.audit.writer import AuditEvents
from execution_monitor.auth.authorization_code import CodeFlow
from execution_monitor.errors import SetupError
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.execution.executor import Operations
from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.transport.graphql_transport_ws import SocketLimits, TransportWS
from execution_monitor.graphql.transport.http import GraphQLEndpoint
from execution_monitor.graphql.validation.trusted_documents import AnyDocument, read_trusted_documents
from execution_monitor.identity import Identity
from execution_monitor.limits.rate_limits import ADDRESS, CALLER, Policy, RateLimits, shared_store
from execution_monitor.limits.tcp_connections import CONNECTIONS_KEY, ClientConnections, ConnectionLimits
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.observability.logging import configure_logging
from execution_monitor.observability.metrics.http import Traffic
from execution_monitor.observability.metrics.limits_and_audit import AuditCollector, RateLimitCollector
from execution_monitor.observability.metrics.live import LiveCollector
from execution_monitor.observability.metrics.mongodb import ConnectionsCollector
from execution_monitor.observability.metrics.operations import OperationMetrics
from execution_monitor.observability.metrics.tcp_connections import ClientConnectionsCollector
from execution_monitor.observability.tracing.optional import load_tracing
from execution_monitor.rest.routes import rest_routes
from execution_monitor.settings import Settings, explain_unknown
from execution_monitor.storage.database import Database
from execution_monitor.storage.pool_listener import Connections
from execution_monitor.tasks import end_tasks
from execution_monitor.web.dashboard import dashboard_routes
from execution_monitor.web.disconnects import StreamEnds
from execution_monitor.web.health import health_routes
from execution_monitor.web.host_and_origin import Boundary, share_across_origins
from execution_monitor.web.metrics import create_registry, metrics_routes
from execution_monitor.web.request_log import RequestLog
from execution_monitor.web.sign_in import People, sign_in_routes

log = structlog.get_logger()


def create_app(settings: Settings, people: People | None = None) -> ASGIApp:
    """The ASGI application for `settings`; raises `SetupError` where they do not suffice.

    A demo names `people`, whom anyone at its machine may be.
    """
    if settings.mongodb_uri is None:
        raise SetupError("Set EXECUTION_MONITOR_MONGODB_URI.")
    draining = Draining()
    tracing = None if settings.tracing is None else load_tracing(settings.tracing)
    clients = ClientConnections(_connection_limits(settings), settings.forwarded_allow_ips)
    connections = Connections()
    database = Database.at(
        settings.mongodb_uri.get_secret_value(),
        settings.database,
        [connections, *([tracing.commands] if tracing else [])],
        audit_days=settings.audit_days,
    )
    identity = Identity(settings, database)
    monitor = Monitor.over(
        database,
        timeout_ms=settings.query_timeout_ms,
        count_limit=settings.count_limit,
        max_bytes=settings.max_response_bytes,
    )
    live = Live(
        database,
        settings.mongodb_uri.get_secret_value(),
        LiveCursors(identity.cursor_secret),
        LiveLimits(behind_seconds=settings.live_behind_seconds, replay_buffer_bytes=settings.live_replay_bytes),
    )
    schema = create_schema(introspects=settings.introspects)
    registry = create_registry()
    registry.register(LiveCollector(live.stats))
    registry.register(ConnectionsCollector(connections))
    registry.register(ClientConnectionsCollector(clients.figures))
    journal = Journal(AuditEvents(database).write)
    limits = _rate_limits(settings, settings.mongodb_uri.get_secret_value())
    registry.register(AuditCollector(journal.figures))
    registry.register(RateLimitCollector(limits.figures))
    # The first: it records what others refuse, and they see what it withholds.
    audits = [] if settings.audit == "off" else [Audit(journal, strict=settings.audit == "strict")]
    traces = [] if tracing is None else [tracing.operations]
    observers = Observers(*audits, OperationMetrics(registry), *traces, limits)
    on_refusal = [audit.record_refusal for audit in audits]
    admit = Gate(identity.authenticate, on_refusal).admit
    trusted = settings.trusted_documents
    operations = Operations(
        schema,
        monitor,
        live,
        observers,
        max_cost=settings.max_cost,
        max_response_bytes=settings.max_response_bytes,
        documents=AnyDocument() if trusted is None else read_trusted_documents(trusted, schema),
        refuse_exhausted=limits.refuse_exhausted,
    )
    endpoint = GraphQLEndpoint(
        operations,
        admit,
        identity.sessions,
        live.behind,
        max_body_bytes=settings.max_body_bytes,
        open_introspection=settings.is_development and settings.introspects,
    )

    socket_limits = SocketLimits(operations=settings.max_subscriptions)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[Mapping[str, Any]]:
        # In the background: serving must not wait for an index over millions of documents.
        preparation = asyncio.create_task(database.prepare_until_done())
        try:
            # Those who ask end before the journal does: it writes what they did.
            async with tracing or contextlib.nullcontext(), journal, identity, live:
                yield {STATE_KEY: draining, BEHIND_KEY: live.behind, CONNECTIONS_KEY: clients}
        finally:
            await operations.close()
            limits.close()
            await end_tasks(preparation)
            await database.close()

    application = Starlette(
        routes=[
            Route("/graphql", endpoint, methods=["GET", "POST"], middleware=COMPRESSED),
            WebSocketRoute(
                "/graphql", TransportWS(operations, admit, identity.sessions, live.behind, socket_limits).handle
            ),
            *rest_routes(
                monitor,
                live,
                admit,
                identity.sessions,
                observers,
                max_response_bytes=settings.max_response_bytes,
            ),
            *dashboard_routes(explorer=settings.introspects),
            *sign_in_routes(people, _code_flow(settings), explorer=settings.introspects),
            *health_routes(
                {"MongoDB": database, "The issuer": identity, "The audit trail": journal, "Rate limits": limits},
                [live.behind],
                draining,
            ),
            *metrics_routes(
                registry,
                Gate(identity.recognise, on_refusal).admit,
                # Recorded, but neither limited nor waited for: they tell how both of these are doing.
                Observers(*([Audit(journal, strict=False)] if audits else [])),
                settings.metrics,
                settings.metrics_port,
            ),
        ],
        exception_handlers=problem_handlers(),
        lifespan=lifespan,
    )
    application.router.default = refuse_unknown
    # Around everything, so that even the answer to a failure of ours has its id.
    shared = share_across_origins(StreamEnds(application, draining), settings.origins)
    bounded = Boundary(shared, settings.hosts, settings.origins)
    return RequestLog(bounded if tracing is None else tracing.around(bounded), Traffic(registry))


def _code_flow(settings: Settings) -> CodeFlow | None:
    if settings.issuer is None or settings.client_id is None:
        return None
    return CodeFlow(settings.issuer, settings.client_id)


def _connection_limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        total=settings.max_tcp_connections,
        per_address=settings.max_tcp_connections_address,
        first_byte_seconds=settings.first_byte_seconds,
        head_seconds=settings.head_seconds,
        body_bytes_per_second=settings.body_bytes_per_second,
        keep_alive_seconds=settings.keep_alive_seconds,
        unread_seconds=settings.unread_seconds,
    )


def _rate_limits(settings: Settings, uri: str) -> RateLimits:
    stated = [Policy.named(CALLER, settings.rate_limit), Policy.named(ADDRESS, settings.rate_limit_address)]
    shared = settings.rate_limit_store == "mongodb"
    return RateLimits([each for each in stated if each], shared_store(uri, settings.database) if shared else None)


def create_app_from_environment() -> ASGIApp:
    """The application for the environment's settings: the factory for servers other than ours."""
    settings = Settings()
    configure_logging(as_json=not settings.is_development, level=settings.log_level)
    warn_of_unknown_settings()
    return create_app(settings)


def warn_of_unknown_settings() -> None:
    """Log what to do about each variable of the environment that looks like a setting and is none."""
    for name, advice in explain_unknown(os.environ).items():
        log.warning("unknown_setting", variable=name, advice=advice)
