"""Parts of large facts: what is done with all documents of one part at once takes some milliseconds."""

from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.ingest.writer.slices import in_slices

Item = TypeVar("Item")
Key = tuple[str, str]

_MAX_DOCUMENTS = 1_000


async def parts_of(facts: Facts) -> AsyncIterator[Facts]:
    """Facts that together say what `facts` do.

    Each part that has something of an execution updates the execution, so all of one is in one part where it fits. Of
    one that does not fit, what it reports itself comes after its steps and lines.
    """
    if _size(facts) <= _MAX_DOCUMENTS:
        yield facts
        return
    part = Facts(facts.clean)
    async for of_one in in_slices((await _by_execution(facts)).values()):
        if _size(part) and _size(part) + _size(of_one) > _MAX_DOCUMENTS:
            yield part
            part = Facts(facts.clean)
        if _size(of_one) <= _MAX_DOCUMENTS:
            _add(part, of_one)
            continue
        for piece in _pieces(of_one):
            yield piece
    if _size(part):
        yield part


def _size(facts: Facts) -> int:
    return len(facts.executions) + len(facts.steps) + len(facts.log_lines)


async def _by_execution(facts: Facts) -> Mapping[str, Facts]:
    """The facts of each execution."""
    found = {execution_id: Facts(facts.clean) for execution_id in facts.execution_ids}
    async for execution_id, execution in in_slices(facts.executions.items()):
        found[execution_id].executions[execution_id] = execution
    async for key, step in in_slices(facts.steps.items()):
        found[key[0]].steps[key] = step
    async for key, line in in_slices(facts.log_lines.items()):
        found[key[0]].log_lines[key] = line
    async for run_id, execution_id in in_slices(facts.runs.items()):
        if execution_id in found:
            found[execution_id].runs[run_id] = execution_id
    for execution_id in facts.recounted & found.keys():
        found[execution_id].recounted.add(execution_id)
    return found


def _add(part: Facts, of_one: Facts) -> None:
    part.executions |= of_one.executions
    part.steps |= of_one.steps
    part.log_lines |= of_one.log_lines
    part.runs |= of_one.runs
    part.recounted |= of_one.recounted


def _pieces(of_one: Facts) -> Iterator[Facts]:
    for steps in _cut(of_one.steps):
        yield Facts(of_one.clean, steps=steps)
    for lines in _cut(of_one.log_lines):
        yield Facts(of_one.clean, log_lines=lines)
    yield Facts(of_one.clean, of_one.executions, runs=of_one.runs, recounted=of_one.recounted)


def _cut(documents: Mapping[Key, Item]) -> Iterator[dict[Key, Item]]:
    items = iter(documents.items())
    while part := dict(islice(items, _MAX_DOCUMENTS)):
        yield part
