"""The rights of a webhook: those that its owner had when it was last saved, and never more than they had since.

Nobody is signed in when a webhook sends. So it keeps what its owner may read, as the filter itself and not as the names
of roles, and each time its owner signs in with less it keeps less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.visibility import visible_to
from execution_monitor.storage.filter_codec import UnreadableFilter, decode_filter, encode_filter
from execution_monitor.storage.filters import AllOf, Filter, all_of
from execution_monitor.storage.predicates import as_list

# Of sign-ins whose filters have nothing to do with each other. A filter has 200 conditions, and each is put to every
# change.
_MAX_FILTERS = 8


class RightsUnclear(Exception):
    """What the owner may see cannot be said, so nothing may be sent."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What an owner may do and see.

    Attributes:
        scopes: the scopes.
        visible: filters of executions, all of which hold for what the owner may see.
    """

    scopes: frozenset[str]
    visible: tuple[Filter, ...]

    @classmethod
    def of(cls, caller: Caller) -> "Rights":
        """The rights of `caller` now; of executions they see none without the scope to read them."""
        return cls(caller.scopes, (visible_to(caller),) if caller.may(Scope.EXECUTIONS_READ) else ())

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Rights":
        """The rights that `to_stored` made fields of.

        Raises:
            RightsUnclear: They cannot be read.
        """
        try:
            visible = tuple(decode_filter(each) for each in as_list(stored.get("visible")))
        except (UnreadableFilter, TypeError, ValueError, KeyError) as error:
            raise RightsUnclear from error
        return cls(frozenset(str(each) for each in as_list(stored.get("scopes"))), visible)

    def to_stored(self) -> dict[str, Any]:
        """The fields of these rights."""
        return {"scopes": sorted(self.scopes), "visible": [encode_filter(each) for each in self.visible]}

    @property
    def may_read(self) -> bool:
        """Whether there is anything that the owner may see."""
        return Scope.EXECUTIONS_READ in self.scopes and bool(self.visible)

    @property
    def condition(self) -> Filter:
        """The filter of what the owner may see; raises `RightsUnclear` where that is nothing."""
        if not self.may_read:
            raise RightsUnclear
        return all_of(*self.visible)

    def narrowed_by(self, other: "Rights") -> "Rights":
        """What both allow.

        Raises:
            RightsUnclear: The owner has signed in with too many different rights.
        """
        visible = list(self.visible)
        for each in other.visible:
            if any(_implies(one, each) for one in visible):
                continue
            visible = [one for one in visible if not _implies(each, one)] + [each]
        if len(visible) > _MAX_FILTERS:
            raise RightsUnclear
        return Rights(self.scopes & other.scopes, tuple(visible) if other.visible and self.visible else ())


def _implies(one: Filter, other: Filter) -> bool:
    """Whether `one` plainly has all conditions of `other`."""
    return _conjuncts(one) >= _conjuncts(other)


def _conjuncts(where: Filter) -> frozenset[str]:
    return frozenset(map(repr, where.parts if isinstance(where, AllOf) else (where,)))
