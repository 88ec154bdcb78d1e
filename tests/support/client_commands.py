"""Commands that talk to a server over the public API, as real processes with a terminal or without."""

import asyncio
import os
import pty
import subprocess
import sys

# Seconds that a command may take on a busy machine.
PATIENCE = 60


async def run(url: str, token: str, *arguments: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a command without a terminal."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "execution_monitor", *arguments),
        *("--url", url, "--token", token),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def in_terminal(url: str, token: str, *arguments: str, columns: int = 120) -> str:
    """What a terminal of so many `columns` shows of a command."""
    controller, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "execution_monitor", *arguments),
        *("--url", url, "--token", token),
        stdout=terminal,
        env={**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", "LANG": "C.UTF-8"},
    )
    os.close(terminal)
    reading = asyncio.get_running_loop().run_in_executor(None, read_all, controller)
    async with asyncio.timeout(PATIENCE):
        assert await process.wait() == 0
        return await reading


def read_all(controller: int) -> str:
    found = b""
    try:
        while part := os.read(controller, 65_536):
            found += part
    except OSError:  # the other end of a terminal is closed
        pass
    os.close(controller)
    return found.decode()
