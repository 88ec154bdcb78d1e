"""The server that a command talks to: its address and a token, as the options of the command line give them."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from execution_monitor.errors import SetupError

_SCHEMES = frozenset({"http", "https"})
_SINCE = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
# 68 years, the largest Int of GraphQL.
_MAX_SECONDS = 2**31 - 1
# Of a request that is wrong, not only refused or failed.
_WRONG = frozenset({"BAD_USER_INPUT", "QUERY_TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED"})


class CommandFailed(SetupError):
    """Why a command cannot go on; the exit code is 2 when its options are wrong."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def failure_of(error: Mapping[str, Any]) -> CommandFailed:
    """The failure that an error of a response of GraphQL is."""
    return CommandFailed(error["message"], 2 if error.get("extensions", {}).get("code") in _WRONG else 1)


def require_token(token: str) -> str:
    """`token`; raises `CommandFailed` for an empty one."""
    if not token:
        raise CommandFailed(
            "Pass a token with --token or EXECUTION_MONITOR_TOKEN; in development "
            "`execution-monitor token --user ada` prints one.",
            2,
        )
    return token


def endpoint_of(url: str, schemes: Mapping[str, str] | None = None) -> str:
    """The address of GraphQL of the server at `url`; `schemes` replace http and https.

    Raises:
        CommandFailed: `url` is no address of a server.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        usable = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise CommandFailed(f"{url} is no address of a server; write one such as http://127.0.0.1:8000.", 2)
    # People copy the address of the server, or that of its endpoint.
    path = parts.path.rstrip("/").removesuffix("/graphql")
    scheme = (schemes or {}).get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc, f"{path}/graphql", "", ""))


def parse_filter(where: str | None) -> dict[str, Any] | None:
    """The filter that the option --filter is; raises `CommandFailed` for what is no object of JSON."""
    if where is None:
        return None
    try:
        parsed = json.loads(where)
    except ValueError as error:
        raise CommandFailed(f"--filter is not JSON: {error}.", 2) from error
    if not isinstance(parsed, dict):
        raise CommandFailed('--filter must be an object such as {"status": {"eq": "FAILED"}}.', 2)
    return cast("dict[str, Any]", parsed)


def filter_since(where: str | None, since: str | None) -> dict[str, Any] | None:
    """The filter of --filter and --since together; raises `CommandFailed` for what is none."""
    parsed = parse_filter(where)
    if since is None:
        return parsed
    found = _SINCE.fullmatch(since)
    seconds = 0 if found is None else int(found[1]) * _SECONDS[found[2]]
    if not 0 < seconds <= _MAX_SECONDS:
        raise CommandFailed(f"--since: {since} is no duration; write a number and s, m, h, d or w, such as 24h.", 2)
    newer = {"createdAt": {"withinSeconds": seconds}}
    return newer if parsed is None else {"and": [parsed, newer]}
