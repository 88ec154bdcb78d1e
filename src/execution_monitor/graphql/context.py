"""What resolvers stand on: the caller, and the executions, steps and logs as that caller may see them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from strawberry.dataloader import DataLoader

from execution_monitor.asgi.operations import Outcome
from execution_monitor.auth.caller import Caller
from execution_monitor.executions.children import ChildCollection, ChildrenRequest
from execution_monitor.executions.services import Monitor
from execution_monitor.live.service import Live
from execution_monitor.storage.pagination import Page
from execution_monitor.storage.rows import Row

PartsKey = tuple[str, ChildrenRequest]


@dataclass
class Context:
    """One operation's context: who asks, how it goes, and the batches of what is asked."""

    caller: Caller
    monitor: Monitor
    live: Live
    outcome: Outcome = field(default_factory=Outcome)

    @cached_property
    def steps(self) -> DataLoader[PartsKey, Page]:
        """Loads the steps of executions that are asked for together with one query."""
        return self._batch(self.monitor.steps)

    @cached_property
    def logs(self) -> DataLoader[PartsKey, Page]:
        """Loads the log lines of executions that are asked for together with one query."""
        return self._batch(self.monitor.logs)

    def answer_with(self, rows: Sequence[Row]) -> None:
        """Count executions that the answer shows, or whose parts it shows; each row holds its `execution_id`."""
        ids = [row.get("execution_id") for row in rows]
        # An id that is no text is none that anybody could ask for.
        self.outcome.answer_with(*[each if type(each) is str else "" for each in ids])

    def _batch(self, parts: ChildCollection) -> DataLoader[PartsKey, Page]:
        async def load(keys: Sequence[PartsKey]) -> Sequence[Page | BaseException]:
            ids_by_request: dict[ChildrenRequest, list[str]] = {}
            for execution_id, request in keys:
                ids_by_request.setdefault(request, []).append(execution_id)
            found: dict[PartsKey, Page | BaseException] = {}
            for request, execution_ids in ids_by_request.items():
                found.update(await self._load(parts, execution_ids, request))
            return [found[key] for key in keys]

        return DataLoader(load_fn=load)

    async def _load(
        self, parts: ChildCollection, execution_ids: Sequence[str], request: ChildrenRequest
    ) -> dict[PartsKey, Page | BaseException]:
        try:
            pages = await parts.list(self.caller, execution_ids, request)
        except Exception as error:  # noqa: BLE001 - it belongs to these keys, not to the whole batch
            return {(each, request): error for each in execution_ids}
        return {(each, request): page for each, page in pages.items()}
