"""The CPU that the audit trail adds to a request: `make bench-audit`.

The same server with the trail and without it, the same list of 20, in turns; prints the CPU of each for a request, and
the ratio. It includes all of the trail: making events, queueing and writing them, and reading MongoDB's replies.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import uvloop

from tests.benchmarks.documents import store
from tests.benchmarks.list_query import USER, body_of
from tests.benchmarks.load_generator import request_of, request_repeatedly
from tests.benchmarks.servers import DATABASE, LOAD_CPU, Contender, running_contender
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.tokens import token_of

EXECUTIONS = 2_000
CONNECTIONS = 16


def measure(contender: Contender, token: str, seconds: float) -> float:
    """CPU milliseconds a request."""
    request = request_of("/graphql", token, body_of(20))
    cpu = contender.cpu_seconds()
    latencies = uvloop.run(request_repeatedly(seconds, contender.port, request, CONNECTIONS))
    return (contender.cpu_seconds() - cpu) / len(latencies) * 1_000


def run(rounds: int, seconds: float, folder: Path) -> Mapping[str, float]:
    """The median CPU milliseconds a request, by the setting of the trail."""
    token = token_of(USER)
    mongod = SingleNodeReplicaSet(folder)
    try:
        mongod.start()
        store(mongod.uri, DATABASE, EXECUTIONS)
        found: dict[str, list[float]] = {"off": [], "on": []}
        with (
            running_contender("ours", mongod.uri, token, folder / "off.log", EXECUTION_MONITOR_AUDIT="off") as without,
            running_contender("ours", mongod.uri, token, folder / "on.log", EXECUTION_MONITOR_AUDIT="on") as recorded,
        ):
            for number in range(rounds + 1):
                for name, contender in (("off", without), ("on", recorded)):
                    cpu = measure(contender, token, seconds)
                    if number:  # the first round warms up
                        found[name].append(cpu)
        return {name: statistics.median(each) for name, each in found.items()}
    finally:
        mongod.close()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.audit_share", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.5)
    options = parser.parse_args()
    # So that a SIGTERM ends every process that this one has started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # mongod is started from this process, and stays on its processor.
    os.sched_setaffinity(0, {LOAD_CPU})
    with tempfile.TemporaryDirectory() as folder:
        cpu = run(options.rounds, options.seconds, Path(folder))
    sys.stdout.writelines(f"audit {name}: {each:.3f} ms CPU a request\n" for name, each in cpu.items())
    sys.stdout.write(f"audit_vs_without: {cpu['on'] / cpu['off']:.3f}\n")


if __name__ == "__main__":
    main()
