"""Lists beside reports, a part of `make bench-ingest`.

One process serves lists; another one, `serve --ingest-only`, takes batches of 512 spans, as many as it can at first,
and then half as many. Prints the p99 of a list without reports and beside these, and their ratio; and the same where
the reports go to another database of the same MongoDB, of which the process with the lists reads nothing. That is what
sharing the machine costs: the floor.
"""

import argparse
import contextlib
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import uvloop

from tests.benchmarks.documents import store
from tests.benchmarks.ingest_otlp import CONNECTIONS, SPANS, Batch, batches, export
from tests.benchmarks.latest import record
from tests.benchmarks.list_query import USER, body_of
from tests.benchmarks.load_generator import request_of, request_repeatedly
from tests.benchmarks.servers import DATABASE
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.server_process import running_server
from tests.support.tokens import token_of

EXECUTIONS = 20_000
READERS = 4
_WARM_UP_SECONDS = 1.0
# More than a server takes in the seconds of a round.
_BATCHES = 200


def report(port: int, token: str, per_second: float | None, of: Sequence[Batch], seconds: float) -> float:
    """Export batches for so long, `per_second` or as many as are taken; returns how many were taken a second."""
    began = time.perf_counter()

    def work(start: int) -> int:
        for place, batch in enumerate(of[start::CONNECTIONS]):
            if time.perf_counter() - began > seconds:
                return place
            if per_second is not None:
                # One after the other: processes that report know nothing of each other.
                time.sleep(max(0.0, began + (start + place * CONNECTIONS) / per_second - time.perf_counter()))
            export(port, token, [batch])
        raise RuntimeError(f"{len(of)} batches do not last for {seconds} s.")

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        sent = sum(threads.map(work, range(CONNECTIONS)))
    return sent / (time.perf_counter() - began)


def _reporter(orders: Connection, port: int, token: str, count: int) -> None:
    """Report as `orders` say, in a process of its own: sending must not delay the readers."""
    random = Random(17)  # noqa: S311 - ids, no secrets
    for per_second, seconds in iter(orders.recv, None):
        of = batches(count, random)
        orders.send(None)
        orders.send(report(port, token, per_second, of, seconds))


@contextlib.contextmanager
def _reporting(port: int, token: str, count: int) -> Generator[Connection]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_reporter, args=(theirs, port, token, count))
    process.start()
    try:
        yield ours
        ours.send(None)
        process.join()
    finally:
        process.kill()


def _order(orders: Connection, per_second: float | None, seconds: float) -> None:
    """Let the reporter begin, once it has made its batches."""
    orders.send((per_second, seconds))
    orders.recv()


def p99_of_lists(port: int, token: str, seconds: float) -> float:
    """Milliseconds."""
    request = request_of("/graphql", token, body_of(20))
    latencies = uvloop.run(request_repeatedly(seconds, port, request, READERS))
    return statistics.quantiles(latencies, n=100, method="inclusive")[98] * 1_000


def run(rounds: int, seconds: float, folder: Path) -> dict[str, float]:
    """The medians of the rounds: p99 in milliseconds without reports and beside them, and batches a second at most."""
    reader, writer = token_of(USER), token_of(USER, "executions:write")
    found = defaultdict[str, list[float]](list)
    with running(SingleNodeReplicaSet(folder, checkpoint_seconds=60)) as mongod:
        store(mongod.uri, DATABASE, EXECUTIONS)
        settings = {"rate_limit": "off", "rate_limit_address": "off"}
        with (
            # Neither is bound to a processor: all share them, as on one machine.
            running_server(folder, mongod.uri, DATABASE, **settings) as lists,
            running_server(folder, mongod.uri, DATABASE, "--ingest-only", **settings) as ingest,
            running_server(folder, mongod.uri, f"{DATABASE}_other", "--ingest-only", **settings) as other,
            _reporting(ingest.port, writer, _BATCHES) as here,
            _reporting(other.port, writer, _BATCHES) as elsewhere,
        ):
            for number in range(rounds + 1):
                figures = {"idle": p99_of_lists(lists.port, reader, seconds)}
                for name, orders in {"beside": here, "elsewhere": elsewhere}.items():
                    _order(orders, None, seconds)
                    most = orders.recv()
                    _order(orders, most / 2, seconds + 2 * _WARM_UP_SECONDS)
                    time.sleep(_WARM_UP_SECONDS)
                    figures |= {name: p99_of_lists(lists.port, reader, seconds), f"batches_{name}": most}
                    orders.recv()
                if number:  # the first round warms up
                    for name, figure in figures.items():
                        found[name].append(figure)
    return {name: statistics.median(each) for name, each in found.items()}


def main() -> None:
    """Run, print, and add the figures to `results/latest.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ingest_beside_lists", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(options.rounds, options.seconds, Path(folder))
    sys.stdout.write(f"at most {SPANS * found['batches_beside']:,.0f} spans a second; lists beside half of that\n")
    sys.stdout.write(f"p99 of a list: {found['idle']:.1f} ms without reports, {found['beside']:.1f} ms beside them, ")
    sys.stdout.write(f"{found['elsewhere']:.1f} ms where they go to another database\n")
    ratios = {
        "list_p99_under_ingest": found["beside"] / found["idle"],
        "list_p99_under_ingest_elsewhere": found["elsewhere"] / found["idle"],
    }
    sys.stdout.writelines(f"{name}: {ratio:.2f}\n" for name, ratio in ratios.items())
    record(ratios, ingest_beside_lists=found)


if __name__ == "__main__":
    main()
