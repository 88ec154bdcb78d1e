"""Saved views and annotations of error groups are shown as the model says, which finds planted faults."""

import random
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.executions.executions import Executions
from execution_monitor.executions.services import Monitor
from execution_monitor.saved_views.saved_views import SavedViews, ViewFields
from execution_monitor.statistics.error_group_annotations import ErrorGroupAnnotations
from execution_monitor.storage.database import Database
from execution_monitor.storage.error_groups import ErrorGroup
from execution_monitor.storage.filters import EVERYTHING, Filter
from execution_monitor.storage.rows import Row
from tests.authorization_model.reference import COMBINED, GRANTED, Person, ReferenceModel, people

TENANT = "executions:read:tenant"


async def attempt(operation: Awaitable[Row | None]) -> Row | str | None:
    """What `operation` returns, or the code of its error."""
    try:
        return await operation
    except ExecutionMonitorError as error:
        return error.code


async def wrong_views(database: Database) -> list[str]:
    """What people may do to views, and the model says they may not, or the other way round."""
    everyone = [each for each in people(random.Random(3), 6, [("viewer",), ("admin",), ("ml-ops",)]) if each.reads]  # noqa: S311 - the same in every run
    views = SavedViews(Monitor.over(database, timeout_ms=5_000, count_limit=100).executions.reader)
    stored = dict[str, tuple[Person, bool]]()
    for person in everyone:
        for is_shared in (False, True):
            saved = await attempt(
                views.save(person.caller, ViewFields("view", f"/executions?a={len(stored)}", is_shared))
            )
            if isinstance(saved, Mapping):
                stored[str(saved["_id"])] = (person, is_shared)
    wrong = [f"{owner} shares" for owner, is_shared in stored.values() if is_shared and TENANT not in owner.scopes]
    for person in everyone:
        expected = {view for view, (owner, shared) in stored.items() if _sees_view(person, owner, is_shared=shared)}
        listed = {str(row["_id"]) for row in await views.list(person.caller)}
        found = set(await views.find_many(person.caller, stored))
        changed = {
            view
            for view, (_, is_shared) in stored.items()
            if isinstance(await attempt(views.save(person.caller, ViewFields("view", "/", is_shared, view))), Mapping)
        }
        wrong += [f"{person} lists {listed ^ expected}"] if listed != expected else []
        wrong += [f"{person} finds {found ^ expected}"] if found != expected else []
        own = {
            view
            for view, (owner, shared) in stored.items()
            if _is(owner, person) and (TENANT in person.scopes or not shared)
        }
        wrong += [f"{person} changes {changed ^ own}"] if changed != own else []
        for view, (owner, is_shared) in list(stored.items()):
            may = _is(owner, person) or (is_shared and "manage" in person.scopes and owner.tenant == person.tenant)
            if not may and await attempt(views.delete(person.caller, view)) is None:
                wrong.append(f"{person} deletes a view of {owner}")
    return wrong


def _is(owner: Person, person: Person) -> bool:
    return (owner.tenant, owner.user) == (person.tenant, person.user)


def _sees_view(person: Person, owner: Person, *, is_shared: bool) -> bool:
    return _is(owner, person) or (is_shared and owner.tenant == person.tenant)


async def wrong_annotations(database: Database) -> list[str]:
    """Which groups people annotate without seeing an execution of them, or fail to though they see one."""
    generator = random.Random(5)  # noqa: S311 - the same in every run
    model = ReferenceModel(generator)
    await model.begin()
    rows = list(model.rows.values())
    annotations = ErrorGroupAnnotations(Monitor.over(database, timeout_ms=5_000, count_limit=100).executions)
    groups = {group for row in rows if (group := ErrorGroup.of(row)) is not None}
    wrong = list[str]()
    for person in people(generator, 4, [*((role,) for role in GRANTED), *COMBINED]):
        if not person.reads:
            continue
        caller = replace(person.caller, scopes=person.caller.scopes | {Scope.ALERTS_WRITE})
        for group in groups:
            sees = any(person.sees(row) and ErrorGroup.of(row) == group for row in rows)
            done = await attempt(annotations.annotate(caller, group, {"note": person.tenant}))
            expected = person.tenant if sees else "NOT_FOUND"
            if (done["note"] if isinstance(done, Mapping) else done) != expected:
                wrong.append(f"{person} {'sees' if sees else 'does not see'} {group}: {done}")
        found = await annotations.find_many(caller, list(groups))
        wrong += [f"{person} reads {row['note']}" for row in found.values() if row["note"] != person.tenant]
    return wrong


async def test_views_are_shown_changed_and_deleted_as_the_model_says(database: Database):
    assert await wrong_views(database) == []


async def test_groups_are_annotated_by_those_who_see_them(database: Database):
    assert await wrong_annotations(database) == []


_FIND: Any = SavedViews.__dict__["_find"]


@pytest.mark.parametrize("field", ["tenant_id", "user_id"])
async def test_a_fault_of_views_is_found(database: Database, monkeypatch: pytest.MonkeyPatch, field: str):
    async def find(self: SavedViews, query: Mapping[str, Any], limit: int) -> Any:
        return await _FIND(self, {name: value for name, value in query.items() if name != field}, limit)

    monkeypatch.setattr(SavedViews, "_find", find)

    assert await wrong_views(database) != []


def everything(_: Caller, where: Filter) -> Filter:
    return where if where is not EVERYTHING else EVERYTHING


async def test_an_annotation_that_looks_at_what_others_see_is_found(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Executions, "visible", staticmethod(everything))

    assert await wrong_annotations(database) != []
