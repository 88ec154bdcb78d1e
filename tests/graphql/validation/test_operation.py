"""OperationValidator are read once: whoever asks the same again gets the one that is remembered."""

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
def questions() -> OperationValidator:
    return OperationValidator(SCHEMA, max_cost=10_000)


def read(questions: OperationValidator, text: str, name: str | None = None, **variables: Any) -> ValidatedOperation:
    return questions.validate(GraphQLRequest(text, name, variables))


def test_what_is_asked_again_is_the_same_question(questions: OperationValidator):
    assert read(questions, LIST, first=5, workflow="etl") is read(questions, LIST, first=5, workflow="etl")


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"first": 6}, id="a number"),
        pytest.param({"first": None}, id="null"),
        pytest.param({}, id="nothing"),
        pytest.param({"first": 5, "workflow": "etl"}, id="one more"),
    ],
)
def test_other_variables_make_another_question(questions: OperationValidator, variables: dict[str, Any]):
    one, other = read(questions, LIST, first=5), read(questions, LIST, **variables)

    assert other is not one
    assert other.executor.variable_values.coerced == variables


def test_each_operation_of_a_document_is_a_question(questions: OperationValidator):
    found = [read(questions, TWO, name).arguments() for name in ("A", "B", "A")]

    assert found == [{"viewer": {}}] * 3
    assert read(questions, TWO, "A") is not read(questions, TWO, "B")


def test_what_is_too_long_is_not_kept(questions: OperationValidator):
    workflow = "w" * LONGEST_REMEMBERED

    assert read(questions, LIST, workflow=workflow) is not read(questions, LIST, workflow=workflow)


def test_the_oldest_questions_are_let_go_of(questions: OperationValidator):
    first = read(questions, LIST, workflow="0")

    for number in range(1, REMEMBERED_REQUESTS + 1):
        read(questions, LIST, workflow=str(number))

    assert read(questions, LIST, workflow="0") is not first


def test_what_runs_leaves_nothing_behind_in_the_question(questions: OperationValidator):
    question = read(questions, LIST)

    one, other = question.build_executor(), question.build_executor()
    one.context_value = "of one who asks"

    assert other.context_value is question.executor.context_value is None
    assert one.collected_errors is not other.collected_errors
