"""The same list from every server, after a comparison of their responses; rounds in turns, so that noise hits all."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import uvloop

from tests.benchmarks.documents import store
from tests.benchmarks.list_query import CASES, LONG, SHORT, STEPS, USER, Case, body_of, nodes_of
from tests.benchmarks.load_generator import request_of, request_repeatedly
from tests.benchmarks.ratios import Round, list_ratios, median_of, noise_of, summarize
from tests.benchmarks.servers import CEILING, COMMANDS, DATABASE, Contender, running_contender
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.tokens import token_of

EXECUTIONS = 10_000
_TIMES = ("createdAt", "startedAt", "completedAt")


def comparable(answer: Any) -> list[dict[str, Any]]:
    """The executions with their times parsed, since libraries format times differently."""
    parsed = [{name: node[name] and datetime.fromisoformat(node[name]) for name in _TIMES} for node in nodes_of(answer)]
    return [{**node, **times} for node, times in zip(nodes_of(answer), parsed, strict=True)]


def compare_answers(contenders: Sequence[Contender], token: str) -> None:
    """Check that all servers return the same full pages.

    Raises:
        RuntimeError: If one does not; the message names it.
    """
    floor = next(each for each in contenders if each.name == "floor")
    for case in (SHORT, LONG, STEPS):
        wanted = comparable(orjson.loads(floor.request_list(token, case.first, steps=case.steps).content))
        if len(wanted) != case.first or (case.steps and not all(node["steps"]["nodes"] for node in wanted)):
            raise RuntimeError(f"The floor returns less than there is of {case.name}.")
        for each in contenders:
            if not case.is_for(each.name):
                continue
            answer = orjson.loads(each.request_list(token, case.first, steps=case.steps).content)
            if errors := answer.get("errors"):
                raise RuntimeError(f"{each.name} returns an error for {case.name}: {errors[0]['message']}")
            more = answer["data"]["executions"]["pageInfo"]["hasNextPage"]
            if comparable(answer) != wanted or more is not True:
                raise RuntimeError(f"{each.name} does not return the same as the floor for {case.name}.")


def measure(contender: Contender, token: str, case: Case, seconds: float, coding: str = "identity") -> Round:
    """Measure one round."""
    request = request_of("/graphql", token, body_of(case.first, contender.name, steps=case.steps), coding)
    cpu, began = contender.cpu_seconds(), time.perf_counter()
    latencies = uvloop.run(request_repeatedly(seconds, contender.port, request, case.connections))
    return summarize(latencies, time.perf_counter() - began, contender.cpu_seconds() - cpu)


def measure_all(
    contenders: Sequence[Contender], token: str, rounds: int, seconds: float
) -> dict[tuple[str, Case], list[Round]]:
    """All rounds of all cases, in turns."""
    measured: dict[tuple[str, Case], list[Round]] = defaultdict(list)
    for number in range(rounds + 1):
        for case in CASES:
            for each in contenders:
                if case.is_for(each.name):
                    figures = measure(each, token, case, seconds)
                    if number:  # the first round warms up
                        measured[each.name, case].append(figures)
    return measured


def list_part(rounds: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Figures by server and case, the noise between rounds, resident bytes, and the ratios of the goals."""
    token = token_of(USER)
    mongod = SingleNodeReplicaSet(folder)
    with contextlib.ExitStack() as stack:
        stack.callback(mongod.close)
        mongod.start()
        store(mongod.uri, DATABASE, EXECUTIONS, steps=True)
        # Ours comes first: it creates the indexes that all of them use.
        names = sorted(COMMANDS, key="ours".__ne__)
        contenders = [
            stack.enter_context(running_contender(each, mongod.uri, token, folder / f"{each}.log")) for each in names
        ]
        compare_answers(contenders, token)
        measured = measure_all(contenders, token, rounds, seconds)
        memory = {each.name: each.memory() for each in contenders}
        floor = next(each for each in contenders if each.name == "floor")
        answer = folder / "answer"
        answer.write_bytes(floor.request_list(token, SHORT.first).content)
        with running_contender(CEILING, mongod.uri, token, folder / "ready.log", BENCH_ANSWER=str(answer)) as ready:
            ceiling = measure(ready, token, SHORT, seconds)
    medians = {key: median_of(each) for key, each in measured.items()}
    return {
        "list": {
            **{f"{name} {case.name}": asdict(each) for (name, case), each in medians.items()},
            f"{CEILING} {SHORT.name}": asdict(ceiling),
        },
        "memory": memory,
        "noise": max(noise_of(each) for (_, case), each in measured.items() if case in {SHORT, LONG, STEPS}),
        "ratios": list_ratios(medians),
    }
