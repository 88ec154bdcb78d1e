"""A server that engines report to as their guide says, and what a person sees there through GraphQL."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from bson import encode
from pymongo import MongoClient

from tests.support.cli_process import OWN_PROGRAM
from tests.support.server_process import ServerProcess, running_server
from tests.support.tokens import SECRET, token_of

# Each query costs points of the rate limit, which reports of the same user need too.
_POLL_SECONDS = 2
_EXECUTIONS = """
query ($workflow: String!) {
  executions(filter: {workflowName: {eq: $workflow}}, first: 2) {
    nodes {
      executionId name workflowName status statusDetail createdAt startedAt completedAt attempt parentExecutionId
      triggeredBy userId tenantId stepsCompleted stepsFailed progress { totalSteps } tags { key value }
      error { message type stackTrace } inputParameters
      steps(first: 50) {
        nodes { stepId name kind status startedAt completedAt attempt dependsOn error { message stackTrace } }
      }
      logs(first: 50) { nodes { level message stepId } }
    }
  }
}
"""


@dataclass(frozen=True)
class Monitor:
    """A running server, and an access key for an engine; `began_at` is a time before the engine began."""

    server: ServerProcess
    uri: str
    database: str
    key: str
    began_at: datetime

    @property
    def url(self) -> str:
        return self.server.url

    def executions(self, workflow: str) -> list[Any]:
        """The executions of a workflow, newest first, with their steps and log lines, as their owner sees them."""
        token = token_of("ada", "executions:read", "executions:payload")
        response = httpx2.post(
            f"{self.url}/graphql",
            json={"query": _EXECUTIONS, "variables": {"workflow": workflow}},
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert "errors" not in response.json(), response.text
        return response.json()["data"]["executions"]["nodes"]

    def wait_for(self, workflow: str, condition: Callable[[Any], bool], *, seconds: float) -> Any:
        """The one execution of a workflow, once it is there and `condition` holds for it."""
        deadline = time.monotonic() + seconds
        while not ((found := self.executions(workflow)) and condition(found[0])):
            if time.monotonic() > deadline:
                pytest.fail(f"{workflow} is not as expected: {found}\n{self.server.log[-5_000:]}")
            time.sleep(_POLL_SECONDS)
        (execution,) = found
        return execution

    def places_of(self, text: str) -> list[str]:
        """The collections that hold `text` anywhere in their documents."""
        with MongoClient[dict[str, Any]](self.uri) as client:
            database = client[self.database]
            return [
                name
                for name in database.list_collection_names()
                if any(text.encode() in encode(document) for document in database[name].find())
            ]

    def has_times_in_order(self, what: Any, until: datetime) -> bool:
        """Whether an execution or step began, then ended, between `began_at` and `until`."""
        times = [what[name] for name in ("startedAt", "completedAt")]
        if None in times:
            return False
        ordered = [self.began_at, *map(datetime.fromisoformat, times), until]
        return ordered == sorted(ordered)


@contextlib.contextmanager
def running_monitor(folder: Path, uri: str, database: str, **variables: str) -> Generator[Monitor]:
    """A server with an empty database, and a key of `ada` of `acme`; `variables` are more of its settings."""
    began_at = datetime.now(UTC).replace(microsecond=0)
    with running_server(folder, uri, database, **variables) as server:
        yield Monitor(server, uri, database, _create_key(uri, database), began_at)


def _create_key(uri: str, database: str) -> str:
    command = ("key", "create", "--name=engine", "--user=ada", "--tenant=acme")
    settings = {"MONGODB_URI": uri, "DATABASE": database, "JWT_SECRET": SECRET}
    done = subprocess.run(
        [*OWN_PROGRAM, *command],
        env={**os.environ, **{f"EXECUTION_MONITOR_{name}": value for name, value in settings.items()}},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def steps_of(execution: Any) -> dict[str, Any]:
    """The steps of an execution by their names; fails where two share one."""
    nodes = execution["steps"]["nodes"]
    found = {step["name"]: step for step in nodes}
    assert len(found) == len(nodes)
    return found


def ends_of(execution: Any) -> dict[str, str]:
    """The statuses of the steps of an execution by their names."""
    return {name: step["status"] for name, step in steps_of(execution).items()}
