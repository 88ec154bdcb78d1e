"""The command line as people use it: in this process for words and codes, as real processes for what runs."""

import asyncio
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Generator
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import structlog
import typer

from execution_monitor.auth.caller import Caller
from execution_monitor.auth.keys import SharedSecret
from execution_monitor.auth.tokens import TokenRules, TokenVerifier
from execution_monitor.cli.main import app, main
from execution_monitor.settings import Settings
from tests.support.cli_process import count, demo_description, demo_tokens, processes_below, started, wait_until_ready

COMMANDS = (
    "serve",
    "deliver",
    "demo",
    "load",
    "replay",
    "seed",
    "simulate",
    "token",
    "revoke",
    "key",
    "key create",
    "key list",
    "key revoke",
    "watch",
    "stats",
    "list",
    "show",
    "logs",
    "database",
    "export-schema",
)
SECRET = "a secret of more than thirty-two bytes"  # noqa: S105 - of these tests alone


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[None]:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"EXECUTION_MONITOR_{name.upper()}", raising=False)
    monkeypatch.setenv("EXECUTION_MONITOR_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(signal, "signal", _ignore)
    yield
    # A command logs to the stderr that is captured for its test.
    structlog.reset_defaults()


def _ignore(*_: object) -> None:
    """What `main` does to SIGTERM must not reach pytest."""


def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    keys = group.commands["key"].commands
    return {**group.commands, **{f"key {name}": command for name, command in keys.items()}}


def verified(token: str, secret: str = SECRET) -> Caller:
    rules = TokenRules(accepts_development=secret != SECRET)
    return asyncio.run(TokenVerifier(SharedSecret(secret), rules).verify(token))


class Outcome:
    def __init__(self, code: object, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["execution-monitor", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        out, err = capsys.readouterr()
        return Outcome(exit_.value.code, out, err)

    return run


def test_the_commands_are_those_of_the_manual():
    assert set(commands()) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_has_help(name: str):
    command = commands()[name]

    assert command.help
    assert [each.name for each in command.params if not getattr(each, "help", None)] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(
            ["exprot-schema"],
            "No such command 'exprot-schema'. Did you mean 'export-schema'?",
            id="a command with a typo",
        ),
        pytest.param(["serve", "--prot", "1"], "No such option: --prot", id="an option with a typo"),
        pytest.param(["serve", "--port", "http"], "Invalid value for '--port'", id="a port that is no number"),
        pytest.param(["serve", "--host", "192.0.2.1"], "192.0.2.1 is no address of this machine", id="a foreign host"),
        pytest.param(["token"], "Missing option '--user'.", id="a token without a user"),
        pytest.param(["token", "--user", " "], "must not be empty", id="a token for an empty name"),
        pytest.param(
            ["token", "--user", "ada", "--scope", "all"], "all is no scope; choose from", id="an unknown scope"
        ),
        pytest.param(["token", "--user", "ada", "--ttl", "1x"], "1x is no duration", id="an unknown unit of time"),
        pytest.param(["token", "--user", "ada", "--ttl", "0h"], "0h is no duration", id="no time at all"),
        pytest.param(["token", "--user", "a\tb"], "nor hold line breaks or tabs", id="a token for a name with a tab"),
        pytest.param(["key", "creat"], "No such command 'creat'. Did you mean 'create'?", id="a misspelt key command"),
        pytest.param(["key", "create", "--name", "x"], "Missing option '--user'.", id="a key without a user"),
        pytest.param(["key", "create", "--user", "ada"], "Missing option '--name'.", id="a key without a name"),
        pytest.param(["key", "revoke"], "Missing argument 'ID'.", id="no key to revoke"),
        pytest.param(
            ["key", "create", "--name", "x", "--user", "ada", "--scope", "all"],
            "all is no scope of a key; choose from",
            id="a scope that no key may hold",
        ),
        pytest.param(
            ["key", "create", "--name", "x", "--user", "ada", "--ttl", "2y"], "2y is no duration", id="an unknown unit"
        ),
        pytest.param(
            ["revoke", "--token-id", "em_65f0000000000000000000a1"],
            "That is an access key; revoke it with execution-monitor key revoke.",
            id="a key in place of a token",
        ),
        pytest.param(
            ["seed", "--executions", "1", "--days", "99999999"], "Invalid value for '--days'", id="too many days"
        ),
        pytest.param(["seed", "--executions", "0"], "Invalid value for '--executions'", id="nothing to make"),
        pytest.param(["show"], "Missing argument 'ID'.", id="no execution to show"),
        pytest.param(["list"], "Pass a token with --token or EXECUTION_MONITOR_TOKEN", id="no token"),
        pytest.param(["list", "--token", "t", "--url", "ftp://x"], "ftp://x is no address of a server", id="no server"),
        pytest.param(["list", "--token", "t", "--filter", "{"], "--filter is not JSON", id="a filter that is no JSON"),
        pytest.param(["list", "--token", "t", "--filter", "1"], "--filter must be an object", id="no filter"),
        pytest.param(["list", "--token", "t", "--since", "1 day"], "1 day is no duration", id="no duration"),
        pytest.param(["list", "--token", "t", "--since", "0h"], "0h is no duration", id="no time since"),
        pytest.param(["list", "--first", "0"], "Invalid value for '--first'", id="a list of none"),
        pytest.param(["stats", "--interval", "1H"], "'1H' is not one of '1m', '5m'", id="an interval in a wrong case"),
        pytest.param(["stats", "--by", "worflow"], "'worflow' is not one of 'workflow'", id="a group with a typo"),
        pytest.param(["logs", "e", "--level", "loud"], "Invalid value for '--level'", id="an unknown level"),
        pytest.param(
            ["logs", "e", "--token", "t", "--url", "http://127.0.0.1:9"],
            "http://127.0.0.1:9 does not answer; start the server",
            id="a server that does not answer",
        ),
        pytest.param(["simulate", "--rate", "-1"], "The rate must be above 0", id="a negative rate"),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr(run: Any, arguments: list[str], sentence: str):
    outcome = run(*arguments)

    assert sentence in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert outcome.out == ""
    assert outcome.code


def test_a_wrong_variable_is_named(run: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_COUNT_LIMIT", "many")

    outcome = run("token", "--user", "ada")

    assert outcome.err.startswith("EXECUTION_MONITOR_COUNT_LIMIT: Input should be a valid integer")
    assert outcome.code == 1


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        pytest.param(
            {"ENVIRONMENT": "production"}, "EXECUTION_MONITOR_JWT_SECRET must be set in production", id="none"
        ),
        pytest.param({"JWT_SECRET": "x" * 31}, "EXECUTION_MONITOR_JWT_SECRET: It must have", id="short"),
        pytest.param(
            {"ISSUER": "https://issuer.example"}, "EXECUTION_MONITOR_CURSOR_SECRET must be set", id="an issuer alone"
        ),
    ],
)
def test_a_server_does_not_start_with_secrets_that_protect_nothing(
    run: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
):
    for name, value in variables.items():
        monkeypatch.setenv(f"EXECUTION_MONITOR_{name}", value)
    # One that did start would get no further than this.
    monkeypatch.setenv("EXECUTION_MONITOR_MONGODB_URI", "postgres://localhost")

    outcome = run("serve")

    assert sentence in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.code == 1


def test_a_wrong_connection_string_is_named(run: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_MONGODB_URI", "postgres://localhost")

    outcome = run("seed", "--executions", "1")

    assert "EXECUTION_MONITOR_MONGODB_URI is not a MongoDB connection string" in outcome.err
    assert outcome.code == 1


def test_a_mongodb_that_does_not_answer_is_reported(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    monkeypatch.setenv("EXECUTION_MONITOR_MONGODB_URI", f"mongodb://127.0.0.1:{port}")

    # A process of its own: PyMongo leaves the socket of a refused connection to the garbage collector.
    seeding = subprocess.run(
        [sys.executable, "-m", "execution_monitor", "seed", "--executions", "1"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert "MongoDB cannot be reached" in seeding.stderr
    assert "Traceback" not in seeding.stderr
    assert seeding.returncode == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET", "short"),
        ("CURSOR_SECRET", "short"),
        ("JWKS_URL", "http://issuer.example"),
        ("RATE_LIMIT", "many"),
        ("ALLOWED_HOSTS", "a/b"),
        ("ALLOWED_ORIGINS", "a"),
        ("FORWARDED_ALLOW_IPS", "a"),
        ("TENANT_CLAIM", "a..b"),
        ("DATABASE", "a b"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_variable_is_named_once(run: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(f"EXECUTION_MONITOR_{name}", value)

    outcome = run("token", "--user", "ada")

    # A number in parentheses is the place in a list.
    assert re.match(rf"EXECUTION_MONITOR_{name}( \(\d+\))?: ", outcome.err)
    assert outcome.err.count(name) == 1
    assert outcome.code == 1


def test_the_version_is_that_of_the_package(run: Any):
    outcome = run("--version")

    assert (outcome.code, outcome.out) == (0, f"execution-monitor {version('execution-monitor')}\n")


def test_a_shell_completes_commands():
    typed = {"_EXECUTION_MONITOR_COMPLETE": "complete_bash", "COMP_WORDS": "execution-monitor exp", "COMP_CWORD": "1"}
    program = Path(sys.executable).with_name("execution-monitor")
    completed = subprocess.run([program], env={**os.environ, **typed}, capture_output=True, text=True, check=True)

    assert completed.stdout.split() == ["export-schema"]


def test_a_port_in_use_is_reported_before_anything_starts(run: Any, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])

        outcome = run("serve", "--port", port)

    assert outcome.err == f"Port {port} is in use; stop what uses it, or choose another with --port.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_token_is_the_last_line_and_names_its_owner(run: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_JWT_SECRET", SECRET)

    outcome = run("token", "--user", "ada", "--tenant", "globex", "--scope", "executions:payload", "--ttl", "90s")

    caller = verified(outcome.out.splitlines()[-1])
    assert (caller.subject, caller.tenant) == ("ada", "globex")
    assert caller.scopes == {"executions:read", "executions:payload"}


def test_a_token_may_carry_roles_alone(run: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_JWT_SECRET", SECRET)

    outcome = run("token", "--user", "ada", "--role", "operator", "--role", "auditor")

    caller = verified(outcome.out.splitlines()[-1])
    assert caller.roles == ("operator", "auditor")
    assert "audit:read" in caller.scopes


def test_an_unknown_role_is_refused_with_the_known_ones(run: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_ROLES", '{"wf-ops": ["executions:read:tenant"]}')

    outcome = run("token", "--user", "ada", "--role", "operator")

    assert (outcome.code, outcome.err) == (1, "operator is no role; choose from wf-ops.\n")


def test_for_a_mongodb_of_ones_own_the_commands_are_printed(run: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_MONGODB_URI", "mongodb://root:secret@db.example/")

    every, one = run("database"), run("database", "--for", "engine")

    roles = [f"execution-monitor-{each}" for each in ("server", "engine", "reader")]
    assert re.findall(r'createRole\(\{"role": "([a-z-]+)"', every.out) == roles
    assert re.findall(r'createRole\(\{"role": "([a-z-]+)"', one.out) == ["execution-monitor-engine"]
    assert (every.code, every.err, "secret" in every.out) == (0, "", False)


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        pytest.param("viewer", ': write JSON, such as {"viewer": ["executions:read"]}.', id="no JSON"),
        pytest.param("[" * 5_000, ': write JSON, such as {"viewer": ["executions:read"]}.', id="JSON without an end"),
        pytest.param('{"a": {"scopes": [], "v": 1}}', " (a, v): Extra inputs are not permitted", id="an unknown name"),
    ],
)
def test_roles_that_cannot_be_read_are_refused_with_what_to_mend(
    run: Any, monkeypatch: pytest.MonkeyPatch, roles: str, message: str
):
    monkeypatch.setenv("EXECUTION_MONITOR_ROLES", roles)

    outcome = run("serve")

    assert (outcome.code, outcome.err) == (1, f"EXECUTION_MONITOR_ROLES{message}\n")


def test_a_token_that_the_server_would_refuse_is_not_issued(run: Any):
    outcome = run("token", "--user", "ada", "--ttl", "2d")

    assert outcome.code == 1
    assert "A token may live for 86,400 seconds; choose a shorter --ttl" in outcome.err


@pytest.mark.parametrize("command", [("token", "--user", "ada"), ("demo", "--port", "0")], ids=["token", "demo"])
def test_no_token_is_issued_here_beside_an_issuer(run: Any, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]):
    monkeypatch.setenv("EXECUTION_MONITOR_ISSUER", "https://issuer.example")
    monkeypatch.setenv("EXECUTION_MONITOR_CURSOR_SECRET", SECRET)
    monkeypatch.setenv("EXECUTION_MONITOR_MONGODB_URI", "mongodb://127.0.0.1:1")

    outcome = run(*command)

    assert outcome.code == 1
    assert outcome.err == "Tokens come from the issuer that is configured; unset it to sign tokens here.\n"


def test_without_a_secret_development_keeps_one_that_only_its_owner_reads(run: Any, tmp_path: Path):
    first, second = run("token", "--user", "ada"), run("token", "--user", "ada")

    path = tmp_path / "development-secret"
    secret = path.read_text()
    assert [verified(each.out.strip(), secret).subject for each in (first, second)] == ["ada", "ada"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["development-secret"]


def test_a_data_directory_that_cannot_be_written_is_reported(run: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_DATA_DIR", "/proc/nobody")

    outcome = run("token", "--user", "ada")

    assert "set EXECUTION_MONITOR_DATA_DIR to a folder of your own" in outcome.err
    assert outcome.code == 1


def test_the_schema_is_printed_without_any_setting(run: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_ENVIRONMENT", "production")

    outcome = run("export-schema")

    assert "type Query {" in outcome.out
    assert outcome.code == 0


def execute(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "execution_monitor", *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_the_demo_shows_tokens_shares_its_mongodb_and_stops_cleanly(tmp_path: Path):
    with started("demo") as (process, url):
        ada, grace, olivia = demo_tokens(demo_description(process))
        wait_until_ready(url)
        owned, others, everything = (count(url, token) for token in (ada, grace, olivia))

        execute("seed", "--executions", "30", "--days", "1")
        after = count(url, execute("token", "--user", "olivia", "--scope", "executions:read:tenant").strip())
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)

    assert owned > 0
    assert others > 0
    assert everything >= owned + others
    assert after >= everything + 30
    assert process.returncode == 0
    assert "Traceback" not in rest
    assert processes_below(tmp_path) == []


def test_a_server_of_several_workers_finds_its_data_again_and_stops_on_sigterm(tmp_path: Path):
    execute("seed", "--executions", "20", "--no-steps")
    token = execute("token", "--user", "ada", "--scope", "executions:read:tenant").strip()

    with started("serve", "--workers", "2") as (process, url):
        wait_until_ready(url)
        found = count(url, token)
        process.terminate()
        output, _ = process.communicate(timeout=20)

    assert found == 20
    assert "Traceback" not in output
    assert processes_below(tmp_path) == []


def test_a_first_start_logs_no_warning():
    # Two that start together make the same collections and indexes.
    with started("serve", "--workers", "2") as (process, url):
        wait_until_ready(url)
        process.terminate()
        output, _ = process.communicate(timeout=20)

    assert "Application startup complete" in output
    assert re.findall(r".*\[(?:warning|error|critical).*", output) == []


def test_tokens_expire_after_their_lifetime(run: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXECUTION_MONITOR_JWT_SECRET", SECRET)

    short, long = (verified(run("token", "--user", "ada", "--ttl", ttl).out.strip()).expires_at for ttl in ("1h", "1d"))

    assert short
    assert long
    assert timedelta(hours=22) < long - short <= timedelta(hours=23, seconds=2)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--tenant", "acme"),
        ("--user", "ada", "--token-id", "x"),
        ("--token-id", "x", "--tenant", "t"),
        ("--user", ""),
    ],
    ids=["neither", "a whole tenant", "both", "a token of a tenant", "an empty name"],
)
def test_a_revocation_needs_a_user_or_a_token(run: Any, tmp_path: Path, arguments: tuple[str, ...]):
    outcome = run("revoke", *arguments)

    assert outcome.code == 1
    assert outcome.err == "Name either --user, with --tenant or without, or --token-id.\n"
    assert list(tmp_path.iterdir()) == []
