"""Tokens that every server of the tests accepts."""

from datetime import timedelta

from execution_monitor.auth.tokens import issue_token

# As long as HS512 requires, so that a test can sign with the wrong algorithm too.
SECRET = "the shared secret of every test server, which no other server may ever use"  # noqa: S105 - of tests alone


def token_of(user: str, *scopes: str, tenant: str = "acme", lifetime: timedelta = timedelta(hours=2)) -> str:
    """A token of `user` of `tenant`, signed with `SECRET`."""
    return issue_token(SECRET, user=user, tenant=tenant, scopes=scopes, lifetime=lifetime)
