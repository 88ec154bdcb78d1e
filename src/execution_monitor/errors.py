"""The errors that clients may see: each has a stable code, an HTTP status and a message that is safe to show."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar


class ExecutionMonitorError(Exception):
    """A failure whose message may be shown to the client; all other exceptions are masked."""

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def codes(self) -> Sequence[str]:
        """The codes of all failures that this one stands for."""
        return (self.code,)

    @property
    def details(self) -> Mapping[str, Any]:
        """Data for programs, beside the code; GraphQL clients get it in `extensions`."""
        return {}

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of an HTTP response with this error."""
        return {}


class BadUserInput(ExecutionMonitorError):
    """An argument, variable, id or request body that is wrong."""

    code = "BAD_USER_INPUT"
    status = HTTPStatus.BAD_REQUEST


class InvalidCursor(BadUserInput):
    """A cursor that is damaged, of another version, or of another query or caller."""

    code = "INVALID_CURSOR"


class Unauthenticated(ExecutionMonitorError):
    """No token, or one that is not valid now."""

    code = "UNAUTHENTICATED"
    status = HTTPStatus.UNAUTHORIZED

    @property
    def headers(self) -> Mapping[str, str]:
        """The scheme to authenticate with (RFC 9110, section 11.6.1)."""
        return {"WWW-Authenticate": "Bearer"}


class Forbidden(ExecutionMonitorError):
    """The caller lacks the scope that is needed."""

    code = "FORBIDDEN"
    status = HTTPStatus.FORBIDDEN


class NotFound(ExecutionMonitorError):
    """It does not exist, or the caller may not see it: the two look the same."""

    code = "NOT_FOUND"
    status = HTTPStatus.NOT_FOUND


class QueryTimeout(ExecutionMonitorError):
    """MongoDB stopped a query at its time limit."""

    code = "QUERY_TIMEOUT"
    status = HTTPStatus.GATEWAY_TIMEOUT


class QueryTooComplex(ExecutionMonitorError):
    """An operation that is nested too deep, has too many fields, or is too expensive."""

    code = "QUERY_TOO_COMPLEX"
    status = HTTPStatus.BAD_REQUEST


class TooExpensive(QueryTooComplex):
    """An operation that costs more points than one operation may."""

    def __init__(self, cost: int, limit: int) -> None:
        super().__init__(
            f"This operation costs {cost:,} points, and {limit:,} are the limit; ask for smaller pages, or for fewer "
            "lists within lists."
        )
        self._cost = {"requested": cost, "limit": limit}

    @property
    def details(self) -> Mapping[str, Any]:
        """The cost and the limit."""
        return {"cost": self._cost}


class ResponseTooLarge(QueryTooComplex):
    """A response of more bytes than the server sends at once."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"The answer would have {size:,} bytes, more than {limit:,}: ask for fewer rows or fields.")


class PayloadTooLarge(ResponseTooLarge):
    """A payload of an execution that is too large for a response: its field is null, and the rest is returned."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.message = f"This payload has {size:,} bytes, more than the {limit:,} of an answer; it is not shown."
        self.args = (self.message,)


class RateLimited(ExecutionMonitorError):
    """A caller, an address or a socket has reached a limit; `retry_after` is in seconds."""

    code = "RATE_LIMITED"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, retry_after: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self._headers = headers or {}

    @property
    def details(self) -> Mapping[str, Any]:
        """When to try again."""
        return {"retryAfter": self.retry_after}

    @property
    def headers(self) -> Mapping[str, str]:
        """`Retry-After`, and the limits."""
        return {"Retry-After": str(self.retry_after), **self._headers}


class Unavailable(ExecutionMonitorError):
    """A service that the server depends on cannot be reached, and may be back in a moment."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    @property
    def headers(self) -> Mapping[str, str]:
        """`Retry-After`: as long as the server itself waits between its first attempts to reach MongoDB."""
        return {"Retry-After": "2"}


class ServerBusy(Unavailable):
    """All clients together request more at once than the server can begin."""

    code = "SERVER_BUSY"


class DatabaseUnavailable(Unavailable):
    """MongoDB does not reply."""

    code = "DATABASE_UNAVAILABLE"


class IssuerUnavailable(Unavailable):
    """The keys of the identity provider cannot be fetched, so that no token can be verified."""

    code = "ISSUER_UNAVAILABLE"


class AuditUnavailable(Unavailable):
    """An operation must be recorded before the response, and cannot be."""

    code = "AUDIT_UNAVAILABLE"


class SetupError(ExecutionMonitorError):
    """A command or a server cannot start or go on; the message is one sentence that says what to do."""

    code = "SETUP"
