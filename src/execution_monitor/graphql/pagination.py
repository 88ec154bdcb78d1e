"""Connections as Relay's cursor specification has them, over keyset pages; only what is selected is read."""

from collections.abc import Collection
from typing import Any

import strawberry
from strawberry.types.base import get_object_definition

from execution_monitor.graphql.arguments import present
from execution_monitor.graphql.selection import Selected
from execution_monitor.storage.pages import Page, PageRequest

# Where a field's metadata says which stored fields it is made from.
_READS = "reads"

_CURSORS_OF_PAGE = ("startCursor", "endCursor")
_NEIGHBOURS = ("hasNextPage", "hasPreviousPage")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Relay's PageInfo, answered field by field."""

    page: strawberry.Private[Page]

    @strawberry.field(description="Whether more follow the last edge.")
    def has_next_page(self) -> bool:
        """Whether more follow the last edge."""
        return self.page.has_next

    @strawberry.field(description="Whether more precede the first edge.")
    def has_previous_page(self) -> bool:
        """Whether more precede the first edge."""
        return self.page.has_previous

    @strawberry.field(description="The cursor of the first edge; null on an empty page.")
    def start_cursor(self) -> str | None:
        """The cursor of the first edge."""
        return self.page.cursor_of(self.page.rows[0]) if self.page.rows else None

    @strawberry.field(description="The cursor of the last edge; null on an empty page.")
    def end_cursor(self) -> str | None:
        """The cursor of the last edge."""
        return self.page.cursor_of(self.page.rows[-1]) if self.page.rows else None


def page_request(
    *, first: int | None = None, after: str | None = None, last: int | None = None, before: str | None = None
) -> PageRequest:
    """The page that Relay's arguments ask for; raises `BadUserInput` as `PageRequest.of` does."""
    return PageRequest.of(first=present(first), after=present(after), last=present(last), before=present(before))


def stored(attribute: str, *reads: str, description: str | None = None, name: str | None = None) -> Any:
    """A field that shows `record.<attribute>`, made from the stored fields `reads`, by default the one of that name."""

    def resolve(root: Any) -> Any:
        return getattr(root.record, attribute)

    return strawberry.field(
        resolver=resolve, description=description, name=name, metadata={_READS: reads or (attribute,)}
    )


def reading(*reads: str) -> dict[str, tuple[str, ...]]:
    """The metadata of a field with a resolver of its own that is made from the stored fields `reads`."""
    return {_READS: reads}


def fields_to_read(shown: type, selected: Selected) -> frozenset[str]:
    """The stored fields that the selected fields of the GraphQL type `shown` are made from."""
    definition = get_object_definition(shown, strict=True)
    reads: set[str] = set()
    for each in definition.fields:
        if (each.graphql_name or _camel_case(each.python_name)) in selected:
            reads.update(each.metadata.get(_READS, ()))
    return frozenset(reads)


def names_of(shown: type, changed: Collection[str]) -> list[str]:
    """The GraphQL names of the fields of `shown` that show one of the stored fields `changed`."""
    definition = get_object_definition(shown, strict=True)
    # The first field that a shown one reads is what it shows; the others stand in where that is missing.
    return [
        each.graphql_name or _camel_case(each.python_name)
        for each in definition.fields
        if each.metadata.get(_READS, ("",))[0] in changed
    ]


def needs_cursors(edges: Selected, page_info: Selected) -> bool:
    """Whether a cursor of the page is selected, so that its sort values must be read."""
    return "cursor" in edges or any(name in page_info for name in _CURSORS_OF_PAGE)


def needs_neighbours(page_info: Selected) -> bool:
    """Whether it is asked if the page is the first or the last."""
    return any(name in page_info for name in _NEIGHBOURS)


def _camel_case(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
