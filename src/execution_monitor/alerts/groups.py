"""Groups of alerts: what a rule tells executions apart by, so that each of these has an alert of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from execution_monitor.statistics.questions import keys_of
from execution_monitor.statistics.requests import GroupField, GroupKey
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.error_groups import ERROR, ErrorGroup
from execution_monitor.storage.filters import EVERYTHING, Filter, HasTag, equals, is_null
from execution_monitor.storage.rows import Row

# Of a longer value a digest tells it from others.
_MAX_KEY = 200
_MAX_NAME = 200
_NO_VALUE = "(none)"


class GroupBy(StrEnum):
    """What a rule groups by, as stored."""

    WORKFLOW_NAME = "workflow_name"
    USER_ID = "user_id"
    ERROR_GROUP = "error_group"
    TAG = "tag"

    @property
    def field(self) -> GroupField | None:
        """The field of statistics; None for error groups, which they do not know."""
        return _FIELDS.get(self)

    @property
    def stored(self) -> frozenset[str]:
        """The stored fields that say which groups an execution is in, without dots."""
        return frozenset({ERROR if self is GroupBy.ERROR_GROUP else _FIELDS[self].value})


_FIELDS = {
    GroupBy.WORKFLOW_NAME: GroupField.WORKFLOW_NAME,
    GroupBy.USER_ID: GroupField.USER_ID,
    GroupBy.TAG: GroupField.TAG,
}


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """Executions that have an alert together.

    Attributes:
        key: what tells the group from the others of its rule.
        name: as it is shown; None where the rule has no groups.
        condition: which executions are in it. Of those without a tag, all: no filter finds them alone.
        given: the same as a filter of the API, in JSON; None where that has no words for it.
    """

    key: str
    name: str | None
    condition: Filter = EVERYTHING
    given: Mapping[str, Any] | None = field(default=None, compare=False)


ALL_TOGETHER = AlertGroup("", None)


def groups_of(by: GroupBy | None, row: Row) -> Iterator[AlertGroup]:
    """The groups that a stored execution is in: one, or one for each of its different tags."""
    if by is None:
        yield ALL_TOGETHER
    elif by.field is None:
        yield group_of_error(ErrorGroup.of(row))
    else:
        for key in keys_of(by.field, row):
            yield group_of(by, key)


def group_of(by: GroupBy, key: GroupKey) -> AlertGroup:
    """The group of a value of a field that statistics group by."""
    if key is None:
        return AlertGroup("-", _NO_VALUE, EVERYTHING if by is GroupBy.TAG else equals(by.value, None))
    if isinstance(key, tuple):
        tag, value = key
        given = {"tags": {"key": tag, "value": value}}
        return AlertGroup(_key_of(tag, value), _shortened(f"{tag}:{value}"), HasTag(tag, value), given)
    name = "workflowName" if by is GroupBy.WORKFLOW_NAME else "userId"
    return AlertGroup(_key_of(key), _shortened(key), equals(by.value, key), {name: {"eq": key}})


def group_of_error(group: ErrorGroup | None) -> AlertGroup:
    """The group of an error group; None for executions without an error, or in no group."""
    if group is None:
        return AlertGroup("-", _NO_VALUE, is_null(ERROR, wanted=True))
    name = ": ".join(each for each in (group.code, group.type, group.message) if each)
    given = {"errorGroup": {"in": [group.id]}}
    return AlertGroup(_digest(group.code, group.type, group.pattern), _shortened(name), group.condition, given)


def _key_of(*values: str) -> str:
    is_short = len(values) == 1 and len(values[0]) <= _MAX_KEY
    return f"={values[0]}" if is_short else _digest(*values)


def _digest(*values: str | None) -> str:
    return f"#{digest_of(*values, size=16).hex()}"


def _shortened(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"
