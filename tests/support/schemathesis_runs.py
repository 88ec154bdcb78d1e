"""Runs of schemathesis, a process of its own, against a server."""

import asyncio
import os
import sys
from pathlib import Path

_SEED = 20260131
_ROOT = Path(__file__).parent.parent


async def report_of(
    location: str, folder: Path, configuration: Path | None, *arguments: str, examples: int, checks: str = ""
) -> str:
    """What it says of the API described at `location` after `examples` of each operation; fails where it found any.

    `checks` is a module of checks of our own.
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
