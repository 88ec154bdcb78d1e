"""Connections (Relay's GraphQL Cursor Connections) over keyset pages, which read only what is selected."""

from collections.abc import Callable, Collection
from typing import Annotated, Any

import strawberry
from strawberry.types.base import get_object_definition

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.selection import Selected
from execution_monitor.graphql.types.requires_scope import Requires
from execution_monitor.storage.pagination import MAX_PAGE_SIZE, Neighbours, Page, PageRequest
from execution_monitor.storage.rows import Row

# Keys of a field's metadata: the stored fields that it is made from, and what it returns of its source - an attribute
# of the record, or a function from the stored row or page.
READS = "reads"
RETURNS = "returns"

# Read with every execution, and with every step that is returned by itself: the audit trail records their ids.
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


def of_page(read: Callable[[Page], Any], description: str) -> Any:
    """A field that returns what `read` makes of `page`."""

    def resolve(root: Any) -> Any:
        return read(root.page)

    return strawberry.field(resolver=resolve, description=description, metadata={RETURNS: read})


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Relay's PageInfo; a field costs a query only where it is selected."""

    page: strawberry.Private[Page]

    has_next_page: bool = of_page(lambda page: page.has_next, "Whether more follow the last edge.")
    has_previous_page: bool = of_page(lambda page: page.has_previous, "Whether more precede the first edge.")
    start_cursor: str | None = of_page(
        lambda page: page.start_cursor,
        "The cursor of the first edge, or before it, where a search backwards stopped; null on another empty page.",
    )
    end_cursor: str | None = of_page(
        lambda page: page.end_cursor,
        "The cursor of the last edge, or behind it, where a search stopped; null on another empty page.",
    )


def page_request(
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    largest: int = MAX_PAGE_SIZE,
) -> PageRequest:
    """The page that Relay's arguments select, of at most `largest` items.

    Raises:
        BadUserInput: they contradict each other, or a size is out of bounds.
    """
    return PageRequest.of(
        first=present(first), after=present(after), last=present(last), before=present(before), largest=largest
    )


def stored(
    attribute: str,
    *reads: str,
    description: str | None = None,
    scope: Scope | None = None,
    deprecated: str | None = None,
) -> Any:
    """A field that returns `record.<attribute>`.

    Args:
        attribute: the attribute of the record.
        reads: the stored fields that it is made from; by default the one with the name of the attribute.
        description: the description in the schema.
        scope: a scope without which the field is `FORBIDDEN`.
        deprecated: what to select instead.
    """

    def resolve(root: Any) -> Any:
        return getattr(root.record, attribute)

    return strawberry.field(
        resolver=resolve,
        description=description,
        deprecation_reason=deprecated,
        metadata=reading(*(reads or (attribute,)), returns=attribute),
        extensions=[] if scope is None else [Requires(scope)],
    )


def reading(*reads: str, returns: str | Callable[[Row], Any] | None = None) -> dict[str, Any]:
    """The metadata of a field: the stored fields that it is made from, and what it returns of its source."""
    return {READS: reads} if returns is None else {READS: reads, RETURNS: returns}


def fields_to_read(shown: type, selected: Selected) -> frozenset[str]:
    """The stored fields that the `selected` fields of the GraphQL type `shown` are made from."""
    definition = get_object_definition(shown, strict=True)
    reads: set[str] = set()
    for each in definition.fields:
        if (each.graphql_name or _camel_case(each.python_name)) in selected:
            reads.update(each.metadata.get(READS, ()))
    return frozenset(reads)


def names_of(shown: type, changed: Collection[str]) -> list[str]:
    """The GraphQL names of the fields of `shown` that return one of the stored fields `changed`."""
    definition = get_object_definition(shown, strict=True)
    # The first stored field that a field reads is what it returns; the others are used where that is missing.
    return [
        each.graphql_name or _camel_case(each.python_name)
        for each in definition.fields
        if each.metadata.get(READS, ("",))[0] in changed
    ]


def needs_cursors(edges: Selected, page_info: Selected) -> bool:
    """Whether a cursor of the page is selected, so that its sort values must be read."""
    return "cursor" in edges or any(name in page_info for name in _CURSORS_OF_PAGE)


def needed_neighbours(page_info: Selected) -> Neighbours:
    """The sides on which it is selected whether there are more pages."""
    return Neighbours(previous="hasPreviousPage" in page_info, next="hasNextPage" in page_info)


def _camel_case(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
