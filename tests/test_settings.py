import json
import pickle

import pytest
from pydantic import SecretStr, ValidationError

from execution_monitor.auth.caller import Scope
from execution_monitor.auth.role_settings import RoleSettings
from execution_monitor.outbound.mail_server import MailServer
from execution_monitor.settings import Settings, explain_unknown


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"EXECUTION_MONITOR_{name.upper()}", raising=False)


def test_without_a_secret_the_environment_is_development():
    assert Settings().is_development


def test_with_a_secret_the_environment_is_production(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_JWT_SECRET", "x" * 32)

    assert not Settings().is_development


def test_a_configured_environment_wins_over_the_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_JWT_SECRET", "x" * 32)
    monkeypatch.setenv("EXECUTION_MONITOR_ENVIRONMENT", "development")

    assert Settings().is_development


def test_production_refuses_to_start_without_a_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_ENVIRONMENT", "production")

    with pytest.raises(ValidationError, match="EXECUTION_MONITOR_JWT_SECRET must be set in production"):
        Settings()


@pytest.mark.parametrize("name", ["ISSUER", "JWKS_URL"])
def test_an_issuer_is_enough_for_production(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(f"EXECUTION_MONITOR_{name}", "https://issuer.example/keys")
    monkeypatch.setenv("EXECUTION_MONITOR_CURSOR_SECRET", "x" * 32)

    assert not Settings().is_development
    assert Settings().trusts_an_issuer


def test_with_an_issuer_cursors_need_a_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_ISSUER", "https://issuer.example")

    with pytest.raises(ValidationError, match="EXECUTION_MONITOR_CURSOR_SECRET must be set"):
        Settings()


def test_a_shared_secret_and_public_keys_do_not_mix(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_JWT_SECRET", "x" * 32)
    monkeypatch.setenv("EXECUTION_MONITOR_JWKS_URL", "https://issuer.example/keys")

    with pytest.raises(ValidationError, match="shared secrets and public keys do not mix"):
        Settings()


def test_with_a_secret_any_name_may_be_the_issuer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_JWT_SECRET", "x" * 32)
    monkeypatch.setenv("EXECUTION_MONITOR_ISSUER", "our gateway")

    assert not Settings().trusts_an_issuer


@pytest.mark.parametrize("name", ["ISSUER", "JWKS_URL"])
@pytest.mark.parametrize(
    "value", ["http://issuer.example", "file:///etc/passwd", "issuer.example", "https://", "https://["]
)
def test_keys_come_from_an_address_whose_responses_no_one_can_forge(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    monkeypatch.setenv(f"EXECUTION_MONITOR_{name}", value)
    monkeypatch.setenv("EXECUTION_MONITOR_CURSOR_SECRET", "x" * 32)

    with pytest.raises(ValidationError, match="must begin with https://"):
        Settings()


@pytest.mark.parametrize("name", ["JWT_SECRET", "CURSOR_SECRET"])
def test_a_secret_of_fewer_than_32_bytes_is_refused(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(f"EXECUTION_MONITOR_{name}", "x" * 31)

    with pytest.raises(ValidationError, match=f"{name.lower()}\n.*It must have at least 32 bytes"):
        Settings()


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_MONGODB_URI", "")

    assert Settings().mongodb_uri is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("DATABASE", "a/b", id="a database name with a slash"),
        pytest.param("DATABASE", "a" * 39, id="a database name of more than 38 characters"),
        pytest.param("QUERY_TIMEOUT_MS", "0", id="a time limit of nothing"),
        pytest.param("ROLES", '{"wf-ops": ["executions:all"]}', id="a role of an unknown scope"),
        pytest.param("ROLES", '["viewer"]', id="roles without scopes"),
        pytest.param("ROLES", '{"wf-ops": {"scopes": [], "visble": {}}}', id="a role with something unknown"),
        pytest.param("ROLES_CLAIM", "realm_access..roles", id="a claim without a name"),
        pytest.param("ENVIRONMENT", "staging", id="an unknown environment"),
        pytest.param("INGEST_PAYLOADS", "some", id="payloads neither kept nor left out"),
        pytest.param("PUBLIC_URL", "monitor.example.com", id="a page without a scheme"),
        pytest.param("PUBLIC_URL", "https://monitor.example.com/?a=b", id="a page with a query"),
        pytest.param("SMTP_URL", "https://user:secret@mail.example.com", id="a mail server over https"),
        pytest.param("SMTP_URL", "smtp://user:sec/ret@mail.example.com", id="a password that ends a host"),
        pytest.param("SMTP_URL", "smtp://user@mail.example.com", id="a user without a password"),
        pytest.param("MAIL_FROM", "Monitor <monitor@example.com>", id="a sender with a display name"),
        pytest.param("MAIL_FROM", "monitor@example.com\nBcc: x", id="a sender with a line break"),
        pytest.param("MAIL_DOMAINS", "*.example.com", id="a domain that is a pattern"),
        pytest.param("MAIL_DOMAINS", "ada@example.com", id="a domain that is an address"),
    ],
)
def test_an_invalid_value_refuses_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(f"EXECUTION_MONITOR_{name}", value)

    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_JWT_SECRET", "correct horse battery staple and more")
    monkeypatch.setenv("EXECUTION_MONITOR_SMTP_URL", "smtps://user:correct%20horse@mail.example.com")

    assert "horse" not in repr(Settings()) + repr(Settings().mail_server)


@pytest.mark.parametrize(
    ("name", "value"), [("JWT_SECRET", "short horse"), ("SMTP_URL", "smtp://user:horse@mail.example.com:port")]
)
def test_an_error_does_not_repeat_a_secret(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(f"EXECUTION_MONITOR_{name}", value)

    with pytest.raises(ValidationError) as refused:
        Settings()

    assert name.lower() in str(refused.value)
    assert "horse" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "tls", "server"),
    [
        ("smtp://mail.example.com", "required", MailServer("mail.example.com", 587, "starttls")),
        ("smtps://mail.example.com", "required", MailServer("mail.example.com", 465, "tls")),
        ("smtps://mail.example.com:2465", "off", MailServer("mail.example.com", 2465, "tls")),
        ("smtp://127.0.0.1:25", "off", MailServer("127.0.0.1", 25, None)),
        ("smtp://a%40b:p%2Fw@[::1]:2525", "required", MailServer("::1", 2525, "starttls", "a@b", "p/w")),
    ],
)
def test_mail_is_encrypted_unless_a_setting_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, url: str, tls: str, server: MailServer
):
    monkeypatch.setenv("EXECUTION_MONITOR_SMTP_URL", url)
    monkeypatch.setenv("EXECUTION_MONITOR_SMTP_TLS", tls)

    assert Settings().mail_server == server


def test_no_password_is_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_SMTP_URL", "smtp://user:password@mail.example.com")
    monkeypatch.setenv("EXECUTION_MONITOR_SMTP_TLS", "off")

    with pytest.raises(ValidationError, match="only for a server without user and password"):
        Settings()


@pytest.mark.parametrize("missing", ["SMTP_URL", "MAIL_FROM"])
def test_domains_of_mail_need_a_server_and_a_sender(monkeypatch: pytest.MonkeyPatch, missing: str):
    values = {"MAIL_DOMAINS": "example.com,ops.example.com", "SMTP_URL": "smtp://m", "MAIL_FROM": "m@example.com"}
    for name, value in values.items():
        monkeypatch.setenv(f"EXECUTION_MONITOR_{name}", value)
    assert Settings().mail_domains == ("example.com", "ops.example.com")
    monkeypatch.delenv(f"EXECUTION_MONITOR_{missing}")

    with pytest.raises(ValidationError, match=missing):
        Settings()


def test_roles_are_json_and_replace_the_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_ROLES", '{"wf-ops": ["executions:read", "manage"]}')

    assert Settings().roles == {"wf-ops": RoleSettings(scopes=frozenset({Scope.EXECUTIONS_READ, Scope.MANAGE}))}


def test_a_role_may_have_a_filter(monkeypatch: pytest.MonkeyPatch):
    visible = {"workflowName": {"startsWith": "ml-"}}
    role = {"scopes": ["executions:read:tenant"], "visible": visible}
    monkeypatch.setenv("EXECUTION_MONITOR_ROLES", json.dumps({"ml-ops": role, "viewer": ["executions:read"]}))

    roles = Settings().roles

    assert (roles["ml-ops"].scopes, roles["ml-ops"].visible) == ({"executions:read:tenant"}, visible)
    assert (roles["viewer"].scopes, roles["viewer"].visible) == ({"executions:read"}, None)


@pytest.mark.parametrize("scope", ["audit:read", "manage"])
def test_a_filter_does_not_go_with_scopes_that_it_cannot_restrict(monkeypatch: pytest.MonkeyPatch, scope: str):
    role = {"scopes": ["executions:read", scope], "visible": {"userId": {"eq": "ada"}}}
    monkeypatch.setenv("EXECUTION_MONITOR_ROLES", json.dumps({"ml-ops": role}))

    with pytest.raises(ValidationError, match=f"The role ml-ops has a filter, which cannot restrict {scope}"):
        Settings()


def test_a_filter_needs_a_scope_to_read(monkeypatch: pytest.MonkeyPatch):
    role = {"scopes": ["executions:payload"], "visible": {"userId": {"eq": "ada"}}}
    monkeypatch.setenv("EXECUTION_MONITOR_ROLES", json.dumps({"ml-ops": role}))

    with pytest.raises(ValidationError, match="The role ml-ops has a filter and shows no executions"):
        Settings()


def test_settings_can_be_sent_to_another_process():
    settings = Settings(
        jwt_secret=SecretStr("x" * 32),
        roles={
            "wf-ops": RoleSettings(scopes=frozenset({Scope.MANAGE, Scope.AUDIT_READ})),
            "ml-ops": RoleSettings(scopes=frozenset({Scope.EXECUTIONS_READ}), visible={"userId": {"eq": "ada"}}),
        },
        roles_claim="https://acme.example/roles",
    )

    handed = pickle.loads(pickle.dumps(settings))  # noqa: S301 - our own

    assert handed == settings
    assert Settings() == pickle.loads(pickle.dumps(Settings()))  # noqa: S301 - likewise


@pytest.mark.parametrize("proxies", ["10.0.0.7", "10.0.0.0/8, ::1", "*"])
def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch, proxies: str):
    monkeypatch.setenv("EXECUTION_MONITOR_FORWARDED_ALLOW_IPS", proxies)

    assert Settings().forwarded_allow_ips == proxies


@pytest.mark.parametrize("proxies", ["proxy.example", "10.0.0.0/33", "*, 10.0.0.1", "10.0.0.1,"])
def test_a_proxy_that_would_never_be_trusted_is_refused(monkeypatch: pytest.MonkeyPatch, proxies: str):
    monkeypatch.setenv("EXECUTION_MONITOR_FORWARDED_ALLOW_IPS", proxies)

    with pytest.raises(ValidationError, match="does not appear to be an IPv4 or IPv6 network"):
        Settings()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("EXECUTION_MONITOR_QUERY_TIMEOUT", "EXECUTION_MONITOR_QUERY_TIMEOUT_MS"),
        ("EXECUTION_MONITOR_MONGO_URI", "EXECUTION_MONITOR_MONGODB_URI"),
        ("EXECUTION_MONITOR_JWT_SECRT", "EXECUTION_MONITOR_JWT_SECRET"),
        ("execution_monitor_alowed_hosts", "EXECUTION_MONITOR_ALLOWED_HOSTS"),
    ],
)
def test_a_misspelt_setting_is_reported_with_the_one_that_was_meant(name: str, meant: str):
    assert explain_unknown([name]) == {name: f"No setting has this name; did you mean {meant}?"}


def test_an_unknown_setting_is_reported_and_those_that_are_known_or_of_others_are_not():
    known = [f"EXECUTION_MONITOR_{name}".upper() for name in Settings.model_fields]
    others = ["PATH", "EXECUTION_MONITOR", "EXECUTION_MONITOR_TOKEN", "execution_monitor_database"]

    assert explain_unknown([*known, *others, "EXECUTION_MONITOR_XYZZY"]) == {
        "EXECUTION_MONITOR_XYZZY": "No setting has this name."
    }
