"""The most that the load generator can measure: a server that answers any request with the bytes of one file.

The environment names the file as BENCH_ANSWER.
"""

import argparse
import asyncio
import os
from pathlib import Path
from typing import cast

import uvloop
from typing_extensions import override


class _Answers(asyncio.Protocol):
    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        # A request of the load generator comes in one piece, and only after the response to the one before.
        self._transport.write(self._answer)


async def serve(port: int, body: bytes) -> None:
    """Serve until the process is ended."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    server = await asyncio.get_running_loop().create_server(lambda: _Answers(answer), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ready_bytes", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port, Path(os.environ["BENCH_ANSWER"]).read_bytes()))


if __name__ == "__main__":
    main()
