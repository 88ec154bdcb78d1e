"""The one list that every server is asked for: twelve fields with nested progress, by status, newest first."""

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
USER, TENANT = "ada", "acme"


def body_of(first: int) -> bytes:
    """The request's body for the newest `first` completed executions."""
    return orjson.dumps({"query": LIST, "variables": {"status": "COMPLETED", "first": first}})
