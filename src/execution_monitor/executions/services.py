"""The services that read one database: executions, steps, log lines, retries and the audit trail."""

from dataclasses import dataclass

from execution_monitor.audit.repository import AuditTrail
from execution_monitor.executions.children import ChildCollection, logs_of, steps_of
from execution_monitor.executions.counts import CountCache
from execution_monitor.executions.executions import COUNT_SECONDS, Executions
from execution_monitor.executions.retries import Retries
from execution_monitor.storage.database import Database
from execution_monitor.storage.find_command import UNLIMITED
from execution_monitor.storage.reader import Reader


@dataclass(frozen=True, slots=True)
class Monitor:
    """Executions, their steps, log lines and retries, and the audit trail, as callers may see them."""

    executions: Executions
    steps: ChildCollection
    logs: ChildCollection
    retries: Retries
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
        """Create the services for `database`.

        Args:
            database: The database to read.
            timeout_ms: The longest time that a query may run.
            count_limit: Counts stop there.
            count_seconds: How old the counts of lists may be.
            max_bytes: Larger payloads are not read.
        """
        reader = Reader(database, timeout_ms, max_bytes)
        return cls(
            Executions(reader, count_limit, CountCache(count_seconds)),
            steps_of(reader),
            logs_of(reader),
            Retries(reader),
            AuditTrail(reader),
        )
