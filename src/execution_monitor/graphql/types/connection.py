"""Connections as Relay's cursor specification has them, over keyset pages; only what is selected is read."""

from collections.abc import Callable, Collection
from typing import Annotated, Any

import strawberry
from strawberry.types.base import get_object_definition

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.selection import Selected
from execution_monitor.graphql.types.requires_scope import Requires
from execution_monitor.storage.pagination import Neighbours, Page, PageRequest
from execution_monitor.storage.rows import Row

# What a field's metadata says of it: which stored fields it is made from, and what it shows of its source - an
# attribute of the record, or a function from the stored row or page.
READS = "reads"
SHOWS = "shows"

# Read with every execution that is shown, and with every step that is shown by itself: an answer is accounted for.
IDENTITY = frozenset({"execution_id"})

_CURSORS_OF_PAGE = ("startCursor", "endCursor")

# Relay's arguments of a connection.
First = Annotated[
    int | None, strawberry.argument(description="Return this many from the start of the list: 20 by default, 1 to 100.")
]
After = Annotated[str | None, strawberry.argument(description="Start right after this cursor.")]
Last = Annotated[
    int | None,
    strawberry.argument(description="Return this many from the end of the list, 1 to 100; not with `first`."),
]
Before = Annotated[str | None, strawberry.argument(description="End right before this cursor.")]

EDGES = "The items of the page, each with its cursor."
NODES = "The items of the page, without cursors."
PAGE_INFO = "Whether more items precede or follow, and the cursors to get them."


def shown(read: Callable[[Page], Any], description: str) -> Any:
    """A field that shows what `read` makes of `page`."""

    def resolve(root: Any) -> Any:
        return read(root.page)

    return strawberry.field(resolver=resolve, description=description, metadata={SHOWS: read})


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Relay's PageInfo, answered field by field."""

    page: strawberry.Private[Page]

    has_next_page: bool = shown(lambda page: page.has_next, "Whether more follow the last edge.")
    has_previous_page: bool = shown(lambda page: page.has_previous, "Whether more precede the first edge.")
    start_cursor: str | None = shown(
        lambda page: page.cursor_of(page.rows[0]) if page.rows else None,
        "The cursor of the first edge; null on an empty page.",
    )
    end_cursor: str | None = shown(
        lambda page: page.cursor_of(page.rows[-1]) if page.rows else None,
        "The cursor of the last edge; null on an empty page.",
    )


def page_request(
    *, first: int | None = None, after: str | None = None, last: int | None = None, before: str | None = None
) -> PageRequest:
    """The page that Relay's arguments ask for; raises `BadUserInput` as `PageRequest.of` does."""
    return PageRequest.of(first=present(first), after=present(after), last=present(last), before=present(before))


def stored(
    attribute: str,
    *reads: str,
    description: str | None = None,
    scope: Scope | None = None,
) -> Any:
    """A field that shows `record.<attribute>`, made from the stored fields `reads`, by default the one of that name.

    With `scope` it is `FORBIDDEN` to callers without it.
    """

    def resolve(root: Any) -> Any:
        return getattr(root.record, attribute)

    return strawberry.field(
        resolver=resolve,
        description=description,
        metadata=reading(*(reads or (attribute,)), shows=attribute),
        extensions=[] if scope is None else [Requires(scope)],
    )


def reading(*reads: str, shows: str | Callable[[Row], Any] | None = None) -> dict[str, Any]:
    """The metadata of a field that is made from the stored fields `reads`, and shows `shows` of them."""
    return {READS: reads} if shows is None else {READS: reads, SHOWS: shows}


def fields_to_read(shown: type, selected: Selected) -> frozenset[str]:
    """The stored fields that the selected fields of the GraphQL type `shown` are made from."""
    definition = get_object_definition(shown, strict=True)
    reads: set[str] = set()
    for each in definition.fields:
        if (each.graphql_name or _camel_case(each.python_name)) in selected:
            reads.update(each.metadata.get(READS, ()))
    return frozenset(reads)


def names_of(shown: type, changed: Collection[str]) -> list[str]:
    """The GraphQL names of the fields of `shown` that show one of the stored fields `changed`."""
    definition = get_object_definition(shown, strict=True)
    # The first field that a shown one reads is what it shows; the others stand in where that is missing.
    return [
        each.graphql_name or _camel_case(each.python_name)
        for each in definition.fields
        if each.metadata.get(READS, ("",))[0] in changed
    ]


def needs_cursors(edges: Selected, page_info: Selected) -> bool:
    """Whether a cursor of the page is selected, so that its sort values must be read."""
    return "cursor" in edges or any(name in page_info for name in _CURSORS_OF_PAGE)


def needed_neighbours(page_info: Selected) -> Neighbours:
    """At which sides it is asked whether the page is the first or the last."""
    return Neighbours(previous="hasPreviousPage" in page_info, next="hasNextPage" in page_info)


def _camel_case(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
