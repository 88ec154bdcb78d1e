"""MongoDB's errors: whether a server is unavailable, a sentence for people, and MongoDB's own words for the log."""

import contextlib
from collections.abc import Generator

from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure, PyMongoError

from execution_monitor.errors import DatabaseUnavailable

NO_REPLY = "MongoDB does not answer; check that it runs and that the network to it lets packets through."
SHARD_DOWN = "A shard of MongoDB does not answer; what it keeps cannot be shown until it is back."

# A server sends these when it cannot reach another one, is about to stop, or no longer serves the request.
UNAVAILABLE_CODES = frozenset(
    {
        6,  # HostUnreachable
        7,  # HostNotFound
        70,  # ShardNotFound
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        133,  # FailedToSatisfyReadPreference
        189,  # PrimarySteppedDown
        202,  # NetworkInterfaceExceededTimeLimit
        262,  # ExceededTimeLimit, of the wait for a server
        9001,  # SocketException
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
    }
)

_IN_THE_WAY = "An index or document that exists already stands in the way; see the server's log."
_SENTENCES = {
    # Unauthorized
    13: "The MongoDB user lacks a permission; grant it the role that `execution-monitor database --for server` prints.",
    18: "MongoDB refused the user or password in EXECUTION_MONITOR_MONGODB_URI.",  # AuthenticationFailed
    # CannotCreateIndex, IndexOptionsConflict, IndexKeySpecsConflict, DuplicateKey
    **dict.fromkeys((67, 85, 86, 11000), _IN_THE_WAY),
    14031: "MongoDB has not enough disk left; free some space where it keeps its data.",  # OutOfDiskSpace
}


def is_unavailable(error: PyMongoError) -> bool:
    """Whether a server reports that it, or another one that it needs, cannot serve the request."""
    return isinstance(error, OperationFailure) and error.code in UNAVAILABLE_CODES


def explain(error: PyMongoError) -> str:
    """One sentence for people about `error`; it names no host, no value and no credential."""
    if isinstance(error, ConnectionFailure | ConfigurationError):
        return "MongoDB cannot be reached; check that it runs and that EXECUTION_MONITOR_MONGODB_URI is right."
    if not isinstance(error, OperationFailure):
        return f"MongoDB answered with {type(error).__name__}; see the server's log."
    if is_unavailable(error):
        return SHARD_DOWN
    return explain_code(error.code, (error.details or {}).get("codeName"))


def explain_code(code: int | None, name: str | None) -> str:
    """One sentence about the error with the number `code`, which MongoDB calls `name`."""
    if code in _SENTENCES:
        return _SENTENCES[code]
    return f"MongoDB answered with {name or 'OperationFailure'}; see the server's log."


def reason_of(error: PyMongoError) -> str:
    """MongoDB's own message, which may name hosts and values: for the log alone."""
    details = error.details if isinstance(error, OperationFailure) else None
    return str((details or {}).get("errmsg") or error)


@contextlib.contextmanager
def failing_as_unavailable() -> Generator[None]:
    """Raise `DatabaseUnavailable`, with a sentence for people, where MongoDB does not do what is requested within."""
    try:
        yield
    except PyMongoError as error:
        raise DatabaseUnavailable(explain(error)) from error
