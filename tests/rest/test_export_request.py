"""The parameters of the export: those of the list and a filter of GraphQL, and what is said of mistakes."""

import json
from functools import partial

import pytest
from starlette.datastructures import QueryParams

from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.argument_filters import read_argument_filter
from execution_monitor.graphql.schema import create_schema
from execution_monitor.rest.export_request import ExportFormat, ExportRequest, read_export_request
from execution_monitor.storage.filters import EVERYTHING, all_of, equals
from execution_monitor.storage.sorting import Order, SortKey

NO_FILTER = 'filter must be the JSON of an ExecutionFilter, such as {"status": {"eq": "FAILED"}}: '

read = partial(read_export_request, read_argument=partial(read_argument_filter, create_schema()))


def test_without_parameters_it_is_everything_newest_first_as_csv():
    assert read(QueryParams("")) == ExportRequest(
        ExportFormat.CSV, EVERYTHING, Order((SortKey("created", descending=True),))
    )


def test_conditions_of_the_list_and_of_the_filter_hold_together():
    given = {"userId": {"eq": "ada"}, "durationSeconds": {"gte": 3}}
    query = {"format": "JSONL", "workflow_id": "t", "sort_by": "total_cost:asc", "filter": json.dumps(given)}

    found = read(QueryParams(query))

    assert found.format is ExportFormat.JSONL
    assert found.order == Order((SortKey("total_cost", descending=False),))
    assert set(found.where.fields()) == {"workflow_template_id", "user_id", "total_duration"}
    assert read(QueryParams({"filter": '{"userId": {"eq": "ada"}}'})).where == all_of(equals("user_id", "ada"))


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        pytest.param("format=xlsx", "format must be one of csv, jsonl", id="no format"),
        pytest.param("page=2", "There is no parameter page", id="a page"),
        pytest.param("statuses=failed", "There is no parameter statuses; did you mean status?", id="a typo"),
        pytest.param("sort_by=error", "sort_by must be one of created, ", id="no order"),
        pytest.param("filter={", f"{NO_FILTER}it is not JSON.", id="no JSON"),
        pytest.param("filter=[]", NO_FILTER, id="no object"),
        pytest.param(
            'filter={"userId":{"eq":"a"},"userId":{"eq":"b"}}',
            f"{NO_FILTER}a name is given twice in one object.",
            id="a name twice",
        ),
        pytest.param('filter={"state":{"eq":"a"}}', f"{NO_FILTER}Expected value of type", id="no field"),
        pytest.param(f"filter={'[' * 5_000}", NO_FILTER, id="deeply nested lists"),
        pytest.param(
            "filter=" + '{"not":' * 30 + "{}" + "}" * 30, f"{NO_FILTER}A filter is nested at most", id="deeply nested"
        ),
    ],
)
def test_a_mistake_says_what_to_do(query: str, detail: str):
    with pytest.raises(BadUserInput) as raised:
        read(QueryParams(query))

    assert raised.value.message.startswith(detail)
