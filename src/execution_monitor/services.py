"""The services of one process, made from its settings, and what the routes of every transport need of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from prometheus_client import CollectorRegistry

from execution_monitor.alerts.alerting import Alerting
from execution_monitor.alerts.alerts import Alerts
from execution_monitor.alerts.channels import Channels
from execution_monitor.alerts.evaluation.service import MAX_QUERY_MS, EvaluationService
from execution_monitor.alerts.links import Links
from execution_monitor.alerts.notification_service import NotificationLimits, NotificationService
from execution_monitor.alerts.owned_rules import RULES
from execution_monitor.alerts.preview import Preview
from execution_monitor.alerts.rules import Rules
from execution_monitor.alerts.updates import AlertUpdates
from execution_monitor.asgi.authentication import Admit, RequestAuthenticator
from execution_monitor.asgi.operations import Observers
from execution_monitor.asgi.origin import Origin, proxies_in
from execution_monitor.asgi.shutdown import Draining
from execution_monitor.audit.journal import Journal
from execution_monitor.audit.observer import AuditObserver
from execution_monitor.audit.writer import AuditWriter
from execution_monitor.auth.access_keys import AccessKeys
from execution_monitor.auth.authenticator import Authenticator
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.claims import ClaimNames, ClaimReader
from execution_monitor.auth.key_cache import KeyCache
from execution_monitor.auth.keys import SharedSecret
from execution_monitor.auth.oidc import Issuer
from execution_monitor.auth.roles import Role, Roles
from execution_monitor.auth.tokens import TokenVerifier
from execution_monitor.encryption import Encryption
from execution_monitor.errors import SetupError
from execution_monitor.executions.services import Monitor
from execution_monitor.feeder.consumers import Consumer
from execution_monitor.feeder.feeder import Feeder
from execution_monitor.ingest.redaction import Redaction
from execution_monitor.ingest.service import Ingest
from execution_monitor.ingest.silence import Patience
from execution_monitor.ingest.sweeper import Sweeper
from execution_monitor.limits.rate_limits import ADDRESS, CALLER, Policy, RateLimits, shared_store
from execution_monitor.limits.streams import OpenStreams, StreamLimits
from execution_monitor.limits.tcp_connections import TcpConnectionLimits, TcpConnections
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.observability.metrics.live import LiveCollector
from execution_monitor.observability.metrics.operations import OperationMetrics
from execution_monitor.observability.metrics.registry import create_registry
from execution_monitor.observability.tracing.optional import Tracing, load_tracing
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.outbound.mail import Mail
from execution_monitor.settings import Settings
from execution_monitor.statistics.live.service import LiveStatistics
from execution_monitor.statistics.metrics import ExecutionMetrics
from execution_monitor.statistics.rollups.consumer import Rollups
from execution_monitor.statistics.rollups.path_b import PathB
from execution_monitor.statistics.service import Statistics
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.pool_listener import Connections
from execution_monitor.storage.reader import Reader
from execution_monitor.webhooks.deliveries import Deliveries
from execution_monitor.webhooks.service import WebhookLimits, WebhookService
from execution_monitor.webhooks.tenants import WEBHOOKS

# Reads the JSON of a filter of executions; raises `ValueError`.
ReadFilter = Callable[[object], Filter]


@dataclass(frozen=True, slots=True)
class RequestServices:
    """What serving a request takes, whatever transport it comes by.

    Attributes:
        admit: authenticates a request.
        observers: observe each operation, and may refuse it.
        refuse_exhausted: raises `RateLimited` for a caller whose document is not worth reading now.
        streams: limits open sockets and streams.
        monitor: reads executions.
        statistics: adds them up.
        live: subscribes to changes.
        live_statistics: subscribes to what executions add up to.
        ingest: stores what engines report.
        access_keys: makes, lists and revokes the keys of programs.
        deliveries: what webhooks send, and the webhooks.
        alerting: rules and alerts.
        max_response_bytes: the largest response to an operation.
        export_rows: the most executions in one export.
    """

    admit: Admit
    observers: Observers
    refuse_exhausted: Callable[[Caller, Origin], None]
    streams: OpenStreams
    monitor: Monitor
    statistics: Statistics
    live: Live
    live_statistics: LiveStatistics
    ingest: Ingest
    access_keys: AccessKeys
    deliveries: Deliveries
    alerting: Alerting
    max_response_bytes: int
    export_rows: int


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that one process opens and closes; `app.create_app` says in which order.

    Attributes:
        requests: for all routes but that of the metrics.
        sweeper: assumes the ends that engines never report.
        webhooks: send what changes.
        notifications: send the messages of alerts.
        evaluation: makes alerts.
        feeder: hands every change to webhooks and rules, and to rollups where a setting says so.
        execution_metrics: counts executions for Prometheus; None where that is off.
        metrics_requests: for the metrics, which must be readable when MongoDB or the audit trail has failed: callers
            are authenticated from memory, and the audit trail is not waited for.
    """

    settings: Settings
    database: Database
    tracing: Tracing | None
    registry: CollectorRegistry
    tcp_connections: TcpConnections
    draining: Draining
    journal: Journal
    authenticator: Authenticator
    rate_limits: RateLimits
    requests: RequestServices
    sweeper: Sweeper
    webhooks: WebhookService
    notifications: NotificationService
    evaluation: EvaluationService
    feeder: Feeder
    execution_metrics: ExecutionMetrics | None
    metrics_requests: RequestServices

    @classmethod
    def from_settings(cls, settings: Settings, read_filter: ReadFilter) -> "Services":
        """The services for `settings`, none of them open yet; `read_filter` reads the filters of roles.

        Raises:
            SetupError: a setting is missing, or the filter of a role cannot be read.
        """
        if settings.mongodb_uri is None:
            raise SetupError("Set EXECUTION_MONITOR_MONGODB_URI.")
        uri = settings.mongodb_uri.get_secret_value()
        tracing = None if settings.tracing is None else load_tracing(settings.tracing)
        tcp_connections = TcpConnections(_tcp_limits(settings), settings.forwarded_allow_ips)
        pool = Connections()
        listeners = [pool, *([tracing.commands] if tracing else [])]
        database = Database.at(uri, settings.database, listeners, audit_days=settings.audit_days)
        authenticator = _authenticator(settings, _roles(settings, read_filter), database)
        cursors = LiveCursors(settings.cursor_key)
        live = Live(
            database,
            uri,
            cursors,
            LiveLimits(behind_seconds=settings.live_behind_seconds, replay_buffer_bytes=settings.live_replay_bytes),
        )
        journal = Journal(AuditWriter(database).write)
        rate_limits = _rate_limits(settings, uri)
        registry = create_registry()
        redaction = _redaction(settings)
        ingest = Ingest(database, redaction.clean)
        webhooks = WebhookService(
            Reader(database, settings.query_timeout_ms),
            Encryption(settings.encryption_keys),
            cursors,
            _webhook_limits(settings),
            authenticator.recheck,
            owned=(WEBHOOKS, RULES),
        )
        notifications = NotificationService(
            Reader(database, settings.query_timeout_ms),
            Encryption(settings.encryption_keys),
            _notification_limits(settings),
        )
        sweeper = Sweeper(database, ingest, _patience(settings))
        for collector in (
            LiveCollector(live.stats),
            pool,
            tcp_connections,
            journal,
            rate_limits,
            sweeper,
            webhooks.sender,
            notifications.notifier,
        ):
            registry.register(collector)
        reader = Reader(database, settings.query_timeout_ms, settings.max_response_bytes)
        consumers: list[Consumer] = [webhooks.enqueueing]
        path_b = None
        if settings.statistics_rollups == "on":
            rollups = Rollups(database)
            consumers.append(rollups)
            path_b = PathB(reader)
            registry.register(rollups)
            registry.register(path_b.settled)
        evaluation = EvaluationService(
            Statistics(Reader(database, min(settings.query_timeout_ms, MAX_QUERY_MS)), path_b),
            notifications.links,
            [webhooks.sender.wake, notifications.notifier.wake],
        )
        consumers.append(evaluation.events)
        registry.register(evaluation.evaluator)
        feeder = Feeder(database, consumers)
        registry.register(feeder)
        statistics, execution_metrics = Statistics(reader, path_b), None
        if settings.metrics_executions == "on":
            execution_metrics = ExecutionMetrics(database, statistics)
            registry.register(execution_metrics)
        is_strict, mask = settings.audit == "strict", redaction.mask_name
        audits = [] if settings.audit == "off" else [AuditObserver(journal, strict=is_strict, mask=mask)]
        on_refusal = [audit.record_refusal for audit in audits]
        traces = [] if tracing is None else [tracing.operations]
        requests = RequestServices(
            admit=RequestAuthenticator(authenticator.authenticate, on_refusal, [webhooks.sign_ins.notice]).admit,
            # The audit trail is the first: it records what others refuse, and they see what it withholds.
            observers=Observers(*audits, OperationMetrics(registry), *traces, rate_limits),
            refuse_exhausted=rate_limits.refuse_exhausted,
            streams=_open_streams(settings, authenticator),
            monitor=Monitor.over(
                database,
                timeout_ms=settings.query_timeout_ms,
                count_limit=settings.count_limit,
                max_bytes=settings.max_response_bytes,
            ),
            statistics=statistics,
            live=live,
            live_statistics=LiveStatistics(Reader(database, settings.query_timeout_ms), live, path_b),
            ingest=ingest,
            access_keys=AccessKeys(
                Reader(database, settings.query_timeout_ms), settings.cursor_key, authenticator.recheck
            ),
            deliveries=webhooks.deliveries,
            alerting=_alerting(settings, database, live, cursors, authenticator),
            max_response_bytes=settings.max_response_bytes,
            export_rows=settings.export_rows,
        )
        metrics_requests = replace(
            requests,
            admit=RequestAuthenticator(authenticator.authenticate_offline, on_refusal).admit,
            observers=Observers(*([AuditObserver(journal, strict=False, mask=mask)] if audits else [])),
        )
        return cls(
            settings=settings,
            database=database,
            tracing=tracing,
            registry=registry,
            tcp_connections=tcp_connections,
            draining=Draining(),
            journal=journal,
            authenticator=authenticator,
            rate_limits=rate_limits,
            requests=requests,
            sweeper=sweeper,
            webhooks=webhooks,
            notifications=notifications,
            evaluation=evaluation,
            feeder=feeder,
            execution_metrics=execution_metrics,
            metrics_requests=metrics_requests,
        )


def _roles(settings: Settings, read_filter: ReadFilter) -> Roles:
    roles: dict[str, Role] = {}
    for name, role in settings.roles.items():
        try:
            roles[name] = Role(role.scopes, None if role.visible is None else read_filter(role.visible))
        except ValueError as error:
            raise SetupError(f"EXECUTION_MONITOR_ROLES, the filter of {name}: {error}") from error
    return roles


def _authenticator(settings: Settings, roles: Roles, database: Database) -> Authenticator:
    names = ClaimNames.parse(tenant=settings.tenant_claim, roles=settings.roles_claim, scopes=settings.scopes_claim)
    reader = ClaimReader(names, roles, roles_required=settings.roles_required)
    if not settings.trusts_an_issuer:
        secret = SharedSecret(settings.require_jwt_secret())
        return Authenticator(TokenVerifier(secret, settings.token_rules, reader), database)
    keys = KeyCache(Issuer(settings.issuer, settings.jwks_url).fetch_keys)
    return Authenticator(TokenVerifier(keys, settings.token_rules, reader), database, keys)


def _redaction(settings: Settings) -> Redaction:
    return Redaction(keeps_payloads=settings.ingest_payloads == "on", patterns=settings.ingest_redact)


def _patience(settings: Settings) -> Patience:
    return Patience(
        execution=timedelta(seconds=settings.ingest_silence_seconds),
        heartbeat=timedelta(seconds=settings.ingest_heartbeat_seconds),
        trace=timedelta(seconds=settings.ingest_trace_seconds),
        step=timedelta(seconds=settings.ingest_step_grace_seconds),
    )


def _webhook_limits(settings: Settings) -> WebhookLimits:
    return WebhookLimits(
        rules=DestinationRules.allowing(settings.outbound_allow, is_development=settings.is_development),
        confirmed_for=timedelta(days=settings.owner_confirm_days),
        sends=settings.delivery == "on",
    )


def _alerting(
    settings: Settings, database: Database, live: Live, cursors: LiveCursors, authenticator: Authenticator
) -> Alerting:
    reader = Reader(database, settings.query_timeout_ms)
    rules = DestinationRules.allowing(settings.outbound_allow, is_development=settings.is_development)
    encryption = Encryption(settings.encryption_keys)
    channels = Channels(database, encryption, rules, frozenset(settings.mail_domains))
    rules_of_alerts = Rules(reader, channels, authenticator.recheck)
    return Alerting(rules_of_alerts, Alerts(reader), AlertUpdates(live, cursors), Preview(reader))


def _notification_limits(settings: Settings) -> NotificationLimits:
    sender = None if settings.smtp_url is None else settings.mail_from
    return NotificationLimits(
        rules=DestinationRules.allowing(settings.outbound_allow, is_development=settings.is_development),
        links=Links(settings.public_url),
        mail=None if sender is None else Mail(settings.mail_server, sender),
        mail_domains=frozenset(settings.mail_domains),
        sends=settings.delivery == "on",
    )


def _open_streams(settings: Settings, authenticator: Authenticator) -> OpenStreams:
    limits = StreamLimits(settings.max_connections, settings.max_connections_address, settings.max_waiting_sockets)
    # Where any address may forward others, none is known to be a proxy's.
    proxies = "" if settings.forwarded_allow_ips == "*" else settings.forwarded_allow_ips
    return OpenStreams(authenticator.revocations, limits, proxies_in(proxies))


def _rate_limits(settings: Settings, uri: str) -> RateLimits:
    policies = [Policy.parse(CALLER, settings.rate_limit), Policy.parse(ADDRESS, settings.rate_limit_address)]
    store = shared_store(uri, settings.database) if settings.rate_limit_store == "mongodb" else None
    return RateLimits([policy for policy in policies if policy], store)


def _tcp_limits(settings: Settings) -> TcpConnectionLimits:
    return TcpConnectionLimits(
        total=settings.max_tcp_connections,
        per_address=settings.max_tcp_connections_address,
        first_byte_seconds=settings.first_byte_seconds,
        head_seconds=settings.head_seconds,
        body_bytes_per_second=settings.body_bytes_per_second,
        keep_alive_seconds=settings.keep_alive_seconds,
        unread_seconds=settings.unread_seconds,
    )
