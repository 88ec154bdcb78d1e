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
        assert part.executions.keys() <= part.recounted
        assert part.executions.keys() <= set(part.runs.values())
