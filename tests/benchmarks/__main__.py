"""Compare this server with what people would write or pick instead, in one run: `python -m tests.benchmarks`.

Every server answers the same list of the same executions from the same mongod; their answers are compared before
anything is timed, and rounds are interleaved, so that the machine's moods meet all of them.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import uvloop

from tests.benchmarks.live import live_part
from tests.benchmarks.load import ask_for, request_of
from tests.benchmarks.question import USER, body_of
from tests.benchmarks.ratios import Round, list_ratios, median_of, noise_of, summarize
from tests.benchmarks.rows import store
from tests.benchmarks.scale import scale_part
from tests.benchmarks.servers import COMMANDS, DATABASE, LOAD_CPU, Contender, running
from tests.live.scenes import token_of
from tests.monitoring.live.own_mongod import OwnMongod

RESULTS = Path(__file__).parent / "results" / "latest.json"
SIZES = (20, 100)
_TIMES = ("createdAt", "startedAt", "completedAt")


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """The data with its times as instants, since libraries spell an instant differently.

    Ours says what the operation cost beside the data; that is its to carry.
    """
    for node in answer["data"]["executions"]["nodes"]:
        node |= {name: node[name] and datetime.fromisoformat(node[name]) for name in _TIMES}
    return answer["data"]


def compare_answers(contenders: Sequence[Contender], token: str) -> None:
    """Return when all answer the same, full pages; raises `RuntimeError` that names who does not."""
    for first in SIZES:
        answers = {each.name: comparable(orjson.loads(each.ask(token, first).content)) for each in contenders}
        floor = answers["floor"]
        if len(floor["executions"]["nodes"]) != first:
            raise RuntimeError(f"The floor answers fewer than {first} executions; store more.")
        if others := [name for name, answer in answers.items() if answer != floor]:
            raise RuntimeError(f"Asked for {first}, {', '.join(others)} answer otherwise than the floor.")


def measure(contender: Contender, token: str, first: int, connections: int, seconds: float) -> Round:
    """One round."""
    request = request_of("/graphql", token, body_of(first))
    cpu, began = contender.cpu_seconds(), time.perf_counter()
    latencies = uvloop.run(ask_for(seconds, contender.port, request, connections))
    return summarize(latencies, time.perf_counter() - began, contender.cpu_seconds() - cpu)


def run(executions: int, rounds: int, seconds: float, connections: int, log: Path) -> dict[str, Any]:
    """All rounds of all servers, and what they come to."""
    token = token_of(USER)
    measured: dict[tuple[str, int], list[Round]] = defaultdict(list)
    mongod = OwnMongod(log)
    with contextlib.ExitStack() as stack:
        stack.callback(mongod.close)
        mongod.start()
        store(mongod.uri, DATABASE, executions)
        # Ours comes first: it makes the indexes that all of them use.
        names = sorted(COMMANDS, key="ours".__ne__)
        contenders = [stack.enter_context(running(each, mongod.uri, token, log / f"{each}.log")) for each in names]
        compare_answers(contenders, token)
        for number in range(rounds + 1):
            for first in SIZES:
                for each in contenders:
                    figures = measure(each, token, first, connections, seconds)
                    if number:  # the first round warms up
                        measured[each.name, first].append(figures)
    medians = {key: median_of(each) for key, each in measured.items()}
    return {
        "list": {f"{name} first {first}": asdict(each) for (name, first), each in medians.items()},
        "noise": max(map(noise_of, measured.values())),
        "ratios": list_ratios(medians),
    }


def main() -> None:
    """Run, print a table and write `results/latest.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--large", type=int, default=1_000_000, help="executions of the large collection")
    parser.add_argument("--times", type=int, default=500, help="how often each page is asked for there")
    parser.add_argument("--changes", type=int, default=1_000, help="of live executions, for each number of subscribers")
    given = parser.parse_args()
    # So that every process is ended, whichever way this one is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # mongod, started from here, stays on this processor, too.
    os.sched_setaffinity(0, {LOAD_CPU})
    with tempfile.TemporaryDirectory() as folder:
        found = run(given.executions, given.rounds, given.seconds, given.connections, Path(folder))
    for part in (scale_part(given.large, given.times), live_part(given.changes)):
        found = found | part | {"ratios": found["ratios"] | part["ratios"]}
    sys.stdout.write("| | requests/s | p50 ms | p99 ms | CPU ms a request |\n| --- | --- | --- | --- | --- |\n")
    for name, each in found["list"].items():
        figures = " | ".join(f"{each[key]:.4g}" for key in ("requests_per_second", "p50", "p99", "cpu"))
        sys.stdout.write(f"| {name} | {figures} |\n")
    for name, each in found["scale"].items():
        sys.stdout.write(f"{name}: {each:.4g}\n")
    for name, each in found["live"].items():
        sys.stdout.write(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in each.items() if value) + "\n")
    sys.stdout.write(f"\nnoise {found['noise']:.1%}\n")
    sys.stdout.writelines(f"{name}: {ratio:.2f}\n" for name, ratio in found["ratios"].items())
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    main()
