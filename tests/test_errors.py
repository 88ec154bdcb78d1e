"""The errors a client may see."""

from http import HTTPStatus

import pytest

from execution_monitor import errors
from execution_monitor.errors import (
    AuditUnavailable,
    BadUserInput,
    DatabaseUnavailable,
    ExecutionMonitorError,
    Forbidden,
    InvalidCursor,
    IssuerUnavailable,
    NotFound,
    PayloadTooLarge,
    QueryTimeout,
    QueryTooComplex,
    RateLimited,
    ResponseTooLarge,
    SetupError,
    TooExpensive,
    Unauthenticated,
    Unavailable,
)

EVERY = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, ExecutionMonitorError)]

# They make their own messages; the first three are a QUERY_TOO_COMPLEX.
WORDY = (TooExpensive, ResponseTooLarge, PayloadTooLarge, RateLimited)
KINDS = [each for each in EVERY if each not in WORDY and each is not Unavailable]


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (BadUserInput, "BAD_USER_INPUT", HTTPStatus.BAD_REQUEST),
        (InvalidCursor, "INVALID_CURSOR", HTTPStatus.BAD_REQUEST),
        (QueryTooComplex, "QUERY_TOO_COMPLEX", HTTPStatus.BAD_REQUEST),
        (Unauthenticated, "UNAUTHENTICATED", HTTPStatus.UNAUTHORIZED),
        (Forbidden, "FORBIDDEN", HTTPStatus.FORBIDDEN),
        (NotFound, "NOT_FOUND", HTTPStatus.NOT_FOUND),
        (DatabaseUnavailable, "DATABASE_UNAVAILABLE", HTTPStatus.SERVICE_UNAVAILABLE),
        (IssuerUnavailable, "ISSUER_UNAVAILABLE", HTTPStatus.SERVICE_UNAVAILABLE),
        (AuditUnavailable, "AUDIT_UNAVAILABLE", HTTPStatus.SERVICE_UNAVAILABLE),
        (RateLimited, "RATE_LIMITED", HTTPStatus.TOO_MANY_REQUESTS),
        (QueryTimeout, "QUERY_TIMEOUT", HTTPStatus.GATEWAY_TIMEOUT),
        (SetupError, "SETUP", HTTPStatus.INTERNAL_SERVER_ERROR),
        (ExecutionMonitorError, "INTERNAL_SERVER_ERROR", HTTPStatus.INTERNAL_SERVER_ERROR),
    ],
)
def test_codes_and_statuses_are_what_clients_rely_on(error: type[ExecutionMonitorError], code: str, status: HTTPStatus):
    assert (error.code, error.status) == (code, status)


def test_every_kind_of_error_has_a_code_of_its_own():
    assert len({each.code for each in KINDS}) == len(KINDS)


@pytest.mark.parametrize("error", KINDS)
def test_an_error_has_its_message(error: type[ExecutionMonitorError]):
    raised = error("Do this instead.")

    assert (raised.message, str(raised)) == ("Do this instead.", "Do this instead.")


def test_an_invalid_cursor_is_bad_user_input():
    with pytest.raises(BadUserInput):
        raise InvalidCursor("This cursor is damaged.")
