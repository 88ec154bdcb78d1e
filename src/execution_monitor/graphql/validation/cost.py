"""The cost of an operation, known before it runs: the objects it may return, page sizes multiplied as lists nest.

A field and a fragment are weighed once each, wherever they are spread: a walk without memory takes exponential time.

`{ executions(first: 50) { nodes { id } } }` costs 51 points: one for the page, and one for each of its items. What
reads more than it returns, as statistics do, costs points of its own besides.
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
    GraphQLCompositeType,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_composite_type,
    visit,
)

from execution_monitor.errors import QueryTooComplex
from execution_monitor.graphql.selection import (
    ENTRIES,
    LARGEST_LIST,
    LARGEST_PAGE,
    POINTS,
    Fragments,
    Variables,
    walk_fields,
)
from execution_monitor.storage.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

# GraphiQL's introspection query is 15 deep, the deepest useful one of ours 8.
MAX_DEPTH = 20
# A page of executions with all of their fields, steps and log lines has 80.
MAX_FIELDS = 1_000
# A count for each status of each of a dozen workflows.
MAX_ALIASES = 100

# Weights remembered for one document: page sizes and conditions vary little.
_REMEMBERED_WEIGHTS = 32
# Arguments that say how many objects a field returns, and the one of directives that leave it out.
_SIZES = ("first", "last")
_IDS = "ids"
_INPUT = "input"
_PRICED = frozenset({*_SIZES, _IDS, _INPUT, "if"})
_ITEMS = frozenset({"edges", "nodes"})


@dataclass(frozen=True, slots=True)
class Weight:
    """What a selection set weighs: the objects it may return, its depth in levels, its fields and aliases."""

    objects: int = 0
    depth: int = 0
    fields: int = 0
    aliases: int = 0


class Costs:
    """Costs of the operations of one valid document, in points."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        self._document = document
        self._weight_of = lru_cache(_REMEMBERED_WEIGHTS)(self._weigh)

    def of(self, operation: OperationDefinitionNode, variables: Variables) -> int:
        """The cost of `operation`: a point for each root field, each page, and each item of a page; at least 1.

        `variables` are coerced values, by name.
        """
        known = tuple((name, _countable(variables[name])) for name in self._names if name in variables)
        return max(1, self._weight_of(self._operations.index(operation), known).objects)

    def problems(self) -> Iterator[GraphQLError]:
        """Yield why the document must not run whatever its variables: too deep, too many fields or aliases."""
        for number, operation in enumerate(self._operations):
            try:
                weight = self._weight_of(number, None)
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
        """The variables that sizes and conditions depend on, sorted."""
        finder = _VariableFinder()
        visit(self._document, finder)
        return sorted(finder.names)

    def _weigh(self, number: int, known: Sequence[tuple[str, Any]] | None) -> Weight:
        operation = self._operations[number]
        root = self._schema.get_root_type(operation.operation)
        weigher = _Weigher(self._schema, self._fragments, None if known is None else dict(known))
        return Weight() if root is None else weigher.weigh(root, operation.selection_set, root=True)


class _Weigher:
    """Weighs selection sets of one document; without variables, selections that `@skip` may leave out count."""

    def __init__(self, schema: GraphQLSchema, fragments: Fragments, variables: Variables | None) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self._below: dict[int, Weight] = {}

    def weigh(
        self, parent: GraphQLCompositeType, selections: SelectionSetNode, *, page: int | None = None, root: bool = False
    ) -> Weight:
        """The weight of `selections` on one `parent`; on a connection, `page` is how many items it has."""
        objects = depth = fields = aliases = 0
        for field, condition in walk_fields([selections], self._fragments, self._variables):
            name = field.name.value
            owner: Any = parent if condition is None else self._schema.type_map[condition]
            # A valid document names no field that is missing.
            definition: Any = self._schema.get_field(owner, name)
            has_size = "first" in definition.args
            page_size = self._page_size(field, definition) if has_size else None
            below = self._weigh_below(get_named_type(definition.type), field, page_size)
            times, own = 1, root or has_size
            if page is not None and name in _ITEMS:
                times, own = page, True
            elif _IDS in definition.args:
                times = self._count_ids(field)
            elif (looked_up := _metadata_of(definition).get(LARGEST_LIST)) is not None:
                times, own = looked_up, True
            elif page_size is not None and _is_list(definition.type):
                times = page_size  # it returns its items themselves
            elif (entries := _metadata_of(definition).get(ENTRIES)) is not None:
                objects += self._count_entries(field, entries) - 1
            objects += times * (own + below.objects) + _metadata_of(definition).get(POINTS, 0)
            depth = max(depth, 1 + below.depth)
            fields += 1 + below.fields
            aliases += (field.alias is not None) + below.aliases
        return Weight(objects, depth, fields, aliases)

    def _weigh_below(self, kind: Any, field: FieldNode, page: int | None) -> Weight:
        if field.selection_set is None or not is_composite_type(kind):
            return Weight()
        known = self._below.get(id(field))
        if known is None:
            known = self._below[id(field)] = self.weigh(kind, field.selection_set, page=page)
        return known

    def _page_size(self, field: FieldNode, definition: GraphQLField) -> int:
        given = [self._value(argument.value) for argument in field.arguments or () if argument.name.value in _SIZES]
        default = definition.args["first"].default_value
        given.append(default if isinstance(default, int) else DEFAULT_PAGE_SIZE)
        size = next(each for each in given if isinstance(each, int))
        # A size beyond these bounds is refused when the operation runs.
        return max(1, min(size, _metadata_of(definition).get(LARGEST_PAGE, MAX_PAGE_SIZE)))

    def _count_ids(self, field: FieldNode) -> int:
        for argument in field.arguments or ():
            if argument.name.value == _IDS:
                if isinstance(argument.value, ListValueNode):
                    return len(argument.value.values)
                found = self._value(argument.value)
                return found if isinstance(found, int) else 1
        return 1

    def _count_entries(self, field: FieldNode, name: str) -> int:
        """How many entries the list `name` of the argument `input` has; at least 1."""
        (given,) = (each.value for each in field.arguments or () if each.name.value == _INPUT)
        if isinstance(given, VariableNode):
            counts: Mapping[str, int] = dict((self._variables or {}).get(given.name.value) or ())
            return max(1, counts.get(name, 1))
        (listed,) = (each.value for each in cast("ObjectValueNode", given).fields if each.name.value == name)
        if isinstance(listed, ListValueNode):
            return max(1, len(listed.values))
        found = self._value(listed)
        return max(1, found) if isinstance(found, int) else 1

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
        """Called by the visit."""
        # Within the argument `input` any field may be the list of entries.
        is_priced = isinstance(node, ObjectFieldNode) or (isinstance(node, ArgumentNode) and node.name.value in _PRICED)
        if is_priced and isinstance(node.value, VariableNode):
            self.names.add(node.value.name.value)


def _metadata_of(definition: GraphQLField) -> Mapping[Any, Any]:
    declared = definition.extensions.get("strawberry-definition")  # fields of introspection have none
    return {} if declared is None else declared.metadata


def _is_list(kind: Any) -> bool:
    # Lists of ours may be non-null.
    return isinstance(getattr(kind, "of_type", kind), GraphQLList) or isinstance(kind, GraphQLList)


def _countable(value: Any) -> Any:
    """`value` as far as the cost depends on it: the length of a list, and those of the lists in an object, by name."""
    if isinstance(value, list):
        return len(cast("list[Any]", value))
    if isinstance(value, dict):
        fields = sorted(cast("dict[str, Any]", value).items())
        return tuple((name, len(cast("list[Any]", each))) for name, each in fields if isinstance(each, list))
    return value
