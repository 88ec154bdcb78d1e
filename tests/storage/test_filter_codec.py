"""Filters as stored."""

import pytest
from hypothesis import given

from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.executions.visibility import visible_to
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filter_codec import UnreadableFilter, decode_filter, encode_filter
from execution_monitor.storage.filters import EVERYTHING, AllOf, Filter, equals
from tests.storage.bson_codec import stored
from tests.storage.strategies import bounded, filters


@bounded(300)
@given(filters)
def test_a_filter_is_read_as_it_was_stored(where: Filter):
    read = decode_filter(stored(encode_filter(where)))

    # NaN is not equal to itself.
    assert repr(read) == repr(where)


def test_what_a_caller_may_see_is_read_as_it_was_stored():
    grants = (
        Grant(Scope.EXECUTIONS_READ_TENANT, equals("workflow_name", "train")),
        Grant(Scope.EXECUTIONS_READ, EVERYTHING),
    )
    visible = visible_to(Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}), grants=grants))

    assert decode_filter(stored(encode_filter(visible))) == visible


@pytest.mark.parametrize(
    "document",
    [
        None,
        "AllOf",
        {},
        {"filter": "AllOf"},
        {"filter": "Execution", "field": "status"},
        {"filter": "OneOf", "field": "status"},
        {"filter": "OneOf", "field": "status", "values": [], "more": 1},
        {"filter": "Not", "part": {"filter": "Unknown"}},
        {"filter": "AllOf", "parts": [{"filter": "OneOf"}]},
    ],
)
def test_what_is_no_filter_is_not_read_as_one_that_finds_more(document: object):
    with pytest.raises(UnreadableFilter):
        decode_filter(document)


def test_only_filters_are_made_of_what_is_stored():
    with pytest.raises(UnreadableFilter):
        decode_filter({"filter": Execution.__name__})
    assert decode_filter(encode_filter(AllOf())) == EVERYTHING
