"""What an operation selects: so that only that is read from the database.

Fragments are walked once each, whatever their nesting; a walk without memory takes exponential time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    NamedTypeNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    is_object_type,
)
from strawberry.types import Info

from execution_monitor.graphql.context import Context

Selected = Mapping[str, Sequence[FieldNode]]
ContextInfo = Info[Context, None]


def selected_by(info: ContextInfo, *path: str, on: str | None = None) -> Selected:
    """The field nodes selected below the field that is being resolved, or below `path` from it, by field name.

    `on` names one object type where the field may show several; what is selected on others alone is left out.
    """
    raw: GraphQLResolveInfo[Context] = info._raw_info  # noqa: SLF001  # pyright: ignore - Strawberry has no public way to the nodes
    selected = _collect(raw, raw.field_nodes, on)
    for name in path:
        selected = _collect(raw, selected.get(name, ()), on)
    return selected


def _collect(raw: GraphQLResolveInfo[Context], parents: Iterable[FieldNode], on: str | None) -> Selected:
    variables: Mapping[str, Any] = raw.variable_values  # pyright: ignore[reportAssignmentType] - Strawberry passes a dict
    found: dict[str, list[FieldNode]] = defaultdict(list)
    seen: set[str] = set()
    pending: list[SelectionSetNode | None] = [parent.selection_set for parent in parents]
    while pending:
        selections = pending.pop()
        for node in () if selections is None else selections.selections:
            if _is_left_out(node, variables):
                continue
            if isinstance(node, FieldNode):
                found[node.name.value].append(node)
                continue
            fragment: Any = node
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in seen:
                    continue
                seen.add(node.name.value)
                fragment = raw.fragments[node.name.value]
            if _applies(raw, fragment.type_condition, on):
                pending.append(fragment.selection_set)
    return found


def _applies(raw: GraphQLResolveInfo[Context], condition: NamedTypeNode | None, on: str | None) -> bool:
    if condition is None or on is None or condition.name.value == on:
        return True
    # Of an interface or a union every member may be meant; another object type is another object.
    return not is_object_type(raw.schema.get_type(condition.name.value))


def _is_left_out(node: SelectionNode, variables: Mapping[str, Any]) -> bool:
    return any(
        (directive.name.value == "skip" and _condition(directive, variables))
        or (directive.name.value == "include" and not _condition(directive, variables))
        for directive in node.directives or ()
    )


def _condition(directive: DirectiveNode, variables: Mapping[str, Any]) -> bool:
    for argument in directive.arguments or ():
        if isinstance(argument.value, VariableNode):
            return bool(variables.get(argument.value.name.value))
        if isinstance(argument.value, BooleanValueNode):
            return argument.value.value
    return False
