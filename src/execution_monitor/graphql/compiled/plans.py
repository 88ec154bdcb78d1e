"""Plans of rows and connections: which stored fields a selection needs, and how a row or a page becomes JSON.

*Children* of an execution are its steps and its log lines, which are read for a whole page of executions at once, as is
what recovered those that failed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType

from execution_monitor.executions.counts import CountResult
from execution_monitor.executions.retries import EndedRun
from execution_monitor.graphql.compiled.codegen import Emit, Value, compile_row
from execution_monitor.graphql.compiled.fields import Field, NotCompilable, by_name
from execution_monitor.graphql.compiled.serialisers import (
    compose,
    constant,
    emit_object,
    emit_value,
    plan_value,
    record_of,
)
from execution_monitor.graphql.selection import LARGEST_LIST
from execution_monitor.graphql.types.connection import READS, RETURNS, needed_neighbours, needs_cursors
from execution_monitor.storage.pagination import Neighbours, Page
from execution_monitor.storage.rows import Row

_CHILDREN = ("steps", "logs")
_RECOVERED_BY = "recoveredBy"


@dataclass(frozen=True, slots=True)
class Joined:
    """What was read for a page of executions from other documents, by `execution_id`.

    `children` are pages of steps and log lines, by their plan; `recoveries` the ids of the executions that recovered
    those of the page.
    """

    children: "Mapping[ChildrenPlan, Mapping[str, Page]]" = field(
        default_factory=dict["ChildrenPlan", Mapping[str, Page]]
    )
    recoveries: Mapping[str, str] = field(default_factory=dict[str, str])


NOTHING_JOINED = Joined()


@dataclass(frozen=True, slots=True)
class Read:
    """A page with all else that its selection needs."""

    page: Page
    joined: Joined = NOTHING_JOINED
    counted: CountResult | None = None
    live_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RowPlan:
    """How rows of one type become JSON; `reads` are the stored fields that this needs.

    `recoveries` are the response keys under which it says what recovered the row.
    """

    emit: Emit
    reads: frozenset[str] = frozenset()
    children: "tuple[ChildrenPlan, ...]" = ()
    recoveries: tuple[str, ...] = ()

    @property
    def is_joined(self) -> bool:
        """Whether it needs other documents than the rows."""
        return bool(self.children or self.recoveries)

    def to_json(self, row: Row, joined: Joined) -> dict[str, Any]:
        """`row` as JSON, with what is `joined` to it."""
        result: dict[str, Any] = self.emit(row)
        for each in self.children:
            result[each.field.key] = each.connection.to_json(Read(joined.children[each][row["execution_id"]]))
        for key in self.recoveries:
            result[key] = None if EndedRun.of(row) is None else joined.recoveries.get(row["execution_id"])
        return result


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """How a page becomes JSON, and what is read for it."""

    to_json: Callable[[Read], dict[str, Any]]
    rows: tuple[RowPlan, ...]
    shows_rows: bool
    needs_cursors: bool
    neighbours: Neighbours
    count: Field | None  # the first selected field that needs a count
    is_live: bool

    @property
    def reads(self) -> frozenset[str]:
        """The stored fields that the rows need."""
        return frozenset[str]().union(*(each.reads for each in self.rows))

    @property
    def children(self) -> "tuple[ChildrenPlan, ...]":
        """The children selected of each row."""
        return tuple(child for each in self.rows for child in each.children)

    @property
    def recovers(self) -> bool:
        """Whether it is selected what recovered a row."""
        return any(each.recoveries for each in self.rows)


@dataclass(frozen=True, eq=False, slots=True)
class ChildrenPlan:
    """The steps or log lines selected of each row."""

    field: Field
    connection: ConnectionPlan


def plan_connection(field: Field) -> ConnectionPlan:
    """The plan of the connection that `field` returns.

    Raises:
        NotCompilable: it selects a field that no plan covers.
    """
    fields = field.below(_object(field))
    entries, rows = list[tuple[str, Callable[[Read], Any]]](), list[RowPlan]()
    for each in fields:
        to_json, plans = _plan_field_of_connection(each)
        entries.append((each.key, to_json))
        rows.extend(plans)
    names = by_name(fields)
    edges, page_info = (_names_below(fields, name) for name in ("edges", "pageInfo"))
    return ConnectionPlan(
        emit_object(entries),
        tuple(rows),
        "edges" in names or "nodes" in names,
        needs_cursors(edges, page_info) or "search" in names,
        needed_neighbours(page_info),
        next((each for each in fields if each.name in _COUNTS), None),
        "liveCursor" in names,
    )


def plan_row(field: Field) -> RowPlan:
    """The plan of the rows that `field` returns, or that its list holds.

    Raises:
        NotCompilable: it selects a field that no plan covers.
    """
    return_type = _object(field)
    record = record_of(return_type)
    if record is None:
        raise NotCompilable(return_type.name)
    values, children, recoveries = list[tuple[str, Value]](), list[ChildrenPlan](), list[str]()
    reads = set[str]()
    for each in field.below(return_type):
        if each.name in _CHILDREN:
            child = ChildrenPlan(each, plan_connection(each))
            children.append(child)
            # Its place among the keys; `RowPlan.to_json` fills it in.
            values.append((each.key, Value(constant(None))))
        elif each.name == _RECOVERED_BY:
            recoveries.append(each.key)
            values.append((each.key, Value(constant(None))))
        elif LARGEST_LIST in each.metadata:
            # Other executions, with whatever is selected of them.
            raise NotCompilable(each.name)
        else:
            values.append((each.key, plan_value(each, record)))
        reads.update(each.metadata.get(READS, ()))
    return RowPlan(compile_row(values), frozenset(reads), tuple(children), tuple(recoveries))


_COUNTS: Mapping[str, Callable[[CountResult], Any]] = {
    "totalCount": lambda counted: counted.total,
    "totalCountIsExact": lambda counted: counted.is_exact,
}


def _plan_field_of_connection(field: Field) -> tuple[Callable[[Read], Any], Sequence[RowPlan]]:
    match field.name:
        case "nodes":
            rows = plan_row(field)
            return _rows_to_json(rows), (rows,)
        case "edges":
            return _plan_edges(field)
        case "pageInfo" | "search":
            emit = emit_object([(each.key, _emit_fact(each)) for each in field.below(_object(field))])
            return lambda read: emit(read.page), ()
        case "totalCount" | "totalCountIsExact" as name:
            count = _COUNTS[name]
            return lambda read: None if read.counted is None else count(read.counted), ()
        case "liveCursor":
            return lambda read: read.live_cursor, ()
        case "__typename":
            return constant(field.parent.name), ()
        case _:
            raise NotCompilable(field.name)


def _rows_to_json(rows: RowPlan) -> Callable[[Read], list[Any]]:
    if rows.is_joined:
        return lambda read: [rows.to_json(row, read.joined) for row in read.page.rows]
    emit = rows.emit
    return lambda read: [emit(row) for row in read.page.rows]


def _plan_edges(field: Field) -> tuple[Callable[[Read], Any], Sequence[RowPlan]]:
    entries, rows = list[tuple[str, Callable[[Read, Row], Any]]](), list[RowPlan]()
    for each in field.below(_object(field)):
        match each.name:
            case "cursor":
                entries.append((each.key, lambda read, row: read.page.cursor_of(row)))
            case "node":
                plan = plan_row(each)
                rows.append(plan)
                entries.append((each.key, lambda read, row, plan=plan: plan.to_json(row, read.joined)))
            case "__typename":
                name = each.parent.name
                entries.append((each.key, lambda _read, _row, name=name: name))
            case _:
                raise NotCompilable(each.name)
    return lambda read: [{key: to_json(read, row) for key, to_json in entries} for row in read.page.rows], rows


def _emit_fact(field: Field) -> Emit:
    """A field about a page, which is made from the page alone."""
    if field.name == "__typename":
        return constant(field.parent.name)
    return compose(field.metadata[RETURNS], emit_value(field))


def _object(field: Field) -> GraphQLObjectType:
    return_type: Any = field.type
    while not isinstance(return_type, GraphQLObjectType):
        if not isinstance(return_type, GraphQLNonNull | GraphQLList):
            raise NotCompilable(str(return_type))
        return_type = cast("Any", return_type).of_type
    return return_type


def _names_below(fields: Sequence[Field], name: str) -> Mapping[str, Any]:
    return by_name([inner for each in fields if each.name == name for inner in each.below(_object(each))])
