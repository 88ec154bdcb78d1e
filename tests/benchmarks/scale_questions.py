"""Questions people on call have, each as variables of one list query: all of a review that timed out, and more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.scale_documents import PERSON, RARE_CODE, RARE_TAG, RARE_WORKFLOW

LIST = """query List($filter: ExecutionFilter, $sort: [ExecutionSort!], $first: Int, $after: String) {
  executions(filter: $filter, sort: $sort, first: $first, after: $after) {
    nodes { executionId name workflowName status createdAt startedAt completedAt durationSeconds
      progress { currentStep totalSteps percentage } userId triggeredBy attempt totalCost }
    search { isComplete examined reachedAt } pageInfo { hasNextPage endCursor } } }"""
COUNTED = LIST.replace("search {", "totalCount totalCountIsExact search {")

Sort = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Question:
    """A filter and an order; `counted` also asks for the total."""

    filter: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sort: Sort | None = None
    counted: bool = False


def _by(*keys: str) -> Sort:
    return [{"field": key.rpartition(" ")[0], "direction": key.rpartition(" ")[2]} for key in keys]


_RECENT = {"createdAt": {"gte": "2026-11-12T00:00:00Z"}}
_BAD = {"status": {"in": ["FAILED", "TIMED_OUT"]}}
NOBODY = "no-such-value"

QUESTIONS: Mapping[str, Question] = {
    "all, newest first": Question(),
    "status": Question({"status": {"eq": "FAILED"}}),
    "status in three": Question({"status": {"in": ["FAILED", "TIMED_OUT", "CANCELLED"]}}),
    "template": Question({"workflowTemplateId": {"eq": "template-pipeline-007"}}),
    "user": Question({"userId": {"eq": PERSON}}),
    "by cost": Question(sort=_by("TOTAL_COST DESC")),
    "by duration": Question(sort=_by("DURATION DESC")),
    "by name": Question(sort=_by("WORKFLOW_NAME ASC")),
    "by status": Question(sort=_by("STATUS ASC")),
    "not completed": Question({"status": {"notIn": ["COMPLETED"]}}),
    "template and status, common": Question(
        {"workflowTemplateId": {"eq": "template-pipeline-007"}, "status": {"eq": "COMPLETED"}}
    ),
    "template and status, rare": Question(
        {"workflowTemplateId": {"eq": f"template-{RARE_WORKFLOW}"}, "status": {"eq": "FAILED"}}
    ),
    "name begins with, rare": Question({"workflowName": {"startsWith": "quarterly"}}),
    "name contains, rare": Question({"workflowName": {"contains": "audit"}}),
    "name contains nothing that is there": Question({"workflowName": {"contains": "pipelime"}}),
    "name contains nothing, last days": Question({"workflowName": {"contains": "pipelime"}, **_RECENT}),
    "name contains, common, with a count": Question({"workflowName": {"contains": "line-01"}}, counted=True),
    "session": Question({"sessionId": {"eq": "session-0000003"}}),
    "session that nobody has": Question({"sessionId": {"eq": NOBODY}}),
    "parent": Question({"parentExecutionId": {"eq": "big-00000018"}}),
    "parent that nobody has": Question({"parentExecutionId": {"eq": NOBODY}}),
    "trigger, rare": Question({"triggeredBy": {"eq": "person-0001"}}),
    "trigger that nobody has": Question({"triggeredBy": {"eq": NOBODY}}),
    "error code, rare": Question({"errorCode": {"eq": RARE_CODE}}),
    "error code that nobody has": Question({"errorCode": {"eq": NOBODY}}),
    "error code that nobody has, failed": Question({"errorCode": {"eq": NOBODY}, "status": {"eq": "FAILED"}}),
    "error message contains nothing": Question({"errorMessage": {"contains": NOBODY}}),
    "error message contains, rare": Question({"errorMessage": {"contains": "part 70001 of"}}),
    "tag, rare": Question({"tags": {"key": RARE_TAG, "value": "sev1"}}),
    "tag that nobody has": Question({"tags": {"key": NOBODY}}),
    "tag of one in fifty": Question({"tags": {"key": "team", "value": "team-7"}}),
    "longest running": Question({"status": {"eq": "RUNNING"}}, _by("STARTED_AT ASC")),
    "running, by duration": Question({"status": {"eq": "RUNNING"}}, _by("DURATION DESC")),
    "paused, by duration": Question({"status": {"eq": "PAUSED"}}, _by("DURATION DESC")),
    "example of the README": Question({**_BAD, **_RECENT}, _by("TOTAL_COST DESC", "CREATED_AT DESC")),
    "example of the README, with a count": Question(
        {**_BAD, **_RECENT}, _by("TOTAL_COST DESC", "CREATED_AT DESC"), counted=True
    ),
    "the same by cost alone": Question({**_BAD, **_RECENT}, _by("TOTAL_COST DESC")),
    "by name, then newest": Question(sort=_by("WORKFLOW_NAME ASC", "CREATED_AT DESC")),
    "longer than an hour, by creation": Question({"durationSeconds": {"gte": 3600}}),
    "longer than an hour, by duration": Question({"durationSeconds": {"gte": 3600}}, _by("DURATION DESC")),
    "failed or expensive": Question({"or": [{"status": {"eq": "FAILED"}}, {"totalCost": {"gte": 3.9}}]}),
    "created within a day": Question({"createdAt": {"withinSeconds": 86_400}}),
    # Ten more.
    "failed today, newest first": Question({"status": {"eq": "FAILED"}, "createdAt": {"gte": "2026-11-18T00:00:00Z"}}),
    "one workflow, slowest first": Question({"workflowName": {"eq": "pipeline-007"}}, _by("DURATION DESC")),
    "one workflow, failed, newest first": Question(
        {"workflowName": {"eq": "pipeline-007"}, "status": {"eq": "FAILED"}}
    ),
    "one user, most expensive first": Question({"userId": {"eq": PERSON}}, _by("TOTAL_COST DESC")),
    "free of charge, oldest first": Question({"totalCost": {"gte": 0, "lte": 0}}, _by("CREATED_AT ASC")),
    "ended last night, last ended first": Question(
        {"completedAt": {"gte": "2026-11-17T22:00:00Z", "lt": "2026-11-18T06:00:00Z"}}, _by("COMPLETED_AT DESC")
    ),
    "many tokens, newest first": Question({"tokensUsed": {"gte": 39_990}}),
    "twenty by id": Question({"executionId": {"in": [f"big-{number:08}" for number in range(20)]}}),
    "not one user's, failed": Question({"userId": {"notIn": ["service-ci"]}, "status": {"eq": "FAILED"}}),
    "retried with another code": Question({"errorCode": {"in": [RARE_CODE, NOBODY]}}, _by("STARTED_AT DESC")),
}
