"""Filters that other APIs take as JSON are read as the arguments of lists, and are as lenient."""

import pytest

from execution_monitor.graphql.argument_filters import read_argument_filter
from execution_monitor.graphql.schema import create_schema
from execution_monitor.storage.filters import EVERYTHING, equals

SCHEMA = create_schema()


def test_a_filter_means_what_it_means_as_an_argument():
    assert read_argument_filter(SCHEMA, {"userId": {"eq": "ada"}}) == equals("user_id", "ada")
    # Null and nothing are no condition, as in GraphQL.
    assert read_argument_filter(SCHEMA, {"userId": None, "and": []}) == EVERYTHING


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param([1], "Expected value of type 'ExecutionFilter' to be an object", id="no object"),
        pytest.param({"status": {"eq": "LOST"}}, "status.eq: Value 'LOST' does not exist", id="no status"),
        pytest.param({"userId": {"in": ["a"] * 1_001}}, "A list in a filter holds at most 1,000", id="a long list"),
    ],
)
def test_a_filter_that_cannot_be_read_says_why(given: object, message: str):
    with pytest.raises(ValueError, match=message):
        read_argument_filter(SCHEMA, given)
