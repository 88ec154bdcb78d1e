"""Selection sets: the one walk through fragments, `@skip` and `@include`, and what a resolver's field selects.

Cost, the audit trail, introspection checks and projections all use `walk_fields`. Only `compiled/` does not: it plans
what graphql-core's own `collect_fields` returns, so that both give the same response.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    is_object_type,
)
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.types import Info
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

# Key of a field's metadata: the size of its largest page, where that is not `MAX_PAGE_SIZE`.
LARGEST_PAGE = "largest page"
# The same for a field that looks up other objects without paging: how many they are at most.
LARGEST_LIST = "largest list"
# The same for a mutation that stores the entries of a list: the name of the list in its argument `input`.
ENTRIES = "entries"
# The same for a field that reads more than it returns: the points that it costs besides.
POINTS = "points"

# Field nodes by field name, one for each time a field is selected.
Selected = Mapping[str, Sequence[FieldNode]]
Variables = Mapping[str, Any]
Fragments = Mapping[str, FragmentDefinitionNode]


def walk_fields(
    selection_sets: Iterable[SelectionSetNode | None],
    fragments: Fragments,
    variables: Variables | None = None,
    applies: Callable[[str], bool] = lambda _: True,
) -> Iterator[tuple[FieldNode, str | None]]:
    """Yield each field of `selection_sets` in the order of the document, with the type of its innermost fragment.

    That type is None for a field outside all fragments that name one. A fragment is walked once, however often and
    however deep it is spread: a walk without memory takes exponential time, and never ends in a circle.

    Args:
        selection_sets: those of one field, which a document may select several times.
        fragments: the fragment definitions of the document, by name.
        variables: coerced values by which `@skip` and `@include` leave selections out; None leaves nothing out.
        applies: whether a fragment on the type of this name is walked.

    Raises:
        KeyError: a fragment is not defined, which validation would have refused.
    """
    spread: set[str] = set()
    # A stack instead of recursion: a document that is not validated yet may spread hundreds of fragments in each other.
    pending: list[tuple[str | None, Iterator[SelectionNode]]] = [
        (None, iter(() if each is None else each.selections)) for each in selection_sets
    ]
    pending.reverse()
    while pending:
        condition, nodes = pending[-1]
        node = next(nodes, None)
        if node is None:
            pending.pop()
        elif variables is not None and _is_left_out(node, variables):
            continue
        elif isinstance(node, FieldNode):
            yield node, condition
        elif (fragment := _fragment_of(node, fragments, spread)) is not None:
            on = fragment.type_condition
            if on is None or applies(on.name.value):
                pending.append((condition if on is None else on.name.value, iter(fragment.selection_set.selections)))


def _fragment_of(
    node: SelectionNode, fragments: Fragments, spread: set[str]
) -> FragmentDefinitionNode | InlineFragmentNode | None:
    """The fragment that `node` is or spreads; None where the latter was walked before."""
    if isinstance(node, InlineFragmentNode):
        return node
    name = cast("FragmentSpreadNode", node).name.value
    if name in spread:
        return None
    spread.add(name)
    return fragments[name]


def _is_left_out(node: SelectionNode, variables: Variables) -> bool:
    return any(
        (directive.name.value == "skip" and value is True) or (directive.name.value == "include" and value is False)
        for directive in node.directives or ()
        for value in _conditions(directive, variables)
    )


def _conditions(directive: DirectiveNode, variables: Variables) -> Iterator[Any]:
    for argument in directive.arguments or ():
        if isinstance(argument.value, VariableNode):
            yield variables.get(argument.value.name.value)
        elif isinstance(argument.value, BooleanValueNode):
            yield argument.value.value


def selected_by(info: Info[Any, Any], *path: str, on: str | None = None) -> Selected:
    """The fields selected below the field that is being resolved, or below `path` from it.

    `on` names one object type where the field may return several; what is selected on other object types is left out.
    """
    raw = _raw(info)
    selected = _collect(raw, raw.field_nodes, on)
    for name in path:
        selected = _collect(raw, selected.get(name, ()), on)
    return selected


def selected_in(info: Info[Any, Any], nodes: Iterable[FieldNode]) -> Selected:
    """The fields selected below the field `nodes`, which `selected_by` found."""
    return _collect(_raw(info), nodes, None)


def arguments_of(info: Info[Any, Any], parent: str, node: FieldNode) -> dict[str, Any]:
    """The arguments of the field `node` of the object type `parent`, by their Python names, as its resolver takes them.

    Raises:
        GraphQLError: a variable is null where the argument must not be.
    """
    raw = _raw(info)
    owner: Any = raw.schema.get_type(parent)
    definition: GraphQLField = owner.fields[node.name.value]
    declared: StrawberryField = definition.extensions["strawberry-definition"]
    values = get_argument_values(definition, node, VariableValues({}, _variables(raw)))
    config, scalars = info.schema.config, info.schema.schema_converter.scalar_registry
    return convert_arguments(values, declared.arguments, scalars, config)


def _raw(info: Info[Any, Any]) -> GraphQLResolveInfo[Any]:
    return info._raw_info  # noqa: SLF001  # pyright: ignore - Strawberry has no public way to the nodes


def _variables(raw: GraphQLResolveInfo[Any]) -> dict[str, Any]:
    return raw.variable_values  # pyright: ignore[reportReturnType] - Strawberry passes a dict


def _collect(raw: GraphQLResolveInfo[Any], parents: Iterable[FieldNode], on: str | None) -> Selected:
    def applies(condition: str) -> bool:
        # An interface or a union may stand for any of its members; another object type is another object.
        return on is None or condition == on or not is_object_type(raw.schema.get_type(condition))

    variables = _variables(raw)
    found: dict[str, list[FieldNode]] = defaultdict(list)
    for field, _ in walk_fields([parent.selection_set for parent in parents], raw.fragments, variables, applies):
        found[field.name.value].append(field)
    return found
