"""Plans: of each type that a query can reach through executions, what to read for a selection and how to show it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType

from execution_monitor.executions.counts import Counted
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
from execution_monitor.graphql.types.connection import READS, SHOWS, needed_neighbours, needs_cursors
from execution_monitor.storage.pagination import Neighbours, Page, Row

_PARTS = ("steps", "logs")

# The pages of parts that were read for a page of executions: by the plan that wants them, then by execution.
ChildPages = Mapping["ChildrenPlan", Mapping[str, Page]]


@dataclass(frozen=True, slots=True)
class Read:
    """A page that was read, with what else its selection needs."""

    page: Page
    parts: ChildPages = field(default_factory=dict["ChildrenPlan", Mapping[str, Page]])
    counted: Counted | None = None
    live_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RowPlan:
    """How rows of one type are shown, and from which stored fields."""

    emit: Emit
    reads: frozenset[str] = frozenset()
    parts: "tuple[ChildrenPlan, ...]" = ()

    def show(self, row: Row, read: ChildPages) -> dict[str, Any]:
        """`row` as JSON, with the parts that were read for it."""
        shown: dict[str, Any] = self.emit(row)
        for each in self.parts:
            shown[each.field.key] = each.connection.show(Read(read[each][row["execution_id"]]))
        return shown


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """How a page is shown, and what is read for it."""

    show: Callable[[Read], dict[str, Any]]
    rows: tuple[RowPlan, ...]
    shows_rows: bool
    needs_cursors: bool
    neighbours: Neighbours
    count: Field | None  # the first field that a count answers
    is_live: bool

    @property
    def reads(self) -> frozenset[str]:
        """The stored fields that the rows are made from."""
        return frozenset[str]().union(*(each.reads for each in self.rows))

    @property
    def parts(self) -> "tuple[ChildrenPlan, ...]":
        """The parts that are wanted of each row."""
        return tuple(part for each in self.rows for part in each.parts)


@dataclass(frozen=True, eq=False, slots=True)
class ChildrenPlan:
    """The steps or log lines of each row."""

    field: Field
    connection: ConnectionPlan


def plan_connection(asked: Field) -> ConnectionPlan:
    """How the connection that `asked` leads to is read and shown."""
    fields = asked.below(_object(asked))
    shows, rows = list[tuple[str, Callable[[Read], Any]]](), list[RowPlan]()
    for each in fields:
        show, plans = _plan_field_of_connection(each)
        shows.append((each.key, show))
        rows.extend(plans)
    names = by_name(fields)
    edges, page_info = (_names_below(fields, name) for name in ("edges", "pageInfo"))
    return ConnectionPlan(
        emit_object(shows),
        tuple(rows),
        "edges" in names or "nodes" in names,
        needs_cursors(edges, page_info),
        needed_neighbours(page_info),
        next((each for each in fields if each.name in _COUNTS), None),
        "liveCursor" in names,
    )


def plan_row(asked: Field) -> RowPlan:
    """How the rows of the type that `asked` leads to are shown."""
    shown = _object(asked)
    record = record_of(shown)
    if record is None:
        raise NotCompilable(shown.name)
    values, parts = list[tuple[str, Value]](), list[ChildrenPlan]()
    reads = set[str]()
    for each in asked.below(shown):
        if each.name in _PARTS:
            part = ChildrenPlan(each, plan_connection(each))
            parts.append(part)
            # Its place among the keys; `RowPlan.show` fills it in.
            values.append((each.key, Value(constant(None))))
        else:
            values.append((each.key, plan_value(each, record)))
        reads.update(each.metadata.get(READS, ()))
    return RowPlan(compile_row(values), frozenset(reads), tuple(parts))


_COUNTS: Mapping[str, Callable[[Counted], Any]] = {
    "totalCount": lambda counted: counted.total,
    "totalCountIsExact": lambda counted: counted.is_exact,
}


def _plan_field_of_connection(asked: Field) -> tuple[Callable[[Read], Any], Sequence[RowPlan]]:
    match asked.name:
        case "nodes":
            rows = plan_row(asked)
            return _show_rows(rows), (rows,)
        case "edges":
            return _plan_edges(asked)
        case "pageInfo":
            emit = emit_object([(each.key, _emit_shown(each)) for each in asked.below(_object(asked))])
            return lambda read: emit(read.page), ()
        case "totalCount" | "totalCountIsExact" as name:
            count = _COUNTS[name]
            return lambda read: None if read.counted is None else count(read.counted), ()
        case "liveCursor":
            return lambda read: read.live_cursor, ()
        case "__typename":
            return constant(asked.parent.name), ()
        case _:
            raise NotCompilable(asked.name)


def _show_rows(rows: RowPlan) -> Callable[[Read], list[Any]]:
    if rows.parts:
        return lambda read: [rows.show(row, read.parts) for row in read.page.rows]
    emit = rows.emit
    return lambda read: [emit(row) for row in read.page.rows]


def _plan_edges(asked: Field) -> tuple[Callable[[Read], Any], Sequence[RowPlan]]:
    shows, rows = list[tuple[str, Callable[[Read, Row], Any]]](), list[RowPlan]()
    for each in asked.below(_object(asked)):
        match each.name:
            case "cursor":
                shows.append((each.key, lambda read, row: read.page.cursor_of(row)))
            case "node":
                plan = plan_row(each)
                rows.append(plan)
                shows.append((each.key, lambda read, row, plan=plan: plan.show(row, read.parts)))
            case "__typename":
                name = each.parent.name
                shows.append((each.key, lambda _read, _row, name=name: name))
            case _:
                raise NotCompilable(each.name)
    return lambda read: [{key: show(read, row) for key, show in shows} for row in read.page.rows], rows


def _emit_shown(asked: Field) -> Emit:
    if asked.name == "__typename":
        return constant(asked.parent.name)
    return compose(asked.metadata[SHOWS], emit_value(asked))


def _object(asked: Field) -> GraphQLObjectType:
    shown: Any = asked.type
    while not isinstance(shown, GraphQLObjectType):
        if not isinstance(shown, GraphQLNonNull | GraphQLList):
            raise NotCompilable(str(shown))
        shown = cast("Any", shown).of_type
    return shown


def _names_below(fields: Sequence[Field], name: str) -> Mapping[str, Any]:
    return by_name([inner for each in fields if each.name == name for inner in each.below(_object(each))])
