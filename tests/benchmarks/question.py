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
_OF_DOCUMENTS = """query List($status: String!, $first: Int!) {
  executions(filter: { status: $status }, first: $first, sort: NEWEST_FIRST) {
    edges { node {
      executionId: execution_id name: execution_name workflowName: workflow_name status
      createdAt: created startedAt: started_at completedAt: completed_at durationSeconds: total_duration
      progress { currentStep: current_step totalSteps: total_steps percentage }
      userId: user_id triggeredBy: triggered_by attempt
    } }
    pageInfo { hasNextPage }
  }
}"""
OF_DOCUMENTS = "mongoose"
USER, TENANT = "ada", "acme"


def body_of(first: int, server: str = "ours") -> bytes:
    """The request's body for the newest `first` completed executions, as `server` wants it."""
    query, status = (_OF_DOCUMENTS, "completed") if server == OF_DOCUMENTS else (LIST, "COMPLETED")
    return orjson.dumps({"query": query, "variables": {"status": status, "first": first}})


def nodes_of(answer: Any) -> list[dict[str, Any]]:
    """The executions of an answer, each as all servers have it."""
    executions = answer["data"]["executions"]
    nodes = executions["nodes"] if "nodes" in executions else [edge["node"] for edge in executions["edges"]]
    return [{**node, "status": node["status"].upper()} for node in nodes]
