"""The context of an operation: its caller, the services that resolvers call, and its data loaders."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from strawberry.dataloader import DataLoader
from strawberry.types import Info

from execution_monitor.alerts.alerting import Alerting
from execution_monitor.alerts.silent_channels import find_webhooks
from execution_monitor.asgi.operations import Outcome
from execution_monitor.auth.access_keys import AccessKeys
from execution_monitor.auth.caller import Caller
from execution_monitor.executions.children import ChildrenRequest
from execution_monitor.executions.retries import EndedRun
from execution_monitor.executions.services import Monitor
from execution_monitor.ingest.service import Ingest
from execution_monitor.live.service import Live
from execution_monitor.saved_views.saved_views import SavedViews
from execution_monitor.statistics.error_group_annotations import ErrorGroupAnnotations
from execution_monitor.statistics.live.service import LiveStatistics
from execution_monitor.statistics.service import Statistics
from execution_monitor.storage.error_groups import ErrorGroup
from execution_monitor.storage.filters import MAX_VALUES
from execution_monitor.storage.mongodb_errors import failing_as_unavailable
from execution_monitor.storage.pagination import Page
from execution_monitor.storage.rows import Row
from execution_monitor.webhooks.deliveries import Deliveries
from execution_monitor.webhooks.webhooks import Webhooks

# The id of an execution, and which page of its steps or log lines is selected.
ChildrenKey = tuple[str, ChildrenRequest]
# The id of an execution, and the stored fields that are selected.
ExecutionKey = tuple[str, frozenset[str]]

Wanted = TypeVar("Wanted", bound=Hashable)
Found = TypeVar("Found")


@dataclass
class Context:
    """One operation's caller, services and outcome.

    `steps` and `logs` load pages for several executions with one query, `executions`, `retries` and
    `recoveries` related executions; each operation and each event has its own loaders, so that nothing that was loaded
    is served twice.
    """

    caller: Caller
    monitor: Monitor
    live: Live
    outcome: Outcome = field(default_factory=Outcome)
    keys: AccessKeys | None = None
    reports: Ingest | None = None
    sums: Statistics | None = None
    live_sums: LiveStatistics | None = None
    sending: Deliveries | None = None
    alerts: Alerting | None = None

    @property
    def statistics(self) -> Statistics:
        """Adds executions up; raises `RuntimeError` in a context that was made without it."""
        if self.sums is None:
            raise RuntimeError("this context adds nothing up")
        return self.sums

    @property
    def live_statistics(self) -> LiveStatistics:
        """Follows what executions add up to; raises `RuntimeError` in a context that was made without it."""
        if self.live_sums is None:
            raise RuntimeError("this context follows no statistics")
        return self.live_sums

    @property
    def webhooks(self) -> Webhooks:
        """The webhooks; raises `RuntimeError` in a context that was made without them."""
        return self.deliveries.webhooks

    @property
    def deliveries(self) -> Deliveries:
        """What webhooks send; raises `RuntimeError` in a context that was made without them."""
        if self.sending is None:
            raise RuntimeError("this context has no webhooks")
        return self.sending

    @property
    def alerting(self) -> Alerting:
        """Rules and alerts; raises `RuntimeError` in a context that was made without them."""
        if self.alerts is None:
            raise RuntimeError("this context has no alerts")
        return self.alerts

    @property
    def access_keys(self) -> AccessKeys:
        """The access keys; raises `RuntimeError` in a context that was made without them."""
        if self.keys is None:
            raise RuntimeError("this context has no access keys")
        return self.keys

    @property
    def ingest(self) -> Ingest:
        """Stores reports; raises `RuntimeError` in a context that was made without it."""
        if self.reports is None:
            raise RuntimeError("this context stores no reports")
        return self.reports

    @property
    def saved_views(self) -> SavedViews:
        """The saved views of the dashboard."""
        return SavedViews(self.monitor.executions.reader)

    @property
    def error_group_annotations(self) -> ErrorGroupAnnotations:
        """What people of a tenant wrote about error groups."""
        return ErrorGroupAnnotations(self.monitor.executions)

    @cached_property
    def annotation_rows(self) -> DataLoader[ErrorGroup, Row | None]:
        """Loads the annotations of error groups of which the caller sees executions, those of all with one query."""

        async def load(groups: Sequence[ErrorGroup]) -> Sequence[Row | None]:
            found = await self.error_group_annotations.find_many(self.caller, groups)
            return [found.get(each) for each in groups]

        return DataLoader(load_fn=load, max_batch_size=MAX_VALUES)

    @cached_property
    def webhook_rows(self) -> DataLoader[str, Row | None]:
        """Loads webhooks by their ids; None for those that the caller may not list."""

        async def load(ids: Sequence[str]) -> Sequence[Row | None]:
            found = await self.webhooks.find_many(self.caller, ids)
            return [found.get(each) for each in ids]

        return DataLoader(load_fn=load, max_batch_size=MAX_VALUES)

    @cached_property
    def alert_rule_rows(self) -> DataLoader[str, Row | None]:
        """Loads rules by their ids, deleted ones too; None for those that the caller may not see."""

        async def load(ids: Sequence[str]) -> Sequence[Row | None]:
            found = await self.alerting.rules.find_many(self.caller, ids, with_deleted=True)
            return [found.get(each) for each in ids]

        return DataLoader(load_fn=load, max_batch_size=MAX_VALUES)

    @cached_property
    def firing_counts(self) -> DataLoader[str, int]:
        """Loads how many alerts of rules fire."""

        async def load(ids: Sequence[str]) -> Sequence[int]:
            found = await self.alerting.rules.count_firing(self.caller, ids)
            return [found.get(each, 0) for each in ids]

        return DataLoader(load_fn=load, max_batch_size=MAX_VALUES)

    @cached_property
    def channel_webhooks(self) -> DataLoader[str, Row | None]:
        """Loads the states of webhooks that are channels of rules which the caller sees."""

        async def load(ids: Sequence[str]) -> Sequence[Row | None]:
            with failing_as_unavailable():
                found = await find_webhooks(self.alerting.rules.reader.database, self.caller.tenant, ids)
            return [found.get(each) for each in ids]

        return DataLoader(load_fn=load, max_batch_size=MAX_VALUES)

    @cached_property
    def steps(self) -> DataLoader[ChildrenKey, Page]:
        """Loads pages of steps, those of all executions of a page with one query."""
        return self._loader(self.monitor.steps.list)

    @cached_property
    def logs(self) -> DataLoader[ChildrenKey, Page]:
        """Loads pages of log lines, those of all executions of a page with one query."""
        return self._loader(self.monitor.logs.list)

    @cached_property
    def executions(self) -> DataLoader[ExecutionKey, Row | None]:
        """Loads executions by their ids, with the given stored fields."""
        return self._loader(self._find_executions)

    @cached_property
    def retries(self) -> DataLoader[ExecutionKey, Sequence[Row]]:
        """Loads the retries of executions, with the given stored fields."""
        return self._loader(self.monitor.retries.list)

    @cached_property
    def recoveries(self) -> DataLoader[EndedRun, str | None]:
        """Loads the ids of the executions that recovered others, those of a page with one query for each attempt."""

        async def load(runs: Sequence[EndedRun]) -> Sequence[str | None]:
            found = await self.monitor.retries.find_recoveries(self.caller, runs)
            return [found.get(run.execution_id) for run in runs]

        return DataLoader(load_fn=load, max_batch_size=MAX_VALUES)

    def count_executions(self, rows: Sequence[Row]) -> None:
        """Count the executions of `rows` in the outcome; a row of a step or log line counts as its execution.

        Each row holds its `execution_id`.
        """
        ids = [row.get("execution_id") for row in rows]
        # A stored id that is not text matches no `executionId` that a client can send.
        self.outcome.answer_with(*[each if type(each) is str else "" for each in ids])

    def _loader(
        self, read: Callable[[Caller, Sequence[str], Wanted], Awaitable[Mapping[str, Found]]]
    ) -> DataLoader[tuple[str, Wanted], Found]:
        """Loads by an id and what is wanted of it: for all ids of which the same is wanted by one call of `read`."""

        async def load(keys: Sequence[tuple[str, Wanted]]) -> Sequence[Found | BaseException]:
            ids_by_wanted: dict[Wanted, list[str]] = {}
            for execution_id, wanted in keys:
                ids_by_wanted.setdefault(wanted, []).append(execution_id)
            found: dict[tuple[str, Wanted], Found | BaseException] = {}
            for wanted, execution_ids in ids_by_wanted.items():
                try:
                    read_now = await read(self.caller, execution_ids, wanted)
                except Exception as error:  # noqa: BLE001 - it belongs to these keys, not to the whole batch
                    found.update({(each, wanted): error for each in execution_ids})
                else:
                    found.update({(each, wanted): read_now[each] for each in execution_ids})
            return [found[key] for key in keys]

        return DataLoader(load_fn=load, max_batch_size=MAX_VALUES)

    async def _find_executions(
        self, caller: Caller, execution_ids: Sequence[str], fields: frozenset[str]
    ) -> Mapping[str, Row | None]:
        found = await self.monitor.executions.find_many(caller, execution_ids, fields)
        return {each: found.get(each) for each in execution_ids}


# What resolvers take as `info`.
ContextInfo = Info[Context, None]
