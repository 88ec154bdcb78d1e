"""Redaction: which arguments of an operation the audit trail keeps."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import bson
import pytest
from graphql import get_named_type, is_input_object_type
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.audit.redaction import ARGUMENTS as RULES
from execution_monitor.audit.redaction import (
    CUT,
    LEFT_OUT,
    MAX_LISTED,
    MAX_TEXT,
    MAX_VALUES,
    Rule,
    shorten,
    shorten_all,
    show_arguments,
)
from execution_monitor.graphql.schema import create_schema
from execution_monitor.ingest.secret_patterns import mask_secrets
from tests.storage.strategies import bounded

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Colour(Enum):
    RED = "red"


def show(**arguments: Any) -> Any:
    return show_arguments({"executions": arguments}, mask_secrets)["executions"]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"executionId": "run-1"}, id="an id"),
        pytest.param({"ids": ["a", "b"]}, id="ids"),
        pytest.param({"first": 20, "minLevel": "ERROR"}, id="sizes and levels"),
        pytest.param({"filter": {"status": {"in": ["FAILED", "RUNNING"]}}}, id="a status"),
        pytest.param({"filter": {"userId": {"eq": "ada"}, "executionId": {"notIn": ["a"]}}}, id="ids in a filter"),
        pytest.param({"filter": {"workflowName": {"startsWith": "etl-"}}}, id="the beginning of a name"),
        pytest.param({"filter": {"createdAt": {"gte": NOON}, "totalCost": {"lt": 0.5}}}, id="bounds"),
        pytest.param(
            {"filter": {"createdAt": {"withinSeconds": 60}, "durationSeconds": {"gte": 9}}}, id="times of now"
        ),
        pytest.param({"filter": {"or": [{"not": {"tags": {"key": "env"}}}, {"attempt": None}]}}, id="a tree"),
        pytest.param({"filter": {"errorMessage": {"isNull": False}}}, id="whether there is an error"),
        pytest.param({"sort": [{"field": "CREATED_AT", "direction": "ASC"}]}, id="an order"),
        pytest.param({"timeZone": "Europe/Berlin", "interval": "DAY", "allowSampling": True}, id="of statistics"),
        pytest.param({"filter": None, "first": None}, id="nulls"),
        pytest.param({"events": 3, "unreadable": 1, "spans": 5, "logRecords": 2}, id="how much an engine reported"),
        pytest.param({"status": ["failed"], "start_date": "2026-11-01", "page_size": 20}, id="parameters of REST"),
    ],
)
def test_values_that_identify_or_measure_are_kept(arguments: Any):
    assert show(**arguments) == arguments


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        pytest.param({"search": "secret"}, {"search": LEFT_OUT}, id="a search in log lines"),
        pytest.param(
            {"filter": {"workflowName": {"contains": "secret", "eq": "etl"}}},
            {"filter": {"workflowName": {"contains": LEFT_OUT, "eq": "etl"}}},
            id="free text",
        ),
        pytest.param(
            {"filter": {"errorMessage": {"eq": "secret", "in": ["secret"], "startsWith": "secret"}}},
            {"filter": {"errorMessage": {"eq": LEFT_OUT, "in": LEFT_OUT, "startsWith": LEFT_OUT}}},
            id="error messages",
        ),
        pytest.param(
            {"filter": {"tags": {"key": "customer", "value": "secret"}}},
            {"filter": {"tags": {"key": "customer", "value": LEFT_OUT}}},
            id="the value of a tag",
        ),
        pytest.param(
            {"filter": {"and": [{"not": {"errorMessage": {"contains": "secret"}}}]}},
            {"filter": {"and": [{"not": {"errorMessage": {"contains": LEFT_OUT}}}]}},
            id="deep in a tree",
        ),
        pytest.param(
            {
                "input": {
                    "executionId": "run-1",
                    "reportedAt": NOON,
                    "status": Colour.RED,
                    "finalResult": {"a": "secret"},
                    "error": {"message": "secret"},
                    "tags": [{"key": "a", "value": "secret"}],
                    "steps": [{"name": "secret"}, {"input": "secret"}],
                    "entries": [{"message": "secret"}],
                }
            },
            {
                "input": {
                    "executionId": "run-1",
                    "reportedAt": NOON,
                    "status": "RED",
                    **dict.fromkeys(("finalResult", "error", "tags"), LEFT_OUT),
                    "steps": 2,
                    "entries": 1,
                }
            },
            id="a report, whose entries are counted",
        ),
        pytest.param(
            {"input": {"name": "load, password=hunter2", "workflowName": "em_0123456789ab_0123456789abcdefgh"}},
            {"input": {"name": "load, password=***", "workflowName": "***"}},
            id="secrets in names",
        ),
        pytest.param({"input": {"steps": "secret"}}, {"input": {"steps": LEFT_OUT}}, id="text in place of entries"),
        pytest.param({"after": "secret", "cursor": "secret"}, {"after": LEFT_OUT, "cursor": LEFT_OUT}, id="cursors"),
        pytest.param({"inputs": {"a": "secret"}}, {"inputs": LEFT_OUT}, id="an argument that is not in the table"),
        pytest.param(
            {"filter": {"results": {"eq": "secret"}}}, {"filter": {"results": LEFT_OUT}}, id="an unknown field"
        ),
        pytest.param({"filter": "secret"}, {"filter": LEFT_OUT}, id="text in place of fields"),
        pytest.param({"executionId": {"a": "secret"}}, {"executionId": LEFT_OUT}, id="fields in place of text"),
        pytest.param({"executionId": b"secret"}, {"executionId": LEFT_OUT}, id="bytes"),
        pytest.param({"a.b": "secret", "$where": "secret", "é": "secret"}, {}, id="malformed names"),
    ],
)
def test_all_other_values_are_left_out(arguments: Any, shown: Any):
    assert show(**arguments) == shown


def test_the_id_of_an_error_group_is_left_out_since_it_holds_a_message():
    given = {"id": "secret", "input": {"note": "secret", "assignee": "ada", "mutedUntil": NOON}}

    shown = show_arguments({"annotateErrorGroup": given, "other: annotateErrorGroup": given, "deleteView": {"id": "a"}})

    kept = {"id": LEFT_OUT, "input": {"note": LEFT_OUT, "assignee": "ada", "mutedUntil": NOON}}
    assert shown == {"annotateErrorGroup": kept, "other: annotateErrorGroup": kept, "deleteView": {"id": "a"}}


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        pytest.param("x" * (MAX_TEXT + 1), "x" * MAX_TEXT, id="a long text"),
        pytest.param("a\ud800", "a?", id="half a surrogate pair"),
        pytest.param(list("x" * (MAX_LISTED + 1)), [*"x" * MAX_LISTED, CUT], id="a long list"),
        pytest.param(2**63, CUT, id="a number beyond 64 bits"),
        pytest.param(Colour.RED, "RED", id="a member of an enum by its name"),
    ],
)
def test_values_are_bounded(given_value: Any, kept: Any):
    assert show(executionId=given_value) == {"executionId": kept}


def test_an_operation_keeps_a_limited_number_of_values_and_marks_the_cut():
    aliases = {f"a{number}": {"ids": ["x"] * MAX_LISTED} for number in range(MAX_LISTED)}

    shown = show_arguments(aliases)

    values = [value for each in shown.values() for value in each["ids"] if each["ids"] != CUT]
    assert values.count("x") == MAX_VALUES
    assert shown[f"a{MAX_LISTED - 1}"] == {"ids": CUT}


NAMES = st.sampled_from(["filter", "and", "eq", "in", "executionId", "createdAt", "id", "x", "a.b", "$a"]) | st.text()
JSON = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@bounded(max_examples=200)
@given(st.dictionaries(NAMES, st.dictionaries(NAMES, JSON, max_size=3), max_size=3))
def test_whatever_a_client_sends_can_be_stored(fields: Any):
    shown = show_arguments(fields)

    assert bson.encode(shown)


DEEPEST = 7  # a filter in a filter, and its operators
# A cursor holds the values that a list is sorted by.
FREE_TEXT = {"after", "before", "contains", "tags.value", "errorMessage"}


@pytest.mark.parametrize(
    "texts", [[], ["a"] * 30, ["a", "b" * (MAX_TEXT + 1)], ["a" * MAX_TEXT, "\ud800"], ["", "\u00e9" * MAX_TEXT]]
)
def test_many_texts_are_shortened_like_each_of_them(texts: list[str]):
    assert list(shorten_all(texts)) == list(map(shorten, texts))


def test_the_table_has_every_argument_and_every_filter_field_of_the_schema():
    schema = create_schema()._schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - Strawberry has no public way
    roots = [root for root in (schema.query_type, schema.subscription_type) if root is not None]
    fields = [(root.name, name, field) for root in roots for name, field in root.fields.items()]
    unknown = set[str]()

    def walk(path: tuple[str, ...], kind: Any, rule: Rule) -> None:
        is_free_text = FREE_TEXT & {path[-1], ".".join(path[-2:])} or {"errorMessage", "errorGroup"} & {*path}
        if rule is False and not is_free_text:
            unknown.add(".".join(path))
        if is_input_object_type(kind) and isinstance(rule, Mapping) and len(path) < DEEPEST:
            for name, each in kind.fields.items():
                walk((*path, name), get_named_type(each.type), rule.get(name, False))

    for root, name, field in fields:
        for argument, each in field.args.items():
            walk((root, name, argument), get_named_type(each.type), RULES.get(argument, False))

    assert unknown == set()
