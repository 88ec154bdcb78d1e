"""Annotations of error groups, and what annotating a group takes and returns."""

from datetime import datetime

import strawberry
from strawberry import UNSET

from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.types.connection import stored
from execution_monitor.statistics.error_group_annotations import AnnotationRecord
from execution_monitor.storage.error_groups import ErrorGroup
from execution_monitor.storage.rows import Row

# A group that no index finds is searched for.
ANNOTATE_POINTS = 50


@strawberry.type(description="What people of the tenant wrote about an error group.")
class ErrorGroupAnnotation:
    """An annotation, from its stored row."""

    record: strawberry.Private[AnnotationRecord]

    note: str | None = stored("note", description="What is known about these failures.")
    assignee: str | None = stored("assignee", description="Who takes care of them.")
    muted_until: datetime | None = stored(
        "muted_until", description="Until when the group is muted; it may have passed. Null where it never was."
    )
    updated_by: str = stored("updated_by", description="Who last changed it.")
    updated_at: datetime = stored("updated_at", "updated", description="When it was last changed.")

    @classmethod
    def of(cls, row: Row) -> "ErrorGroupAnnotation":
        """The annotation that `row` stores."""
        return cls(record=AnnotationRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.input(description="What to change of an annotation. What is left out is kept, and null removes.")
class AnnotateErrorGroupInput:
    """The input of `annotateErrorGroup`."""

    note: str | None = strawberry.field(
        default=UNSET, description="What is known about these failures, in 4,000 characters at most."
    )
    assignee: str | None = strawberry.field(
        default=UNSET, description="Who takes care of them: a name of 256 characters at most."
    )
    muted_until: datetime | None = strawberry.field(
        default=UNSET, description="Until when to mute the group: a time in the future."
    )


@strawberry.type(description="An error group that was annotated.")
class AnnotateErrorGroupPayload:
    """The result of `annotateErrorGroup`."""

    annotation: ErrorGroupAnnotation = strawberry.field(
        description="The annotation, as it is now; it is gone where its note, assignee and mute are null."
    )


async def resolve_annotate(
    info: ContextInfo, group_id: str, wanted: AnnotateErrorGroupInput
) -> AnnotateErrorGroupPayload:
    """Annotate a group.

    Raises:
        BadUserInput: the id is of no group, or a value is wrong.
        NotFound: the caller sees no execution of the group.
    """
    given = {"note": wanted.note, "assignee": wanted.assignee, "muted_until": wanted.muted_until}
    changes = {name: value for name, value in given.items() if value is not UNSET}
    annotations = info.context.error_group_annotations
    row = await annotations.annotate(info.context.caller, ErrorGroup.from_id(group_id), changes)
    return AnnotateErrorGroupPayload(annotation=ErrorGroupAnnotation.of(row))
