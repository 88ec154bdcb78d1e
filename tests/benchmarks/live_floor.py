"""The floor of live updates: ready bytes for all clients, from bare uvicorn sockets.

It sends the answers of graphql-transport-ws without reading the messages. A POST to `/broadcast` sends its body to
every socket, `changes` times at `rate` a second, one socket after another.
"""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


def create_app() -> Starlette:
    """The floor."""
    sockets: set[WebSocket] = set()

    async def follow(socket: WebSocket) -> None:
        await socket.accept("graphql-transport-ws")
        try:
            await socket.receive_text()
            await socket.send_text('{"type":"connection_ack"}')
            await socket.receive_text()
            sockets.add(socket)
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            sockets.discard(socket)

    async def broadcast(request: Request) -> Response:
        text = (await request.body()).decode()
        changes, rate = (int(request.query_params[name]) for name in ("changes", "rate"))
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(changes):
            await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
            for socket in tuple(sockets):
                await socket.send({"type": "websocket.send", "text": text})
        return Response()

    return Starlette(routes=[WebSocketRoute("/graphql", follow), Route("/broadcast", broadcast, methods=["POST"])])
