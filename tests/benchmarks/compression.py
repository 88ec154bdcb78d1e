"""What gzip costs and saves on a list of 100: `make bench-compression`.

The same server, with clients that accept gzip and clients that do not, in turns; the bytes are those of the body.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.documents import store
from tests.benchmarks.latest import record
from tests.benchmarks.list_query import LONG, USER
from tests.benchmarks.lists import measure
from tests.benchmarks.ratios import Round, median_of
from tests.benchmarks.servers import DATABASE, Contender, running_contender, use_load_processor
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.tokens import token_of

EXECUTIONS = 2_000
CODINGS = ("identity", "gzip")


def compression_ratios(found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Ratios of gzip to identity, by the names of the goals."""
    plain, packed = found["identity"], found["gzip"]
    return {
        "compression_bytes_vs_plain": packed["bytes"] / plain["bytes"],
        "compression_cpu_vs_plain": packed["cpu"] / plain["cpu"],
    }


def body_bytes(contender: Contender, token: str, coding: str) -> int:
    """The length of the body as it is sent.

    Raises:
        RuntimeError: If the server sends another coding than `coding`.
    """
    response = contender.request_list(token, LONG.first, coding=coding)
    if response.headers.get("content-encoding", "identity") != coding:
        raise RuntimeError(f"Requested as {coding}, the list comes with another coding.")
    return int(response.headers["content-length"])


def compression_part(rounds: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Bytes of the body and CPU milliseconds a request, by coding, and the ratios of the goals."""
    token = token_of(USER)
    with running(SingleNodeReplicaSet(folder)) as mongod:
        store(mongod.uri, DATABASE, EXECUTIONS)
        measured: dict[str, list[Round]] = {coding: [] for coding in CODINGS}
        with running_contender("ours", mongod.uri, token, folder / "ours.log") as ours:
            sizes = {coding: body_bytes(ours, token, coding) for coding in CODINGS}
            for number in range(rounds + 1):
                for coding in CODINGS:
                    figures = measure(ours, token, LONG, seconds, coding=coding)
                    if number:  # the first round warms up
                        measured[coding].append(figures)
    found = {coding: {"bytes": sizes[coding], "cpu": median_of(each).cpu} for coding, each in measured.items()}
    return {"compression": found, "ratios": compression_ratios(found)}


def main() -> None:
    """Run, print, and add the figures to `results/latest.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.compression", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5)
    options = parser.parse_args()
    use_load_processor()
    with tempfile.TemporaryDirectory() as folder:
        part = compression_part(options.rounds, options.seconds, Path(folder))
    for coding, figures in part["compression"].items():
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        sys.stdout.write(f"{coding}: {shown}\n")
    sys.stdout.writelines(f"{name}: {value:.3f}\n" for name, value in part["ratios"].items())
    record(part["ratios"], compression=part["compression"])


if __name__ == "__main__":
    main()
