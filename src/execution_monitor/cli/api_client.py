"""A client of the GraphQL API for commands: sends one operation over HTTP and returns its data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import httpx2

from execution_monitor.cli.server_address import CommandFailed, endpoint_of, failure_of, require_token

# Longer than the server lets a query run.
_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ApiClient:
    """The server at `address`, and the token that it is sent."""

    address: str
    token: str

    @classmethod
    def from_command(cls, url: str, token: str) -> "ApiClient":
        """The client that the options --url and --token mean; raises `CommandFailed` when they are wrong."""
        return cls(endpoint_of(url), require_token(token))

    def execute(self, query: str, **variables: Any) -> Any:
        """The data of the response to `query`.

        Raises:
            CommandFailed: The server does not answer, refuses the operation, or a part of it failed.
        """
        headers = {"accept": "application/graphql-response+json", "authorization": f"Bearer {self.token}"}
        try:
            response = httpx2.post(
                self.address,
                json={"query": query, "variables": variables},
                headers=headers,
                timeout=_TIMEOUT_SECONDS,
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise CommandFailed(f"{self._server} does not answer; {_ADVICE}") from error
        body = _object_of(response)
        errors = body.get("errors")
        if errors:
            raise failure_of(errors[0])
        if not isinstance(body.get("data"), dict):
            raise CommandFailed(f"{self._server} is no Execution Monitor; {_ADVICE}")
        return body["data"]

    @property
    def _server(self) -> str:
        return urlunsplit(urlsplit(self.address)._replace(path=""))


_ADVICE = "start the server, or name another with --url."


def _object_of(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        body: Any = response.json()
    except ValueError:
        return {}
    return cast("Mapping[str, Any]", body) if isinstance(body, dict) else {}
