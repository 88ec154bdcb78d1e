"""Read views of audit events."""

from datetime import UTC, datetime

from execution_monitor.storage.bson_ordering import to_float
from execution_monitor.storage.coercion import to_datetime, to_text
from execution_monitor.storage.filters import as_list
from execution_monitor.storage.record_fields import Attribute, integer, json, required_text, text
from execution_monitor.storage.records import Record
from execution_monitor.storage.rows import Row

_EPOCH = datetime.fromtimestamp(0, UTC)


def _read_at(row: Row) -> datetime:
    return to_datetime(row.get("at")) or _EPOCH


def _texts(field: str) -> Attribute[list[str]]:
    def read(row: Row) -> list[str]:
        return [each for each in map(to_text, as_list(row.get(field))) if each is not None]

    return Attribute(read)


def _read_id(row: Row) -> str:
    return str(row.get("_id"))


def _read_begun_by(row: Row) -> str | None:
    begun_by = row.get("begun_by")
    return None if begun_by is None else str(begun_by)


def _read_seconds(row: Row) -> float | None:
    return to_float(row.get("seconds"))


class AuditRecord(Record):
    """Something that was asked for, or refused."""

    id = Attribute(_read_id)
    at = Attribute(_read_at)
    kind = required_text("kind")
    outcome = required_text("outcome")
    codes = _texts("codes")
    subject = text("subject")
    token_id = text("token_id")
    operation_name = text("operation_name")
    arguments = json("arguments")
    executions = integer("executions")
    execution_ids = _texts("execution_ids")
    seconds = Attribute(_read_seconds)
    address = text("address")
    user_agent = text("user_agent")
    request_id = text("request_id")
    begun_by = Attribute(_read_begun_by)
    reason = text("reason")
    lost = integer("lost")
