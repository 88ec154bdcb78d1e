"""Large facts in parts: together they say the same."""

from datetime import UTC, datetime
from typing import Any

from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.ingest.writer.parts import parts_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def keep(_: str, value: Any) -> Any:
    return value


def large_facts() -> Facts:
    facts = Facts(keep)
    for number in range(1_200):
        facts.execution(f"run-{number}").created(NOON)
        facts.step("run-0", f"step-{number}").created(NOON)
        facts.log("run-1", f"line-{number}", at=NOON, message="hello")
        facts.run(f"task-{number}", f"run-{number}")
        facts.recounted.add(f"run-{number}")
    return facts


async def test_parts_have_what_the_whole_has():
    facts, joined = large_facts(), Facts(keep)

    parts = [part async for part in parts_of(facts)]
    for part in parts:
        joined.join(part)

    assert len(parts) > 3
    assert max(len(part.executions) + len(part.steps) + len(part.log_lines) for part in parts) <= 1_000
    assert (joined.executions.keys(), joined.steps.keys()) == (facts.executions.keys(), facts.steps.keys())
    assert (joined.log_lines, joined.runs, joined.recounted) == (facts.log_lines, facts.runs, facts.recounted)


async def test_the_part_of_an_execution_has_its_runs_and_whether_it_is_recounted():
    facts = large_facts()

    for part in [each async for each in parts_of(facts)]:
        assert part.executions.keys() == part.recounted == set(part.runs.values())


async def test_what_is_reported_of_an_execution_is_in_one_part_where_it_fits_else_its_own_word_comes_last():
    facts = large_facts()
    for number in range(1_200):
        facts.step(f"run-{number}", "a-step").created(NOON)
        facts.log(f"run-{number}", "a-line", at=NOON, message="hello")

    places: dict[str, list[int]] = {}
    own: dict[str, int] = {}
    for place, part in enumerate([each async for each in parts_of(facts)]):
        for execution_id in part.execution_ids:
            places.setdefault(execution_id, []).append(place)
        own |= dict.fromkeys(part.executions, place)

    assert {each for each, found in places.items() if len(found) > 1} == {"run-0", "run-1"}
    assert all(found[-1] == own[execution_id] for execution_id, found in places.items())


async def test_facts_without_a_word_of_the_executions_themselves_are_cut_as_well():
    facts = Facts(keep)
    for number in range(2_500):
        facts.step(f"run-{number % 2}", f"step-{number}").created(NOON)

    parts = [part async for part in parts_of(facts)]

    assert sum(len(part.steps) for part in parts) == 2_500
    assert max(len(part.steps) for part in parts) <= 1_000
