"""What our server and the application offer each other beyond ASGI, the ways ASGI has it.

The server names it in `scope["extensions"]`, the application in the state of its lifespan.
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Protocol

from execution_monitor.asgi.websocket_frames import SharedTexts

# Sends a text, as UTF-8, over the scope's WebSocket at once, and says whether it did: it sends nothing while the client
# has no room for more.
SendNow = Callable[[bytes], bool]
# The same for several texts in a row, each with the beginning that is given: all of them or none.
SendAll = Callable[[bytes, SharedTexts], bool]

# Under which an application hands its `Delay` to the server: a key of its lifespan's state.
BEHIND_KEY = "live_behind"

_SEND_NOW = "execution_monitor.send_now"
_SEND_ALL = "execution_monitor.send_all"


class Delay(Protocol):
    """How late what is sent over WebSockets is."""

    @property
    def seconds_to_report(self) -> int:
        """In whole seconds; 0 when clients need not know."""
        ...


def offer_to_send_now(scope: MutableMapping[str, Any], send_now: SendNow, send_all: SendAll) -> None:
    """Let the application find `send_now` and `send_all` in `scope`."""
    scope["extensions"] = {**(scope.get("extensions") or {}), _SEND_NOW: send_now, _SEND_ALL: send_all}


def send_now_of(scope: MutableMapping[str, Any]) -> SendNow | None:
    """What sends a text at once; None under a server other than ours."""
    return _extensions_of(scope).get(_SEND_NOW)


def send_all_of(scope: MutableMapping[str, Any]) -> SendAll | None:
    """What sends several texts at once; None under a server other than ours."""
    return _extensions_of(scope).get(_SEND_ALL)


def _extensions_of(scope: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return scope.get("extensions") or {}
