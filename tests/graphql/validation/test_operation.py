"""Validated operations: equal requests share one, as long as it is remembered."""

from typing import Any

import pytest

from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.validation.operation import (
    LONGEST_REMEMBERED,
    REMEMBERED_REQUESTS,
    OperationValidator,
    ValidatedOperation,
)
from execution_monitor.graphql.validation.request import GraphQLRequest

SCHEMA = create_schema()
LIST = """query List($first: Int, $workflow: String) {
  executions(first: $first, filter: { workflowName: { eq: $workflow } }) { totalCount }
}"""
TWO = "query A { viewer { userId } } query B { viewer { tenantId } }"


@pytest.fixture
def validator() -> OperationValidator:
    return OperationValidator(SCHEMA, max_cost=10_000)


def validate(validator: OperationValidator, text: str, name: str | None = None, **variables: Any) -> ValidatedOperation:
    return validator.validate(GraphQLRequest(text, name, variables))


def test_an_equal_request_is_validated_once(validator: OperationValidator):
    assert validate(validator, LIST, first=5, workflow="etl") is validate(validator, LIST, first=5, workflow="etl")


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"first": 6}, id="a number"),
        pytest.param({"first": None}, id="null"),
        pytest.param({}, id="nothing"),
        pytest.param({"first": 5, "workflow": "etl"}, id="one more"),
    ],
)
def test_other_variables_are_validated_again(validator: OperationValidator, variables: dict[str, Any]):
    one, other = validate(validator, LIST, first=5), validate(validator, LIST, **variables)

    assert other is not one
    assert other.executor.variable_values.coerced == variables


def test_each_operation_of_a_document_is_validated_by_itself(validator: OperationValidator):
    found = [validate(validator, TWO, name).arguments() for name in ("A", "B", "A")]

    assert found == [{"viewer": {}}] * 3
    assert validate(validator, TWO, "A") is not validate(validator, TWO, "B")


def test_long_requests_are_not_remembered(validator: OperationValidator):
    workflow = "w" * LONGEST_REMEMBERED

    assert validate(validator, LIST, workflow=workflow) is not validate(validator, LIST, workflow=workflow)


def test_the_oldest_operations_are_forgotten(validator: OperationValidator):
    first = validate(validator, LIST, workflow="0")

    for number in range(1, REMEMBERED_REQUESTS + 1):
        validate(validator, LIST, workflow=str(number))

    assert validate(validator, LIST, workflow="0") is not first


def test_a_run_changes_nothing_in_the_validated_operation(validator: OperationValidator):
    validated = validate(validator, LIST)

    one, other = validated.build_executor(), validated.build_executor()
    one.context_value = "of one run"

    assert other.context_value is validated.executor.context_value is None
    assert one.collected_errors is not other.collected_errors
