"""Processes that write reports and are killed: `python -m tests.ingest.writer.reporting_process URI DATABASE`.

Each line of its input is a list of jobs, which processes of their own do at the same time. Each answer is a line with
their exit codes.
"""

import asyncio
import json
import os
import signal
import sys
from typing import Any

from execution_monitor.ingest.writer import commands
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.writer import Writer
from execution_monitor.storage.database import open_database
from tests.ingest.writer.reports import facts_of

OWNER = Owner("acme", "ada")


async def _write(uri: str, name: str, batches: list[list[list[Any]]], kill_before: int | None) -> None:
    send, sent = commands._send, 0  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    async def counted(*arguments: Any) -> Any:
        nonlocal sent
        if sent == kill_before:
            os.kill(os.getpid(), signal.SIGKILL)
        sent += 1
        return await send(*arguments)

    commands._send = counted  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    async with open_database(uri, name) as database:
        await database.connect()
        writer = Writer(database)
        for batch in batches:
            await writer.write(OWNER, facts_of(tuple(each) for each in batch))


def main() -> None:
    """Do jobs until the input ends."""
    uri, name = sys.argv[1:]
    for line in sys.stdin:
        children: list[int] = []
        for job in json.loads(line):
            child = os.fork()
            if not child:
                asyncio.run(_write(uri, name, job["batches"], job["kill_before"]))
                os._exit(0)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        sys.stdout.write(json.dumps(codes) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
