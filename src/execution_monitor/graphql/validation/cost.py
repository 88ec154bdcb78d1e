"""What operations cost before they run: the objects they may be answered with, times page sizes, nested.

A field and a fragment are weighed once each, wherever they are spread: a walk without memory takes exponential time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_composite_type,
    visit,
)

from execution_monitor.errors import QueryTooComplex
from execution_monitor.storage.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

# GraphiQL's introspection query is 15 deep, the deepest useful one of ours 8.
MAX_DEPTH = 20
# A page of executions with all of their fields, steps and log lines has 80.
MAX_FIELDS = 1_000
# A count for each status of each of a dozen workflows.
MAX_ALIASES = 100

# Prices that one document is remembered with: page sizes and conditions vary little.
_REMEMBERED_PRICES = 32
# Arguments that say how many objects a field has, and directives that leave it out.
_SIZES = ("first", "last")
_IDS = "ids"
_MATTERS = frozenset({*_SIZES, _IDS, "if"})
_ITEMS = frozenset({"edges", "nodes"})

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Weight:
    """Of a selection: how many objects it may be answered with, how deep it is, its fields and aliases."""

    objects: int = 0
    depth: int = 0
    fields: int = 0
    aliases: int = 0


class Costs:
    """What each operation of one valid document costs, for given variables."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        self._document = document
        self._price = lru_cache(_REMEMBERED_PRICES)(self._weigh)

    def of(self, operation: OperationDefinitionNode, variables: Variables) -> int:
        """The cost of `operation`, at least 1: a point for each root field, each page, and each item of a page."""
        known = tuple((name, _countable(variables[name])) for name in self._names if name in variables)
        return max(1, self._price(self._operations.index(operation), known).objects)

    def problems(self) -> Iterator[GraphQLError]:
        """Why the document must not run whatever its variables: too deep, too many fields or aliases."""
        for number, operation in enumerate(self._operations):
            try:
                weight = self._price(number, None)
            except RecursionError:
                weight = Weight(depth=len(self._fragments) * MAX_DEPTH)
            for found, limit, what in (
                (weight.depth, MAX_DEPTH, "levels"),
                (weight.fields, MAX_FIELDS, "fields"),
                (weight.aliases, MAX_ALIASES, "aliases"),
            ):
                if found > limit:
                    problem = QueryTooComplex(f"This operation has more than {limit:,} {what}; split it.")
                    yield GraphQLError(problem.message, operation, original_error=problem)

    @cached_property
    def _names(self) -> list[str]:
        """The variables that sizes and conditions depend on."""
        finder = _VariableFinder()
        visit(self._document, finder)
        return sorted(finder.names)

    def _weigh(self, number: int, known: Sequence[tuple[str, Any]] | None) -> Weight:
        operation = self._operations[number]
        root = self._schema.get_root_type(operation.operation)
        scale = _Scale(self._schema, self._fragments, None if known is None else dict(known))
        return Weight() if root is None else scale.weigh(root, operation.selection_set, root=True)


class _Scale:
    """Weighs selections of one document; without variables everything counts that may be left out."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], variables: Variables | None
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self._below: dict[int, Weight] = {}

    def weigh(
        self, parent: GraphQLCompositeType, selections: SelectionSetNode, *, page: int | None = None, root: bool = False
    ) -> Weight:
        """The weight of `selections` on one `parent`; on a connection, `page` is how many items it has."""
        objects = depth = fields = aliases = 0
        for owner, field in self._fields_of(parent, selections, set()):
            name = field.name.value
            # A valid document names no field that is missing.
            definition: Any = self._schema.get_field(owner, name)
            has_size = "first" in definition.args
            below = self._weigh_below(get_named_type(definition.type), field, has_size=has_size)
            times, own = 1, root or has_size
            if page is not None and name in _ITEMS:
                times, own = page, True
            elif _IDS in definition.args:
                times = self._count_ids(field)
            objects += times * (own + below.objects)
            depth = max(depth, 1 + below.depth)
            fields += 1 + below.fields
            aliases += (field.alias is not None) + below.aliases
        return Weight(objects, depth, fields, aliases)

    def _weigh_below(self, shown: Any, field: FieldNode, *, has_size: bool) -> Weight:
        if field.selection_set is None or not is_composite_type(shown):
            return Weight()
        known = self._below.get(id(field))
        if known is None:
            page = self._page_size(field) if has_size else None
            known = self._below[id(field)] = self.weigh(shown, field.selection_set, page=page)
        return known

    def _fields_of(
        self, parent: GraphQLCompositeType, selections: SelectionSetNode, seen: set[str]
    ) -> Iterator[tuple[GraphQLCompositeType, FieldNode]]:
        """The fields of a selection with the types they stand on, each fragment once, as they are executed."""
        for node in selections.selections:
            if self._is_left_out(node):
                continue
            if isinstance(node, FieldNode):
                yield parent, node
                continue
            fragment: Any = node
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in seen:
                    continue
                seen.add(node.name.value)
                fragment = self._fragments[node.name.value]
            condition = fragment.type_condition
            on = parent if condition is None else self._schema.type_map[condition.name.value]
            yield from self._fields_of(cast("GraphQLCompositeType", on), fragment.selection_set, seen)

    def _page_size(self, field: FieldNode) -> int:
        stated = [self._value(argument.value) for argument in field.arguments or () if argument.name.value in _SIZES]
        size = next((each for each in stated if isinstance(each, int)), DEFAULT_PAGE_SIZE)
        # What is beyond these bounds is refused when it runs.
        return max(1, min(size, MAX_PAGE_SIZE))

    def _count_ids(self, field: FieldNode) -> int:
        for argument in field.arguments or ():
            if argument.name.value == _IDS:
                if isinstance(argument.value, ListValueNode):
                    return len(argument.value.values)
                found = self._value(argument.value)
                return found if isinstance(found, int) else 1
        return 1

    def _is_left_out(self, node: SelectionNode) -> bool:
        if self._variables is None:
            return False
        return any(
            (directive.name.value == "skip" and value is True) or (directive.name.value == "include" and value is False)
            for directive in node.directives or ()
            for value in (self._value(argument.value) for argument in directive.arguments or ())
        )

    def _value(self, node: ValueNode) -> int | bool | None:
        if isinstance(node, VariableNode):
            return (self._variables or {}).get(node.name.value)
        if isinstance(node, IntValueNode):
            return int(node.value)
        return node.value if isinstance(node, BooleanValueNode) else None


class _VariableFinder(Visitor):
    """Finds the variables that sizes and conditions depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter(self, node: Any, *_: Any) -> None:
        """Look at one node."""
        if isinstance(node, ArgumentNode) and node.name.value in _MATTERS and isinstance(node.value, VariableNode):
            self.names.add(node.value.name.value)


def _countable(value: Any) -> Any:
    """`value` as far as a price depends on it: of a list its length."""
    return len(cast("list[Any]", value)) if isinstance(value, list) else value
