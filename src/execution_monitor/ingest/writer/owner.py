"""Owners, and the ids of the documents that they report: the same for the same report, in every process."""

from dataclasses import dataclass

from bson import ObjectId

from execution_monitor.ingest.core.recorded_run import identity_digest


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose the reported executions are; from the caller, never from a report."""

    tenant_id: str
    user_id: str

    def execution(self, execution_id: str) -> ObjectId:
        """The `_id` of an execution: the same for all owners of the tenant, since only one of them can have it."""
        return ObjectId(identity_digest(self.tenant_id, execution_id))

    def step(self, execution_id: str, step_id: str) -> ObjectId:
        """The `_id` of a step."""
        return ObjectId(identity_digest(self.tenant_id, execution_id, step_id))

    def line(self, execution_id: str, line_id: str) -> ObjectId:
        """The `_id` of a log line."""
        return ObjectId(identity_digest(self.tenant_id, execution_id, line_id))

    def run(self, run_id: str) -> ObjectId:
        """The `_id` of a run. Each owner has runs of their own: nobody can claim the runs of others."""
        return ObjectId(identity_digest(self.tenant_id, self.user_id, run_id))
