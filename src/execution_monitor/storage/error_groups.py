"""Error groups: executions whose errors are alike in code, type and message pattern, and the filter that finds them.

The id of a group is a token that holds the group itself, so that nothing about groups is stored. It is no permission:
the filter finds what its caller may see, whoever made the id.

An execution is in the group of its error whatever its status. Those whose code, type or message is neither a text nor
null, as no engine means it, are in none; nor are those with a code or type of more than 1,000 characters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from execution_monitor.errors import BadUserInput, InvalidCursor
from execution_monitor.storage.cursors import decode_token, encode_token
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.error_patterns import expression_of, is_pattern, pattern_of, show_pattern
from execution_monitor.storage.filters import (
    MAX_TEXT_LENGTH,
    AnyOf,
    FieldFilter,
    Filter,
    Query,
    all_of,
    equals,
)
from execution_monitor.storage.predicates import Predicate, Stored, as_mapping, has_text

ERROR = "error_details"
CODE, TYPE, MESSAGE = f"{ERROR}.code", f"{ERROR}.type", f"{ERROR}.message"
# The expressions of so many have 3 MB at most.
MAX_GROUPS_IN_FILTER = 100

_DIGEST = digest_of("ErrorGroup")


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The executions whose errors have this code, type and message pattern; None for those without one."""

    code: str | None
    type: str | None
    pattern: str | None

    @classmethod
    def of_error(cls, code: Any, kind: Any, message: Any) -> "ErrorGroup | None":
        """The group of an error with these stored values; None where it is in none."""
        values = (code, kind, message)
        if any(value is not None and type(value) is not str for value in values) or values == (None, None, None):
            return None
        if any(text is not None and len(text) > MAX_TEXT_LENGTH for text in (code, kind)):
            return None
        return cls(code, kind, None if message is None else pattern_of(message))

    @classmethod
    def of(cls, document: Stored) -> "ErrorGroup | None":
        """The group that a stored execution is in; None where it is in none."""
        error = as_mapping(document.get(ERROR))
        return None if error is None else cls.of_error(error.get("code"), error.get("type"), error.get("message"))

    @classmethod
    def from_id(cls, group_id: str) -> "ErrorGroup":
        """The group with this id.

        Raises:
            BadUserInput: `id` did not make it.
        """
        try:
            digest, values = decode_token(group_id)
        except InvalidCursor as error:
            raise BadUserInput(
                "This id of an error group is damaged, or of another version of the server; pass one that errorGroups "
                "returned, exactly as it is."
            ) from error
        match values:
            case (None | str() as code, None | str() as kind, None | str() as pattern) if (
                digest == _DIGEST
                and values != (None, None, None)
                and all(len(text or "") <= MAX_TEXT_LENGTH for text in (code, kind))
                and (pattern is None or is_pattern(pattern))
            ):
                return cls(code, kind, pattern)
            case _:
                raise BadUserInput("This id is not that of an error group; pass one that errorGroups returned.")

    @property
    def id(self) -> str:
        """The id, which is opaque to clients and at most 16 kB."""
        return encode_token(_DIGEST, (self.code, self.type, self.pattern))

    @property
    def message(self) -> str | None:
        """The pattern as people read it: the message with an ellipsis for each part that varies."""
        return None if self.pattern is None else show_pattern(self.pattern)

    @property
    def condition(self) -> Filter:
        """The condition that exactly the executions of the group meet."""
        message = equals(MESSAGE, None) if self.pattern is None else HasErrorPattern(MESSAGE, self.pattern)
        return all_of(equals(CODE, self.code), equals(TYPE, self.type), message, HasOneError())


def in_one_of(group_ids: list[str]) -> Filter:
    """The condition that executions are in one of the groups with these ids.

    Raises:
        BadUserInput: an id is not that of a group, or there are too many.
    """
    if len(group_ids) > MAX_GROUPS_IN_FILTER:
        raise BadUserInput(f"A filter names at most {MAX_GROUPS_IN_FILTER} error groups at once; send fewer.")
    return AnyOf(tuple(ErrorGroup.from_id(each).condition for each in group_ids))


@dataclass(frozen=True, slots=True)
class HasErrorPattern(FieldFilter):
    """The value is a text with this pattern."""

    pattern: str

    @override
    def to_mongo(self) -> Query:
        return {self.field: {"$regex": expression_of(self.pattern)}}

    @override
    def predicate(self) -> Predicate:
        return has_text(self.field, lambda found: pattern_of(found) == self.pattern)


@dataclass(frozen=True, slots=True)
class HasOneError(Filter):
    """The error is no array, nor is its code, type or message: of arrays, conditions on any element would hold."""

    @override
    def to_mongo(self) -> Query:
        return {"$nor": [{field: {"$type": "array"}} for field in (ERROR, CODE, TYPE, MESSAGE)]}

    @override
    def predicate(self) -> Predicate:
        def has_one(document: Stored) -> bool:
            found = document.get(ERROR)
            error = as_mapping(found) or {}
            return not isinstance(found, list) and not any(
                isinstance(error.get(name), list) for name in ("code", "type", "message")
            )

        return has_one

    @override
    def fields(self) -> Iterator[str]:
        yield from (CODE, TYPE, MESSAGE)
