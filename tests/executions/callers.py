"""Callers of two tenants, and their executions with steps and log lines."""

from datetime import UTC, datetime, timedelta

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step
from execution_monitor.storage.pagination import Row

_READ = frozenset({Scope.EXECUTIONS_READ})
_READ_TENANT = _READ | {Scope.EXECUTIONS_READ_TENANT}

OWNER = Caller("ada", "acme", _READ)
COLLEAGUE = Caller("ben", "acme", _READ)
OPERATOR = Caller("olga", "acme", _READ_TENANT)
NAMESAKE = Caller("ada", "globex", _READ)
FOREIGN_OPERATOR = Caller("olga", "globex", _READ_TENANT)
WITHOUT_EXECUTIONS = Caller("nora", "acme", _READ)
# The wider scope alone does not include the narrower one.
UNSCOPED = (Caller("ada", "acme"), Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ_TENANT})))

SEES = {
    OWNER: {"ada-0", "ada-1", "shared"},
    COLLEAGUE: {"ben-0", "ben-1"},
    OPERATOR: {"ada-0", "ada-1", "shared", "ben-0", "ben-1"},
    NAMESAKE: {"globex-ada-0", "shared"},
    FOREIGN_OPERATOR: {"globex-ada-0", "shared"},
    WITHOUT_EXECUTIONS: set[str](),
}
EVERY_ID = sorted(set[str]().union(*SEES.values()))

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHILDREN = 3


async def populate(database: Database) -> None:
    """Insert the executions of all callers; `shared` is an id that two tenants use."""
    executions = [
        ("acme", "ada", "ada-0"),
        ("acme", "ada", "ada-1"),
        ("acme", "ben", "ben-0"),
        ("acme", "ben", "ben-1"),
        ("acme", "ada", "shared"),
        ("globex", "ada", "shared"),
        ("globex", "ada", "globex-ada-0"),
    ]
    await database.collection(Execution).insert_many(
        [
            {"tenant_id": tenant, "user_id": user, "execution_id": execution_id, "created": NOON, "status": "failed"}
            for tenant, user, execution_id in executions
        ]
    )
    children = [
        {
            "_id": f"{tenant}/{execution_id}/{number}",
            "tenant_id": tenant,
            "execution_id": execution_id,
            "step_index": number,
            "timestamp": NOON + timedelta(seconds=number),
            "message": f"Line {number}",
        }
        for tenant, _, execution_id in executions
        for number in range(CHILDREN)
    ]
    for document in (Step, LogEntry):
        await database.collection(document).insert_many([dict(child) for child in children])


def own(row: Row, caller: Caller) -> bool:
    """Whether `row` is of the caller's tenant and of an execution that the caller may see."""
    return row["tenant_id"] == caller.tenant and row["execution_id"] in SEES[caller]
