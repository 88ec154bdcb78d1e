"""Defects of a stock Strawberry endpoint, and the tests that they are absent here: a table for readers."""

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
        test_documents.test_documents_that_cost_too_much_to_run_are_refused,
    ),
    "2. a malformed message drops the socket with 1006, a syntax error ends every subscription": (
        test_graphql_transport_ws.test_an_invalid_message_closes_the_socket_with_its_code,
        test_graphql_transport_ws.test_a_binary_message_is_invalid,
        test_graphql_transport_ws.test_an_error_message_ends_its_operation_and_no_other,
        test_graphql_transport_ws.test_the_token_may_be_in_the_headers_of_the_handshake,
    ),
    "3. it streams queries to every client that accepts a stream, and breaks urql": (
        test_event_streams.test_a_query_has_a_plain_response_where_the_client_accepts_json,
        test_event_streams.test_a_client_that_accepts_only_streams_gets_one_for_a_query,
    ),
    "4. it speaks the legacy graphql-ws, which Python's client offers first": (
        test_graphql_transport_ws.test_any_other_subprotocol_is_not_acceptable,
        test_graphql_transport_ws.test_of_several_subprotocols_graphql_transport_ws_is_chosen,
    ),
    "5. application/graphql-response+json is missing, and with it the statuses": (
        test_content_negotiation.test_the_media_type_follows_the_accept_header,
        test_http.test_a_query_has_a_response_of_the_accepted_media_type,
        test_http.test_a_request_error_has_no_data_and_a_status_of_its_own,
        test_http.test_a_status_follows_graphql_over_http,
    ),
    "6. deep JSON and long numbers have status 500, and bodies have no limit": (
        test_http.test_a_malformed_request_is_refused_with_a_sentence,
        test_http.test_hostile_operations_get_short_errors,
        test_http.test_a_body_beyond_the_limit_is_refused,
        test_http_request_heads.test_heads_are_limited_and_bodies_are_not_taken_for_heads,
    ),
    "7. a subscription over a plain POST has status 200 with a null error": (
        test_event_streams.test_a_subscription_is_refused_unless_a_stream_is_accepted,
    ),
    "8. suggestions leak names even when they are switched off": (
        test_errors.test_names_are_suggested_only_where_introspection_is_on,
        test_http.test_introspection_is_on_in_development_or_where_it_is_set,
    ),
    "9. bad input surfaces words of Python without a code": (
        test_http.test_a_malformed_request_is_refused_with_a_sentence,
        test_errors.test_a_value_that_python_cannot_parse_has_a_message_without_pythons_words,
        test_errors.test_an_invalid_datetime_in_a_variable_is_named_by_its_path,
        test_errors.test_a_failure_before_the_operation_runs_is_status_500,
        test_errors.test_a_stored_value_that_its_type_does_not_allow_is_an_internal_error,
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
