"""Every setting of the server, read once from the environment (`EXECUTION_MONITOR_*`)."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from cryptography.fernet import Fernet
from platformdirs import user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from execution_monitor.auth.claims import parse_claim_path
from execution_monitor.auth.role_settings import DEFAULT_ROLES_SETTINGS, RolesSettings, check_filtered_roles
from execution_monitor.auth.tokens import TokenRules
from execution_monitor.auth.trusted_urls import is_https_or_loopback
from execution_monitor.errors import SetupError
from execution_monitor.ingest.otlp.price_table import Price
from execution_monitor.ingest.otlp.root_rules import DEFAULT_ROOTS, check_root
from execution_monitor.limits.rates import parse_rate
from execution_monitor.observability.log_level import LogLevel
from execution_monitor.outbound.mail_server import MailServer, check_mail_address

# RFC 7518, section 3.2: a key for HS256 has at least the 256 bits of the hash.
MINIMUM_SECRET_BYTES = 32

_PREFIX = "EXECUTION_MONITOR_"
# Variables with the prefix that are no settings: the command line's.
_OTHERS = frozenset({f"{_PREFIX}TOKEN"})
# How alike a misspelt variable must be to the one that is suggested. All share the prefix, two thirds of most.
_SIMILARITY = 0.85
_LAST_PORT = 65_535


def _checked_by(check: Callable[[str], object]) -> AfterValidator:
    """A validator that keeps a text as it is, unless `check` raises `ValueError` for it."""

    def validate(text: str) -> str:
        check(text)
        return text

    return AfterValidator(validate)


def _check_url(text: str) -> None:
    if not is_https_or_loopback(text):
        raise ValueError(f"{text!r} must begin with https://; http:// is for this machine alone.")


def _check_proxies(text: str) -> None:
    # uvicorn would take a misspelt address for the name of a Unix socket.
    if text != "*":
        for each in text.split(","):
            ip_network(each.strip())


def _check_host(text: str) -> None:
    if text != "*" and not re.fullmatch(r"(\*\.)?[a-z0-9_.-]+", text):
        raise ValueError(f"{text!r} is no host name; write it without scheme and port, in lower case.")


def _check_origin(text: str) -> None:
    if not re.fullmatch(r"https?://[a-z0-9_.:\[\]-]+", text):
        raise ValueError(f"{text!r} is no origin; write it as https://dashboard.example.com, without a path.")


def _split(value: object) -> object:
    """The elements of a list with commas between; a value that is no text stays as it is."""
    return [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value


def _check_host_and_port(text: str) -> None:
    host, colon, port = text.rpartition(":")
    is_host = re.fullmatch(r"[a-zA-Z0-9_.-]+|\[[0-9a-fA-F:.]+\]", host)
    if not (colon and is_host and port.isascii() and port.isdecimal() and 0 < int(port) <= _LAST_PORT):
        raise ValueError(f"{text!r} is no host and port; write it as receiver.internal:443.")


def _check_domain(text: str) -> None:
    if not re.fullmatch(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", text):
        raise ValueError(f"{text!r} is no domain; write it as example.com, in lower case.")


def _check_public_url(text: str) -> None:
    if not re.fullmatch(r"https?://[a-zA-Z0-9_.:\[\]-]+(?:/[!-~]*)?", text) or "?" in text or "#" in text:
        raise ValueError(f"{text!r} is no address of a page; write it as https://monitor.example.com.")


def _check_mail_server(value: SecretStr) -> SecretStr:
    MailServer.parse(value.get_secret_value())
    return value


def _to_fernet_key(value: SecretStr) -> SecretStr:
    # What openssl prints is base64 with other letters.
    key = value.get_secret_value().translate(str.maketrans("+/", "-_"))
    try:
        Fernet(key)
    except ValueError as error:
        raise ValueError("Each key must be 32 bytes as base64; make one with `openssl rand -base64 32`.") from error
    return SecretStr(key)


ClaimPathText = Annotated[str, _checked_by(parse_claim_path)]
RateText = Annotated[str, _checked_by(parse_rate)]
Url = Annotated[str, _checked_by(_check_url)]
ProxiesText = Annotated[str, _checked_by(_check_proxies)]
# Without NoDecode a list in the environment would have to be JSON.
HostNames = Annotated[tuple[Annotated[str, _checked_by(_check_host)], ...], NoDecode, BeforeValidator(_split)]
RootRules = Annotated[tuple[Annotated[str, _checked_by(check_root)], ...], NoDecode, BeforeValidator(_split)]
HostPorts = Annotated[tuple[Annotated[str, _checked_by(_check_host_and_port)], ...], NoDecode, BeforeValidator(_split)]
SecretKeys = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_to_fernet_key)], ...], NoDecode, BeforeValidator(_split)
]
Domains = Annotated[tuple[Annotated[str, _checked_by(_check_domain)], ...], NoDecode, BeforeValidator(_split)]
Origins = Annotated[tuple[Annotated[str, _checked_by(_check_origin)], ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """The configuration of one process, immutable.

    Raises:
        ValidationError: a value is invalid, or two do not go together.
        SettingsError: `EXECUTION_MONITOR_ROLES` is not JSON.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    mongodb_uri: SecretStr | None = Field(
        default=None,
        description="Connection string of a replica set or cluster. Without it an embedded MongoDB is started.",
    )
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,38}$")] = Field(
        default="execution_monitor", description="Name of the database that holds the executions."
    )
    data_dir: Path = Field(
        default_factory=lambda: user_data_path("execution-monitor"),
        description="Where an embedded MongoDB keeps its data, and development keeps its secret.",
    )
    jwt_secret: SecretStr | None = Field(
        default=None, description="Shared secret of HS256 tokens, 32 bytes or more. Production needs this or an issuer."
    )
    issuer: str | None = Field(
        default=None,
        description="Expected `iss`. Without a secret and a key set, keys are found by its OpenID Connect discovery.",
    )
    jwks_url: Url | None = Field(default=None, description="JSON Web Key Set that tokens are signed with.")
    audience: str | None = Field(
        default=None, description="Expected `aud`. Without it, tokens of the issuer for others are accepted, too."
    )
    client_id: str | None = Field(
        default=None, description="Public client at the issuer, with which people sign in to the dashboard."
    )
    token_lifetime_seconds: Annotated[int, Field(ge=60, le=31_536_000)] = Field(
        default=86_400, description="Longest lifetime of a token, from `iat` to `exp`; longer ones are refused."
    )
    cursor_secret: SecretStr | None = Field(
        default=None,
        description="Seals live cursors, and derives the signing secrets of access keys, alike on every replica. "
        "Without it the JWT secret; required with an issuer.",
    )
    tenant_claim: ClaimPathText | None = Field(
        default=None, description="Claim that names the tenant. Without it `tenant_id`, or else `tenant`."
    )
    roles_claim: ClaimPathText = Field(default="roles", description="Claim that lists the caller's roles.")
    scopes_claim: ClaimPathText | None = Field(
        default=None, description="Claim that lists scopes. Without it `scope`, or else `scopes`."
    )
    roles: RolesSettings = Field(
        default_factory=lambda: DEFAULT_ROLES_SETTINGS,
        description="Scopes of every role, and perhaps a filter, as JSON. See Roles and scopes.",
    )
    roles_required: bool = Field(
        default=False,
        description="Whether a token without the roles claim is refused. Otherwise its scopes alone decide.",
    )
    environment: Literal["development", "production"] | None = Field(
        default=None,
        description="`development` or `production`. Without it: development when there is no secret and no issuer.",
    )
    query_timeout_ms: Annotated[int, Field(ge=1, le=600_000)] = Field(
        default=5_000, description="Milliseconds that MongoDB may spend on one query."
    )
    count_limit: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000, description="`totalCount` counts up to this many and says when there are more."
    )
    max_cost: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000, description="Points that one operation may cost: the objects it selects, times page sizes."
    )
    rate_limit: RateText = Field(
        default="100000/minute",
        description="Points that a caller may spend, such as `1000/minute`, or `off`.",
    )
    rate_limit_address: RateText = Field(
        default="300000/minute", description="Points that all callers of one address may spend, or `off`."
    )
    rate_limit_store: Literal["memory", "mongodb"] = Field(
        default="memory",
        description="Where points are counted: in `memory`, each process for itself, or `mongodb`.",
    )
    max_body_bytes: Annotated[int, Field(ge=1_024, le=64 * 1024 * 1024)] = Field(
        default=1_048_576, description="Largest request body, in bytes."
    )
    max_response_bytes: Annotated[int, Field(ge=1_024, le=1024 * 1024 * 1024)] = Field(
        default=32 * 1024 * 1024, description="Largest response to an operation, in bytes."
    )
    export_rows: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=100_000, description="Executions in one export over REST; its last line says when there are more."
    )
    allowed_hosts: HostNames = Field(
        default=(),
        description="Host names of the server, beside `localhost` and numbers: `a.example.com,*.example.org`, or `*`.",
    )
    allowed_origins: Origins = Field(
        default=(),
        description="Other sites whose pages may use the server: `https://a.example.com,https://b.example.com`.",
    )
    introspection: bool | None = Field(
        default=None,
        description="Whether GraphiQL is served and introspection allowed. Without it: in development.",
    )
    trusted_documents: Path | None = Field(
        default=None, description="JSON file that maps ids to documents, the only ones that are run. Without it, any."
    )
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1_000, description="Sockets and streams that a caller may have open at once, for each process."
    )
    max_connections_address: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000, description="Sockets and streams that one address may have open at once, for each process."
    )
    max_waiting_sockets: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1_000, description="Sockets that have not authenticated yet; a quarter of them from one address."
    )
    max_tcp_connections: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=15_000,
        description="TCP connections of all clients, for each process. At the limit the oldest silent one is closed.",
    )
    max_tcp_connections_address: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000,
        description="TCP connections of one address, for each process; those of trusted proxies are not limited by it.",
    )
    first_byte_seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(
        default=30.0, description="Seconds until a new connection has begun its first request, or is closed."
    )
    head_seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(
        default=15.0,
        description="Seconds in which the head of a request must arrive, from its first byte on, or 408.",
    )
    body_bytes_per_second: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=1_000, description="Slowest rate at which a body may arrive, over ten seconds, or 408; 0 for any."
    )
    keep_alive_seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(
        default=75.0,
        description="Seconds that a connection stays open between two requests: longer than a load balancer keeps it.",
    )
    unread_seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(
        default=60.0, description="Seconds in which a client must read some of a response, or its connection is closed."
    )
    max_subscriptions: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="Operations that one socket may run at once."
    )
    live_behind_seconds: Annotated[int, Field(ge=2, le=86_400)] = Field(
        default=15,
        description="Seconds behind the database from which on live updates say so, and `/readyz` says `degraded`.",
    )
    live_replay_bytes: Annotated[int, Field(ge=0, le=16 * 1024 * 1024 * 1024)] = Field(
        default=24 * 1024 * 1024,
        description="Recent changes kept in memory for clients that reconnect, in bytes of BSON, for each process.",
    )
    statistics_rollups: Literal["on", "off"] = Field(
        default="on",
        description="Whether sums of executions are kept up to date, so that statistics of millions take no longer.",
    )
    metrics: Literal["manage", "open", "off"] = Field(
        default="manage",
        description="Who may read `/metrics`: callers with the scope `manage`, everyone (`open`), or no one (`off`).",
    )
    metrics_executions: Literal["on", "off"] = Field(
        default="off",
        description="Whether `/metrics` counts executions by tenant and workflow, with their names.",
    )
    metrics_host: str = Field(default="127.0.0.1", description="Where `EXECUTION_MONITOR_METRICS_PORT` is served.")
    metrics_port: Annotated[int, Field(ge=1, le=65_000)] | None = Field(
        default=None,
        description="A port where `/metrics` needs no token. The second worker has the next one, and so on.",
    )
    tracing: Annotated[str, Field(pattern=r"^https?://")] | None = Field(
        default=None,
        description="OTLP address for OpenTelemetry: `http://localhost:4318/v1/traces`. Needs the extra `tracing`.",
    )
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = Field(
        default=0,
        description="How long `/readyz` says 503 before a stop closes the port, for load balancers to notice.",
    )
    log_level: LogLevel = Field(default="info", description="What is logged: `debug`, `info`, `warning` or `error`.")
    forwarded_allow_ips: ProxiesText = Field(
        default="127.0.0.1",
        description="Proxies whose `X-Forwarded-For` is believed: addresses and networks with commas between, or `*`.",
    )
    audit: Literal["on", "off", "strict"] = Field(
        default="on",
        description="Whether the audit trail is recorded: `on`, `off`, or `strict`: before every response.",
    )
    audit_days: Annotated[int, Field(ge=1, le=24_000)] = Field(
        default=400, description="Days that the audit trail goes back."
    )

    # What engines report.
    ingest_payloads: Literal["on", "off"] = Field(
        default="off",
        description="Whether inputs, results and prompts that engines report are stored: `on` or `off`.",
    )
    ingest_statements: Literal["on", "off"] = Field(
        default="off",
        description="Whether SQL statements below dbt models and Airflow tasks are reported, too: `on` or `off`.",
    )
    ingest_redact: tuple[str, ...] = Field(
        default=(),
        description='Regular expressions (RE2) of what is masked beside secrets, as JSON: `["EMP-[0-9]{6}"]`.',
    )
    ingest_max_body_bytes: Annotated[int, Field(ge=1_024, le=64 * 1024 * 1024)] = Field(
        default=16 * 1024 * 1024, description="Largest request body of engines, in bytes, unpacked."
    )
    ingest_silence_seconds: Annotated[int, Field(ge=60, le=31_536_000)] = Field(
        default=86_400, description="Seconds without a word after which an execution is stored as timed out."
    )
    ingest_heartbeat_seconds: Annotated[int, Field(ge=30, le=86_400)] = Field(
        default=120, description="The same for executions whose programs send heartbeats, every 30 s as a rule."
    )
    ingest_trace_seconds: Annotated[int, Field(ge=60, le=86_400)] = Field(
        default=600, description="Seconds after the last span in which the root of a trace must come, or it has ended."
    )
    ingest_step_grace_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=60, description="Seconds after the end of an execution in which the ends of its steps must come."
    )
    ingest_otlp_roots: RootRules = Field(
        default=DEFAULT_ROOTS,
        description="Which traces become executions: those with a span of an agent (`agents`), of a workflow engine "
        "(`workflows`), or with the root of a job (`jobs`); with an attribute (`service.name=invoices`); or `all`.",
    )
    ingest_prices: Mapping[str, Price] = Field(
        default_factory=dict[str, Price],
        description="Prices of models for a million tokens, as JSON: "
        '`{"gpt-4o-mini*": {"input": 0.15, "output": 0.6, "cached": 0.075}}`. The first pattern that matches counts.',
    )

    # What is sent out: webhooks, and the messages of alerts.
    secrets_keys: SecretKeys = Field(
        default=(),
        description="Keys that encrypt the secrets and addresses of receivers, with commas between, the newest first: "
        "each 32 random bytes as base64. Without one there are no webhooks; development makes one.",
    )
    outbound_allow: HostPorts = Field(
        default=(),
        description="Receivers that may be sent to though they are not public: `alerts.internal:443,10.0.0.7:8443`.",
    )
    delivery: Literal["on", "off"] = Field(
        default="on",
        description="Whether `serve` feeds every change to webhooks and sums, and delivers: `on`, or `off` where "
        "`execution-monitor deliver` does.",
    )
    owner_confirm_days: Annotated[int, Field(ge=1, le=3_650)] = Field(
        default=30, description="Days after which webhooks and alert rules are paused whose owner has not signed in."
    )
    public_url: Annotated[str, _checked_by(_check_public_url)] | None = Field(
        default=None,
        description="Where people open the dashboard: `https://monitor.example.com`. Alerts link to it; without it "
        "they have no links.",
    )
    smtp_url: Annotated[SecretStr, AfterValidator(_check_mail_server)] | None = Field(
        default=None,
        description="Server that takes mail: `smtp://user:password@mail.example.com:587`, which must offer STARTTLS, "
        "or `smtps://...:465`. Names and passwords are percent-encoded.",
    )
    smtp_tls: Literal["required", "off"] = Field(
        default="required",
        description="Whether mail is encrypted on its way to that server: `required`, or `off` for one without a "
        "password, such as on this machine.",
    )
    mail_from: Annotated[str, _checked_by(check_mail_address)] | None = Field(
        default=None, description="Address that mail comes from: `execution-monitor@example.com`."
    )
    mail_domains: Domains = Field(
        default=(),
        description="Domains whose addresses alerts may send mail to, with commas between, each without those below "
        "it: `example.com,ops.example.com`. None by default.",
    )

    @field_validator("jwt_secret", "cursor_secret")
    @classmethod
    def _require_a_strong_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < MINIMUM_SECRET_BYTES:
            raise ValueError(f"It must have at least {MINIMUM_SECRET_BYTES} bytes.")
        return value

    @field_validator("roles")
    @classmethod
    def _require_scopes_that_a_filter_restricts(cls, value: RolesSettings) -> RolesSettings:
        check_filtered_roles(value)
        return value

    @model_validator(mode="after")
    def _require_one_source_of_keys(self) -> Self:
        if self.jwt_secret is not None and self.jwks_url is not None:
            raise ValueError(
                "Set EXECUTION_MONITOR_JWT_SECRET or EXECUTION_MONITOR_JWKS_URL, not both: "
                "shared secrets and public keys do not mix."
            )
        if self.environment == "production" and self.jwt_secret is None and not self.trusts_an_issuer:
            raise ValueError(
                "EXECUTION_MONITOR_JWT_SECRET must be set in production, or EXECUTION_MONITOR_ISSUER or "
                "EXECUTION_MONITOR_JWKS_URL."
            )
        if self.trusts_an_issuer and self.jwks_url is None:
            _check_url(self.issuer or "")
        if self.client_id is not None and (self.issuer is None or not self.trusts_an_issuer):
            raise ValueError(
                "EXECUTION_MONITOR_CLIENT_ID is for signing in at an issuer; set EXECUTION_MONITOR_ISSUER, too."
            )
        if self.mail_domains and (self.smtp_url is None or self.mail_from is None):
            raise ValueError(
                "EXECUTION_MONITOR_MAIL_DOMAINS needs EXECUTION_MONITOR_SMTP_URL and EXECUTION_MONITOR_MAIL_FROM, too."
            )
        if self.smtp_tls == "off" and self.smtp_url is not None and self.mail_server.user is not None:
            raise ValueError("EXECUTION_MONITOR_SMTP_TLS may be off only for a server without user and password.")
        if self.trusts_an_issuer and self.cursor_secret is None:
            raise ValueError(
                "EXECUTION_MONITOR_CURSOR_SECRET must be set where tokens come from an issuer: at least "
                f"{MINIMUM_SECRET_BYTES} bytes, the same on every replica."
            )
        return self

    @property
    def is_development(self) -> bool:
        """Whether conveniences that trust the local machine are on."""
        if self.environment is None:
            return self.jwt_secret is None and not self.trusts_an_issuer
        return self.environment == "development"

    @property
    def trusts_an_issuer(self) -> bool:
        """Whether tokens are verified with the public keys of an issuer."""
        return self.jwt_secret is None and (self.issuer is not None or self.jwks_url is not None)

    @property
    def allows_introspection(self) -> bool:
        """Whether clients may read the schema, and GraphiQL is served."""
        return self.is_development if self.introspection is None else self.introspection

    @property
    def token_rules(self) -> TokenRules:
        """What tokens must claim, and what those that are issued here do claim."""
        return TokenRules(
            issuer=self.issuer,
            audience=self.audience,
            max_lifetime=timedelta(seconds=self.token_lifetime_seconds),
            accepts_development=self.is_development,
        )

    @property
    def cursor_key(self) -> bytes:
        """The key that seals live cursors; raises `SetupError` when there is no secret."""
        # Who can sign tokens may read cursors as well, but not the other way round.
        secret = self.cursor_secret.get_secret_value() if self.cursor_secret else self.require_jwt_secret()
        return secret.encode()

    @property
    def mail_server(self) -> MailServer:
        """The server that takes mail; raises `SetupError` where none is set."""
        if self.smtp_url is None:
            raise SetupError("Set EXECUTION_MONITOR_SMTP_URL.")
        return MailServer.parse(self.smtp_url.get_secret_value(), encrypts=self.smtp_tls == "required")

    @property
    def encryption_keys(self) -> tuple[str, ...]:
        """The keys that encrypt secrets at rest, the newest first; none where none is set."""
        if self.secrets_keys or not self.is_development or self.jwt_secret is None:
            return tuple(each.get_secret_value() for each in self.secrets_keys)
        # In development it comes from the other secret, which is made there.
        derived = hashlib.blake2b(
            self.jwt_secret.get_secret_value().encode(), person=b"secrets at rest", digest_size=32
        )
        return (base64.urlsafe_b64encode(derived.digest()).decode("ascii"),)

    def require_jwt_secret(self) -> str:
        """The secret that signs tokens; raises `SetupError` when an issuer signs them, or there is no secret."""
        if self.trusts_an_issuer:
            raise SetupError("Tokens come from the issuer that is configured; unset it to sign tokens here.")
        if self.jwt_secret is None:
            raise SetupError(
                "Set EXECUTION_MONITOR_JWT_SECRET, EXECUTION_MONITOR_ISSUER or EXECUTION_MONITOR_JWKS_URL."
            )
        return self.jwt_secret.get_secret_value()


def explain_unknown(names: Iterable[str]) -> Mapping[str, str]:
    """Advice for each environment variable in `names` that has our prefix and is no setting."""
    known = {f"{_PREFIX}{name}".upper() for name in Settings.model_fields} | _OTHERS
    # Settings are read in any case.
    unknown = sorted(name for name in names if name.upper().startswith(_PREFIX) and name.upper() not in known)
    similar = {name: get_close_matches(name.upper(), known, n=1, cutoff=_SIMILARITY) for name in unknown}
    return {
        name: f"No setting has this name; did you mean {found[0]}?" if found else "No setting has this name."
        for name, found in similar.items()
    }
