"""The cost of operations: objects times page sizes, nested, known before they run."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import OperationDefinitionNode, get_introspection_query

from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.validation.cost import MAX_ALIASES, MAX_DEPTH
from execution_monitor.graphql.validation.documents import Documents
from execution_monitor.settings import Settings
from tests.graphql.recording_observer import RecordingObserver
from tests.support.client import execute

Token = Callable[..., str]
SCHEMA = create_schema()


def cost_of(text: str, name: str | None = None, **variables: Any) -> int:
    document = Documents().read(text, SCHEMA)
    assert document.errors == ()
    named = [each for each in document.operations if name is None or (each.name and each.name.value == name)]
    (operation,) = named
    assert isinstance(operation, OperationDefinitionNode)
    return document.costs.of(operation, variables)


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        pytest.param("{ viewer { userId } }", 1, id="a root field"),
        pytest.param("{ a: viewer { userId } b: viewer { userId } }", 2, id="two root fields"),
        pytest.param("{ savedViews { id } }", 200, id="a list without pages"),
        pytest.param('mutation { annotateErrorGroup(id: "x", input: {}) { annotation { note } } }', 51, id="a search"),
        pytest.param("{ __typename }", 1, id="only __typename"),
        pytest.param("{ executions(first: 1) { totalCount } }", 1, id="a page without its items"),
        pytest.param("{ executions { nodes { id } } }", 1 + 20, id="a page of the usual size"),
        pytest.param("{ executions(first: 50) { nodes { id } } }", 1 + 50, id="the first of a list"),
        pytest.param("{ executions(last: 50) { nodes { id } } }", 1 + 50, id="the last of a list"),
        pytest.param("{ executions(first: 50) { edges { cursor node { id } } } }", 1 + 50, id="by edges"),
        pytest.param(
            "{ executions(first: 50) { nodes { id progress { totalSteps } tags { key } } } }", 51, id="embedded"
        ),
        pytest.param(
            "{ executions(first: 10) { nodes { steps(first: 5) { nodes { id } } } } }",
            1 + 10 * (1 + 1 + 5),
            id="nested",
        ),
        pytest.param(
            "{ executions(first: 10) { nodes { ... on Execution { ...P } } } }"
            " fragment P on Execution { steps(first: 5) { ...S } logs { nodes { at } } }"
            " fragment S on ExecutionStepConnection { nodes { id } }",
            1 + 10 * (1 + (1 + 5) + (1 + 20)),
            id="through fragments",
        ),
        pytest.param(
            "{ few: executions(first: 2) { ...C } many: executions(first: 90) { ...C } }"
            " fragment C on ExecutionConnection { nodes { id } }",
            (1 + 2) + (1 + 90),
            id="a fragment on pages of two sizes",
        ),
        pytest.param("{ executions { ...C ...C } } fragment C on ExecutionConnection { nodes { id } }", 21, id="twice"),
        pytest.param("{ executions(first: 50) { nodes { recoveredBy } } }", 1 + 50 * 2, id="a recovery of each"),
        pytest.param("{ executions(first: 9) { nodes { retryOf { id } } } }", 1 + 9 * 2, id="what each repeats"),
        pytest.param(
            "{ executions(first: 9) { nodes { retries { retryOf { id } } } } }", 1 + 9 * (1 + 20 * 2), id="retries"
        ),
        pytest.param(
            "{ executions { facets { status { value } userId(first: 1) { value } tagKey(first: 99) { count } } } }",
            1 + 3 * 20,
            id="facets",
        ),
        pytest.param(
            'mutation { reportExecution(input: {executionId: "a", reportedAt: "2026-01-01T00:00:00Z"}) { changed } }',
            1,
            id="a report",
        ),
        pytest.param(
            'mutation M($at: DateTime!) { appendLogs(input: {executionId: "a", entries: '
            '[{id: "1", at: $at, message: ""}, {id: "2", at: $at, message: ""}]}) { accepted rejected { index } } }',
            2,
            id="two log lines",
        ),
        pytest.param(
            'mutation M($at: DateTime!) { a: reportSteps(input: {executionId: "a", steps: []}) { accepted } '
            'b: reportSteps(input: {executionId: "a", steps: {stepId: "b", reportedAt: $at}}) { accepted } }',
            2,
            id="no step, and one that is no list",
        ),
        pytest.param('{ nodes(ids: ["a", "b", "c"]) { id } }', 3, id="ids"),
        pytest.param('{ nodes(ids: "a") { ... on Execution { steps { nodes { id } } } } }', 1 + 21, id="one id"),
        pytest.param("{ executions(first: 1000000) { nodes { id } } }", 1 + 100, id="more than a page may have"),
        pytest.param('{ execution(executionId: "a") { steps(first: 1000) { nodes { id } } } }', 1_002, id="many steps"),
        pytest.param(
            '{ execution(executionId: "a") { steps(first: 9999) { nodes { id } } logs(last: 999) { nodes { at } } } }',
            1 + (1 + 1_000) + (1 + 100),
            id="more steps and lines than a page may have",
        ),
        pytest.param("{ executions(first: -5) { nodes { id } } }", 1 + 1, id="less than a page may have"),
        pytest.param("{ executions(first: null, last: 3) { nodes { id } } }", 1 + 3, id="null counts as absent"),
        pytest.param("subscription { executionUpdates { execution { steps { nodes { id } } } } }", 22, id="an event"),
        pytest.param("{ viewer { userId } executions @skip(if: true) { nodes { id } } }", 1, id="skipped"),
        pytest.param(
            "{ viewer { userId } ... @include(if: false) { executions { nodes { id } } } }", 1, id="not included"
        ),
        pytest.param("{ executions @skip(if: false) { nodes { id } } }", 1 + 20, id="not skipped"),
        pytest.param("{ executions @include(if: true) { nodes { id } } }", 1 + 20, id="included"),
        pytest.param("{ executions @skip(if: false) @include(if: true) { nodes { id } } }", 1 + 20, id="kept twice"),
        pytest.param("{ ... @skip(if: false) { executions { nodes { id } } } }", 1 + 20, id="a fragment not skipped"),
        pytest.param(
            "{ viewer { userId } executions @skip(if: false) @include(if: false) { nodes { id } } }",
            1,
            id="not skipped, and not included",
        ),
    ],
)
def test_a_point_is_a_root_field_a_page_or_an_item_of_a_page(text: str, cost: int):
    assert cost_of(text) == cost


@pytest.mark.parametrize(
    ("selection", "cost"),
    [
        pytest.param("count byStatus { count } duration { p95 } cost { max }", 0, id="totals"),
        pytest.param("errorGroups(first: 5) { annotation { note } }", 50 + 5 * (1 + 1), id="annotations"),
        pytest.param("series { count byStatus { count } }", 100, id="buckets"),
        pytest.param("groups(by: TAG) { value tag { key } byStatus { count } }", 10, id="groups"),
        pytest.param("a: groups(by: TAG, first: 7) { value } b: groups(by: USER_ID) { value }", 7 + 10, id="twice"),
        pytest.param("slowest { id tags { key } } latestFailures(first: 30) { id }", 10 + 30, id="executions"),
        pytest.param("slowest(first: 5) { steps(first: 9) { nodes { id } } }", 5 * (1 + 1 + 9), id="with steps"),
        pytest.param("errorGroups(first: 5) { id sample { executionId } }", 50 + 5 * (1 + 1), id="error groups"),
        pytest.param("slowest(first: 999) { id }", 100, id="more than there may be"),
        pytest.param("steps { name duration { p95 } }", 200 + 10, id="steps of 200 executions"),
    ],
)
def test_statistics_cost_points_for_what_they_read_and_what_they_return(selection: str, cost: int):
    assert cost_of(f"{{ executionStatistics {{ {selection} }} }}") == 1 + 50 + cost


def test_one_operation_cannot_add_up_hundreds_of_times():
    many = " ".join(f"a{number}: executionStatistics {{ count }}" for number in range(100))

    assert cost_of(f"{{ {many} }}") == 100 * 51
    assert 2 * cost_of(f"{{ {many} }}") > Settings.model_fields["max_cost"].default


@pytest.mark.parametrize(
    ("variables", "cost"),
    [
        pytest.param({"n": 7, "more": True, "ids": ["a", "b"]}, (1 + 7) + 2 * (1 + 21), id="all given"),
        pytest.param({"n": 7, "more": False, "ids": ["a", "b"]}, (1 + 7) + 2, id="a fragment left out"),
        pytest.param({"n": None, "more": False, "ids": []}, 1 + 20, id="null and nothing"),
    ],
)
def test_variables_count_with_their_values(variables: dict[str, Any], cost: int):
    text = """query Q($n: Int, $more: Boolean!, $ids: [ID!]!) { executions(first: $n) { nodes { id } }
      nodes(ids: $ids) { id ... on Execution @include(if: $more) { steps { nodes { id } } } } }"""

    assert cost_of(text, **variables) == cost


@pytest.mark.parametrize("entries", [0, 1, 1_000])
def test_a_point_is_an_entry_of_a_report(entries: int):
    listed = [{"id": str(number)} for number in range(entries)]
    whole = "mutation M($input: AppendLogsInput!) { appendLogs(input: $input) { accepted } }"
    inner = 'mutation M($all: [LogEntryInput!]!) { appendLogs(input: {executionId: "a", entries: $all}) { accepted } }'

    costs = cost_of(whole, input={"executionId": "a", "entries": listed}), cost_of(inner, all=listed)

    assert costs == (max(1, entries),) * 2


@pytest.mark.parametrize(
    ("directive", "variables", "cost"),
    [
        pytest.param("skip", {"on": False}, 21, id="not skipped"),
        pytest.param("skip", {"on": True}, 0, id="skipped"),
        pytest.param("include", {"on": True}, 21, id="included"),
        pytest.param("include", {"on": False}, 0, id="not included"),
    ],
)
def test_what_a_variable_keeps_costs_what_it_costs(directive: str, variables: dict[str, Any], cost: int):
    text = f"query Q($on: Boolean!) {{ viewer {{ userId }} executions @{directive}(if: $on) {{ nodes {{ id }} }} }}"

    assert cost_of(text, **variables) == 1 + cost


def test_each_operation_of_a_document_has_its_own_cost():
    text = "query A { viewer { userId } } query B { executions { nodes { id } } }"

    assert (cost_of(text, "A"), cost_of(text, "B")) == (1, 21)


def test_fragments_that_are_spread_2_to_the_90_times_are_walked_once_each():
    fragments = " ".join(
        f"fragment F{n} on Execution {{ steps {{ nodes {{ id }} }} ...F{n + 1} ...F{n + 1} }}" for n in range(90)
    )
    text = f"{{ executions {{ nodes {{ ...F0 }} }} }} {fragments} fragment F90 on Execution {{ id }}"

    assert cost_of(text) == 1 + 20 * (1 + 90 * 21)


def test_fields_that_nest_2_to_the_60_times_are_weighed_once_each_and_refused():
    fragments = " ".join(
        f"fragment F{n} on __Type {{ a{n}: ofType {{ ...F{n + 1} }} b{n}: ofType {{ ...F{n + 1} }} }}"
        for n in range(60)
    )
    text = f'{{ __type(name: "Query") {{ ...F0 }} }} {fragments} fragment F60 on __Type {{ name }}'

    messages = [error.message for error in Documents().read(text, SCHEMA).errors]

    assert messages == [
        "This operation has more than 20 levels; split it.",
        "This operation has more than 1,000 fields; split it.",
        "This operation has more than 100 aliases; split it.",
    ]


def deep(levels: int) -> str:
    """An operation of `levels` levels, of which introspection has enough."""
    return '{ __type(name: "Query") { ' + "ofType { " * (levels - 2) + "name" + " }" * (levels - 2) + " } }"


def spread(times: int) -> str:
    """An operation with 20 fields for each of `times`."""
    queries = " ".join(f"a{n}: viewer {{ ...F }}" for n in range(times))
    return f"{{ {queries} }} fragment F on Viewer {{ {'userId ' * 19} }}"


@pytest.mark.parametrize(
    ("most", "more", "what"),
    [
        pytest.param(deep(MAX_DEPTH), deep(MAX_DEPTH + 1), "20 levels", id="levels"),
        pytest.param(
            "{ viewer { " + " ".join(f"a{n}: userId" for n in range(MAX_ALIASES)) + " } }",
            "{ viewer { " + " ".join(f"a{n}: userId" for n in range(MAX_ALIASES + 1)) + " } }",
            "100 aliases",
            id="aliases",
        ),
        pytest.param(spread(50), spread(51), "1,000 fields", id="fields"),
    ],
)
def test_a_document_has_bounds_whatever_it_costs(most: str, more: str, what: str):
    assert Documents().read(most, SCHEMA).errors == ()
    errors = Documents().read(more, SCHEMA).errors

    assert [error.message for error in errors] == [f"This operation has more than {what}; split it."]


def test_graphiqls_introspection_is_within_the_bounds():
    text = get_introspection_query(specified_by_url=True, input_value_deprecation=True, schema_description=True)

    assert Documents().read(text, SCHEMA).errors == ()


async def test_an_operation_beyond_the_limit_is_refused_with_its_cost(
    observer: RecordingObserver, server: str, token_for: Token
):
    text = "{ executions(first: 100) { nodes { steps(first: 99) { nodes { id } } } } }"

    answer = await execute(server, token_for("ada", "acme"), text)

    assert answer.codes == ["QUERY_TOO_COMPLEX"]
    assert answer.message == (
        "This operation costs 10,101 points, and 10,000 are the limit; ask for smaller pages, or for fewer "
        "lists within lists."
    )
    assert answer.body["errors"][0]["extensions"]["cost"] == {"requested": 10_101, "limit": 10_000}
    assert "data" not in answer.body
    assert (await observer.last())[1].codes == ["QUERY_TOO_COMPLEX"]


async def test_an_operation_is_observed_with_its_cost(observer: RecordingObserver, server: str, token_for: Token):
    text = "query Q($n: Int = 7) { executions(first: $n) { nodes { id } } }"

    await execute(server, token_for("ada", "acme"), text)
    await execute(server, token_for("ada", "acme"), text, n=9)
    await observer.last()

    assert [operation.cost for operation in observer.begun] == [8, 10]
