"""Issue a token: what the command `token` does."""

import re
from collections.abc import Sequence
from datetime import timedelta

from execution_monitor.auth.caller import Scope
from execution_monitor.auth.tokens import issue_token
from execution_monitor.errors import SetupError
from execution_monitor.settings import Settings

_LIFETIME = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def issue(  # noqa: PLR0913 - the options of the command
    settings: Settings, *, user: str, tenant: str, scopes: Sequence[str], roles: Sequence[str], ttl: str
) -> str:
    """A token that servers with these `settings` accept; raises `SetupError` for an option that is wrong."""
    for given, known, kind in ((scopes, Scope, "scope"), (roles, settings.roles, "role")):
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise SetupError(f"{unknown[0]} is no {kind}; choose from {', '.join(known)}.")
    if not (user.strip() and user.isprintable() and tenant.strip() and tenant.isprintable()):
        raise SetupError("The user and the tenant must not be empty, nor hold line breaks or tabs.")
    rules, lifetime = settings.token_rules, parse_lifetime(ttl)
    if lifetime > rules.max_lifetime:
        raise SetupError(
            f"A token may live for {settings.token_lifetime_seconds:,} seconds; "
            "choose a shorter --ttl, or raise EXECUTION_MONITOR_TOKEN_LIFETIME_SECONDS."
        )
    secret = settings.require_jwt_secret()
    return issue_token(secret, user=user, tenant=tenant, scopes=scopes, roles=roles, lifetime=lifetime, rules=rules)


def parse_lifetime(text: str) -> timedelta:
    """The duration that `text` says, such as `90d`; raises `SetupError` for text that is none."""
    parsed = _LIFETIME.fullmatch(text)
    if parsed is None or int(parsed[1]) == 0:
        raise SetupError(f"{text} is no duration; write a number and s, m, h or d, such as 1h.")
    return timedelta(**{_UNITS[parsed[2]]: int(parsed[1])})
