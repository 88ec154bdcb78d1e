"""All that can be read of one database, wired once."""

from dataclasses import dataclass

from execution_monitor.audit.repository import AuditTrail
from execution_monitor.executions.children import ChildCollection
from execution_monitor.executions.counts import CountCache
from execution_monitor.executions.executions import COUNT_SECONDS, Executions
from execution_monitor.executions.logs import logs_of
from execution_monitor.executions.steps import steps_of
from execution_monitor.storage.database import Database
from execution_monitor.storage.find_command import UNLIMITED
from execution_monitor.storage.reader import Reader


@dataclass(frozen=True, slots=True)
class Monitor:
    """Executions, their steps and their log lines, and the audit trail, as callers may see them."""

    executions: Executions
    steps: ChildCollection
    logs: ChildCollection
    audit_trail: AuditTrail

    @classmethod
    def over(
        cls,
        database: Database,
        *,
        timeout_ms: int,
        count_limit: int,
        count_seconds: float = COUNT_SECONDS,
        max_bytes: int = UNLIMITED,
    ) -> "Monitor":
        """The monitor of `database`; a query runs `timeout_ms` at most, a count goes to `count_limit`.

        What is counted for lists may be `count_seconds` old. Payloads of more than `max_bytes` are not read.
        """
        reader = Reader(database, timeout_ms, max_bytes)
        return cls(
            Executions(reader, count_limit, CountCache(count_seconds)),
            steps_of(reader),
            logs_of(reader),
            AuditTrail(reader),
        )
