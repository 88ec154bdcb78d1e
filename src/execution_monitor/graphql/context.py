"""The context of an operation: its caller, the services that resolvers call, and its data loaders."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from strawberry.dataloader import DataLoader
from strawberry.types import Info

from execution_monitor.asgi.operations import Outcome
from execution_monitor.auth.access_keys import AccessKeys
from execution_monitor.auth.caller import Caller
from execution_monitor.executions.children import ChildCollection, ChildrenRequest
from execution_monitor.executions.services import Monitor
from execution_monitor.live.service import Live
from execution_monitor.storage.pagination import Page
from execution_monitor.storage.rows import Row

# The id of an execution, and which page of its steps or log lines is selected.
ChildrenKey = tuple[str, ChildrenRequest]


@dataclass
class Context:
    """One operation's caller, services and outcome.

    `steps` and `logs` load pages for several executions with one query; each operation and each event has its own
    loaders, so that nothing that was loaded is served twice.
    """

    caller: Caller
    monitor: Monitor
    live: Live
    outcome: Outcome = field(default_factory=Outcome)
    keys: AccessKeys | None = None

    @property
    def access_keys(self) -> AccessKeys:
        """The access keys; raises `RuntimeError` in a context that was made without them."""
        if self.keys is None:
            raise RuntimeError("this context has no access keys")
        return self.keys

    @cached_property
    def steps(self) -> DataLoader[ChildrenKey, Page]:
        """Loads pages of steps, those of all executions of a page with one query."""
        return self._loader(self.monitor.steps)

    @cached_property
    def logs(self) -> DataLoader[ChildrenKey, Page]:
        """Loads pages of log lines, those of all executions of a page with one query."""
        return self._loader(self.monitor.logs)

    def count_executions(self, rows: Sequence[Row]) -> None:
        """Count the executions of `rows` in the outcome; a row of a step or log line counts as its execution.

        Each row holds its `execution_id`.
        """
        ids = [row.get("execution_id") for row in rows]
        # A stored id that is not text matches no `executionId` that a client can send.
        self.outcome.answer_with(*[each if type(each) is str else "" for each in ids])

    def _loader(self, children: ChildCollection) -> DataLoader[ChildrenKey, Page]:
        async def load(keys: Sequence[ChildrenKey]) -> Sequence[Page | BaseException]:
            ids_by_request: dict[ChildrenRequest, list[str]] = {}
            for execution_id, request in keys:
                ids_by_request.setdefault(request, []).append(execution_id)
            found: dict[ChildrenKey, Page | BaseException] = {}
            for request, execution_ids in ids_by_request.items():
                found.update(await self._load(children, execution_ids, request))
            return [found[key] for key in keys]

        return DataLoader(load_fn=load)

    async def _load(
        self, children: ChildCollection, execution_ids: Sequence[str], request: ChildrenRequest
    ) -> dict[ChildrenKey, Page | BaseException]:
        try:
            pages = await children.list(self.caller, execution_ids, request)
        except Exception as error:  # noqa: BLE001 - it belongs to these keys, not to the whole batch
            return {(each, request): error for each in execution_ids}
        return {(each, request): page for each, page in pages.items()}


# What resolvers take as `info`.
ContextInfo = Info[Context, None]
