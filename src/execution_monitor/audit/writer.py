"""Writes the audit trail to MongoDB: in batches, durably, and each event once however often it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog
from bson import ObjectId
from bson.errors import BSONError
from pymongo.errors import BulkWriteError, DocumentTooLarge, PyMongoError
from pymongo.write_concern import WriteConcern

from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.storage.database import Database
from execution_monitor.storage.mongodb_errors import explain, explain_code
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import AuditEvent

log = structlog.get_logger()

_DUPLICATE_KEY = 11000
# BadValue (too large to insert), DocumentValidationFailure, BSONObjectTooLarge: retrying would not help.
_PERMANENT = frozenset({2, 121, 10334})
# MongoDB stops waiting for a majority that is gone before the journal does.
_DURABLY = WriteConcern("majority", wtimeout=8_000)


@dataclass(frozen=True, slots=True)
class AuditWriter:
    """Adds to the audit trail of one database. Nothing here changes or deletes an event."""

    database: Database

    async def write(self, rows: Sequence[BsonDocument]) -> frozenset[ObjectId]:
        """Insert `rows`, each with an `_id`, and return when a majority of members has them.

        Rows whose `_id` is stored already are left as they are stored.

        Returns:
            The ids of the rows that MongoDB refuses for good, such as those that are too large.

        Raises:
            DatabaseUnavailable: MongoDB cannot write now.
        """
        if not rows:
            return frozenset()
        events = self.database.collection(AuditEvent).with_options(write_concern=_DURABLY)
        try:
            await events.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            return _refused(cast("Mapping[str, Any]", error.details), rows)
        except (BSONError, DocumentTooLarge, OverflowError) as error:
            if len(rows) == 1:
                log.exception("audit_event_refused", error=type(error).__name__)
                return frozenset({rows[0]["_id"]})
            # A row that has no BSON form must not keep the others from being written.
            half = len(rows) // 2
            return await self.write(rows[:half]) | await self.write(rows[half:])
        except PyMongoError as error:
            raise DatabaseUnavailable(explain(error)) from error
        return frozenset()


def _refused(details: Mapping[str, Any], rows: Sequence[BsonDocument]) -> frozenset[ObjectId]:
    """The ids of rows that were not written, other than those that were written before."""
    if details.get("writeConcernErrors"):
        raise DatabaseUnavailable("MongoDB has no majority of members to keep the audit trail.")
    errors: Sequence[Mapping[str, Any]] = details.get("writeErrors", ())
    refused = [error for error in errors if error["code"] != _DUPLICATE_KEY]
    for error in refused:
        log.error("audit_event_refused", code=error["code"], reason=error.get("errmsg"))
        if error["code"] not in _PERMANENT:
            reason = explain_code(error["code"], error.get("codeName"))
            raise DatabaseUnavailable(f"MongoDB does not take events of the audit trail. {reason}")
    ids: list[ObjectId] = [rows[error["index"]]["_id"] for error in refused]
    return frozenset(ids)
