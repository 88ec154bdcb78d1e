"""The one list that every server is asked for: twelve fields with nested progress, by status, newest first."""

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
# The same where fields are named as the documents name them.
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
# An object within a document is a scalar there.
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


def body_of(first: int, server: str = "ours") -> bytes:
    """The request's body for the newest `first` completed executions, as `server` wants it."""
    query, status = (_OF_DOCUMENTS[server], "completed") if server in _OF_DOCUMENTS else (LIST, "COMPLETED")
    return orjson.dumps({"query": query, "variables": {"status": status, "first": first}})


def _as_ours(node: dict[str, Any]) -> dict[str, Any]:
    progress = node["progress"]
    if "current_step" in progress:
        progress = {ours: progress[stored] for ours, stored in _PROGRESS.items()}
    return {**node, "status": node["status"].upper(), "progress": progress}


def nodes_of(answer: Any) -> list[dict[str, Any]]:
    """The executions of an answer, each as all servers have it."""
    executions = answer["data"]["executions"]
    nodes = executions["nodes"] if "nodes" in executions else [edge["node"] for edge in executions["edges"]]
    return list(map(_as_ours, nodes))
