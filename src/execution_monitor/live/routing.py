"""By what a change finds its subscribers, so that not every one of them is asked."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from execution_monitor.live.changes import Change, Row, WatchedCollection
from execution_monitor.live.visibility import Visibility, pinned
from execution_monitor.storage.filters import Filter, all_of, values_at


class Route(NamedTuple):
    """An address for changes. None stands for whatever it is."""

    tenant: str
    user: str | None = None
    execution_id: str | None = None
    parts: bool = False  # steps and log lines, which know no user


def route_to(rights: Visibility, where: Filter) -> Route:
    """The narrowest address that every execution within `rights` that matches `where` is under."""
    both = all_of(rights.visible, where)
    return Route(rights.tenant, pinned(both, "user_id"), pinned(both, "execution_id"))


def routes_of(change: Change) -> set[Route]:
    """Every address that concerns `change`: of the document before, and of the document after."""
    parts = change.collection is not WatchedCollection.EXECUTIONS
    images = [image for image in (change.before, change.after) if image is not None]
    return {route for image in images for route in _routes_of(image, parts=parts)}


def _routes_of(image: Row, *, parts: bool) -> Iterator[Route]:
    # None of nothing is no address; a list in place of a text is found under each of its elements, as by a query.
    tenants = [tenant for tenant in values_at(image, "tenant_id") if isinstance(tenant, str)]
    users = [None] if parts else [None, *_texts(image, "user_id")]
    for tenant, user, execution_id in product(tenants, users, [None, *_texts(image, "execution_id")]):
        yield Route(tenant, user, execution_id, parts)


def _texts(image: Row, field: str) -> list[str]:
    return [value for value in values_at(image, field) if isinstance(value, str)]
