"""Documents: their limits, and which are remembered."""

import json

import pytest
from graphql import GraphQLError, get_introspection_query

from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.validation.documents import (
    LONGEST_REMEMBERED,
    MAX_TOKENS,
    REMEMBERED_DOCUMENTS,
    Documents,
    parse_document,
)
from execution_monitor.storage.filters import MAX_VALUES

SCHEMA = create_schema()


def padded(length: int) -> str:
    """A valid document of `length` characters."""
    text = "{ viewer { userId } }"
    return text + " " * (length - len(text))


def numbered(number: int) -> str:
    return f"query Q{number} {{ viewer {{ userId }} }}"


def test_a_repeated_document_is_parsed_once():
    documents = Documents()

    assert documents.read(numbered(1), SCHEMA) is documents.read(numbered(1), SCHEMA)
    assert documents.read(numbered(1), SCHEMA) is not documents.read(numbered(2), SCHEMA)


def test_an_invalid_document_is_remembered_with_its_errors():
    documents = Documents()

    first, second = documents.read("{ nothing }", SCHEMA), documents.read("{ nothing }", SCHEMA)

    assert first is second
    assert [error.message for error in first.errors] == ["Cannot query field 'nothing' on type 'Query'."]


@pytest.mark.parametrize(
    ("length", "remembered"), [(LONGEST_REMEMBERED, True), (LONGEST_REMEMBERED + 1, False), (1_000_000, False)]
)
def test_long_documents_are_not_kept_in_memory(length: int, *, remembered: bool):
    documents = Documents()
    text = padded(length)

    assert (documents.read(text, SCHEMA) is documents.read(text, SCHEMA)) is remembered


def test_only_the_recent_documents_are_kept_in_memory():
    documents = Documents()
    oldest = documents.read(numbered(0), SCHEMA)
    newest = [documents.read(numbered(number), SCHEMA) for number in range(1, REMEMBERED_DOCUMENTS + 1)][-1]

    assert documents.read(numbered(REMEMBERED_DOCUMENTS), SCHEMA) is newest
    assert documents.read(numbered(0), SCHEMA) is not oldest


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(get_introspection_query(specified_by_url=True, input_value_deprecation=True), id="introspection"),
        pytest.param(
            f"{{ executions(filter: {{ executionId: {{ in: {json.dumps(['e'] * MAX_VALUES)} }} }}) {{ totalCount }} }}",
            id="all the values that a filter takes, written out",
        ),
        pytest.param("#" * 100_000 + "\n{ viewer { userId } }", id="a long comment"),
        pytest.param(
            "{ viewer { ...F0 } } fragment F30 on Viewer { userId } "
            + " ".join(f"fragment F{n} on Viewer {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30)),
            id="2 ** 30 ways to one field",
        ),
    ],
)
def test_documents_that_clients_need_are_within_the_limits(text: str):
    assert Documents().read(text, SCHEMA).errors == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("{" + "a " * MAX_TOKENS + "}", f"more than {MAX_TOKENS} tokens", id="many tokens"),
        pytest.param("#\n" * (MAX_TOKENS + 1) + "{ a }", f"more than {MAX_TOKENS} tokens", id="many comments"),
        pytest.param("{ a" * 201, "nested too deeply", id="many levels of fields"),
        pytest.param("{ a(b: " + "[" * 201, "nested too deeply", id="many levels of lists"),
        pytest.param("{ a", "Expected Name, found <EOF>", id="half a document"),
    ],
)
def test_documents_beyond_the_limits_are_not_parsed(text: str, sentence: str):
    with pytest.raises(GraphQLError, match=sentence):
        parse_document(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "{ viewer { ...F0 } } fragment F210 on Viewer { userId } "
            + " ".join(f"fragment F{n} on Viewer {{ ...F{n + 1} }}" for n in range(210)),
            "Validation aborted.",
            id="210 fragments within each other",
        ),
        pytest.param("{ viewer {" + "userId " * 1_900 + "} }", "Validation aborted.", id="a field 1,900 times"),
        pytest.param(
            "{ __schema { types {" + " fields { type {" * 20 + " name " + "} }" * 20 + "} } }",
            "Maximum introspection depth exceeded",
            id="types of types",
        ),
        pytest.param(
            "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }",
            "Cannot spread fragment 'A' within itself via 'B'.",
            id="a circle of fragments",
        ),
    ],
)
def test_documents_that_cost_too_much_to_run_are_refused(text: str, message: str):
    assert message in [error.message for error in Documents().read(text, SCHEMA).errors]


def test_validation_stops_after_a_hundred_errors():
    text = "{" + " ".join(f"nothing{number}" for number in range(1_900)) + "}"

    assert len(Documents().read(text, SCHEMA).errors) == 101
