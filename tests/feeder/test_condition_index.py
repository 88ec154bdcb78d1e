"""The condition index finds what an image of a change meets, and nothing else."""

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from execution_monitor.feeder.condition_index import ConditionIndex
from execution_monitor.storage.filters import EVERYTHING, AllOf, Contains, Filter, OneOf, all_of, equals
from execution_monitor.storage.predicates import Predicate, Stored
from execution_monitor.storage.relative_filters import Duration
from tests.storage.strategies import NEW_YEAR, bounded, executions, filters
from tests.webhooks.test_registry import change

IN_TENANT = equals("tenant_id", "acme")


@dataclass(frozen=True, eq=False)
class Registered:
    """What has a condition, and nothing else."""

    condition: Filter


def found(wheres: list[Filter], before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[int]:
    """The places of those of the filters that the index finds for a change."""
    registered = [Registered(all_of(IN_TENANT, each)) for each in wheres]
    return sorted(registered.index(each) for each in ConditionIndex(registered).find(change(before, after)))


def meets(where: Filter, *images: dict[str, Any] | None) -> bool:
    return any(image is not None and where.matches(image) for image in images)


@bounded(150)
@given(
    st.lists(filters.map(lambda each: each.bind(NEW_YEAR)), max_size=6),
    executions(size=2),
    st.sampled_from(["update", "insert", "delete", "move"]),
)
def test_the_index_finds_exactly_what_an_image_meets(wheres: list[Filter], rows: list[dict[str, Any]], kind: str):
    if len(rows) < 2:
        return
    one, other = rows
    images = {
        "insert": (None, one),
        "delete": (one, None),
        "update": (one, {**one, **{name: other[name] for name in ("status", "tags", "total_cost") if name in other}}),
        "move": (one, other),
    }
    before, after = images[kind]

    assert found(wheres, before, after) == [place for place, each in enumerate(wheres) if meets(each, before, after)]


def test_what_names_values_is_found_by_the_value_before_and_after():
    wheres: list[Filter] = [
        equals("session_id", "a"),
        OneOf("session_id", ("b", "c")),
        AllOf((equals("status", "failed"), Contains("workflow_name", "ETL"))),
        equals("session_id", None),
        EVERYTHING,
    ]
    row = {"tenant_id": "acme", "session_id": "a", "status": "failed", "workflow_name": "nightly etl"}

    assert found(wheres, None, row) == [0, 2, 4]
    assert found(wheres, row, {**row, "session_id": "c", "status": "running"}) == [0, 1, 2, 4]
    assert found(wheres, {**row, "session_id": ["b", "c"]}, None) == [1, 2, 4]
    assert found(wheres, {}, None) == [3, 4]


def test_what_speaks_of_now_is_found_by_what_else_it_says():
    wheres: list[Filter] = [AllOf((equals("status", "running"), Duration(gte=60))), Duration(gte=60)]

    assert found(wheres, None, {"status": "running"}) == [0, 1]
    assert found(wheres, None, {"status": "failed"}) == [1]


def test_of_filters_that_say_the_same_one_is_put_to_an_image():
    put = list[Stored]()

    @dataclass(frozen=True)
    class Counted(Contains):
        @override
        def predicate(self) -> Predicate:
            def count(document: Stored) -> bool:
                put.append(document)
                return True

            return count

    same = Registered(Counted("workflow_name", "etl"))
    index = ConditionIndex([same, replace(same), replace(same)])

    assert len(list(index.find(change(None, {"workflow_name": "etl"})))) == 3
    assert len(put) == 1
