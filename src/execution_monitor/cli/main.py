"""The commands of `execution-monitor`. A command that fails prints one sentence to stderr and exits with 1 or more.

Each imports what it needs when it begins: the server takes a second to import, and most commands do without.
"""

import contextlib
import errno
import functools
import getpass
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from execution_monitor.cli.importing import importing
from execution_monitor.cli.purposes import Purpose
from execution_monitor.cli.reading_commands import URL, Token, Url, Where, with_reading
from execution_monitor.development.owner import OWNER, TENANT
from execution_monitor.errors import ExecutionMonitorError, SetupError
from execution_monitor.observability.log_level import LogLevel

if TYPE_CHECKING:
    from execution_monitor.development.synthetic.seed import SeedOptions
    from execution_monitor.ingest.core.importer import LoadReport
    from execution_monitor.ingest.core.replay import ReplayReport
    from execution_monitor.settings import Settings

key = typer.Typer(help="Make, list and revoke access keys, with which programs authenticate.", no_args_is_help=True)


def _with_groups(**groups: typer.Typer) -> typer.Typer:
    """The command line, with `groups` of commands by name."""
    commands = typer.Typer(
        name="execution-monitor",
        help="Every workflow run, live, through GraphQL, and never a run you may not see.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    for name, group in groups.items():
        commands.add_typer(group, name=name)
    return commands


app = _with_groups(key=key)

Result = TypeVar("Result")

# Half of the most: a tenth of the weight of other processes, where these want all of a processor.
_NICENESS_OF_INGEST = 10

User = Annotated[str, typer.Option(help="The owner: the subject of their tokens.")]
Tenant = Annotated[str, typer.Option(help="The tenant.")]
KeyId = Annotated[str, typer.Argument(help="Its id, as key list shows it.", metavar="ID")]
Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65_535)]
Files = Annotated[list[Path], typer.Argument(help="WfFormat files (JSON, version 1.4 to 1.6).")]


def _print_version(is_given: bool) -> None:  # noqa: FBT001 - typer calls it so
    if is_given:
        from importlib.metadata import version

        typer.echo(f"execution-monitor {version('execution-monitor')}")
        raise typer.Exit


@app.callback()
def _describe(
    _: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None: ...


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(help="The number of processes.", min=1, max=64)] = 1,
    ingest_only: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--ingest-only", help="Serve only the endpoints that engines report to, health and metrics.")
    ] = False,
) -> None:
    """Serve GraphQL and REST."""
    with importing():
        from execution_monitor.app import create_app, create_ingest_app
        from execution_monitor.server.listeners import bind
        from execution_monitor.server.uvicorn_server import run
        from execution_monitor.server.workers import run_workers

    if ingest_only:
        # Engines wait for reports, and people for the lists that another process on the machine serves.
        os.nice(_NICENESS_OF_INGEST)
    create = create_ingest_app if ingest_only else create_app
    with bind(host, port) as listener, _serving() as settings:
        if workers > 1:
            run_workers(create, settings, listener, workers)
        else:
            run(create(settings), settings, listener)


@app.command()
def deliver(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Deliver changes to webhooks, and serve nothing but health and metrics."""
    with importing():
        from execution_monitor.app import create_delivery_app
        from execution_monitor.server.listeners import bind
        from execution_monitor.server.uvicorn_server import run

    with bind(host, port) as listener, _serving() as settings:
        run(create_delivery_app(settings), settings, listener)


@app.command()
def demo(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve generated executions that keep changing, with tokens to see them."""
    with importing():
        from execution_monitor.app import create_app
        from execution_monitor.development.demo import demo_people, describe
        from execution_monitor.development.local_database import connected, run_connected
        from execution_monitor.development.synthetic.simulator import SimulatorOptions, simulate
        from execution_monitor.server.listeners import bind
        from execution_monitor.server.uvicorn_server import run

    with bind(host, port) as listener, _serving("warning") as settings:
        # This signs tokens: if that fails, it must fail before the database is filled.
        description = describe(f"http://{host}:{listener.getsockname()[1]}", settings)
        run_connected(settings, _fill_when_empty)

        async def simulate_beside() -> None:
            typer.echo(description)
            async with connected(settings):
                await simulate(SimulatorOptions())

        # Where tokens protect real data, no one may sign in with one click.
        offered = functools.partial(demo_people, settings) if settings.is_development else None
        run(create_app(settings, offered), settings, listener, companion=simulate_beside)


@app.command()
def load(files: Files, user: User = OWNER, tenant: Tenant = TENANT) -> None:
    """Store recorded workflow runs, one execution for each file; executions that exist already are kept as they are."""
    with importing():
        from execution_monitor.development.progress import show_progress
        from execution_monitor.ingest.core.importer import load_files

    async def work() -> "LoadReport":
        with show_progress("Loading", len(files)) as show:
            return await load_files(files, tenant=tenant, user=user, on_file=show)

    _report(_run(work))


@app.command()
def replay(
    files: Files,
    speed: Annotated[float, typer.Option(help="How many times as fast as recorded.")] = 1.0,
    user: User = OWNER,
    tenant: Tenant = TENANT,
) -> None:
    """Replay recorded workflow runs live, step by step."""
    with importing():
        from execution_monitor.ingest.core.replay import replay_files

    _report(_run(lambda: replay_files(files, tenant=tenant, user=user, speed=speed)))


@app.command("seed")
def seed_executions(  # noqa: PLR0913, PLR0917 - the options of the command
    executions: Annotated[int, typer.Option(help="The number of executions.", min=1)],
    users: Annotated[int, typer.Option(help="The number of owners in each tenant.", min=1, max=10_000)] = 2,
    tenants: Annotated[int, typer.Option(help="The number of tenants.", min=1, max=10_000)] = 1,
    days: Annotated[int, typer.Option(help="The age of the oldest execution, in days.", min=1, max=36_500)] = 30,
    no_steps: Annotated[bool, typer.Option("--no-steps", help="Add no steps and log lines.")] = False,  # noqa: FBT002 - a flag
    incident: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--incident", help="Have ci-pipeline fail from the last 03:03 on, beside the executions.")
    ] = False,
    random_seed: Annotated[int | None, typer.Option(help="The same number generates the same executions.")] = None,
) -> None:
    """Add generated executions, with steps and log lines."""
    with importing():
        from execution_monitor.development.synthetic.incident import last_incident
        from execution_monitor.development.synthetic.seed import SeedOptions

    options = SeedOptions(
        executions=executions,
        users=users,
        tenants=tenants,
        days=days,
        steps=not no_steps,
        random_seed=random_seed,
        incident=last_incident(datetime.now(UTC).astimezone()) if incident else None,
    )
    _run(lambda: _seed(options))


@app.command("simulate")
def simulate_executions(
    rate: Annotated[float, typer.Option(help="New executions a second, on average.")] = 0.5,
) -> None:
    """Start generated executions and keep them running, until stopped."""
    with importing():
        from execution_monitor.development.synthetic.simulator import SimulatorOptions, simulate

    options = SimulatorOptions(rate=rate)
    typer.echo("Simulating; press Ctrl-C to stop.", err=True)
    with contextlib.suppress(KeyboardInterrupt):
        _run(lambda: simulate(options))


@app.command()
def token(
    user: Annotated[str, typer.Option(help="The user of the token.")],
    tenant: Tenant = TENANT,
    scope: Annotated[list[str] | None, typer.Option(help="A scope beside executions:read; repeat for more.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role; repeat for more.")] = None,
    ttl: Annotated[str, typer.Option(help="How long it is valid: 90s, 30m, 1h, 7d.")] = "1h",
) -> None:
    """Print a token, as the last line."""
    with importing():
        from execution_monitor.cli.tokens import issue
        from execution_monitor.development.local import read_settings

    typer.echo(issue(read_settings(), user=user, tenant=tenant, scopes=scope or (), roles=role or (), ttl=ttl))


@app.command("watch")
def watch_executions(
    url: Url = URL,
    token: Token = "",
    where: Where = None,
    execution: Annotated[
        str | None, typer.Option(help="Follow one execution with its steps and log lines, until it ends.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Follow executions in the terminal; with --execution the exit code is 0 if it completed, and 1 if not."""
    with importing():
        import asyncio

        from execution_monitor.cli.watch import WatchOptions, watch

    options = WatchOptions.from_command(url, token, where=where, execution_id=execution, as_json=as_json)
    with contextlib.suppress(KeyboardInterrupt):
        ended_well = asyncio.run(watch(options))
        raise typer.Exit(0 if ended_well else 1)


@app.command()
def revoke(
    user: Annotated[str | None, typer.Option(help="Revoke the tokens of this user that were issued until now.")] = None,
    tenant: Annotated[
        str | None, typer.Option(help="The tenant of the user; without it, users of that name in all tenants.")
    ] = None,
    token_id: Annotated[str | None, typer.Option(help="Revoke the token with this jti.")] = None,
) -> None:
    """Revoke tokens before they expire, on every server, and close the connections they opened.

    With --user also the access keys made by or for that user; that user's webhooks and alert rules are paused.
    """
    if (user is None) is (token_id is None) or (tenant is not None and user is None) or "" in (user, tenant, token_id):
        raise SetupError("Name either --user, with --tenant or without, or --token-id.")
    if token_id is not None and token_id.startswith("em_"):
        raise SetupError("That is an access key; revoke it with execution-monitor key revoke.")
    with importing():
        import asyncio

        from execution_monitor.auth.caller import LEEWAY
        from execution_monitor.cli.revocations import Revoked, revoke_and_record
        from execution_monitor.development.local import read_settings
        from execution_monitor.development.local_database import connected

    # Tokens are accepted for the leeway after they expire, too.
    keep = read_settings().token_rules.max_lifetime + LEEWAY

    async def work(settings: "Settings") -> Revoked:
        by = None if settings.audit == "off" else _operator()
        async with connected(settings) as database:
            return await revoke_and_record(database, by=by, user=user, tenant=tenant, token_id=token_id, keep=keep)

    with _serving() as settings:
        revoked = asyncio.run(work(settings))
    until = f"{revoked.at:%Y-%m-%d %H:%M:%S} UTC"
    if token_id is not None:
        typer.echo(f"The token {token_id} is refused since {until}.")
    else:
        typer.echo(f"Tokens of {user} of {tenant or 'every tenant'} that were issued until {until} are refused.")
        typer.echo(f"Access keys that were made by or for {user} and are revoked now: {revoked.keys}.")
        typer.echo(f"Webhooks of {user} that are paused now: {revoked.webhooks}.")
        typer.echo(f"Alert rules of {user} that are paused now: {revoked.rules}.")


@key.command("create")
def create_access_key(
    name: Annotated[str, typer.Option(help="What to call the key, such as the program that will use it.")],
    user: Annotated[str, typer.Option(help="For whom it acts: what it reports and reads is this user's.")],
    tenant: Tenant = TENANT,
    scope: Annotated[
        list[str] | None, typer.Option(help="What it allows; repeat for more. Without it: executions:write.")
    ] = None,
    ttl: Annotated[str, typer.Option(help="How long it is valid: 1h, 90d, a year at most.")] = "90d",
) -> None:
    """Make an access key, and print it once, as the last line."""
    with importing():
        import asyncio

        from execution_monitor.auth.access_key_text import signing_secret_of
        from execution_monitor.auth.access_keys import AccessKeyRecord, MadeAccessKey
        from execution_monitor.cli.keys import KeyOptions, create_key
        from execution_monitor.development.local_database import connected

    options = KeyOptions.from_command(
        user=user, tenant=tenant, name=name, scopes=scope or ["executions:write"], ttl=ttl
    )

    async def work(settings: "Settings") -> MadeAccessKey:
        async with connected(settings) as database:
            return await create_key(database, options, by=_operator(), is_audited=settings.audit != "off")

    with _serving() as settings:
        made = asyncio.run(work(settings))
        record = AccessKeyRecord(made.row)
        signing_secret = signing_secret_of(record.key_id, settings.cursor_key)
    allowed = ", ".join(record.scopes)
    typer.echo(f"For {record.user_id} of {record.tenant}, until {record.expires_at:%Y-%m-%d %H:%M} UTC: {allowed}.")
    typer.echo(f"Secret for senders that sign with HMAC, such as GitHub: {signing_secret}")
    typer.echo("The key, which is not shown again:")
    typer.echo(made.text)


@key.command("list")
def list_access_keys(
    user: Annotated[str | None, typer.Option(help="List the keys for this user alone.")] = None,
    tenant: Annotated[str | None, typer.Option(help="List the keys of this tenant alone.")] = None,
) -> None:
    """List access keys, also those that were revoked, until 30 days after they expire."""
    with importing():
        import asyncio

        from execution_monitor.cli.keys import list_keys
        from execution_monitor.development.local_database import connected

    async def work(settings: "Settings") -> list[str]:
        async with connected(settings) as database:
            return await list_keys(database, user=user, tenant=tenant)

    with _serving() as settings:
        lines = asyncio.run(work(settings))
    for line in lines:
        typer.echo(line)


@key.command("revoke")
def revoke_access_key(key_id: KeyId) -> None:
    """Revoke an access key on every server, and close the connections it opened."""
    with importing():
        import asyncio

        from execution_monitor.auth.access_keys import AccessKeyRecord
        from execution_monitor.cli.keys import revoke_key
        from execution_monitor.development.local_database import connected

    async def work(settings: "Settings") -> AccessKeyRecord:
        by = None if settings.audit == "off" else _operator()
        async with connected(settings) as database:
            return await revoke_key(database, key_id, by=by)

    with _serving() as settings:
        revoked = asyncio.run(work(settings))
    typer.echo(f"The key {revoked.prefix} ({revoked.name}) of {revoked.user_id} of {revoked.tenant} is revoked.")


@app.command()
def database(
    purpose: Annotated[
        Purpose | None,
        typer.Option("--for", help="Who connects. Without it: a reader, or all three for a MongoDB of your own."),
    ] = None,
) -> None:
    """Print the connection string of the embedded MongoDB, or how to create roles and users in one of your own."""
    with importing():
        from execution_monitor.cli.database import describe_access
        from execution_monitor.development.local import read_settings

    settings = read_settings()
    typer.echo(describe_access(settings, purpose))
    if settings.mongodb_uri is None:
        typer.echo("It is valid while serve, demo or another command runs this MongoDB.", err=True)


@app.command()
def export_schema() -> None:
    """Print the GraphQL schema in SDL."""
    with importing():
        from execution_monitor.graphql.schema import create_schema

    typer.echo(create_schema().as_str())


app = with_reading(app)


def main() -> NoReturn:
    """Run the command line, and exit."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _end_unread()
    except SystemExit as ended:
        # Typer turns a broken pipe into 1, which says that the server refuses.
        if isinstance(ended.__context__, BrokenPipeError):
            _end_unread()
        raise
    except Exception as error:  # noqa: BLE001 - the one place where every failure becomes a sentence
        typer.echo(_explain(error), err=True)
        sys.exit(getattr(error, "exit_code", 1))
    sys.exit(code or 0)


def _end_unread() -> NoReturn:
    # Whoever reads stdout has enough; what is left in its buffer must not fail again on exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(128 + signal.SIGPIPE)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    # As Ctrl-C does: leave through every `finally`, so that all processes are stopped.
    raise SystemExit(128 + number)


def _explain(error: Exception) -> str:
    if isinstance(error, typer.TyperException):
        return error.format_message()
    if isinstance(error, ExecutionMonitorError):
        return error.message
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"The disk is full ({error.filename}); make room and try again."
    # No command that does without MongoDB raises its errors.
    if "pymongo" in sys.modules:
        with importing():
            from pymongo.errors import PyMongoError

            from execution_monitor.storage.mongodb_errors import explain

        if isinstance(error, PyMongoError):
            return explain(error)
    return f"Something unexpected went wrong ({type(error).__name__}: {error}); please report it."


@contextlib.contextmanager
def _serving(log_level: LogLevel | None = None) -> Generator["Settings"]:
    with importing():
        from execution_monitor.development.local import read_settings
        from execution_monitor.development.local_database import running_database
        from execution_monitor.observability.logging import configure_logging
        from execution_monitor.unknown_settings import warn_of_unknown_settings

    settings = read_settings()
    configure_logging(as_json=not settings.is_development, level=log_level or settings.log_level)
    warn_of_unknown_settings()
    with running_database(settings) as ready:
        yield ready


def _run(work: Callable[[], Awaitable[Result]]) -> Result:
    with importing():
        from execution_monitor.development.local_database import run_connected

    with _serving() as settings:
        return run_connected(settings, work)


def _operator() -> str:
    """Who runs the command, for the audit trail; no subject of a token looks like it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # the user of a container may have no name
        name = "somebody"
    return f"{name} (command line)"


def _report(report: "LoadReport | ReplayReport") -> None:
    typer.echo(report.describe())
    for each in report.rejected:
        typer.echo(str(each), err=True)
    if report.rejected:
        raise typer.Exit(1)


async def _fill_when_empty() -> None:
    with importing():
        from execution_monitor.development.demo import DEMO_SEED
        from execution_monitor.storage.documents import Execution

    if await Execution.find_one() is None:
        await _seed(DEMO_SEED)


async def _seed(options: "SeedOptions") -> None:
    with importing():
        from execution_monitor.development.progress import show_progress
        from execution_monitor.development.synthetic.seed import seed

    with show_progress("Generating executions", options.expected_documents) as show:
        report = await seed(options, on_progress=show)
    typer.echo(
        f"Generated {report.executions:,} executions, {report.steps:,} steps and {report.log_entries:,} log lines "
        f"in {report.seconds:.1f} s ({report.documents_per_second:,.0f} documents a second).",
        err=True,
    )
