"""Runs schemathesis against a server, in a process of its own."""

import asyncio
import os
import sys
from pathlib import Path

_SEED = 20260131
_ROOT = Path(__file__).parents[2]


async def report_of(
    location: str, folder: Path, configuration: Path | None, *arguments: str, examples: int, checks: str = ""
) -> str:
    """The report on the API described at `location`, after `examples` of each operation; fails if it has failures.

    `checks` is a module with more checks.
    """
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *(() if configuration is None else ("--config-file", str(configuration))),
        *("run", location, *arguments),
        *("--seed", str(_SEED), "--max-examples", str(examples)),
        *("--generation-database", "none", "--continue-on-failure", "--no-color"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "SCHEMATHESIS_HOOKS": checks},
    )
    output, _ = await process.communicate()

    report = output.decode()
    assert process.returncode == 0, report
    return report
