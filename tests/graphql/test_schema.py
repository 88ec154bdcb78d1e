from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    build_schema,
    print_ast,
    specified_scalar_types,
)

from execution_monitor.graphql.schema import create_schema

EXPORTED = (Path(__file__).parents[2] / "schema.graphql").read_text()
CONTRACT = build_schema((Path(__file__).parent / "contract.graphql").read_text())
ACTUAL = build_schema(EXPORTED)
TYPES = [each for name, each in CONTRACT.type_map.items() if not name.startswith("__")]


def test_the_exported_schema_is_what_the_code_says():
    assert create_schema().as_str().strip() == EXPORTED.strip(), "run make schema"


@pytest.mark.parametrize("promised", TYPES, ids=lambda each: each.name)
def test_the_schema_keeps_the_contract(promised: GraphQLNamedType):
    actual = ACTUAL.type_map[promised.name]

    assert type(actual) is type(promised)
    assert missing(promised, actual) == []


def missing(promised: Any, actual: Any) -> list[str]:
    """Elements of the contract that the schema lacks."""
    if isinstance(promised, GraphQLEnumType):
        return sorted(set(promised.values) - set(actual.values))
    if isinstance(promised, GraphQLUnionType):
        return sorted({each.name for each in promised.types} - {each.name for each in actual.types})
    if isinstance(promised, GraphQLInputObjectType):
        return [
            f"{name}: {each.type}" for name, each in promised.fields.items() if not same(each, actual.fields.get(name))
        ]
    if isinstance(promised, GraphQLObjectType | GraphQLInterfaceType):
        found: list[str] = []
        for name, each in promised.fields.items():
            field = actual.fields.get(name)
            if field is None or str(field.type) != str(each.type):
                found.append(f"{name}: {each.type}")
                continue
            found += [f"{name}({a}: {x.type})" for a, x in each.args.items() if not same(x, field.args.get(a))]
        return found
    return []


def same(promised: Any, actual: Any) -> bool:
    if actual is None or str(promised.type) != str(actual.type):
        return False
    default = [
        None if each.ast_node is None or each.ast_node.default_value is None else print_ast(each.ast_node.default_value)
        for each in (promised, actual)
    ]
    return default[0] == default[1]


OURS = [
    each
    for name, each in ACTUAL.type_map.items()
    if not name.startswith("__") and not (isinstance(each, GraphQLScalarType) and name in specified_scalar_types)
]


@pytest.mark.parametrize("described", OURS, ids=lambda each: each.name)
def test_every_element_of_the_schema_has_a_description(described: GraphQLNamedType):
    assert [name for name, element in elements_of(described) if not element.description] == []


def elements_of(of: Any) -> Iterator[tuple[str, Any]]:
    """The type itself, and its fields, their arguments, input fields and values, each under its coordinate."""
    yield of.name, of
    for name, field in getattr(of, "fields", {}).items():
        yield f"{of.name}.{name}", field
        yield from ((f"{of.name}.{name}({key}:)", each) for key, each in getattr(field, "args", {}).items())
    yield from ((f"{of.name}.{name}", value) for name, value in getattr(of, "values", {}).items())


def test_a_missing_description_is_found_wherever_it_is_missing():
    bare = build_schema(
        "type Query { runs(first: Int, where: Where): State! } input Where { state: State } enum State { RUNNING }"
    )
    found = {name for each in ("Query", "Where", "State") for name, _ in elements_of(bare.type_map[each])}

    assert found == {
        "Query",
        "Query.runs",
        "Query.runs(first:)",
        "Query.runs(where:)",
        "Where",
        "Where.state",
        "State",
        "State.RUNNING",
    }
