"""GraphQL requests to a server on a real socket."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

# Where REST lists executions.
EXECUTIONS_PATH = "/api/v1/workflow-management/executions"


@dataclass(frozen=True)
class GraphQLResponse:
    """The response to one operation: its status and headers, and its body decoded."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def data(self) -> Any:
        """The data; fails if there are errors."""
        assert "errors" not in self.body, self.body["errors"]
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        """The codes of all errors."""
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]

    @property
    def message(self) -> str:
        """The message of the one error."""
        (error,) = self.body["errors"]
        return error["message"]


async def execute(server: str, token: str | None, query: str, **variables: Any) -> GraphQLResponse:
    """Send the operation `query` to the server at the URL `server`, without a token where it is None."""
    headers = {"accept": "application/graphql-response+json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    async with httpx2.AsyncClient(timeout=30) as client:
        response = await client.post(
            f"{server}/graphql", json={"query": query, "variables": variables}, headers=headers
        )
    return GraphQLResponse(response.status_code, response.json(), response.headers)


def ids(connection: Any) -> list[str]:
    """The ids of the executions of a connection, in its order."""
    return [node["executionId"] for node in connection["nodes"]]
