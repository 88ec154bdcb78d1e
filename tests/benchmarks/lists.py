"""The same list from every server, answers compared first; rounds in turns, so that all meet the machine's moods."""

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

from tests.benchmarks.load import ask_for, request_of
from tests.benchmarks.question import USER, body_of, nodes_of
from tests.benchmarks.ratios import Round, list_ratios, median_of, noise_of, summarize
from tests.benchmarks.rows import store
from tests.benchmarks.servers import COMMANDS, DATABASE, Contender, running
from tests.live.scenes import token_of
from tests.monitoring.live.own_mongod import OwnMongod

EXECUTIONS = 10_000
SIZES = (20, 100)
CONNECTIONS = 16
# Of the shorter page alone: what one caller at a time gets, and what many do.
OTHER_CONNECTIONS = (1, 64)
_TIMES = ("createdAt", "startedAt", "completedAt")


def comparable(answer: Any) -> list[dict[str, Any]]:
    """The executions with their times as instants, since libraries spell an instant differently."""
    times = [{name: node[name] and datetime.fromisoformat(node[name]) for name in _TIMES} for node in nodes_of(answer)]
    return [{**node, **instants} for node, instants in zip(nodes_of(answer), times, strict=True)]


def compare_answers(contenders: Sequence[Contender], token: str) -> None:
    """Return when all answer the same, full pages; raises `RuntimeError` that names who does not."""
    for first in SIZES:
        answers = {each.name: orjson.loads(each.ask(token, first).content) for each in contenders}
        floor = comparable(answers["floor"])
        if len(floor) != first:
            raise RuntimeError(f"The floor answers fewer than {first} executions; store more.")
        for name, answer in answers.items():
            more = answer["data"]["executions"]["pageInfo"]["hasNextPage"]
            if comparable(answer) != floor or more is not True:
                raise RuntimeError(f"Asked for {first}, {name} answers otherwise than the floor.")


def measure(contender: Contender, token: str, first: int, connections: int, seconds: float) -> Round:
    """One round."""
    request = request_of("/graphql", token, body_of(first, contender.name))
    cpu, began = contender.cpu_seconds(), time.perf_counter()
    latencies = uvloop.run(ask_for(seconds, contender.port, request, connections))
    return summarize(latencies, time.perf_counter() - began, contender.cpu_seconds() - cpu)


def list_part(rounds: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Figures by who was asked for what, the noise between rounds, resident bytes, and the ratios of the goals."""
    token = token_of(USER)
    measured: dict[tuple[str, int, int], list[Round]] = defaultdict(list)
    asked = [(first, CONNECTIONS) for first in SIZES] + [(SIZES[0], each) for each in OTHER_CONNECTIONS]
    mongod = OwnMongod(folder)
    with contextlib.ExitStack() as stack:
        stack.callback(mongod.close)
        mongod.start()
        store(mongod.uri, DATABASE, EXECUTIONS)
        # Ours comes first: it makes the indexes that all of them use.
        names = sorted(COMMANDS, key="ours".__ne__)
        contenders = [stack.enter_context(running(each, mongod.uri, token, folder / f"{each}.log")) for each in names]
        compare_answers(contenders, token)
        for number in range(rounds + 1):
            for first, connections in asked:
                for each in contenders:
                    figures = measure(each, token, first, connections, seconds)
                    if number:  # the first round warms up
                        measured[each.name, first, connections].append(figures)
        memory = {each.name: each.memory() for each in contenders}
    medians = {key: median_of(each) for key, each in measured.items()}
    usual = {key: each for key, each in measured.items() if key[2] == CONNECTIONS}
    return {
        "list": {
            f"{name} first {first}, {connections} at once": asdict(each)
            for (name, first, connections), each in medians.items()
        },
        "memory": memory,
        "noise": max(map(noise_of, usual.values())),
        "ratios": list_ratios({(name, first): medians[name, first, CONNECTIONS] for name, first, _ in usual}),
    }
