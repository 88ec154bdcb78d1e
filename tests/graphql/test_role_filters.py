from typing import Any

import pytest

from execution_monitor.app import create_app
from execution_monitor.auth.caller import Scope
from execution_monitor.auth.role_settings import RoleSettings
from execution_monitor.errors import SetupError
from execution_monitor.graphql.role_filters import read_role_filter
from execution_monitor.graphql.schema import create_schema
from execution_monitor.settings import Settings
from execution_monitor.storage.filters import AnyOf, Filter, HasTag, Not, OneOf, StartsWith

SCHEMA = create_schema(allows_introspection=False)


def nested(depth: int) -> dict[str, Any]:
    """A filter that is `depth` deep."""
    where: dict[str, Any] = {"status": {"in": ["FAILED"]}}
    for _ in range(depth - 1):
        where = {"and": [where]}
    return where


@pytest.mark.parametrize(
    ("given", "where"),
    [
        pytest.param({"workflowName": {"startsWith": "ml-"}}, StartsWith("workflow_name", "ml-"), id="a text"),
        pytest.param(
            {"or": [{"status": {"eq": "PENDING"}}, {"not": {"tags": {"key": "team", "value": "ml"}}}]},
            AnyOf((OneOf("status", ("pending", None)), Not(HasTag("team", "ml")))),
            id="everything of the language",
        ),
        pytest.param(nested(10), OneOf("status", ("failed",)), id="as deep as filters may be"),
    ],
)
def test_the_filter_of_a_role_is_read_as_that_of_a_list(given: dict[str, Any], where: Filter):
    assert read_role_filter(SCHEMA, given) == where


@pytest.mark.parametrize(
    ("given", "mend"),
    [
        pytest.param({"workflow": {"eq": "a"}}, "unknown field 'workflow'", id="an unknown field"),
        pytest.param({"workflowNam": {"eq": "a"}}, "Did you mean 'workflowName'", id="a misspelt field"),
        pytest.param({"workflowName": {"like": "a"}}, "^workflowName: .* unknown field 'like'", id="an operator"),
        pytest.param({"status": {"eq": "FAILS"}}, "^status.eq: Value 'FAILS' does not exist", id="an unknown status"),
        pytest.param({"createdAt": {"gt": "today"}}, "^createdAt.gt: .* RFC 3339", id="a time that is none"),
        pytest.param({"createdAt": {"withinSeconds": 60}}, "withinSeconds depends on the time", id="a relative time"),
        pytest.param({"not": {"durationSeconds": {"gt": 60}}}, "durationSeconds depends on the time", id="a duration"),
        pytest.param({"workflowName": {"in": ["a"] * 1_001}}, "holds at most 1,000 values", id="too many values"),
        pytest.param({"or": [{"userId": {"eq": "a"}}] * 201}, "has at most 200 conditions", id="too many conditions"),
        pytest.param(nested(11), "nested at most 10 deep", id="too deep"),
        pytest.param(nested(800), "nested at most 10 deep", id="far too deep"),
        pytest.param({}, "matches every execution; remove visible", id="nothing"),
        pytest.param({"workflowName": {}}, "^workflowName is empty", id="no operator"),
        pytest.param({"status": {"eq": "FAILED"}, "userId": None}, "^userId is null", id="null, which matches all"),
        pytest.param({"userId": {"eq": None}}, "^userId.eq is null", id="null in an operator"),
        pytest.param({"userId": {"notIn": []}}, "^userId.notIn is empty", id="a list of nothing"),
        pytest.param(
            {"workflowName": {"startsWith": ""}}, "^workflowName.startsWith is empty", id="an empty beginning"
        ),
        pytest.param({"or": [dict[str, Any]()]}, "^or.0 is empty", id="one of nothing"),
    ],
)
def test_a_filter_that_cannot_be_what_was_meant_is_refused_with_what_to_mend(given: dict[str, Any], mend: str):
    with pytest.raises(ValueError, match=mend):
        read_role_filter(SCHEMA, given)


def test_a_server_does_not_start_with_a_filter_that_it_cannot_read(settings: Settings):
    role = RoleSettings(scopes=frozenset({Scope.EXECUTIONS_READ_TENANT}), visible={"workflow": {"eq": "etl"}})

    with pytest.raises(SetupError, match=r"^EXECUTION_MONITOR_ROLES, the filter of etl-ops: .* field 'workflow'"):
        create_app(settings.model_copy(update={"roles": {"etl-ops": role}}))
