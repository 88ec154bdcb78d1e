"""The errors a client may see: each has a stable code, an HTTP status and a message that is safe to show."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar


class ExecutionMonitorError(Exception):
    """A failure whose message may be shown to whoever caused it; everything else is masked."""

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def codes(self) -> Sequence[str]:
        """The code of each failure that this one stands for."""
        return (self.code,)

    @property
    def details(self) -> Mapping[str, Any]:
        """What a program may want to know beside the code; shown to GraphQL clients in `extensions`."""
        return {}

    @property
    def headers(self) -> Mapping[str, str]:
        """What an HTTP response that tells of it has in its head."""
        return {}


class BadUserInput(ExecutionMonitorError):
    """An argument, variable, id or request body that the caller must change."""

    code = "BAD_USER_INPUT"
    status = HTTPStatus.BAD_REQUEST


class InvalidCursor(BadUserInput):
    """A cursor that is damaged, of another version, or made for another query or caller."""

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
    """A valid caller without the scope that was needed."""

    code = "FORBIDDEN"
    status = HTTPStatus.FORBIDDEN


class NotFound(ExecutionMonitorError):
    """Nothing there, or nothing that the caller may see: the two look the same."""

    code = "NOT_FOUND"
    status = HTTPStatus.NOT_FOUND


class QueryTimeout(ExecutionMonitorError):
    """A query that MongoDB stopped at its time limit."""

    code = "QUERY_TIMEOUT"
    status = HTTPStatus.GATEWAY_TIMEOUT


class QueryTooComplex(ExecutionMonitorError):
    """An operation nested deeper, or holding more, than the server will run."""

    code = "QUERY_TOO_COMPLEX"
    status = HTTPStatus.BAD_REQUEST


class TooExpensive(QueryTooComplex):
    """An operation that would cost more points than one may."""

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
    """An answer of more bytes than the server sends at once."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"The answer would have {size:,} bytes, more than {limit:,}: ask for fewer rows or fields.")


class PayloadTooLarge(ResponseTooLarge):
    """A payload of more bytes than the server sends at once: the field of it is null, and the rest is shown."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.message = f"This payload has {size:,} bytes, more than the {limit:,} of an answer; it is not shown."
        self.args = (self.message,)


class RateLimited(ExecutionMonitorError):
    """More than a caller, an address or a socket may ask for now; `retry_after` is in seconds."""

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
        """When to try again, and the limits."""
        return {"Retry-After": str(self.retry_after), **self._headers}


class Unavailable(ExecutionMonitorError):
    """Something that we stand on is out of reach, and may be back in a moment."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    @property
    def headers(self) -> Mapping[str, str]:
        """When to try again: as long as we wait ourselves between the first attempts to reach MongoDB."""
        return {"Retry-After": "2"}


class ServerBusy(Unavailable):
    """More is asked at once, by whomever, than the server will begin."""

    code = "SERVER_BUSY"


class DatabaseUnavailable(Unavailable):
    """MongoDB did not answer."""

    code = "DATABASE_UNAVAILABLE"


class IssuerUnavailable(Unavailable):
    """The identity provider did not answer, and without its keys no token can be verified."""

    code = "ISSUER_UNAVAILABLE"


class AuditUnavailable(Unavailable):
    """An operation that must be recorded before it is answered, and cannot be."""

    code = "AUDIT_UNAVAILABLE"


class SetupError(ExecutionMonitorError):
    """A command or a start that cannot go on; the message is one sentence that says what to do."""

    code = "SETUP"
