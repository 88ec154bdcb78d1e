"""Compares this server with what one would write or choose instead, in one run: `python -m tests.benchmarks`."""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson

from tests.benchmarks.bulk import MANY, bulk_part
from tests.benchmarks.charts import draw
from tests.benchmarks.compression import compression_part
from tests.benchmarks.lists import list_part
from tests.benchmarks.live import live_part
from tests.benchmarks.scale import scale_part
from tests.benchmarks.servers import LOAD_CPU
from tests.benchmarks.unfollowed_logs import logs_part

RESULTS = Path(__file__).parent / "results"
_MOST_BULKS = 3  # each takes a minute


def show(found: dict[str, Any]) -> None:
    """Print all results as tables."""
    for part in ("list", "compression", "live", "bulk"):
        names = list(next(iter(found[part].values())))
        sys.stdout.write(f"| {part} | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1) + "\n")
        for name, each in found[part].items():
            figures = " | ".join("" if value is None else f"{value:.4g}" for value in each.values())
            sys.stdout.write(f"| {name} | {figures} |\n")
    for part in ("scale", "memory", "logs", "ratios"):
        sys.stdout.write(f"\n{part}\n")
        sys.stdout.writelines(f"  {name}: {value:.4g}\n" for name, value in found[part].items())
    sys.stdout.write(f"\nnoise {found['noise']:.1%}\n")


def main() -> None:
    """Run, print, write `results/latest.json` and draw."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes of collections"
    )
    parser.add_argument("--times", type=int, default=500, help="requests of each page there")
    parser.add_argument("--changes", type=int, default=1_000, help="changes that all subscribers see")
    parser.add_argument(
        "--audiences",
        type=int,
        nargs="+",
        default=[100, 1_000, 5_000],
        help="numbers of subscribers that all see the same changes",
    )
    parser.add_argument(
        "--subscribers",
        type=int,
        nargs="+",
        default=[100, 1_000, 5_000, 10_000],
        help="numbers of subscribers that each see their own changes",
    )
    parser.add_argument(
        "--bulks",
        type=int,
        nargs=2,
        default=[100_000, 20_000],
        help="changes of one update, that 10 and 200 subscribers receive",
    )
    options = parser.parse_args()
    # So that a SIGTERM ends every process that this one has started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # mongod is started from this process, and stays on its processor.
    os.sched_setaffinity(0, {LOAD_CPU})
    with tempfile.TemporaryDirectory() as folder:
        found = list_part(options.rounds, options.seconds, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        compressed = compression_part(options.rounds, options.seconds, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        logged = logs_part(min(options.rounds, 3), 5, Path(folder))
    for part in (
        compressed,
        logged,
        scale_part(options.sizes, options.times),
        live_part(options.changes, options.audiences, options.subscribers),
        bulk_part(min(options.rounds, _MOST_BULKS), options.bulks[0], options.bulks[1], MANY),
    ):
        found = found | part | {"ratios": found["ratios"] | part["ratios"]}
    show(found)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    draw(found, RESULTS)


if __name__ == "__main__":
    main()
