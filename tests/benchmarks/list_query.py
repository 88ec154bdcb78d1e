"""The one list that every server must return: twelve fields with nested progress, by status, newest first."""

from dataclasses import dataclass
from typing import Any

import orjson

LIST = """query List($status: ExecutionStatus!, $first: Int!) {
  executions(filter: { status: { eq: $status } }, first: $first) {
    nodes {
      executionId name workflowName status createdAt startedAt completedAt durationSeconds
      progress { currentStep totalSteps percentage }
      userId triggeredBy attempt
    }
    pageInfo { hasNextPage }
  }
}"""
# The same with their steps, for servers that read those in one query for all.
_WITH_STEPS = LIST.replace("attempt\n", "attempt\n      steps(first: 10) { nodes { stepId name status attempt } }\n")
_SERVERS_WITH_STEPS = ("ours", "floor", "mercurius", "yoga", "apollo", "stock_strawberry")
# The same where fields have the names of the stored documents.
_DOCUMENTED = """
      executionId: execution_id name: execution_name workflowName: workflow_name status
      createdAt: created startedAt: started_at completedAt: completed_at durationSeconds: total_duration
      userId: user_id triggeredBy: triggered_by attempt"""
_OF_MONGOOSE = f"""query List($status: String!, $first: Int!) {{
  executions(filter: {{ status: $status }}, first: $first, sort: NEWEST_FIRST) {{
    edges {{ node {{{_DOCUMENTED}
      progress {{ currentStep: current_step totalSteps: total_steps percentage }}
    }} }}
    pageInfo {{ hasNextPage }}
  }}
}}"""
# A nested object is a scalar there.
_OF_PARSE = f"""query List($status: String!, $first: Int!) {{
  executions(where: {{ status: {{ equalTo: $status }} }}, first: $first, order: created_DESC) {{
    edges {{ node {{{_DOCUMENTED}
      progress
    }} }}
    pageInfo {{ hasNextPage }}
  }}
}}"""
_OF_DOCUMENTS = {"mongoose": _OF_MONGOOSE, "parse": _OF_PARSE}
_PROGRESS = {"currentStep": "current_step", "totalSteps": "total_steps", "percentage": "percentage"}
USER, TENANT = "ada", "acme"


@dataclass(frozen=True, slots=True)
class Case:
    """A number of executions, requested by a number of connections at once."""

    first: int
    connections: int = 16
    steps: bool = False

    @property
    def name(self) -> str:
        """The name of its figures."""
        return f"first {self.first}{' with steps' if self.steps else ''}, {self.connections} at once"

    def is_for(self, server: str) -> bool:
        """Whether `server` supports it."""
        return not self.steps or server in _SERVERS_WITH_STEPS


SHORT, LONG, STEPS = Case(20), Case(100), Case(20, steps=True)
# For the shorter page alone also one connection, and many.
CASES = (SHORT, LONG, STEPS, Case(20, connections=1), Case(20, connections=64))


def body_of(first: int, server: str = "ours", *, steps: bool = False) -> bytes:
    """The body of the request for the newest `first` completed executions, as `server` expects it."""
    query, status = (_OF_DOCUMENTS[server], "completed") if server in _OF_DOCUMENTS else (LIST, "COMPLETED")
    query = _WITH_STEPS if steps else query
    return orjson.dumps({"query": query, "variables": {"status": status, "first": first}})


def _as_ours(node: dict[str, Any]) -> dict[str, Any]:
    progress = node["progress"]
    if "current_step" in progress:
        progress = {ours: progress[stored] for ours, stored in _PROGRESS.items()}
    return {**node, "status": node["status"].upper(), "progress": progress}


def nodes_of(answer: Any) -> list[dict[str, Any]]:
    """The executions of a response, in the same format for all servers."""
    executions = answer["data"]["executions"]
    nodes = executions["nodes"] if "nodes" in executions else [edge["node"] for edge in executions["edges"]]
    return list(map(_as_ours, nodes))
