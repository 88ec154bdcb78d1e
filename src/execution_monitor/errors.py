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


class DatabaseUnavailable(ExecutionMonitorError):
    """MongoDB did not answer."""

    code = "DATABASE_UNAVAILABLE"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class IssuerUnavailable(ExecutionMonitorError):
    """The identity provider did not answer, and without its keys no token can be verified."""

    code = "ISSUER_UNAVAILABLE"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class AuditUnavailable(ExecutionMonitorError):
    """An operation that must be recorded before it is answered, and cannot be."""

    code = "AUDIT_UNAVAILABLE"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class SetupError(ExecutionMonitorError):
    """A command or a start that cannot go on; the message is one sentence that says what to do."""

    code = "SETUP"
