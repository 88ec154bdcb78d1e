"""What MongoDB's errors mean, for people: in a sentence that anybody may read, and in its own words for the log."""

from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure, PyMongoError

from execution_monitor.storage.deadlines import SHARD_DOWN, is_unavailable

_IN_THE_WAY = "An index or document that exists already stands in the way; see the server's log."
_SENTENCES = {
    # Unauthorized
    13: "The MongoDB user lacks a permission; grant it the roles readWrite and dbAdmin on the database.",
    18: "MongoDB refused the user or password in EXECUTION_MONITOR_MONGODB_URI.",  # AuthenticationFailed
    # CannotCreateIndex, IndexOptionsConflict, IndexKeySpecsConflict, DuplicateKey
    **dict.fromkeys((67, 85, 86, 11000), _IN_THE_WAY),
    14031: "MongoDB has not enough disk left; free some space where it keeps its data.",  # OutOfDiskSpace
}


def explain(error: PyMongoError) -> str:
    """One sentence for people about what MongoDB answered; it names no host, no value and no credential."""
    if isinstance(error, ConnectionFailure | ConfigurationError):
        return "MongoDB cannot be reached; check that it runs and that EXECUTION_MONITOR_MONGODB_URI is right."
    if not isinstance(error, OperationFailure):
        return f"MongoDB answered with {type(error).__name__}; see the server's log."
    if is_unavailable(error):
        return SHARD_DOWN
    return explain_code(error.code, (error.details or {}).get("codeName"))


def explain_code(code: int | None, name: str | None) -> str:
    """What the number of an error means; `name` is MongoDB's for it."""
    if code in _SENTENCES:
        return _SENTENCES[code]
    return f"MongoDB answered with {name or 'OperationFailure'}; see the server's log."


def reason_of(error: PyMongoError) -> str:
    """MongoDB's own words."""
    details = error.details if isinstance(error, OperationFailure) else None
    return str((details or {}).get("errmsg") or error)
