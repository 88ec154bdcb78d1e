"""Parts of large facts: what is done with all documents of one part at once takes some milliseconds."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from itertools import chain
from typing import TypeVar

from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.ingest.writer.slices import in_slices

Item = TypeVar("Item")
Key = tuple[str, str]

_MAX_DOCUMENTS = 1_000


async def parts_of(facts: Facts) -> AsyncIterator[Facts]:
    """Facts that together say what `facts` do; what an execution itself reports comes after its steps and lines."""
    if len(facts.executions) + len(facts.steps) + len(facts.log_lines) <= _MAX_DOCUMENTS:
        yield facts
        return
    part = Facts(facts.clean)
    async for key, step in in_slices(await _by_execution(facts.steps)):
        part.steps[key] = step
        if len(part.steps) >= _MAX_DOCUMENTS:
            yield part
            part = Facts(facts.clean)
    async for key, line in in_slices(await _by_execution(facts.log_lines)):
        part.log_lines[key] = line
        if len(part.steps) + len(part.log_lines) >= _MAX_DOCUMENTS:
            yield part
            part = Facts(facts.clean)
    yield part
    part = Facts(facts.clean, runs=facts.runs, recounted=facts.recounted)
    async for execution_id, execution in in_slices(facts.executions.items()):
        part.executions[execution_id] = execution
        if len(part.executions) >= _MAX_DOCUMENTS:
            yield part
            part = Facts(facts.clean, runs=facts.runs, recounted=facts.recounted)
    yield part


async def _by_execution(documents: Mapping[Key, Item]) -> Iterable[tuple[Key, Item]]:
    """The documents of one execution after another's: its totals are computed anew with each part that has some."""
    found: defaultdict[str, list[tuple[Key, Item]]] = defaultdict(list)
    async for key, document in in_slices(documents.items()):
        found[key[0]].append((key, document))
    return chain.from_iterable(found.values())
