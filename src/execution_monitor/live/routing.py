"""Routing keys: where a change is published and a topic listens, so that a change costs only the topics it concerns."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from execution_monitor.live.changes import Change, WatchedCollection
from execution_monitor.storage.filters import AllOf, Filter, OneOf, all_of, values_at
from execution_monitor.storage.rows import Row


class Route(NamedTuple):
    """A routing key. None stands for any value."""

    tenant: str
    user: str | None = None
    execution_id: str | None = None
    is_child: bool = False  # a step or log line; neither has a user


def route_to(tenant: str, *conditions: Filter) -> Route:
    """The narrowest key under which every execution of `tenant` that matches all `conditions` is published."""
    where = all_of(*conditions)
    return Route(tenant, pinned_value(where, "user_id"), pinned_value(where, "execution_id"))


def routes_of(change: Change) -> set[Route]:
    """Every key under which `change` is published: those of the document before and of the document after."""
    is_child = change.collection is not WatchedCollection.EXECUTIONS
    images = [image for image in (change.before, change.after) if image is not None]
    return {route for image in images for route in _routes_of(image, is_child=is_child)}


def pinned_value(where: Filter, field: str) -> str | None:
    """The one text that `field` equals in all that matches `where`; None where `where` does not plainly say so."""
    for condition in where.parts if isinstance(where, AllOf) else (where,):
        if isinstance(condition, OneOf) and condition.field == field and len(condition.values) == 1:
            value = condition.values[0]
            return value if isinstance(value, str) else None
    return None


def _routes_of(image: Row, *, is_child: bool) -> Iterator[Route]:
    # A document without a tenant has no key; a list in place of a text is found under each element, as in a query.
    tenants = _texts(image, "tenant_id")
    users = [None] if is_child else [None, *_texts(image, "user_id")]
    for tenant, user, execution_id in product(tenants, users, [None, *_texts(image, "execution_id")]):
        yield Route(tenant, user, execution_id, is_child)


def _texts(image: Row, field: str) -> list[str]:
    return [value for value in values_at(image, field) if isinstance(value, str)]
