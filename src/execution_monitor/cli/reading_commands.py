"""The commands that read over the public API: `stats`, `list`, `show` and `logs`."""

import contextlib
from typing import Annotated

import typer

from execution_monitor.cli.importing import importing
from execution_monitor.cli.log_level import LineLevel
from execution_monitor.cli.stats_choices import Bucket, By, First

Url = Annotated[str, typer.Option(help="The address of the server.")]
Token = Annotated[
    str,
    typer.Option(help="A token of the server.", envvar="EXECUTION_MONITOR_TOKEN", show_envvar=True, show_default=False),
]
Where = Annotated[
    str | None, typer.Option("--filter", help='An ExecutionFilter as JSON, such as {"status": {"eq": "FAILED"}}.')
]
Since = Annotated[
    str | None, typer.Option(help="Only executions that were created in the last 30m, 24h, 7d and the like.")
]
ExecutionId = Annotated[str, typer.Argument(help="Its executionId.", metavar="ID")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

URL = "http://127.0.0.1:8000"
_EXIT_CODES = "Exit codes: 0, 1 where the server refuses or does not answer, 2 where an option is wrong."


def with_reading(app: typer.Typer) -> typer.Typer:
    """`app` with the commands."""
    app.command("stats", epilog=_EXIT_CODES)(print_stats)
    app.command("list", epilog=_EXIT_CODES)(list_executions)
    app.command("show", epilog=_EXIT_CODES)(show_execution)
    app.command("logs", epilog=_EXIT_CODES)(print_log_lines)
    return app


def print_stats(  # noqa: PLR0913, PLR0917 - the options of the command
    url: Url = URL,
    token: Token = "",
    where: Where = None,
    since: Since = None,
    interval: Annotated[
        Bucket | None, typer.Option(help="How long a bucket is; by default the shortest that makes at most 100.")
    ] = None,
    time_zone: Annotated[
        str, typer.Option(help="The IANA name of the time zone in which days begin at midnight, such as Europe/Berlin.")
    ] = "UTC",
    by: Annotated[By | None, typer.Option(help="Also group by this.", case_sensitive=False)] = None,
    order: Annotated[First, typer.Option(help="The groups with most of this first.", case_sensitive=False)] = (
        First.COUNT
    ),
    first: Annotated[int, typer.Option(help="How many groups.", min=1, max=100)] = 10,
    allow_sampling: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--allow-sampling", help="Estimate where all executions are too many to read.")
    ] = False,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Add executions up: of the last 30 days, unless --since or the filter says otherwise.

    Without a terminal, lines separated by tabs, whose first field says what they are: the name of a sum and its value;
    status, name, count; duration, percentile, seconds; bucket, start, end, and group, value, both with count, failed,
    success rate, p50, p95, cost, tokens.
    """
    with importing():
        from execution_monitor.cli.api_client import ApiClient
        from execution_monitor.cli.server_address import filter_since
        from execution_monitor.cli.stats import StatsOptions, print_statistics

    options = StatsOptions(
        filter_since(where, since),
        since,
        interval and interval.name,
        time_zone,
        by and by.name,
        order.name,
        first,
        allow_sampling,
    )
    print_statistics(ApiClient.from_command(url, token), options, as_json=as_json)


def list_executions(  # noqa: PLR0913, PLR0917 - the options of the command
    url: Url = URL,
    token: Token = "",
    where: Where = None,
    since: Since = None,
    first: Annotated[int, typer.Option(help="How many.", min=1, max=10_000)] = 20,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """List the newest executions.

    Without a terminal, a line each, separated by tabs: id, status, workflow, created, seconds, owner, error.
    """
    with importing():
        from execution_monitor.cli.api_client import ApiClient
        from execution_monitor.cli.reading import list_executions as print_list
        from execution_monitor.cli.server_address import filter_since

    print_list(ApiClient.from_command(url, token), filter_since(where, since), first, as_json=as_json)


def show_execution(
    execution_id: ExecutionId,
    url: Url = URL,
    token: Token = "",
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Show one execution with its steps.

    Without a terminal, a line for each field, separated by tabs; steps: step, id, status, name, attempt, started,
    seconds, error.
    """
    with importing():
        from execution_monitor.cli.api_client import ApiClient
        from execution_monitor.cli.reading import show_execution as print_execution

    print_execution(ApiClient.from_command(url, token), execution_id, as_json=as_json)


def print_log_lines(  # noqa: PLR0913, PLR0917 - the options of the command
    execution_id: ExecutionId,
    follow: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--follow", "-f", help="Print lines as they come, until the execution ends.")
    ] = False,
    level: Annotated[
        LineLevel | None, typer.Option(help="Only lines of this severity or a higher one.", case_sensitive=False)
    ] = None,
    tail: Annotated[int | None, typer.Option(help="Begin with so many of the last lines.", min=1, max=10_000)] = None,
    url: Url = URL,
    token: Token = "",
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Print the log lines of an execution; with --follow the exit code is 0 if it completed, and 1 if not.

    Without a terminal, a line each, separated by tabs: time, level, step, message.
    """
    with importing():
        from execution_monitor.cli.api_client import ApiClient
        from execution_monitor.cli.log_lines import LogPrinter, print_logs
        from execution_monitor.cli.watch import WatchOptions

    client = ApiClient.from_command(url, token)
    printer = LogPrinter(client, execution_id, None if level is None else level.name, tail, as_json)
    options = None
    if follow:
        options = WatchOptions.from_command(url, token, where=None, execution_id=execution_id, as_json=as_json)
    with contextlib.suppress(KeyboardInterrupt):
        ended_well = print_logs(printer, options)
        raise typer.Exit(0 if ended_well else 1)
