"""What stock Strawberry gets wrong at an endpoint, and where it is held to be right here: a table for readers."""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest

from tests.graphql import test_errors
from tests.graphql.transport import test_content_negotiation, test_event_streams, test_graphql_transport_ws, test_http
from tests.graphql.types import test_execution
from tests.graphql.validation import test_cost, test_documents
from tests.server import test_http_request_heads
from tests.storage import test_pagination
from tests.web import test_dashboard, test_host_and_origin

TESTS: dict[str, tuple[Callable[..., Any], ...]] = {
    "1. its limits walk fragments without memory: 758 bytes block the loop for four seconds": (
        test_cost.test_fragments_that_are_spread_2_to_the_90_times_are_walked_once_each,
        test_cost.test_fields_that_nest_2_to_the_60_times_are_weighed_once_each_and_refused,
        test_cost.test_a_document_has_bounds_whatever_it_costs,
        test_documents.test_what_costs_too_much_to_run_is_refused,
    ),
    "2. a malformed message drops the socket with 1006, a syntax error ends every subscription": (
        test_graphql_transport_ws.test_a_message_against_the_protocol_closes_the_socket,
        test_graphql_transport_ws.test_binary_messages_are_against_the_protocol,
        test_graphql_transport_ws.test_an_error_ends_its_operation_and_no_other,
        test_graphql_transport_ws.test_the_token_may_come_with_the_handshake,
    ),
    "3. it streams queries to whoever would take a stream, and breaks urql": (
        test_event_streams.test_a_query_is_answered_at_once_even_to_who_would_take_a_stream,
        test_event_streams.test_who_takes_streams_alone_is_answered_in_one,
    ),
    "4. it speaks the legacy graphql-ws, which Python's client offers first": (
        test_graphql_transport_ws.test_another_subprotocol_is_not_acceptable,
        test_graphql_transport_ws.test_of_several_subprotocols_the_new_one_is_spoken,
    ),
    "5. application/graphql-response+json is missing, and with it the statuses": (
        test_content_negotiation.test_the_answer_has_the_type_that_is_asked_for,
        test_http.test_a_query_is_answered_in_the_type_that_was_asked_for,
        test_http.test_a_request_error_has_no_data_and_a_status_of_its_own,
        test_http.test_a_status_follows_graphql_over_http,
    ),
    "6. deep JSON and long numbers answer 500, and bodies have no limit": (
        test_http.test_what_is_no_request_is_refused_with_a_sentence,
        test_http.test_hostile_operations_get_short_answers,
        test_http.test_a_body_beyond_the_limit_is_refused,
        test_http_request_heads.test_heads_are_limited_and_bodies_are_not_taken_for_heads,
    ),
    "7. a subscription over a plain POST answers 200 with a null error": (
        test_event_streams.test_a_subscription_needs_a_stream_to_be_accepted,
    ),
    "8. suggestions leak names even when they are switched off": (
        test_errors.test_suggestions_are_for_those_who_may_read_the_schema,
        test_http.test_the_schema_is_told_where_that_is_wanted,
    ),
    "9. bad input surfaces words of Python without a code": (
        test_http.test_what_is_no_request_is_refused_with_a_sentence,
        test_errors.test_a_value_that_python_cannot_read_is_told_without_words_of_python,
        test_errors.test_a_wrong_moment_in_a_variable_is_named_by_its_place,
        test_errors.test_a_failure_before_the_operation_runs_is_a_status_of_ours,
        test_errors.test_a_value_of_ours_that_cannot_be_shown_is_our_failure,
    ),
    "10. its connections page by offset": (
        test_execution.test_pages_in_both_directions_hold_each_execution_once,
        test_pagination.test_rows_that_stay_appear_once_while_others_come_change_and_go,
    ),
    "11. GraphiQL comes from another host": (
        test_dashboard.test_graphiql_may_add_styles_but_evaluates_no_text_and_reaches_no_other_host,
        test_dashboard.test_the_dashboard_runs_only_files_of_this_server,
    ),
    "12. DNS rebinding reaches the socket": (
        test_host_and_origin.test_a_request_for_another_host_gets_nothing,
        test_host_and_origin.test_a_socket_for_another_host_is_refused,
        test_host_and_origin.test_a_socket_is_for_pages_of_allowed_origins,
    ),
}


@pytest.mark.parametrize("defect", TESTS)
def test_every_defect_has_tests_that_run(defect: str):
    for test in TESTS[defect]:
        assert isinstance(test, FunctionType)
        assert test.__name__.startswith("test_")
        assert not [mark for mark in getattr(test, "pytestmark", []) if mark.name in ("skip", "xfail")]
