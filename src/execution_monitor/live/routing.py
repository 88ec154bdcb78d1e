"""Routing keys: where a change is published and a topic listens, so that a change costs only the topics it concerns."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from execution_monitor.live.changes import Change, WatchedCollection
from execution_monitor.storage.filters import AllOf, Filter, OneOf, all_of
from execution_monitor.storage.predicates import reader_of
from execution_monitor.storage.rows import Row

# The fields by whose values topics are found, those first that the fewest executions share a value of.
_EXECUTION_ID = "execution_id"
_FIELDS = (_EXECUTION_ID, "user_id", "workflow_name", "status")
# A topic listens under each value that its filter allows; so many cost no more than to judge some changes in vain.
_MAX_VALUES = 100

_read_tenant = reader_of("tenant_id")
_ALERTS = "alerts"
_READERS = {field: reader_of(field) for field in _FIELDS}


class Route(NamedTuple):
    """A routing key: a tenant, and where `field` is not None the value of one field."""

    tenant: str
    field: str | None = None
    value: str | None = None
    is_child: bool = False  # a step or log line, which has none of the fields but the execution's id


def routes_to(tenant: str, *conditions: Filter) -> Sequence[Route]:
    """The fewest keys under which every execution of `tenant` that matches all `conditions` is published."""
    where = all_of(*conditions)
    for field in _FIELDS:
        values = pinned_values(where, field)
        if values is not None and len(values) <= _MAX_VALUES:
            return [Route(tenant, field, value) for value in dict.fromkeys(values)]
    return [Route(tenant)]


def route_to_children(tenant: str, execution_id: str) -> Route:
    """The key under which the steps and log lines of an execution are published."""
    return Route(tenant, _EXECUTION_ID, execution_id, is_child=True)


def route_to_alerts(tenant: str) -> Route:
    """The key under which the alerts of a tenant are published."""
    return Route(tenant, _ALERTS)


def routes_of(change: Change) -> set[Route]:
    """Every key under which `change` is published: those of the document before and of the document after."""
    images = [image for image in (change.before, change.after) if image is not None]
    if change.collection is WatchedCollection.ALERTS:
        return {route_to_alerts(each) for image in images for each in _read_tenant(image) if isinstance(each, str)}
    is_child = change.collection is not WatchedCollection.EXECUTIONS
    return {route for image in images for route in _routes_of(image, is_child=is_child)}


def pinned_values(where: Filter, field: str) -> Sequence[str] | None:
    """The texts that `field` is one of in all that matches `where`; None where `where` does not plainly say so."""
    for condition in where.parts if isinstance(where, AllOf) else (where,):
        if isinstance(condition, OneOf) and condition.field == field:
            values = [value for value in condition.values if isinstance(value, str)]
            if len(values) == len(condition.values):
                return values
    return None


def _routes_of(image: Row, *, is_child: bool) -> Iterator[Route]:
    # A document without a tenant has no key; a list in place of a text is found under each element, as in a query.
    for tenant in _read_tenant(image):
        if not isinstance(tenant, str):
            continue
        yield Route(tenant, is_child=is_child)
        for field in (_EXECUTION_ID,) if is_child else _FIELDS:
            for value in _READERS[field](image):
                if isinstance(value, str):
                    yield Route(tenant, field, value, is_child)
